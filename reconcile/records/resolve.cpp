#include "reconcile/records/resolve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "reconcile/base/allocate.hpp"
#include "reconcile/base/prefix_index.hpp"
#include "reconcile/records/chosen_overlaps.hpp"
#include "reconcile/records/given_addresses.hpp"
#include "reconcile/records/resolve_endpoints.hpp"

namespace ovl {

namespace {

constexpr UdpPort kVxlanPort = UdpPort::unchecked(4789);  // IANA, RFC 7348
// Docker and others count from low numbers up; ours start where theirs rarely reach.
constexpr std::uint32_t kFirstVni = 1'048'576;

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

Diagnostic problem(FindingId id, const Place& place, std::string message, std::string hint) {
  return Diagnostic{.id = id, .message = std::move(message), .place = place, .hint = std::move(hint)};
}

// ---- hosts -------------------------------------------------------------------------------------

// The VTEP of a host whose manifest names an interface: as the host itself says, else as recorded.
std::optional<IpAddress> resolved_interface(const IfName& interface, const HostFacts* facts,
                                            const HostRecord* current) {
  if (facts != nullptr && facts->vtep) return facts->vtep;
  if (current != nullptr && current->interface == interface) return current->advertise;
  return std::nullopt;
}

HostRecord resolve_host(const Manifest& manifest, const HostBlock& block, const Records& current,
                        const Facts& facts, const IdBook& ids) {
  const HostRecord* before = current.host(block.name);
  HostRecord record;
  record.name = block.name;
  record.id = ids.id_for(manifest.cluster.value, "host", block.name.text(), before ? before->id : "");
  if (before != nullptr) record.newer = before->newer;
  if (const auto* address = std::get_if<IpAddress>(&block.advertise.value)) {
    record.advertise = *address;
  } else {
    record.interface = std::get<IfName>(block.advertise.value);
    record.advertise = resolved_interface(*record.interface, facts.host(block.name), before);
    record.chosen.emplace_back("advertise");
  }
  if (block.bind) record.bind = block.bind->value;
  if (block.source_check != SourceCheck::strict) record.source_check = block.source_check;
  if (block.ttl_check != TtlCheck::automatic) record.ttl_check = block.ttl_check;
  record.labels = block.labels;
  record.protect = block.protect;
  return record;
}

TakenSpace space_around(const Records& records, const Surroundings& around) {
  TakenSpace taken;
  for (const IpAddress& store : around.stores) taken.add(store);
  for (const HostRecord& host : records.hosts) {
    if (host.advertise) taken.add(*host.advertise);
  }
  for (const NetworkRecord& network : records.networks) {
    for (const IpPrefix& subnet : network.subnets) taken.add(subnet);
  }
  return taken;
}

constexpr std::uint8_t kPoolLength = 16;    // of most pools that are chosen
constexpr std::uint8_t kSubnetLength = 24;  // of subnets

// A host that chooses looks also at what its other tables lead to and what it drops, but as a whole, in which
// a prefix of that length may lie.
void add_held(TakenSpace& own, const HostFacts& facts, std::uint8_t length) {
  for (const HeldRoute& route : facts.held) {
    if (route.table != kMainTable || route.destination.length() >= length) own.add(route.destination);
  }
}

// taken: by the cluster's hosts and networks. before: whose pool may be kept; nullptr: another one is chosen.
void resolve_gateway_pool(Resolved& out, HostRecord& record, const HostBlock& block, const HostRecord* before,
                          const HostFacts* facts, const TakenSpace& taken) {
  if (block.gateway_pool) {
    record.gateway_pool = block.gateway_pool->value;
    return;
  }
  if (before != nullptr && before->gateway_pool && is_kept(before->chosen, block.automatic, "gateway_pool")) {
    record.gateway_pool = before->gateway_pool;
    if (has(before->chosen, "gateway_pool")) record.chosen.emplace_back("gateway_pool");
    return;
  }
  record.chosen.emplace_back("gateway_pool");
  TakenSpace own;
  if (facts != nullptr) {
    own.add(*facts);
    add_held(own, *facts, kPoolLength);
  }
  record.gateway_pool = choose_gateway_pool(taken, own);
  if (record.gateway_pool) return;
  out.problems.push_back(problem(
      "no-gateway-pool", block.place,
      fmt::format(
          "host \"{}\" finds no free prefix for its gateway bridge in 172.16.0.0/12 and 192.168.0.0/16",
          block.name.text()),
      "give it one of yours that nothing else uses: gateway_pool = \"...\""));
}

// ---- networks ----------------------------------------------------------------------------------

NetworkRecord declared_network(const Manifest& manifest, const NetworkBlock& block,
                               const NetworkRecord* before, const IdBook& ids) {
  NetworkRecord record;
  record.name = block.name;
  record.id = ids.id_for(manifest.cluster.value, "network", block.name.text(), before ? before->id : "");
  if (before != nullptr) record.newer = before->newer;
  record.port = block.port ? block.port->value : (before != nullptr ? before->port : kVxlanPort);
  for (const auto& subnet : block.subnets) record.subnets.push_back(subnet.value);
  for (const auto& range : block.ip_range) record.ip_range.push_back(range.value);
  for (const auto& address : block.reserved) record.reserved.push_back(address.value);
  if (block.mtu) record.mtu = block.mtu->value;
  record.internal = block.internal;
  if (block.frames != FrameTypes::ip) record.frames = block.frames;
  if (block.adopt != AdoptMode::never) record.adopt = block.adopt;
  record.labels = block.labels;
  record.protect = block.protect;
  return record;
}

// The gateways that a network has, by the subnet of `subnets` that each is in.
std::map<std::size_t, IpAddress> gateways_in(const PrefixIndex& subnets, const NetworkRecord& before) {
  std::map<std::size_t, IpAddress> out;
  for (const IpAddress& gateway : before.gateways) {
    const PrefixIndex::Entry* subnet = subnets.holding(gateway);
    if (subnet != nullptr && is_usable(subnet->prefix, gateway)) out.emplace(subnet->index, gateway);
  }
  return out;
}

// kept: by their subnets' place.
void resolve_gateways(NetworkRecord& record, const NetworkBlock& block, const PrefixIndex& subnets,
                      const std::map<std::size_t, IpAddress>& kept, const NetworkRecord* before) {
  std::vector<std::optional<IpAddress>> gateways(record.subnets.size());
  for (const auto& gateway : block.gateways) {
    const PrefixIndex::Entry* subnet = subnets.holding(gateway.value);
    if (subnet != nullptr) gateways[subnet->index] = gateway.value;
  }
  bool chosen = false;
  for (std::size_t i = 0; i < gateways.size(); ++i) {
    if (!gateways[i]) {
      const auto at = kept.find(i);
      gateways[i] = at != kept.end() ? at->second : default_gateway(record.subnets[i]);
      chosen = chosen || at == kept.end() || has(before->chosen, "gateways");
    }
    record.gateways.push_back(*gateways[i]);
  }
  if (chosen) record.chosen.emplace_back("gateways");
}

using VniKey = std::pair<UdpPort, Vni>;

// VNIs that a network can't come to have on this port: of the other records, of foreign devices.
std::set<VniKey> taken_vnis(const std::vector<NetworkRecord>& networks, const Records& current,
                            const Facts& facts) {
  std::set<VniKey> taken;
  for (const NetworkRecord& record : networks) taken.emplace(record.port, record.vni);
  // A VNI that is only being given up is not chosen again in the same breath: its devices still live.
  for (const NetworkRecord& record : current.networks) {
    taken.emplace(record.port, record.vni);
    if (record.twin) taken.emplace(record.twin->port, record.twin->vni);
  }
  for (const HostFacts& host : facts.hosts) {
    for (const Vni vni : host.vnis) taken.emplace(kVxlanPort, vni);
  }
  return taken;
}

// The tunnel that a network has, or is on its way to.
VniKey goal_of(const NetworkRecord& record) {
  const bool leaves = record.twin && record.twin->role == TwinRole::coming;
  return leaves ? VniKey(record.twin->port, record.twin->vni) : VniKey(record.port, record.vni);
}

// The VNI of a network that its manifest leaves open, where it has one on that port: the one in use, also
// when it was on its way to one that the manifest has taken back; or one that ovl chose, and that it is on
// its way to.
std::optional<Vni> own_vni(const NetworkRecord& before, UdpPort port) {
  const bool chosen = has(before.chosen, "vni");
  const VniKey goal = goal_of(before);
  if (chosen && goal.first == port) return goal.second;
  if (before.port == port) return before.vni;
  const bool returns = before.twin && before.twin->port == port && (chosen || before.twin->vni == before.vni);
  return returns ? std::optional(before.twin->vni) : std::nullopt;
}

// The lowest free VNI of each port, again and again: none gets free meanwhile, so a search goes on where the
// one before ended.
class FreeVnis {
 public:
  explicit FreeVnis(std::set<VniKey> taken) : taken_(std::move(taken)) {}

