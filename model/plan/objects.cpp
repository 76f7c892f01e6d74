#include "model/plan/objects.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ovl {

Result<VethPeer> VethPeer::parse(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    return Error{.code = Errc::corrupt, .message = "a veth peer is written NETNS:NAME"};
  }
  VethPeer peer;
  if (colon > 0) {
    OVL_TRY(peer.netns, NetnsName::parse(text.substr(0, colon)));
  }
  OVL_TRY(peer.name, IfName::parse(text.substr(colon + 1)));
  return peer;
}

std::string NftChain::text() const {
  return fmt::format("{} ({} rules)", name, rules.size());
}

std::string NftSet::text() const {
  return fmt::format("{} ({} elements)", name, elements.size());
}

const NamespaceObjects* HostObjects::find(const NetnsName& name) const {
  const auto at = std::ranges::lower_bound(namespaces, name, {}, &NamespaceObjects::name);
  return at != namespaces.end() && at->name == name ? &*at : nullptr;
}

NamespaceObjects& HostObjects::at(const NetnsName& name) {
  const auto at = std::ranges::lower_bound(namespaces, name, {}, &NamespaceObjects::name);
  if (at != namespaces.end() && at->name == name) return *at;
  return *namespaces.insert(at, NamespaceObjects{.name = name});
}

void HostObjects::sort() {
  std::ranges::sort(namespaces, {}, &NamespaceObjects::name);
  for (NamespaceObjects& space : namespaces) {
    for_each_kind([&](auto member) {
      std::ranges::sort(space.*member, [](const auto& a, const auto& b) { return a.key() < b.key(); });
    });
  }
}

}  // namespace ovl
