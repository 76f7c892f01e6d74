#include "reconcile/objects/held_by_pool.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/objects/freeze.hpp"
#include "reconcile/store/last_good.hpp"

namespace ovl {

namespace {

bool is_chosen(const HostRecord& host) {
  return std::ranges::find(host.chosen, "gateway_pool") != host.chosen.end();
}

// The longest route to an address; nullptr: none but default routes.
const FactRoute* route_to(const HostFacts& facts, const IpAddress& address) {
  const FactRoute* longest = nullptr;
  for (const FactRoute& route : facts.routes) {
    if (!route.destination.contains(address)) continue;
    if (longest == nullptr || route.destination.length() > longest->destination.length()) longest = &route;
  }
  return longest;
}

// Neighbours on the link live in it, and the pool would hide them. A route to a larger prefix that leads to a
// router is no such subnet: the host's own address is reached by a longer one.
const FactRoute* connected_subnet_around(const IpPrefix& pool, const HostFacts& facts) {
  const FactRoute* around = route_to(facts, pool.address());
  if (around == nullptr || !around->destination.contains(pool)) return nullptr;
  const bool connected = std::ranges::any_of(facts.addresses, [&](const IpAddress& address) {
    const FactRoute* own = around->destination.contains(address) ? route_to(facts, address) : nullptr;
    return own != nullptr && own->destination == around->destination;
  });
  return connected ? around : nullptr;
}

// In the main table the longest prefix counts, so that a pool may be a part of what is dropped as a whole.
// Other tables may be asked before it (ip-rule(8)), and what they hold around the pool never comes to the
// pool.
std::string held_by_other_route(const IpPrefix& pool, const HostFacts& facts) {
  for (const HeldRoute& route : facts.held) {
    const bool holds = pool.contains(route.destination);
    const bool within = route.table != kMainTable && route.destination.contains(pool);
    if (!holds && !within) continue;
    const bool is_dropped = route.type != RouteType::unicast;
    return fmt::format("{} this host's {}{}route to {}{}", holds ? "holds" : "is within",
                       is_dropped ? name_of(route.type) : "", is_dropped ? " " : "", route.destination.text(),
                       route.table == kMainTable ? "" : fmt::format(" in table {}", route.table));
  }
  return {};
}

std::string held_of_host(const IpPrefix& pool, const HostFacts& facts) {
  for (const IpAddress& address : facts.addresses) {
    if (pool.contains(address)) return fmt::format("holds this host's address {}", address.text());
  }
  for (const FactRoute& route : facts.routes) {
    if (pool.contains(route.destination)) {
      return fmt::format("holds this host's route to {}", route.destination.text());
    }
  }
  if (std::string held = held_by_other_route(pool, facts); !held.empty()) return held;
  for (const IpAddress& address : facts.nameservers) {
    if (pool.contains(address)) return fmt::format("holds this host's nameserver {}", address.text());
  }
  const FactRoute* around = connected_subnet_around(pool, facts);
  if (around == nullptr) return {};
  return fmt::format("is part of this host's own subnet {}", around->destination.text());
}

}  // namespace

std::string held_by_pool(const IpPrefix& pool, const ProjectInput& input) {
  const HostFacts* facts = input.facts.host(input.host);
  if (facts == nullptr) return {};
  if (std::string held = held_of_host(pool, *facts); !held.empty()) return held;
  for (const HostRecord& host : input.records.hosts) {
    if (!host.advertise || !pool.contains(*host.advertise)) continue;
    return fmt::format("holds the VTEP {} of host {}", host.advertise->text(), host.name.text());
  }
  for (const KeystoreAddress& store : input.keystores) {
    if (pool.contains(store.address))
      return fmt::format("holds the keystore's address {}", store.address.text());
  }
  return {};
}

Status leave_gateway(const State& state, const HostName& here, const Records& desired,
                     std::vector<Finding>& problems) {
  const auto is_of_pool = [](const Finding& finding) { return finding.id.text() == "pool-in-use"; };
  if (std::ranges::none_of(problems, is_of_pool)) return {};
  OVL_TRY(const Remembered good, remember(state));
  const HostRecord* before = good.records.host(here);
  const HostRecord* now = desired.host(here);
  if (now == nullptr) return {};
  const bool is_realised = before != nullptr && before->gateway_pool == now->gateway_pool;
  for (Finding& finding : problems) {
    if (!is_of_pool(finding)) continue;
    if (is_realised || is_chosen(*now)) finding.part = part_name(Plan(), NetnsName());
    if (is_chosen(*now)) {
      finding.hint =
          "take that away, or declare a gateway_pool of this host that nothing else uses; as long as nothing "
          "of it is made here, an apply with the manifest on this host chooses another one";
    }
  }
  return {};
}

namespace {

// Whether this host's gateway bridge is there and has no other pool. What somebody took off it will be
// repaired.
Result<bool> has_bridge_in(Kernel& kernel, const Label& cluster, const IpPrefix& pool) {
  HostObjects asked;
  asked.at(NetnsName());
  OVL_TRY(HostObjects seen, kernel.observe(asked));
  const NamespaceObjects& host = seen.at(NetnsName());
  const bool is_there = std::ranges::any_of(host.links, [&](const Link& link) {
    return link.name.view() == kGatewayBridge && is_owner_mark(cluster, link.alias);
  });
  const auto is_elsewhere = [&](const Address& address) {
    const IpAddress& ip = address.address.address;
    return address.dev.view() == kGatewayBridge && ip.is_ipv4() && !pool.contains(ip);
  };
  return is_there && std::ranges::none_of(host.addresses, is_elsewhere);
}

}  // namespace

Result<bool> chooses_pool_anew(Kernel& kernel, const ProjectInput& input) {
  const HostRecord* self = input.records.host(input.host);
  if (self == nullptr || !self->gateway_pool || !is_chosen(*self)) return false;
  if (held_by_pool(*self->gateway_pool, input).empty()) return false;
  OVL_TRY(const bool is_made, has_bridge_in(kernel, input.cluster, *self->gateway_pool));
  return !is_made;
}

}  // namespace ovl