  bool take(const VniKey& key) { return taken_.insert(key).second; }

  Vni take_lowest(UdpPort port) {
    std::uint32_t& number = next_.try_emplace(port, kFirstVni).first->second;
    while (!taken_.emplace(port, Vni::unchecked(number)).second) ++number;
    return Vni::unchecked(number);
  }

 private:
  std::set<VniKey> taken_;
  std::map<UdpPort, std::uint32_t> next_;
};

class NetworkResolver {
 public:
  NetworkResolver(const Manifest& manifest, const Records& current, const Facts& facts, const IdBook& ids,
                  const Surroundings& around, Resolved& out)
      : manifest_(manifest), current_(current), facts_(facts), ids_(ids), around_(around), out_(out) {}

  void run() {
    for (const NetworkBlock& block : manifest_.networks) {
      out_.records.networks.push_back(declared_network(manifest_, block, current_.network(block.name), ids_));
    }
    keep_subnets();
    for (std::size_t i = 0; i < manifest_.networks.size(); ++i) finish_subnets(i);
    resolve_vnis();
  }

 private:
  // Subnets that the store holds come before new choices, so that these go around them.
  void keep_subnets() {
    for (std::size_t i = 0; i < manifest_.networks.size(); ++i) {
      NetworkRecord& record = out_.records.networks[i];
      const NetworkRecord* before = current_.network(record.name);
      if (!record.subnets.empty() || before == nullptr) continue;
      if (!is_kept(before->chosen, manifest_.networks[i].automatic, "subnets")) continue;
      record.subnets = before->subnets;
      if (has(before->chosen, "subnets")) record.chosen.emplace_back("subnets");
    }
  }

