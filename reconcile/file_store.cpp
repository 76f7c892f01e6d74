#include "reconcile/file_store.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <set>

#include "drivers/keystore/url.hpp"

namespace ovl {

namespace {

std::set<HostName> silent_hosts(const HostName& here, const Records& desired, const Facts& facts) {
  std::set<HostName> out;
  for (const EndpointRecord& endpoint : desired.endpoints) {
    if (endpoint.host != here && facts.host(endpoint.host) == nullptr) out.insert(endpoint.host);
  }
  return out;
}

// As a lab's hosts have theirs: a mount of this one file.
bool is_mounted(const std::string& path) {
  struct stat file {};

  struct stat folder {};

  const std::string parent = path.substr(0, path.rfind('/') + 1);
  return stat(path.c_str(), &file) == 0 && stat(parent.c_str(), &folder) == 0 && file.st_dev != folder.st_dev;
}

// "host b", "hosts b, c and 7 more".
std::string text_of(const std::set<HostName>& hosts) {
  constexpr std::size_t most = 4;
  std::string out = hosts.size() == 1 ? "host " : "hosts ";
  std::size_t count = 0;
  for (const HostName& host : hosts) {
    if (++count > most) break;
    out += (count == 1 ? "" : ", ") + host.text();
  }
  if (hosts.size() > most) out += fmt::format(" and {} more", hosts.size() - most);
  return out;
}

}  // namespace

std::optional<Finding> file_for_others(const std::string& url, const HostName& here, const Records& desired,
                                       const Facts& facts) {
  const auto store = parse_keystore_url(url);
  if (!store.ok() || store.value().kind != StoreKind::sqlite || is_mounted(store.value().path)) return {};
  const std::set<HostName> silent = silent_hosts(here, desired, facts);
  if (silent.empty()) return {};
  return Finding{
      .code = Errc::conflict,
      .id = "file-for-several",
      .subject = "keystore",
      .message =
          fmt::format("it is a file of this machine, and {} said nothing in it yet: on another machine "
                      "there is another file, and another cluster",
                      text_of(silent)),
      .hint =
          "name a server that all hosts reach: etcd://, consul:// or zk://; `ovl keystore copy` takes along "
          "what is in the file"};
}

}  // namespace ovl
