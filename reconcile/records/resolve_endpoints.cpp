#include "reconcile/records/resolve_endpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <span>

#include "reconcile/base/allocate.hpp"
#include "reconcile/base/ids.hpp"
#include "reconcile/base/prefix_index.hpp"

namespace ovl {

namespace {

// One attachment while it is being resolved.
struct Slot {
  const EndpointBlock* block = nullptr;
  const AttachmentBlock* attachment = nullptr;
  const EndpointRecord* before = nullptr;
  EndpointRecord record;
  bool chosen = false;  // one of its addresses
};

bool was_chosen(const EndpointRecord* before, std::string_view word) {
  return before != nullptr && std::ranges::find(before->chosen, word) != before->chosen.end();
}

bool keeps(const Slot& slot, std::string_view word) {
  return slot.before != nullptr && is_kept(slot.before->chosen, slot.attachment->automatic, word);
}

IfName eth(std::size_t number) {
  return IfName::from_kernel(fmt::format("eth{}", number));
}

// Interface names of one namespace: kept ones first, new ones the lowest free ethN.
class InterfaceNames {
 public:
  bool keep(const IfName& name) { return taken_.insert(name).second; }

  IfName lowest() {
    while (!taken_.insert(eth(next_)).second) ++next_;
    return eth(next_);
  }

 private:
  std::set<IfName> taken_;
  std::size_t next_ = 0;  // none below it is free
};

class EndpointResolver {
 public:
  EndpointResolver(const Manifest& manifest, const Records& current, const IdBook& ids, Resolved& out)
      : manifest_(manifest), current_(current), ids_(ids), out_(out) {}

  void run() {
    collect();
    check_netns();
    reserve();
    take_declared();
    keep_current();
    choose_addresses();
    resolve_macs();
    resolve_interfaces();
    resolve_gateways();
    for (Slot& slot : slots_) out_.records.endpoints.push_back(std::move(slot.record));
  }

 private:
  // Slots in the order of allocation: by host, endpoint, and the manifest's order of its networks.
  void collect() {
    std::vector<const EndpointBlock*> blocks;
    for (const EndpointBlock& block : manifest_.endpoints) blocks.push_back(&block);
    std::ranges::sort(blocks, [](const EndpointBlock* a, const EndpointBlock* b) {
      return std::tie(a->host.value, a->name) < std::tie(b->host.value, b->name);
    });
    for (const EndpointBlock* block : blocks) {
      for (const AttachmentBlock& attachment : block->attachments)
        slots_.push_back(slot_for(*block, attachment));
    }
  }

  Slot slot_for(const EndpointBlock& block, const AttachmentBlock& attachment) const {
    Slot slot{.block = &block, .attachment = &attachment};
    const Label& network = attachment.network.value;
    slot.before = current_.endpoint(network, block.name);
    EndpointRecord& record = slot.record;
    record.network = network;
    record.name = block.name;
    record.id = ids_.id_for(manifest_.cluster.value, "endpoint", network.text() + "/" + block.name.text(),
                            slot.before != nullptr ? slot.before->id : "");
    if (slot.before != nullptr) record.newer = slot.before->newer;
    record.host = block.host.value;
    resolve_netns(slot);
    for (const auto& alias : attachment.aliases) record.aliases.push_back(alias.value);
    std::ranges::sort(record.aliases);
    if (block.link_local != LinkLocal::eui64) record.link_local = block.link_local;
    if (block.adopt != AdoptMode::never) record.adopt = block.adopt;
    record.labels = block.labels;
    record.protect = block.protect;
    return slot;
  }

  // As declared, or as it was before the endpoint had another name, or as the endpoint.
  static void resolve_netns(Slot& slot) {
    EndpointRecord& record = slot.record;
    if (slot.block->netns) {
      record.netns = slot.block->netns->value;
    } else if (was_chosen(slot.before, "netns")) {
      record.netns = slot.before->netns;
      record.chosen.emplace_back("netns");
    } else {
      // Validated already: a label is a namespace name too.
      record.netns = NetnsName::parse(slot.block->name.text()).value();
    }
  }