  // The addresses in a network that the manifest gives: an endpoint's, or to nobody.
  const std::set<IpAddress>& given_in(const Label& network) {
    if (!given_) collect_given(given_.emplace());
    return (*given_)[network];
  }

  void collect_given(std::map<Label, std::set<IpAddress>>& out) const {
    for (const EndpointBlock& endpoint : manifest_.endpoints) {
      for (const AttachmentBlock& attachment : endpoint.attachments) {
        std::set<IpAddress>& given = out[attachment.network.value];
        for (const auto& address : attachment.addresses) given.insert(address.value);
      }
    }
    for (const NetworkBlock& block : manifest_.networks) {
      for (const auto& address : block.reserved) out[block.name].insert(address.value);
    }
  }

  void finish_subnets(std::size_t index) {
    NetworkRecord& record = out_.records.networks[index];
    const NetworkBlock& block = manifest_.networks[index];
    if (record.subnets.empty()) choose_subnet_for(record, block);
    const PrefixIndex subnets = index_prefixes(record.subnets, std::identity());
    resolve_gateways(record, block, subnets, kept_gateways(block, subnets), current_.network(block.name));
  }

  // Those that nobody is given meanwhile, by their subnets' place.
  std::map<std::size_t, IpAddress> kept_gateways(const NetworkBlock& block, const PrefixIndex& subnets) {
    const NetworkRecord* before = current_.network(block.name);
    if (before == nullptr || has(block.automatic, "gateways")) return {};
    std::map<std::size_t, IpAddress> out = gateways_in(subnets, *before);
    std::erase_if(out, [&](const auto& kept) {
      const IpPrefix& subnet = subnets.holding(kept.second)->prefix;
      return kept.second != default_gateway(subnet) && given_in(block.name).contains(kept.second);
    });
    return out;
  }

  // What no chosen subnet may overlap; made when the first one is chosen.
  TakenSpace& taken_space() {
    if (taken_) return *taken_;
    taken_ = space_around(out_.records, around_);
    for (const HostFacts& host : facts_.hosts) {
      taken_->add(host);
      add_held(*taken_, host, kSubnetLength);
    }
    for (const HostBlock& host : manifest_.hosts) {
      if (host.gateway_pool) taken_->add(host.gateway_pool->value);
    }
    for (const HostRecord& host : current_.hosts) {
      if (host.gateway_pool) taken_->add(*host.gateway_pool);
    }
    return *taken_;
  }

  void choose_subnet_for(NetworkRecord& record, const NetworkBlock& block) {
    record.chosen.emplace_back("subnets");
    const auto subnet = is_full_ ? std::nullopt : choose_subnet(taken_space(), last_chosen_);
    if (subnet) {
      record.subnets.push_back(*subnet);
      taken_->add(*subnet);
      last_chosen_ = subnet;
      return;
    }
    is_full_ = true;
    out_.problems.push_back(
        problem("no-subnet", block.place,
                fmt::format("network \"{}\" finds no free /24 in 10.0.0.0/8", block.name.text()),
                "give it one of yours that nothing else uses: subnet = \"...\""));
  }

