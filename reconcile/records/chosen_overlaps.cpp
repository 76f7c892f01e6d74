#include "reconcile/records/chosen_overlaps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "reconcile/base/prefix_index.hpp"

namespace ovl {

namespace {

bool is_chosen(const std::vector<std::string>& chosen, std::string_view word) {
  return std::ranges::find(chosen, word) != chosen.end();
}

// Networks by name, with an index of each one's subnets when it is asked for.
class Networks {
 public:
  explicit Networks(const std::vector<NetworkRecord>& networks) {
    for (const NetworkRecord& network : networks) by_name_.emplace(network.name, &network);
  }

  [[nodiscard]] const NetworkRecord* find(const Label& name) const {
    const auto at = by_name_.find(name);
    return at != by_name_.end() ? at->second : nullptr;
  }

  const IpPrefix* overlapping(const NetworkRecord& network, const IpPrefix& prefix) {
    auto at = subnets_.find(&network);
    if (at == subnets_.end()) {
      at = subnets_.emplace(&network, index_prefixes(network.subnets, std::identity())).first;
    }
    const PrefixIndex::Entry* entry = at->second.overlapping(prefix);
    return entry != nullptr ? &entry->prefix : nullptr;
  }

 private:
  std::map<Label, const NetworkRecord*> by_name_;
  std::map<const NetworkRecord*, PrefixIndex> subnets_;
};

bool has_way_out(const EndpointBlock& endpoint, const Networks& networks) {
  return std::ranges::any_of(endpoint.attachments, [&](const AttachmentBlock& attachment) {
    const NetworkRecord* network = networks.find(attachment.network.value);
    return network != nullptr && !network->internal;
  });
}

// ---- pools ---------------------------------------------------------------------------------------

std::map<HostName, IpPrefix> open_pools(const Manifest& manifest, const Records& current) {
  std::map<HostName, IpPrefix> out;
  for (const HostBlock& block : manifest.hosts) {
    const HostRecord* before = current.host(block.name);
    if (block.gateway_pool || before == nullptr || !before->gateway_pool) continue;
    out.emplace(block.name, *before->gateway_pool);
  }
  return out;
}

// Those that overlap a pool of anybody's: mostly none.
std::set<Label> networks_at(const std::map<HostName, IpPrefix>& pools,
                            const std::vector<NetworkRecord>& networks) {
  PrefixIndex index;
  for (const auto& [host, pool] : pools) index.add(pool, 0);
  std::set<Label> out;
  for (const NetworkRecord& network : networks) {
    const auto is_at = [&](const IpPrefix& subnet) { return index.overlapping(subnet) != nullptr; };
    if (std::ranges::any_of(network.subnets, is_at)) out.insert(network.name);
  }
  return out;
}

// ---- subnets -------------------------------------------------------------------------------------

struct Subnet {
  IpPrefix prefix;
  const NetworkRecord* network;
};

// f(inner, outer) for each prefix that is within another one, and the smallest such.
template <class F>
void for_each_overlap(std::vector<Subnet> subnets, const F& f) {
  std::ranges::stable_sort(subnets, {}, &Subnet::prefix);
  std::vector<Subnet> around;  // the one at hand is within each of them, and each within the one before
  for (const Subnet& subnet : subnets) {
    while (!around.empty() && !around.back().prefix.contains(subnet.prefix)) around.pop_back();
    if (!around.empty()) f(subnet, around.back());
    around.push_back(subnet);
  }
}

class CrowdedSubnets {
 public:
  CrowdedSubnets(const Manifest& manifest, const std::vector<NetworkRecord>& networks)
      : manifest_(manifest), all_(networks), networks_(networks) {}

  Diagnostics run() {
    find_suspects();
    if (suspects_.empty()) return {};
    for (const HostBlock& host : manifest_.hosts) {
      if (host.gateway_pool) pools_.emplace(host.name, host.gateway_pool->value);
    }
    for (const EndpointBlock& endpoint : manifest_.endpoints) check(endpoint);
    return std::move(out_);
  }