  // A new endpoint of the old name can't have the namespace that the old one kept.
  void check_netns() {
    std::map<std::pair<HostName, NetnsName>, const EndpointBlock*> holders;
    for_each_endpoint([&](std::span<Slot> slots) {
      const EndpointRecord& record = slots.front().record;
      const auto [at, is_new] = holders.emplace(std::pair(record.host, record.netns), slots.front().block);
      if (is_new) return;
      out_.problems.push_back(Diagnostic{
          .id = "netns-kept",
          .message = fmt::format("netns {} of endpoint {} is also that of endpoint {}", record.netns.text(),
                                 record.name.text(), at->second->name.text()),
          .place = slots.front().block->place,
          .hint = "an endpoint that was renamed keeps its namespace: give one of them netns = \"...\""});
    });
  }

  void reserve() {
    for (const NetworkRecord& network : out_.records.networks) {
      spaces_.emplace(network.name, space_of(network));
      AddressPool& pool = pools_[network.name];
      for (const IpAddress& address : network.gateways) pool.take(address);
      for (const IpAddress& address : network.reserved) pool.take(address);
    }
  }

  void take_declared() {
    for (Slot& slot : slots_) {
      for (const auto& address : slot.attachment->addresses) {
        slot.record.addresses.push_back(address.value);
        pools_[slot.record.network].take(address.value);
      }
    }
  }

  [[nodiscard]] static bool has_family(const EndpointRecord& record, Family family) {
    return std::ranges::any_of(record.addresses, [&](const IpAddress& a) { return a.family() == family; });
  }

  void keep_current() {
    for (Slot& slot : slots_) {
      if (!keeps(slot, "addresses")) continue;
      for (const IpAddress& address : slot.before->addresses) {
        if (has_family(slot.record, address.family()) || !allowed(slot, address)) continue;
        if (!pools_[slot.record.network].take(address)) continue;
        slot.record.addresses.push_back(address);
        slot.chosen = slot.chosen || was_chosen(slot.before, "addresses");
      }
    }
  }

  // Whether an address may stay: still in a subnet. An ip_range is where others are chosen from.
  [[nodiscard]] bool allowed(const Slot& slot, const IpAddress& address) const {
    const auto space = spaces_.find(slot.record.network);
    if (space == spaces_.end()) return false;
    const PrefixIndex::Entry* subnet = space->second.subnets.holding(address);
    return subnet != nullptr && is_usable(subnet->prefix, address);
  }

  // Where a network's addresses come from.
  struct Space {
    PrefixIndex subnets;
    std::vector<IpPrefix> ranges;  // of each subnet: itself, or the part that endpoints may have
    std::set<Family> families;
  };

  static Space space_of(const NetworkRecord& network) {
    Space space{.subnets = index_prefixes(network.subnets, std::identity()), .ranges = network.subnets};
    for (const IpPrefix& range : network.ip_range) {
      const PrefixIndex::Entry* subnet = space.subnets.holding(range);
      if (subnet != nullptr) space.ranges[subnet->index] = range;
    }
    for (const IpPrefix& subnet : network.subnets) space.families.insert(subnet.family());
    return space;
  }

  void choose_addresses() {
    for (Slot& slot : slots_) {
      const NetworkRecord* network = out_.records.network(slot.record.network);
      if (network == nullptr) continue;
      for (const Family family : {Family::ipv4, Family::ipv6}) choose_family(slot, *network, family);
      if (slot.chosen) slot.record.chosen.emplace_back("addresses");
      std::ranges::sort(slot.record.addresses);
    }
  }

  void choose_family(Slot& slot, const NetworkRecord& network, Family family) {
    if (has_family(slot.record, family)) return;
    const Space& space = spaces_.at(network.name);
    std::size_t& at = first_with_room_[{network.name, family}];
    for (; at < network.subnets.size(); ++at) {
      const IpPrefix& subnet = network.subnets[at];
      if (subnet.family() != family) continue;
      const auto address = pools_[network.name].take_lowest(subnet, space.ranges[at]);
      if (!address) continue;
      slot.record.addresses.push_back(*address);
      slot.chosen = true;
      return;
    }
    if (space.families.contains(family)) full(slot, network);
  }