  void resolve_vnis() {
    auto& networks = out_.records.networks;
    std::map<VniKey, std::size_t> declared;
    for (std::size_t i = 0; i < networks.size(); ++i) {
      const NetworkBlock& block = manifest_.networks[i];
      if (!block.vni) continue;
      networks[i].vni = block.vni->value;
      declared.emplace(VniKey(networks[i].port, networks[i].vni), i);
    }
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < networks.size(); ++i) {
      if (manifest_.networks[i].vni || stays_with_own_vni(i, declared)) continue;
      open.push_back(i);
    }
    FreeVnis vnis(taken_vnis(networks, current_, facts_));
    // One that goes to another port takes its VNI along, before others choose.
    std::erase_if(open, [&](std::size_t i) { return takes_vni_along(i, vnis); });
    for (const std::size_t i : open) {
      networks[i].vni = vnis.take_lowest(networks[i].port);
      networks[i].chosen.emplace_back("vni");
    }
  }

  // Whose VNI the manifest leaves open, and does not want chosen anew.
  const NetworkRecord* keeper_of_vni(std::size_t index) const {
    const NetworkBlock& block = manifest_.networks[index];
    const NetworkRecord* before = current_.network(block.name);
    return before != nullptr && is_kept(before->chosen, block.automatic, "vni") ? before : nullptr;
  }

  void keep_vni(std::size_t index, const NetworkRecord& before, Vni vni) {
    NetworkRecord& record = out_.records.networks[index];
    record.vni = vni;
    if (has(before.chosen, "vni")) record.chosen.emplace_back("vni");
  }

  // Unless the manifest gives it to another network.
  bool stays_with_own_vni(std::size_t index, const std::map<VniKey, std::size_t>& declared) {
    const NetworkRecord* before = keeper_of_vni(index);
    if (before == nullptr) return false;
    const UdpPort port = out_.records.networks[index].port;
    const std::optional<Vni> vni = own_vni(*before, port);
    if (!vni || declared.contains(VniKey(port, *vni))) return false;
    keep_vni(index, *before, *vni);
    return true;
  }

  bool takes_vni_along(std::size_t index, FreeVnis& vnis) {
    const NetworkRecord* before = keeper_of_vni(index);
    if (before == nullptr || !vnis.take({out_.records.networks[index].port, before->vni})) return false;
    keep_vni(index, *before, before->vni);
    return true;
  }

  const Manifest& manifest_;
  const Records& current_;
  const Facts& facts_;
  const IdBook& ids_;
  const Surroundings& around_;
  Resolved& out_;
  std::optional<TakenSpace> taken_;
  std::optional<std::map<Label, std::set<IpAddress>>> given_;
  std::optional<IpPrefix> last_chosen_;  // nothing before it is free
  bool is_full_ = false;                 // nothing is: a search looks at 65,536 prefixes
};

}  // namespace

Resolved resolve(const Manifest& manifest, const Records& current, const Facts& facts,
                 const Surroundings& around) {
  Resolved out;
  const IdBook ids(current);
  for (const HostBlock& block : manifest.hosts) {
    out.records.hosts.push_back(resolve_host(manifest, block, current, facts, ids));
    if (!out.records.hosts.back().advertise) {
      out.waiting.push_back(fmt::format("host.{}: its VTEP, until it has resolved {} in its first apply",
                                        block.name.text(), std::get<IfName>(block.advertise.value).view()));
    }
  }
  NetworkResolver(manifest, current, facts, ids, around, out).run();
  for (Diagnostic& found : crowded_subnets(manifest, out.records.networks)) {
    out.problems.push_back(std::move(found));
  }
  for (Diagnostic& found : given_outside(manifest, out.records)) out.problems.push_back(std::move(found));
  std::set<HostName> anew = hosts_with_crowded_pools(manifest, out.records.networks, current);
  anew.insert(around.anew.begin(), around.anew.end());
  const TakenSpace taken = space_around(out.records, around);
  for (std::size_t i = 0; i < manifest.hosts.size(); ++i) {
    const HostBlock& block = manifest.hosts[i];
    const HostRecord* before = anew.contains(block.name) ? nullptr : current.host(block.name);
    resolve_gateway_pool(out, out.records.hosts[i], block, before, facts.host(block.name), taken);
  }
  resolve_endpoints(manifest, current, ids, out);
  out.records.sort();
  return out;
}

}  // namespace ovl
