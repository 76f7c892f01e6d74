#include "reconcile/host/lock_out.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include "drivers/kernel/kinds/netns.hpp"
#include "drivers/probe/probe.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMostPeers = 4;
constexpr std::size_t kPingBytes = 64;
constexpr milliseconds kPingPatience{500};
constexpr milliseconds kBetweenRounds{200};
constexpr std::string_view kStore = "the keystore";

bool is_host_filter(const Plan& plan, const ObjectChange& change) {
  const bool table = as<NftTable>(change.before) != nullptr || as<NftTable>(change.after) != nullptr;
  return table && plan.spaces[change.space].empty();
}

// Tunnels whose other ends may have to change first: they may answer now and not afterwards, or not yet.
struct ChangedTunnels {
  std::set<NetnsName> networks;                      // whole ones, by their sandboxes
  std::set<std::pair<NetnsName, MacAddress>> peers;  // entries of single ones
};

// A device that changes in place goes on carrying what it carried.
bool changes_device(const ObjectChange& change, const ObjectRef& object) {
  const Link* link = as<Link>(object);
  return change.action != Action::update && link != nullptr && link->type == LinkType::vxlan;
}

ChangedTunnels changed_tunnels(const Plan& plan) {
  ChangedTunnels out;
  for (const ObjectChange& change : plan.object_changes) {
    const NetnsName& space = plan.spaces[change.space];
    for (const ObjectRef& object : {change.before, change.after}) {
      if (changes_device(change, object)) out.networks.insert(space);
      const Fdb* entry = as<Fdb>(object);
      if (entry != nullptr && entry->table == FdbTable::self) out.peers.emplace(space, entry->mac);
    }
  }
  return out;
}

bool stays_reachable(const ChangedTunnels& changed, const EndpointRecord& endpoint) {
  const auto sandbox = NetnsName::parse(std::string(kSandboxPrefix) + endpoint.network.text());
  return sandbox.ok() && !changed.networks.contains(sandbox.value()) &&
         !changed.peers.contains({sandbox.value(), endpoint.mac});
}

bool exists(const Plan& plan, const NetnsName& name) {
  const NamespaceObjects* seen = plan.observed.find(name);
  return seen != nullptr && seen->netns.has_value();
}

// An address of the other one in a family that this one has too.
std::optional<IpAddress> address_towards(const EndpointRecord& own, const EndpointRecord& other) {
  for (const IpAddress& address : other.addresses) {
    const bool common = std::ranges::any_of(
        own.addresses, [&](const IpAddress& mine) { return mine.family() == address.family(); });
    if (common) return address;
  }
  return std::nullopt;
}

// One endpoint here for each network.
std::map<Label, const EndpointRecord*> local_endpoints(const Task& task, const Planned& planned) {
  std::map<Label, const EndpointRecord*> local;
  for (const EndpointRecord& endpoint : planned.draft.desired.endpoints) {
    if (endpoint.host == task.host && exists(planned.plan, endpoint.netns)) {
      local.emplace(endpoint.network, &endpoint);
    }
  }
  return local;
}

std::vector<Peer> answering_peers(const Task& task, const World& world, const Planned& planned) {
  std::vector<Peer> peers;
  const auto local = local_endpoints(task, planned);
  const ChangedTunnels changed = changed_tunnels(planned.plan);
  // The filters are to refuse what those send.
  const auto is_lost = [&](const EndpointRecord& endpoint) {
    return std::ranges::binary_search(planned.cluster.lost, endpoint.host);
  };
  std::set<HostName> asked;
  for (const EndpointRecord& endpoint : planned.draft.desired.endpoints) {
    const auto own = local.find(endpoint.network);
    if (asked.size() == kMostPeers || endpoint.host == task.host || own == local.end()) continue;
    const auto address = address_towards(*own->second, endpoint);
    if (!stays_reachable(changed, endpoint) || is_lost(endpoint)) continue;
    if (!address || !asked.insert(endpoint.host).second) continue;
    if (world.answers(own->second->netns, *address)) peers.push_back({own->second->netns, *address});
  }
  return peers;
}

Status ask_store(const Task& task, const World& world) {
  OVL_TRY(const auto head, world.keystore->get(StoreLayout(task.cluster).head()));
  static_cast<void>(head);
  return {};
}

std::string_view silent_part(const Answering& before, const Task& task, const World& world) {
  if (before.store && !ask_store(task, world).ok()) return kStore;
  const bool peer = std::ranges::any_of(
      before.peers, [&](const Peer& one) { return world.answers(one.from, one.address); });
  return before.peers.empty() || peer ? "" : "every other host";
}

// The tables of the host's own namespace as they were before the plan.
Status put_back(const Plan& plan, Kernel& kernel) {
  const NetnsName own;
  std::vector<Operation> operations;
  for (const ObjectChange& change : plan.object_changes) {
    if (!is_host_filter(plan, change)) continue;
    operations.push_back({.netns = &own, .before = change.after, .after = change.before});
  }
  ApplyOutcome outcome = kernel.apply(operations);
  if (outcome.error) return std::move(*outcome.error);
  return {};
}

}  // namespace

Answering ask_around(const Task& task, const World& world, const Planned& planned) {
  Answering out;
  const Plan& plan = planned.plan;
  const bool concerned = std::ranges::any_of(
      plan.object_changes, [&](const ObjectChange& change) { return is_host_filter(plan, change); });
  if (!concerned) return out;
  out.store = world.keystore != nullptr && ask_store(task, world).ok();
  if (world.answers) out.peers = answering_peers(task, world, planned);
  return out;
}

Status check_answering(const Answering& before, const Task& task, const World& world,
                       const Planned& planned) {
  if (!before.store && before.peers.empty()) return {};
  // One call that fails at once is no filter's doing: it is made again in any case.
  const auto begin = steady_clock::now();
  const auto end = begin + std::max(world.lock_out_patience, kBetweenRounds);
  std::string_view silent = silent_part(before, task, world);
  // A store that has let a call wait in vain has been waited for.
  const bool waited = silent == kStore && steady_clock::now() - begin >= kBetweenRounds;
  while (!silent.empty() && !waited && steady_clock::now() < end) {
    std::this_thread::sleep_for(kBetweenRounds);
    silent = silent_part(before, task, world);
  }
  if (silent.empty()) return {};
  const Status back = put_back(planned.plan, *world.kernel);
  // It is away by itself when it is silent under the old filters too.
  if (back.ok() && before.store) OVL_CHECK(ask_store(task, world));
  return Error{
      .code = Errc::verify,
      .message = fmt::format("{} fell silent when this host's filters changed; {}", silent,
                             back.ok() ? "the old filters are back"
                                       : "putting the old ones back failed: " + back.error().message),
      .hint =
          "look what the filters drop: ovl status; where ways differ, source_check = \"loose\" in this "
          "host's block; where a router answers for a link's hosts, ttl_check = \"off\""};
}

bool answers_inside(const NetnsName& from, const IpAddress& address) {
  const auto netns = NamespaceDirectory("/run/netns").open(from);
  if (!netns.ok()) return false;
  const auto answer =
      run_in_namespace(netns.value().get(), [&] { return ping(address, kPingBytes, kPingPatience); });
  return answer.ok() && answer.value() == ProbeAnswer::answered;
}

}  // namespace ovl
