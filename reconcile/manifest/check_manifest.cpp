#include "reconcile/manifest/check_manifest.hpp"

#include <algorithm>

#include "reconcile/manifest/host_load.hpp"
#include "reconcile/manifest/record_size.hpp"

namespace ovl {

namespace {

// The block of that name in a vector that is sorted by name.
template <class Block, class Name>
const Block* find_block(const std::vector<Block>& blocks, const Name& name) {
  const auto at = std::ranges::lower_bound(blocks, name, {}, &Block::name);
  return at != blocks.end() && at->name == name ? &*at : nullptr;
}

NetworkLists lists_in(const NetworkBlock& network) {
  NetworkLists lists;
  lists.subnets =
      index_prefixes(network.subnets, [](const Located<IpPrefix>& subnet) { return subnet.value; });
  for (const auto& gateway : network.gateways) {
    const PrefixIndex::Entry* subnet = lists.subnets.holding(gateway.value);
    if (subnet != nullptr) lists.gateways.try_emplace(subnet->prefix, gateway.value);
  }
  for (const auto& address : network.reserved) lists.reserved.try_emplace(address.value, address.place);
  return lists;
}

}  // namespace

ManifestIndex::ManifestIndex(const Decoded& decoded) : decoded_(&decoded) {
  lists_.reserve(manifest().networks.size());
  for (const NetworkBlock& network : manifest().networks) lists_.push_back(lists_in(network));
}

const HostBlock* ManifestIndex::host(const HostName& name) const {
  return find_block(manifest().hosts, name);
}

const NetworkBlock* ManifestIndex::network(const Label& name) const {
  return find_block(manifest().networks, name);
}

const EndpointBlock* ManifestIndex::endpoint(const Label& name) const {
  return find_block(manifest().endpoints, name);
}

void check_manifest(const Decoded& decoded, Diagnostics& diagnostics) {
  Reporter report(diagnostics);
  const ManifestIndex index(decoded);
  check_cluster(index, report);
  check_networks(index, report);
  check_endpoints(index, report);
  check_record_sizes(index, report);
  check_host_loads(index, report);
}

}  // namespace ovl
