// Whoever takes a namespace is inside whatever runs there, with all its traffic. So what exists on a host is
// taken by the host's list alone, read as policies are.
#include "cmd/trust/netns_file.hpp"

#include "files/trusted_file.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMostList = 1 << 20;

}  // namespace

Result<NetnsList> read_netns_list(const std::string& path) {
  auto text = read_trusted_file(path, kMostList);
  // No list is an empty one and not any: a host that has said nothing has given nothing away. Its path goes
  // along, as the refusal says where to add the line.
  if (!text.ok() && text.error().code == Errc::not_found) return NetnsList{.file = path, .patterns = {}};
  if (!text.ok()) return std::move(text).error().within("the host's list of namespaces");
  return parse_netns_list(SourceFile{.name = path, .text = std::move(text).value()});
}

}  // namespace ovl