  void full(const Slot& slot, const NetworkRecord& network) {
    out_.problems.push_back(
        Diagnostic{.id = "subnet-full",
                   .message = fmt::format("network \"{}\" has no free address for endpoint \"{}\"",
                                          network.name.text(), slot.record.name.text()),
                   .place = slot.attachment->network.place,
                   .hint = "add a subnet to the network, widen ip_range, or remove endpoints"});
  }

  void resolve_macs() {
    for (const NetworkRecord& network : out_.records.networks) {
      if (!network.gateways.empty()) macs_.emplace(network.name, bridge_mac(network.gateways.front()));
    }
    for (Slot& slot : slots_) {
      if (slot.attachment->mac) {
        slot.record.mac = slot.attachment->mac->value;
        macs_.emplace(slot.record.network, slot.record.mac);
      }
    }
    keep_macs();
    for (Slot& slot : slots_) {
      if (!slot.record.mac.is_zero() || slot.record.addresses.empty()) continue;
      slot.record.chosen.emplace_back("mac");
      slot.record.mac = derived_mac(slot.record);
    }
  }

  // One that was derived stays as long as no address is given up: an address beside it disturbs nobody.
  void keep_macs() {
    for (Slot& slot : slots_) {
      if (slot.attachment->mac || !keeps(slot, "mac")) continue;
      const EndpointRecord& before = *slot.before;
      const bool derived = was_chosen(slot.before, "mac");
      // Of a record that is lost its claims alone may be known.
      if (before.mac.is_zero()) continue;
      if (derived && !std::ranges::includes(slot.record.addresses, before.addresses)) continue;
      if (!macs_.emplace(slot.record.network, before.mac).second) continue;
      slot.record.mac = before.mac;
      if (derived) slot.record.chosen.emplace_back("mac");
    }
  }

  // 02:42: and the IPv4 address; for IPv6 alone, or when somebody has that MAC, a hash.
  MacAddress derived_mac(const EndpointRecord& record) {
    const IpAddress& first = record.addresses.front();
    if (first.is_ipv4() && macs_.emplace(record.network, MacAddress::from_ipv4(first)).second) {
      return MacAddress::from_ipv4(first);
    }
    for (int counter = 0;; ++counter) {
      const MacAddress mac =
          hashed_mac(fmt::format("mac\n{}\n{}\n{}", record.network.text(), first.text(), counter));
      if (macs_.emplace(record.network, mac).second) return mac;
    }
  }

  void resolve_interfaces() {
    for_each_endpoint([this](std::span<Slot> slots) {
      InterfaceNames names;
      for (Slot& slot : slots) {
        if (slot.before != nullptr && names.keep(slot.before->interface)) {
          slot.record.interface = slot.before->interface;
        }
      }
      const bool leads_out = has_way_out(slots);
      const auto gateway = leads_out ? kept_gateway_interface(slots) : std::nullopt;
      const bool kept = gateway && names.keep(*gateway);
      for (Slot& slot : slots) {
        if (slot.record.interface.empty()) slot.record.interface = names.lowest();
      }
      if (!leads_out) return;
      const IfName name = kept ? *gateway : names.lowest();
      for (Slot& slot : slots) slot.record.gateway_interface = name;
    });
  }

  [[nodiscard]] static std::optional<IfName> kept_gateway_interface(std::span<const Slot> slots) {
    for (const Slot& slot : slots) {
      if (slot.before != nullptr && slot.before->gateway_interface) return slot.before->gateway_interface;
    }
    return std::nullopt;
  }

  [[nodiscard]] bool has_way_out(std::span<const Slot> slots) const {
    return std::ranges::any_of(slots, [this](const Slot& slot) {
      const NetworkRecord* network = out_.records.network(slot.record.network);
      return network != nullptr && !network->internal;
    });
  }

