#include "reconcile/host/obstacles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "model/plan/wanted_prefixes.hpp"
#include "reconcile/objects/freeze.hpp"

namespace ovl {

namespace {

const Link* find_link(const NamespaceObjects* space, const IfName& name) {
  if (space == nullptr) return nullptr;
  const auto at = std::ranges::lower_bound(space->links, name, {}, &Link::name);
  return at != space->links.end() && at->name == name ? &*at : nullptr;
}

// ---- tunnels -------------------------------------------------------------------------------------

struct MissingTunnel {
  const NamespaceObjects* space = nullptr;
  const Link* link = nullptr;
};

// A device that is up has its port, and its VNI.
bool is_made(const Plan& plan, const NamespaceObjects& space, const Link& link) {
  const Link* there = find_link(plan.observed.find(space.name), link.name);
  return there != nullptr && there->up && there->vni == link.vni && there->port == link.port;
}

std::vector<MissingTunnel> tunnels_to_make(const Plan& plan) {
  std::vector<MissingTunnel> out;
  for (const NamespaceObjects& space : plan.desired.namespaces) {
    for (const Link& link : space.links) {
      if (link.type != LinkType::vxlan || is_made(plan, space, link)) continue;
      out.push_back(MissingTunnel{.space = &space, .link = &link});
    }
  }
  return out;
}

Finding conflict_of(const Plan& plan, const MissingTunnel& tunnel, const TunnelObstacle& found) {
  const NetnsName& space = tunnel.space->name;
  return Finding{.code = Errc::conflict,
                 .id = found.is_port ? FindingId("port-held") : FindingId("vni-held"),
                 .subject = fmt::format("link {}:{}", space.text(), tunnel.link->name.view()),
                 .message = found.message,
                 .hint = found.is_port
                             ? "end that program or remove that device, or give the network another `port`"
                             : "remove that device, or give the network another `vni`",
                 .part = part_name(plan, space)};
}

Status find_held_tunnels(Kernel& kernel, Plan& plan) {
  const std::vector<MissingTunnel> tunnels = tunnels_to_make(plan);
  if (tunnels.empty()) return {};
  std::vector<Link> wanted;
  wanted.reserve(tunnels.size());
  for (const MissingTunnel& tunnel : tunnels) wanted.push_back(*tunnel.link);
  OVL_TRY(const std::vector<TunnelObstacle> found, kernel.tunnel_obstacles(wanted));
  for (const TunnelObstacle& one : found) {
    plan.conflicts.push_back(conflict_of(plan, tunnels[one.index], one));
  }
  return {};
}

// ---- routes --------------------------------------------------------------------------------------

// Such as ovl makes, or on a device that is ours or whose name is wanted: that is compared by itself.
bool is_compared(const NamespaceObjects& wanted, const NamespaceObjects& there, const Route& route) {
  if (route.protocol == kRouteProtocol) return true;
  if (std::ranges::binary_search(wanted.routes, route, key_less<Route>)) return true;
  if (route.dev.empty()) return false;
  const Link* device = find_link(&there, route.dev);
  return find_link(&wanted, route.dev) != nullptr || (device != nullptr && carries_our_mark(*device));
}

// With `to` as iproute2 takes it.
std::string removal_of(const NetnsName& space, const Route& route) {
  const std::string metric = route.metric == 0 ? "" : fmt::format(" metric {}", route.metric);
  return fmt::format("ip -n {} route del {}{}", space.text(), route.destination.text(), metric);
}

// Whether this is in use already: an address of it, or a route to it, that is ours.
bool is_reached(const NamespaceObjects& wanted, const NamespaceObjects& there, const IpPrefix& prefix) {
  const bool by_address = std::ranges::any_of(there.addresses, [&](const Address& address) {
    return prefix == IpPrefix::masked(address.address.address, address.address.length) &&
           find_link(&wanted, address.dev) != nullptr;
  });
  return by_address || std::ranges::any_of(there.routes, [&](const Route& route) {
           return route.protocol == kRouteProtocol && route.destination == prefix;
         });
}

void tell_hidden(Plan& plan, const NetnsName& space, const Route& route, const HiddenPrefix& hidden,
                 bool stops) {
  const std::string where = route.dev.empty() ? "nowhere" : "to " + route.dev.text();
  const std::string what = hidden.whole ? "" : "a part of ";
  const Finding finding{
      .code = Errc::conflict,
      .id = stops ? FindingId("foreign-route") : FindingId("hidden-prefix"),
      .subject = fmt::format("route {}:{}", space.text(), route.destination.text()),
      .message = fmt::format("it is not ovl's and leads {}{} {}, where the endpoint then reaches nobody",
                             what, hidden.prefix.text(), where),
      .hint = fmt::format("if nobody needs it: {}", removal_of(space, route)),
      .part = stops ? part_name(plan, space) : std::string()};
  (stops ? plan.conflicts : plan.warnings).push_back(finding);
}

void find_hidden_prefixes(Plan& plan, const NamespaceObjects& wanted) {
  const NamespaceObjects* there = plan.observed.find(wanted.name);
  if (there == nullptr || !is_tenants(wanted.name)) return;
  const WantedPrefixes prefixes(wanted.addresses, wanted.routes);
  for (const Route& route : there->routes) {
    const auto hidden = prefixes.hidden_by(route);
    if (!hidden || is_compared(wanted, *there, route)) continue;
    const bool stops = hidden->whole && !is_reached(wanted, *there, hidden->prefix);
    tell_hidden(plan, wanted.name, route, *hidden, stops);
  }
}

// Of which namespace somebody has made two names: each endpoint would take it from the other.
void find_shared_namespaces(Plan& plan) {
  std::map<std::string, std::vector<NetnsName>> names;
  for (const NamespaceObjects& space : plan.desired.namespaces) {
    const NamespaceObjects* there = plan.observed.find(space.name);
    if (!is_tenants(space.name) || there == nullptr || !there->netns || there->netns->born.empty()) continue;
    names[there->netns->born].push_back(space.name);
  }
  for (const auto& [born, alike] : names) {
    for (const NetnsName& name : alike.size() > 1 ? alike : std::vector<NetnsName>()) {
      const NetnsName& other = name == alike.front() ? alike.back() : alike.front();
      plan.conflicts.push_back(Finding{
          .code = Errc::conflict,
          .id = "shared-netns",
          .subject = "netns " + name.text(),
          .message =
              fmt::format("it is the same namespace as netns {}, which is another endpoint's", other.text()),
          .hint = "give each endpoint a namespace of its own, or one endpoint several networks",
          .part = part_name(plan, name)});
    }
  }
}

// What stops an apply is a conflict until it is applied. The rest is the tenant's affair, and told.
void find_overruling(Plan& plan, const NamespaceObjects& wanted) {
  const NamespaceObjects* there = plan.observed.find(wanted.name);
  if (there == nullptr || !is_tenants(wanted.name)) return;
  const bool is_made = std::ranges::any_of(there->routes, [&](const Route& route) {
    return route.protocol == kRouteProtocol && !route.via.empty();
  });
  for (const Overruling& one : there->overruled) {
    const bool stops = one.refuses_gateway && !is_made;
    (stops ? plan.conflicts : plan.warnings)
        .push_back(Finding{.code = Errc::conflict,
                           .id = stops ? FindingId("foreign-route") : FindingId("hidden-prefix"),
                           .subject = "netns " + wanted.name.text(),
                           .message = one.message,
                           .hint = "if nobody needs it: " + one.removal,
                           .part = stops ? part_name(plan, wanted.name) : std::string()});
  }
}

}  // namespace

Status find_obstacles(Kernel& kernel, Plan& plan) {
  for (const NamespaceObjects& space : plan.desired.namespaces) {
    find_hidden_prefixes(plan, space);
    find_overruling(plan, space);
  }
  find_shared_namespaces(plan);
  return find_held_tunnels(kernel, plan);
}

}  // namespace ovl
