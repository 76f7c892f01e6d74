#include "drivers/kernel/links/vni_holder.hpp"

#include <fmt/format.h>

#include "drivers/kernel/links/link.hpp"

namespace ovl {

namespace {

bool holds(const Link& link, const Link& wanted) {
  return link.type == LinkType::vxlan && link.vni == wanted.vni && (!wanted.port || link.port == wanted.port);
}

std::string holder_text(const NetnsName& netns, const Link& link) {
  const std::string where = netns.empty() ? "the host's own namespace" : "netns " + netns.text();
  const bool ours = carries_our_mark(link);
  return fmt::format("{} in {}{}", link.name.view(), where, ours ? "" : ", which is not ovl's");
}

}  // namespace

Result<std::optional<std::string>> find_vni_holder(const NamespaceDirectory& directory, const Link& wanted) {
  Spaces spaces(directory);
  OVL_TRY(std::vector<NetnsName> names, directory.list());
  names.insert(names.begin(), NetnsName());
  for (const NetnsName& name : names) {
    spaces.trim();
    auto space = spaces.get(name);
    if (!space.ok()) continue;
    OVL_TRY(const LinkTable links, read_links(space.value()->route()));
    for (const LinkRow& row : links.rows()) {
      if (holds(row.link, wanted)) return std::optional(holder_text(name, row.link));
    }
  }
  return std::optional<std::string>();
}

}  // namespace ovl
