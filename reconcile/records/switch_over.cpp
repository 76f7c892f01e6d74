#include "reconcile/records/switch_over.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>

namespace ovl {

namespace {

using Tunnel = std::pair<Vni, UdpPort>;

Tunnel tunnel_of(const NetworkRecord& network) {
  return {network.vni, network.port};
}

Tunnel tunnel_of(const Twin& twin) {
  return {twin.vni, twin.port};
}

IfName vxlan_device(std::size_t number) {
  return IfName::from_kernel(kVxlanDevices[number]);
}

// One network whose block in `desired` says where it is to go.
class Switch {
 public:
  Switch(const SwitchOver& in, const Records& wanted, const NetworkRecord& current, NetworkRecord& desired)
      : in_(in), current_(current), desired_(desired), goal_(tunnel_of(desired)) {
    const std::set<HostName> today = hosts_on(in.current, current.name);
    std::ranges::set_intersection(today, hosts_on(wanted, current.name), std::inserter(hosts_, hosts_.end()));
  }

  // Answers the hosts that are waited for.
  std::vector<std::string> run() {
    desired_.device = current_.device;
    if (hosts_.size() < 2) return {};  // nobody sends to anybody
    if (!current_.twin) {
      if (goal_ != tunnel_of(current_)) bring_twin();
      return {};
    }
    return current_.twin->role == TwinRole::coming ? after_coming() : after_going();
  }

 private:
  static std::set<HostName> hosts_on(const Records& records, const Label& network) {
    std::set<HostName> out;
    auto at = std::ranges::lower_bound(records.endpoints, network, {}, &EndpointRecord::network);
    for (; at != records.endpoints.end() && at->network == network; ++at) out.insert(at->host);
    return out;
  }

  // Nobody sends through a twin that is coming: it may go, or be another one, at once.
  std::vector<std::string> after_coming() {
    if (goal_ == tunnel_of(current_)) return {};
    if (goal_ != tunnel_of(*current_.twin)) {
      bring_twin();
      return {};
    }
    std::vector<std::string> behind = hosts_behind();
    if (behind.empty()) {
      desired_.twin = Twin{TwinRole::going, current_.vni, current_.port, in_.next_serial};
      desired_.device = twin_device(current_);
    } else {
      stay_with(*current_.twin);
    }
    return behind;
  }

  std::vector<std::string> after_going() {
    std::vector<std::string> behind = hosts_behind();
    if (!behind.empty()) {
      stay_with(*current_.twin);
    } else if (goal_ != tunnel_of(current_)) {
      bring_twin();
    }
    return behind;
  }

  [[nodiscard]] std::vector<std::string> hosts_behind() const {
    std::vector<std::string> out;
    for (const HostName& host : hosts_) {
      if (!in_.has_realised(host, current_.twin->since)) out.push_back(host.text());
    }
    return out;
  }

  void bring_twin() { stay_with(Twin{TwinRole::coming, goal_.first, goal_.second, in_.next_serial}); }

  // Today's tunnel goes on beside the twin.
  void stay_with(const Twin& twin) {
    desired_.vni = current_.vni;
    desired_.port = current_.port;
    desired_.twin = twin;
  }

  const SwitchOver& in_;
  const NetworkRecord& current_;
  NetworkRecord& desired_;
  Tunnel goal_;
  std::set<HostName> hosts_;  // that are on it and stay
};

// Whose VNI a network wants that another one has still. Networks by their place among the desired ones.
class Queue {
 public:
  Queue(const Records& current, const Records& desired) : desired_(desired) {
    for (std::size_t i = 0; i < desired.networks.size(); ++i) {
      const NetworkRecord* now = current.network(desired.networks[i].name);
      if (now == nullptr) continue;
      holders_.emplace(tunnel_of(*now), i);
      if (now->twin) holders_.emplace(tunnel_of(*now->twin), i);
    }
    for (std::size_t i = 0; i < desired.networks.size(); ++i) next_.push_back(holder_of_goal(i));
    find_circles();
  }

  // The network that has to give up its tunnel first; null for none; itself when each waits for
  // the next in a circle, which only all at once can leave.
  [[nodiscard]] const NetworkRecord* before(std::size_t network) const {
    if (circles_.contains(network)) return &desired_.networks[network];
    return next_[network] == kNone ? nullptr : &desired_.networks[next_[network]];
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;

  [[nodiscard]] std::size_t holder_of_goal(std::size_t network) const {
    const auto [begin, end] = holders_.equal_range(tunnel_of(desired_.networks[network]));
    const auto other = std::find_if(begin, end, [&](const auto& held) { return held.second != network; });
    return other == end ? kNone : other->second;
  }

  // Each network is walked over once: who comes to one of the same walk has found a circle.
  void find_circles() {
    std::vector<std::size_t> walk_of(next_.size(), kNone);
    for (std::size_t begin = 0; begin < next_.size(); ++begin) {
      std::size_t at = begin;
      for (; at != kNone && walk_of[at] == kNone; at = next_[at]) walk_of[at] = begin;
      if (at == kNone || walk_of[at] != begin) continue;
      while (circles_.insert(at).second) at = next_[at];
    }
  }

  const Records& desired_;
  std::multimap<Tunnel, std::size_t> holders_;  // of one tunnel in the networks' order
  std::vector<std::size_t> next_;               // whose tunnel each wants; kNone: nobody's
  std::set<std::size_t> circles_;
};

void keep_tunnel(const NetworkRecord& current, NetworkRecord& network) {
  network.vni = current.vni;
  network.port = current.port;
  network.twin = current.twin;
  network.device = current.device;
}

}  // namespace

void stage_switches(const SwitchOver& in, Records& desired, std::vector<std::string>& waiting) {
  const Queue queue(in.current, desired);
  std::vector<NetworkRecord> staged = desired.networks;
  for (std::size_t i = 0; i < staged.size(); ++i) {
    NetworkRecord& network = staged[i];
    const NetworkRecord* current = in.current.network(network.name);
    if (current == nullptr) continue;
    const NetworkRecord* first = queue.before(i);
    if (first != nullptr && first->name == network.name) continue;
    if (first != nullptr) {
      keep_tunnel(*current, network);
      waiting.push_back(fmt::format("network.{}: its change of VNI, until network {} has given it up",
                                    network.name.text(), first->name.text()));
      continue;
    }
    const std::vector<std::string> behind = Switch(in, desired, *current, network).run();
    if (behind.empty()) continue;
    waiting.push_back(
        fmt::format("network.{}: its change of VNI or port, until generation {} is realised on {}",
                    network.name.text(), current->twin->since, fmt::join(behind, ", ")));
  }
  desired.networks = std::move(staged);
}

IfName sending_device(const NetworkRecord& network) {
  return network.device.value_or(vxlan_device(0));
}

IfName twin_device(const NetworkRecord& network) {
  return sending_device(network) == vxlan_device(0) ? vxlan_device(1) : vxlan_device(0);
}

}  // namespace ovl
