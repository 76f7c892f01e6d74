#include "reconcile/words/host_words.hpp"

#include <fmt/format.h>

namespace ovl {

std::string words_of(const std::set<HostName>& hosts, std::size_t most) {
  std::string out = hosts.size() == 1 ? "host " : "hosts ";
  std::size_t count = 0;
  for (const HostName& host : hosts) {
    if (++count > most) break;
    out += (count == 1 ? "" : ", ") + host.text();
  }
  if (hosts.size() > most) out += fmt::format(" and {} more", hosts.size() - most);
  return out;
}

}  // namespace ovl
