// Checks of the manifest that need more than one value to judge. Each part of them has its own file.
#pragma once

#include <algorithm>

#include "reconcile/decode_manifest.hpp"
#include "reconcile/reporter.hpp"

namespace ovl {

// A bridge numbers its ports with 10 bits, and 0 is none (BR_PORT_BITS and find_portno() in
// net/bridge/br_if.c).
inline constexpr std::size_t kMaxBridgePorts = 1023;

// Appends an error for each contradiction.
void check_manifest(const Decoded& decoded, Diagnostics& diagnostics);

// The same blocks by name, for the parts of the check.
class ManifestIndex {
 public:
  explicit ManifestIndex(const Decoded& decoded) : decoded_(&decoded) {}

  [[nodiscard]] const Manifest& manifest() const { return decoded_->manifest; }

  [[nodiscard]] const HostBlock* host(const HostName& name) const;
  [[nodiscard]] const NetworkBlock* network(const Label& name) const;
  [[nodiscard]] const EndpointBlock* endpoint(const Label& name) const;

  // All files could be read: a name that is nowhere doesn't exist.
  [[nodiscard]] bool complete() const { return decoded_->complete; }

  // A value of the block was refused ("keystore", "network.my-net"): no conclusions from it.
  [[nodiscard]] bool is_damaged(const std::string& block) const { return decoded_->damaged.contains(block); }

 private:
  const Decoded* decoded_;
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

// Cluster, keystore, hosts, renames.
void check_cluster(const ManifestIndex& index, Reporter& report);
// Each network on its own, and VNIs among them.
void check_networks(const ManifestIndex& index, Reporter& report);
// References, addresses, names and namespaces of endpoints, and what they make of their hosts.
void check_endpoints(const ManifestIndex& index, Reporter& report);

}  // namespace ovl
