#include "reconcile/objects/subnet_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/objects/held_by_pool.hpp"

namespace ovl {

namespace {

Finding finding_of(const NetworkRecord& network, std::string message) {
  return Finding{.code = Errc::conflict,
                 .id = "subnet-covers",
                 .subject = "network." + network.name.text(),
                 .message = std::move(message),
                 .hint = {}};
}

const FactRoute* longest_route(const HostFacts& facts, const IpAddress& to) {
  const FactRoute* longest = nullptr;
  for (const FactRoute& route : facts.routes) {
    const bool longer = longest == nullptr || route.destination.length() > longest->destination.length();
    if (route.destination.contains(to) && longer) longest = &route;
  }
  return longest;
}

}  // namespace

SubnetCheck::SubnetCheck(const ProjectInput& input, const HostRecord& self) : in_(input) {
  for (const HostRecord& host : in_.records.hosts) {
    if (host.advertise) around_.add(*host.advertise);
  }
  for (const KeystoreAddress& store : in_.keystores) {
    if (!store.address.empty()) around_.add(store.address);
  }
  const HostFacts* facts = in_.facts.host(in_.host);
  if (facts == nullptr) return;
  around_.add(*facts);
  for (const HeldRoute& route : facts->held) around_.add(route.destination);
  if (self.advertise) underlay_ = longest_route(*facts, self.bind ? *self.bind : *self.advertise);
}

void SubnetCheck::check(const NetworkRecord& network, std::vector<Finding>& problems,
                        std::vector<Finding>& warnings) {
  const bool is_chosen = std::ranges::find(network.chosen, "subnets") != network.chosen.end();
  for (const IpPrefix& subnet : network.subnets) {
    const std::string why = is_chosen ? held_by(subnet) : covered_by(subnet);
    if (why.empty()) continue;
    Finding found = finding_of(
        network, fmt::format("its {}subnet {} {}", is_chosen ? "chosen " : "", subnet.text(), why));
    if (is_chosen) {
      found.id = "subnet-in-use";
      found.hint = "take that away, or declare a subnet for the network that nothing else uses";
      found.part = "network " + network.name.text();
    } else {
      found.id = "subnet-covers";
      found.hint = "give the network a subnet that nothing else uses";
    }
    (is_chosen ? problems : warnings).push_back(std::move(found));
  }
}

// Mostly nothing: looked up before it is searched for.
std::string SubnetCheck::held_by(const IpPrefix& subnet) const {
  return around_.overlaps(subnet) ? held_by_pool(subnet, in_) : std::string();
}

std::string SubnetCheck::covered_by(const IpPrefix& subnet) const {
  if (underlay_ == nullptr || !underlay_->destination.overlaps(subnet)) return {};
  return fmt::format("overlaps {}, by which this host reaches the others", underlay_->destination.text());
}

}  // namespace ovl
