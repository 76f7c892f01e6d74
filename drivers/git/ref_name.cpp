#include "drivers/git/ref_name.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ovl {

std::string full_ref(std::string_view name) {
  if (name == "HEAD" || name.starts_with("refs/") || is_object_id(name)) return std::string(name);
  for (const std::string_view lead : {"heads/", "tags/", "remotes/"}) {
    if (name.starts_with(lead)) return fmt::format("refs/{}", name);
  }
  return fmt::format("refs/heads/{}", name);
}

bool is_object_id(std::string_view text) {
  constexpr std::size_t sha1 = 40;
  constexpr std::size_t sha256 = 64;
  return (text.size() == sha1 || text.size() == sha256) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string_view revision_base(std::string_view revision) {
  return revision.substr(0, std::min(revision.find_first_of("~^:"), revision.find("@{")));
}

}  // namespace ovl
