#include "model/plan/wanted_prefixes.hpp"

#include <algorithm>

namespace ovl {

namespace {

constexpr std::uint32_t kOfIpv6Address = 256;  // IP6_RT_PRIO_ADDRCONF; an IPv4 address's route has none

}  // namespace

WantedPrefixes::WantedPrefixes(const std::vector<Address>& addresses, const std::vector<Route>& routes) {
  for (const Address& address : addresses) {
    const IpAddress& ip = address.address.address;
    add(IpPrefix::masked(ip, address.address.length), ip.is_ipv4() ? 0 : kOfIpv6Address);
  }
  for (const Route& route : routes) {
    if (route.destination.length() > 0) add(route.destination, route.metric);
  }
}

void WantedPrefixes::add(const IpPrefix& prefix, std::uint32_t metric) {
  const auto [at, is_new] = metrics_.emplace(prefix, metric);
  if (!is_new) at->second = std::min(at->second, metric);
  lengths_.emplace(prefix.family(), prefix.length());
}

std::optional<HiddenPrefix> WantedPrefixes::hidden_by(const Route& route) const {
  const IpPrefix& to = route.destination;
  const auto same = metrics_.find(to);
  if (same != metrics_.end()) {
    if (route.metric <= same->second) return HiddenPrefix{.prefix = to};
    return std::nullopt;
  }
  for (const auto& [family, length] : lengths_) {
    if (family != to.family() || length > to.length()) continue;
    const IpPrefix around = IpPrefix::masked(to.address(), length);
    if (metrics_.contains(around)) return HiddenPrefix{.prefix = around, .whole = false};
  }
  return std::nullopt;
}

}  // namespace ovl
