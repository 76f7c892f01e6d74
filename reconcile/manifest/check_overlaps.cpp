// Whether the networks of one endpoint overlap.
#include <algorithm>
#include <cmath>

#include "reconcile/manifest/check_manifest.hpp"

namespace ovl {

namespace {

std::optional<SubnetClash> turned(const std::optional<SubnetClash>& clash, const NetworkBlock& before) {
  if (!clash) return std::nullopt;
  return SubnetClash{.network = &before, .its = clash->added, .added = clash->its};
}

}  // namespace

// There are at most as many large networks as a large one has subnets at least.
OverlapCheck::OverlapCheck(const ManifestIndex& index) : index_(index) {
  std::size_t subnets = 0;
  for (const NetworkBlock& network : index.manifest().networks) subnets += network.subnets.size();
  many_ = static_cast<std::size_t>(std::sqrt(static_cast<double>(subnets)));
}

void OverlapCheck::begin() {
  all_.clear();
  large_.clear();
  known_.clear();
  small_.clear();
  small_subnets_ = {};
}

std::optional<SubnetClash> OverlapCheck::add(const NetworkBlock& network) {
  if (!known_.insert(&network).second) return std::nullopt;
  const bool large = network.subnets.size() > many_;
  std::optional<SubnetClash> found;
  for (const NetworkBlock* before : large ? all_ : large_) {
    found = compare(*before, network);
    if (found) break;
  }
  all_.push_back(&network);
  if (large) {
    large_.push_back(&network);
    return found;
  }
  const auto among_small = add_small(network);
  return found ? found : among_small;
}

// The one with fewer subnets asks the other.
std::optional<SubnetClash> OverlapCheck::compare(const NetworkBlock& before, const NetworkBlock& network) {
  if (before.subnets.size() < network.subnets.size()) return turned(compare(network, before), before);
  const auto [at, is_new] = compared_.try_emplace({&before, &network});
  if (!is_new) return at->second;
  const PrefixIndex& subnets = index_.lists_of(before).subnets;
  for (const auto& subnet : network.subnets) {
    const PrefixIndex::Entry* other = subnets.overlapping(subnet.value);
    if (other == nullptr) continue;
    at->second = SubnetClash{.network = &before, .its = &before.subnets[other->index], .added = &subnet};
    break;
  }
  return at->second;
}

std::optional<SubnetClash> OverlapCheck::add_small(const NetworkBlock& network) {
  std::optional<SubnetClash> found;
  for (const auto& subnet : network.subnets) {
    const PrefixIndex::Entry* other = found ? nullptr : small_subnets_.overlapping(subnet.value);
    if (other == nullptr || small_[other->index].first == &network) continue;
    const auto& [holder, its] = small_[other->index];
    found = SubnetClash{.network = holder, .its = its, .added = &subnet};
  }
  for (const auto& subnet : network.subnets) {
    small_subnets_.add(subnet.value, small_.size());
    small_.emplace_back(&network, &subnet);
  }
  return found;
}

}  // namespace ovl
