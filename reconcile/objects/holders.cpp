#include "reconcile/objects/holders.hpp"

#include <algorithm>

namespace ovl {

namespace {

ChangeName address_of(const EndpointRecord& record) {
  return ChangeName{.type = "endpoint", .name = record.name.text(), .index = record.network.text()};
}

struct Marked {
  const Link* link = nullptr;

  void operator()(const Link* found) { link = found; }

  template <class K>
  void operator()(const K&) {}
};

bool asks_for(std::span<const ChangeName> asked, const ChangeName& holder) {
  return std::ranges::any_of(asked, [&](const ChangeName& one) {
    const bool through_network =
        one.type == "network" && holder.type == "endpoint" && one.name == holder.index;
    return one.covers(holder) || through_network;
  });
}

}  // namespace

Holders::Holders(const Records& records, const HostName& host) : host_(host) {
  for (const EndpointRecord& record : records.endpoints) {
    if (record.host != host) continue;
    endpoints_[record.netns].push_back(&record);
    if (records.network(record.network) != nullptr) networks_.insert(record.network.text());
  }
}

std::vector<ChangeName> Holders::of(const NetnsName& space, const ObjectRef& object) const {
  Marked marked;
  std::visit(marked, object);
  return marked.link != nullptr ? of_link(space, *marked.link) : by_space(space);
}

std::vector<ChangeName> Holders::of_link(const NetnsName& space, const Link& link) const {
  // A port's other end tells whose it is.
  const bool is_port = link.peer && (space.empty() || space.text().starts_with(kSandboxPrefix));
  const NetnsName& inside = is_port ? link.peer->netns : space;
  const IfName& name = is_port ? link.peer->name : link.name;
  for (const EndpointRecord* endpoint : endpoints_in(inside)) {
    if (endpoint->interface == name) return {address_of(*endpoint)};
    if (endpoint->gateway_interface == name) return attachments_in(inside);
  }
  return by_space(space);
}

const std::vector<const EndpointRecord*>& Holders::endpoints_in(const NetnsName& space) const {
  static const std::vector<const EndpointRecord*> none;
  const auto at = endpoints_.find(space);
  return at == endpoints_.end() ? none : at->second;
}

std::vector<ChangeName> Holders::attachments_in(const NetnsName& space) const {
  std::vector<ChangeName> out;
  for (const EndpointRecord* endpoint : endpoints_in(space)) out.push_back(address_of(*endpoint));
  return out;
}

std::vector<ChangeName> Holders::by_space(const NetnsName& space) const {
  if (space.text().starts_with(kSandboxPrefix)) {
    const std::string network = space.text().substr(kSandboxPrefix.size());
    if (networks_.contains(network)) return {ChangeName{.type = "network", .name = network}};
  }
  std::vector<ChangeName> endpoints = attachments_in(space);
  if (!endpoints.empty()) return endpoints;
  return {ChangeName{.type = "host", .name = host_.text()}};
}

bool is_meant(std::span<const ChangeName> asked, const ChangeName& object,
              const std::vector<ChangeName>& holders, bool all) {
  if (std::ranges::any_of(asked, [&](const ChangeName& one) { return one.covers(object); })) return true;
  const auto is_asked = [&](const ChangeName& holder) { return asks_for(asked, holder); };
  return all ? std::ranges::all_of(holders, is_asked) : std::ranges::any_of(holders, is_asked);
}

}  // namespace ovl
