#include "reconcile/base/allocate.hpp"

#include <algorithm>
#include <iterator>

namespace ovl {

namespace {

// Constants of ours; they parse.
IpPrefix prefix_of(std::array<std::uint8_t, 4> bytes, std::uint8_t length) {
  return IpPrefix::masked(IpAddress::from_bytes(Family::ipv4, bytes.data()), length);
}

// The first of the `length`-prefixes from `from` on, within `whole`, that is free.
std::optional<IpPrefix> first_free(const TakenSpace& taken, const TakenSpace& own, const IpPrefix& whole,
                                   const IpPrefix& from) {
  const std::uint64_t step = std::uint64_t{1} << (32 - from.length());
  IpPrefix candidate = from;
  while (whole.contains(candidate)) {
    if (!taken.overlaps(candidate) && !own.overlaps(candidate)) return candidate;
    const auto next = candidate.address().plus(step);
    if (!next) break;
    candidate = IpPrefix::masked(*next, from.length());
  }
  return std::nullopt;
}

}  // namespace

// One range with all that it overlaps.
void TakenSpace::add(const IpPrefix& prefix) {
  IpAddress first = prefix.address();
  IpAddress last = prefix.last();
  auto behind = ranges_.upper_bound(last);
  while (behind != ranges_.begin()) {
    const auto before = std::prev(behind);
    if (before->second < first) break;
    first = std::min(first, before->first);
    last = std::max(last, before->second);
    behind = ranges_.erase(before);
  }
  ranges_.emplace(first, last);
}

void TakenSpace::add(const HostFacts& facts) {
  for (const FactRoute& route : facts.routes) add(route.destination);
  for (const IpAddress& address : facts.addresses) add(address);
  for (const IpAddress& address : facts.nameservers) add(address);
  if (facts.vtep) add(*facts.vtep);
}

bool TakenSpace::overlaps(const IpPrefix& prefix) const {
  const auto behind = ranges_.upper_bound(prefix.last());
  return behind != ranges_.begin() && !(std::prev(behind)->second < prefix.address());
}

std::optional<IpPrefix> choose_subnet(const TakenSpace& taken, const std::optional<IpPrefix>& from) {
  return first_free(taken, {}, prefix_of({10, 0, 0, 0}, 8), from.value_or(prefix_of({10, 0, 0, 0}, 24)));
}

std::optional<IpPrefix> choose_gateway_pool(const TakenSpace& taken, const TakenSpace& own) {
  auto pool = first_free(taken, own, prefix_of({172, 16, 0, 0}, 12), prefix_of({172, 18, 0, 0}, 16));
  if (!pool) pool = first_free(taken, own, prefix_of({192, 168, 0, 0}, 16), prefix_of({192, 168, 0, 0}, 20));
  return pool;
}

IpAddress default_gateway(const IpPrefix& subnet) {
  // A /31, /32, /127 or /128 has no address to spare: its first one is used.
  if (subnet.length() + 1 >= subnet.address().bits()) return subnet.address();
  return subnet.address().plus(1).value_or(subnet.address());
}

bool is_usable(const IpPrefix& subnet, const IpAddress& address) {
  if (!subnet.contains(address)) return false;
  if (subnet.length() + 1 >= subnet.address().bits()) return true;
  // RFC 4291 2.6.1: the all-zero interface identifier is the subnet-router anycast address.
  if (address == subnet.address()) return false;
  return !address.is_ipv4() || address != subnet.last();
}

std::optional<IpAddress> AddressPool::take_lowest(const IpPrefix& subnet, const IpPrefix& range) {
  const auto [at, fresh] = next_.try_emplace(range, range.address());
  IpAddress candidate = at->second;
  while (range.contains(candidate)) {
    const bool usable = is_usable(subnet, candidate) && is_free(candidate);
    const auto next = candidate.plus(1);
    if (usable) {
      taken_.insert(candidate);
      at->second = next.value_or(candidate);
      return candidate;
    }
    if (!next) break;
    candidate = *next;
  }
  return std::nullopt;
}

}  // namespace ovl