  void resolve_gateways() {
    keep_gateway_addresses();
    for_each_endpoint([this](std::span<Slot> slots) {
      const EndpointRecord& first = slots.front().record;
      if (!first.gateway_interface || first.gateway_address) return;
      const auto address = choose_gateway_address(slots.front());
      for (Slot& slot : slots) slot.record.gateway_address = address;
    });
  }

  // The gateway pool of an endpoint's host; the bridge itself has the first address.
  std::optional<IpPrefix> pool_of(const HostName& name) {
    const HostRecord* host = out_.records.host(name);  // sorted, as the manifest's blocks are
    if (host == nullptr || !host->gateway_pool) return std::nullopt;
    gateway_pools_[name].take(default_gateway(*host->gateway_pool));
    return host->gateway_pool;
  }

  void keep_gateway_addresses() {
    for_each_endpoint([this](std::span<Slot> slots) {
      const auto pool = pool_of(slots.front().record.host);
      const auto address = kept_gateway_address(slots);
      if (!pool || !address || !slots.front().record.gateway_interface || !is_usable(*pool, *address)) return;
      if (!gateway_pools_[slots.front().record.host].take(*address)) return;
      for (Slot& slot : slots) slot.record.gateway_address = address;
    });
  }

  [[nodiscard]] static std::optional<IpAddress> kept_gateway_address(std::span<const Slot> slots) {
    for (const Slot& slot : slots) {
      const bool same_host = slot.before != nullptr && slot.before->host == slot.record.host;
      if (same_host && slot.before->gateway_address) return slot.before->gateway_address;
    }
    return std::nullopt;
  }

  std::optional<IpAddress> choose_gateway_address(const Slot& slot) {
    const auto pool = pool_of(slot.record.host);
    if (!pool) return std::nullopt;
    const auto address = gateway_pools_[slot.record.host].take_lowest(*pool, *pool);
    if (!address) {
      out_.problems.push_back(Diagnostic{
          .id = "gateway-pool-full",
          .message = fmt::format("the gateway pool {} of host \"{}\" has no free address for endpoint \"{}\"",
                                 pool->text(), slot.record.host.text(), slot.record.name.text()),
          .place = slot.block->place,
          .hint = "give the host a larger gateway_pool"});
    }
    return address;
  }

  // f(slots) for each endpoint: its slots are neighbours.
  template <class F>
  void for_each_endpoint(const F& f) {
    for (std::size_t begin = 0; begin < slots_.size();) {
      std::size_t end = begin;
      while (end < slots_.size() && slots_[end].block == slots_[begin].block) ++end;
      f(std::span<Slot>(slots_).subspan(begin, end - begin));
      begin = end;
    }
  }

  const Manifest& manifest_;
  const Records& current_;
  const IdBook& ids_;
  Resolved& out_;
  std::vector<Slot> slots_;
  std::map<Label, AddressPool> pools_;
  std::map<Label, Space> spaces_;
  // The subnets before it are full: none of them gets free meanwhile.
  std::map<std::pair<Label, Family>, std::size_t> first_with_room_;
  std::map<HostName, AddressPool> gateway_pools_;
  std::set<std::pair<Label, MacAddress>> macs_;
};

}  // namespace

bool is_kept(const std::vector<std::string>& chosen, const AutoKeys& automatic, std::string_view word) {
  const auto has = [&](const std::vector<std::string>& words) {
    return std::ranges::find(words, word) != words.end();
  };
  return has(chosen) || !has(automatic);
}

IdBook::IdBook(const Records& current) {
  for (const HostRecord& record : current.hosts) taken_.push_back(record.id);
  for (const NetworkRecord& record : current.networks) taken_.push_back(record.id);
  for (const EndpointRecord& record : current.endpoints) taken_.push_back(record.id);
  std::ranges::sort(taken_);
}

std::string IdBook::id_for(const Label& cluster, std::string_view kind, std::string_view name,
                           const std::string& own) const {
  return own.empty() ? derive_id(cluster, kind, name, taken_) : own;
}

void resolve_endpoints(const Manifest& manifest, const Records& current, const IdBook& ids, Resolved& out) {
  EndpointResolver(manifest, current, ids, out).run();
}

}  // namespace ovl
