#include "reconcile/chosen_overlaps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "reconcile/prefix_index.hpp"

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

std::map<HostName, IpPrefix> chosen_pools(const Manifest& manifest, const Records& current) {
  std::map<HostName, IpPrefix> out;
  for (const HostBlock& block : manifest.hosts) {
    const HostRecord* before = current.host(block.name);
    if (block.gateway_pool || before == nullptr || !before->gateway_pool) continue;
    if (is_chosen(before->chosen, "gateway_pool")) out.emplace(block.name, *before->gateway_pool);
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
  void find_suspects() {
    PrefixIndex declared;
    for (const NetworkRecord& network : all_) {
      if (is_chosen(network.chosen, "subnets")) continue;
      for (const IpPrefix& subnet : network.subnets) declared.add(subnet, 0);
    }
    for (const HostBlock& host : manifest_.hosts) {
      if (host.gateway_pool) declared.add(host.gateway_pool->value, 0);
    }
    for (const NetworkRecord& network : all_) {
      if (!is_chosen(network.chosen, "subnets") || network.subnets.empty()) continue;
      if (declared.overlapping(network.subnets.front()) != nullptr) suspects_.insert(&network);
    }
  }

  void check(const EndpointBlock& endpoint) {
    for (const AttachmentBlock& attachment : endpoint.attachments) {
      const NetworkRecord* network = networks_.find(attachment.network.value);
      if (network != nullptr && suspects_.contains(network) && check(endpoint, attachment, *network)) return;
    }
  }

  bool check(const EndpointBlock& endpoint, const AttachmentBlock& attachment, const NetworkRecord& network) {
    const IpPrefix& subnet = network.subnets.front();
    const auto pool = pools_.find(endpoint.host.value);
    if (pool != pools_.end() && pool->second.overlaps(subnet) && has_way_out(endpoint, networks_)) {
      return refuse(endpoint, attachment, network,
                    fmt::format("in the gateway pool of its host ({})", pool->second.text()));
    }
    for (const AttachmentBlock& other : endpoint.attachments) {
      const NetworkRecord* its = networks_.find(other.network.value);
      if (its == nullptr || its == &network || is_chosen(its->chosen, "subnets")) continue;
      const IpPrefix* clash = networks_.overlapping(*its, subnet);
      if (clash == nullptr) continue;
      return refuse(endpoint, attachment, network,
                    fmt::format("in network \"{}\" ({})", its->name.text(), clash->text()));
    }
    return false;
  }

  bool refuse(const EndpointBlock& endpoint, const AttachmentBlock& attachment, const NetworkRecord& network,
              const std::string& other) {
    out_.push_back(Diagnostic{
        .id = "subnets-overlap",
        .message = fmt::format(
            "endpoint \"{}\" would be {} and in network \"{}\" ({}, chosen earlier), which overlap",
            endpoint.name.text(), other, network.name.text(), network.subnets.front().text()),
        .place = attachment.network.place,
        .hint = fmt::format("declare another one, or give network \"{}\" a subnet of its own",
                            network.name.text())});
    return true;
  }

  const Manifest& manifest_;
  const std::vector<NetworkRecord>& all_;
  Networks networks_;
  std::set<const NetworkRecord*> suspects_;  // chosen, and somewhere under something that is declared
  std::map<HostName, IpPrefix> pools_;
  Diagnostics out_;
};

}  // namespace

std::set<HostName> hosts_with_crowded_pools(const Manifest& manifest,
                                            const std::vector<NetworkRecord>& networks,
                                            const Records& current) {
  const std::map<HostName, IpPrefix> pools = chosen_pools(manifest, current);
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