 private:
  // Networks whose subnets the manifest leaves open, and which overlap another one, or a declared pool.
  void find_suspects() {
    std::set<Label> open;
    for (const NetworkBlock& block : manifest_.networks) {
      if (block.subnets.empty()) open.insert(block.name);
    }
    if (open.empty()) return;
    PrefixIndex pools;
    for (const HostBlock& host : manifest_.hosts) {
      if (host.gateway_pool) pools.add(host.gateway_pool->value, 0);
    }
    const auto suspect = [&](const NetworkRecord& network) {
      if (open.contains(network.name)) suspects_.insert(&network);
    };
    std::vector<Subnet> all;
    for (const NetworkRecord& network : all_) {
      for (const IpPrefix& subnet : network.subnets) {
        all.push_back({subnet, &network});
        if (pools.overlapping(subnet) != nullptr) suspect(network);
      }
    }
    for_each_overlap(std::move(all), [&](const Subnet& inner, const Subnet& outer) {
      suspect(*inner.network);
      suspect(*outer.network);
    });
  }

  void check(const EndpointBlock& endpoint) {
    std::vector<Subnet> subnets;
    bool suspected = false;
    for (const AttachmentBlock& attachment : endpoint.attachments) {
      const NetworkRecord* network = networks_.find(attachment.network.value);
      if (network == nullptr) continue;
      for (const IpPrefix& subnet : network->subnets) subnets.push_back({subnet, network});
      suspected = suspected || suspects_.contains(network);
    }
    if (!suspected || in_its_pool(endpoint)) return;
    bool told = false;
    for_each_overlap(std::move(subnets), [&](const Subnet& inner, const Subnet& outer) {
      const bool is_inner = suspects_.contains(inner.network);
      if (told || !(is_inner || suspects_.contains(outer.network))) return;
      const Subnet& kept = is_inner ? inner : outer;
      const Subnet& other = is_inner ? outer : inner;
      refuse(endpoint, kept,
             fmt::format("in network \"{}\" ({})", other.network->name.text(), other.prefix.text()));
      told = true;
    });
  }

  bool in_its_pool(const EndpointBlock& endpoint) {
    const auto pool = pools_.find(endpoint.host.value);
    if (pool == pools_.end() || !has_way_out(endpoint, networks_)) return false;
    for (const AttachmentBlock& attachment : endpoint.attachments) {
      const NetworkRecord* network = networks_.find(attachment.network.value);
      if (network == nullptr || !suspects_.contains(network)) continue;
      const IpPrefix* clash = networks_.overlapping(*network, pool->second);
      if (clash == nullptr) continue;
      refuse(endpoint, {*clash, network},
             fmt::format("in the gateway pool of its host ({})", pool->second.text()));
      return true;
    }
    return false;
  }

  void refuse(const EndpointBlock& endpoint, const Subnet& kept, const std::string& other) {
    const NetworkRecord& network = *kept.network;
    const auto attachment = std::ranges::find_if(
        endpoint.attachments, [&](const AttachmentBlock& one) { return one.network.value == network.name; });
    out_.push_back(Diagnostic{
        .id = "subnets-overlap",
        .message =
            fmt::format("endpoint \"{}\" would be {} and in network \"{}\" ({}, {} earlier), which overlap",
                        endpoint.name.text(), other, network.name.text(), kept.prefix.text(),
                        is_chosen(network.chosen, "subnets") ? "chosen" : "given"),
        .place = attachment->network.place,
        .hint = fmt::format("declare another one, or give network \"{}\" a subnet of its own",
                            network.name.text())});
  }

  const Manifest& manifest_;
  const std::vector<NetworkRecord>& all_;
  Networks networks_;
  std::set<const NetworkRecord*> suspects_;
  std::map<HostName, IpPrefix> pools_;
  Diagnostics out_;
};

}  // namespace

std::set<HostName> hosts_with_crowded_pools(const Manifest& manifest,
                                            const std::vector<NetworkRecord>& networks,
                                            const Records& current) {
  const std::map<HostName, IpPrefix> pools = open_pools(manifest, current);
  const std::set<Label> suspects = networks_at(pools, networks);
  std::set<HostName> out;
  if (suspects.empty()) return out;
  Networks by_name(networks);
  std::set<std::pair<HostName, Label>> seen;
  for (const EndpointBlock& endpoint : manifest.endpoints) {
    const auto pool = pools.find(endpoint.host.value);
    if (pool == pools.end() || !has_way_out(endpoint, by_name)) continue;
    for (const AttachmentBlock& attachment : endpoint.attachments) {
      const Label& name = attachment.network.value;
      if (!suspects.contains(name) || !seen.emplace(pool->first, name).second) continue;
      if (by_name.overlapping(*by_name.find(name), pool->second) != nullptr) out.insert(pool->first);
    }
  }
  return out;
}

Diagnostics crowded_subnets(const Manifest& manifest, const std::vector<NetworkRecord>& networks) {
  return CrowdedSubnets(manifest, networks).run();
}

}  // namespace ovl
