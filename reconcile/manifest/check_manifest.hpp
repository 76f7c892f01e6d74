// Checks of the manifest that need more than one value to judge. Each part of them has its own file.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "reconcile/base/prefix_index.hpp"
#include "reconcile/manifest/decode_manifest.hpp"
#include "reconcile/toml/reporter.hpp"

namespace ovl {

// A bridge numbers its ports with 10 bits, and 0 is none (BR_PORT_BITS and find_portno() in
// net/bridge/br_if.c).
inline constexpr std::size_t kMaxBridgePorts = 1023;

// Appends an error for each contradiction.
void check_manifest(const Decoded& decoded, Diagnostics& diagnostics);

// A network's lists by address: endpoints ask again and again.
struct NetworkLists {
  PrefixIndex subnets;                     // by their place in the block
  std::map<IpPrefix, IpAddress> gateways;  // as given: the first of each subnet
  std::map<IpAddress, Place> reserved;
};

// The same blocks by name, for the parts of the check.
class ManifestIndex {
 public:
  explicit ManifestIndex(const Decoded& decoded);

  [[nodiscard]] const Manifest& manifest() const { return decoded_->manifest; }

  [[nodiscard]] const HostBlock* host(const HostName& name) const;
  [[nodiscard]] const NetworkBlock* network(const Label& name) const;
  [[nodiscard]] const EndpointBlock* endpoint(const Label& name) const;

  // Precondition: the network is one of the manifest's.
  [[nodiscard]] const NetworkLists& lists_of(const NetworkBlock& network) const {
    return lists_[static_cast<std::size_t>(&network - manifest().networks.data())];
  }

  // All files could be read: a name that is nowhere doesn't exist.
  [[nodiscard]] bool complete() const { return decoded_->complete; }

  // A value of the block was refused ("keystore", "network.my-net"): no conclusions from it.
  [[nodiscard]] bool is_damaged(const std::string& block) const { return decoded_->damaged.contains(block); }

 private:
  const Decoded* decoded_;
  std::vector<NetworkLists> lists_;  // of each network
};

// The blocks in the order in which they were written: of two that clash, the error is at the second.
template <class Block>
std::vector<const Block*> by_place(const std::vector<Block>& blocks) {
  std::vector<const Block*> sorted;
  sorted.reserve(blocks.size());
  for (const Block& block : blocks) sorted.push_back(&block);
  std::ranges::sort(sorted, {}, [](const Block* block) { return block->place; });
  return sorted;
}

// Subnets of two networks that can't be in one namespace.
struct SubnetClash {
  const NetworkBlock* network = nullptr;  // the one that was there first
  const Located<IpPrefix>* its = nullptr;
  const Located<IpPrefix>* added = nullptr;
};

// Whether the networks of one endpoint after the other overlap. Two networks are compared once, however many
// endpoints are in both, so that all endpoints together cost less than their number times that of subnets.
class OverlapCheck {
 public:
  explicit OverlapCheck(const ManifestIndex& index);

  // Forgets the networks of the endpoint before.
  void begin();
  // Adds a network of this endpoint; the first clash with one that it has already.
  std::optional<SubnetClash> add(const NetworkBlock& network);

 private:
  using Pair = std::pair<const NetworkBlock*, const NetworkBlock*>;

  [[nodiscard]] std::optional<SubnetClash> compare(const NetworkBlock& before, const NetworkBlock& network);
  std::optional<SubnetClash> add_small(const NetworkBlock& network);

  const ManifestIndex& index_;
  std::size_t many_;  // subnets: a network that has more is compared as a whole
  std::map<Pair, std::optional<SubnetClash>> compared_;
  std::vector<const NetworkBlock*> all_, large_;
  std::set<const NetworkBlock*> known_;
  PrefixIndex small_subnets_;
  std::vector<std::pair<const NetworkBlock*, const Located<IpPrefix>*>> small_;
};

// Cluster, keystore, hosts, renames.
void check_cluster(const ManifestIndex& index, Reporter& report);
// Each network on its own, and VNIs among them.
void check_networks(const ManifestIndex& index, Reporter& report);
// References, addresses, names and namespaces of endpoints, and what they make of their hosts.
void check_endpoints(const ManifestIndex& index, Reporter& report);

}  // namespace ovl
