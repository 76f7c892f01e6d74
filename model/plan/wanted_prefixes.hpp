// Where traffic of a namespace is to go by our devices, and which routes of others lead it elsewhere.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "model/kinds/address.hpp"
#include "model/kinds/route.hpp"

namespace ovl {

// A prefix that a route takes from another one.
struct HiddenPrefix {
  IpPrefix prefix;
  bool whole = true;  // false: a part of it

  auto operator<=>(const HiddenPrefix&) const = default;
};

class WantedPrefixes {
 public:
  // The subnets of the addresses, and where the routes lead but for default routes.
  WantedPrefixes(const std::vector<Address>& addresses, const std::vector<Route>& routes);

  [[nodiscard]] bool empty() const { return metrics_.empty(); }

  // What a route of somebody else takes: all of a prefix, when it has the same one and a metric that is as
  // good or better (of two as good the kernel takes the first), or the part that it leads to. nullopt:
  // nothing.
  [[nodiscard]] std::optional<HiddenPrefix> hidden_by(const Route& route) const;

 private:
  void add(const IpPrefix& prefix, std::uint32_t metric);

  std::map<IpPrefix, std::uint32_t> metrics_;          // the lowest of each
  std::set<std::pair<Family, std::uint8_t>> lengths_;  // of these prefixes
};

}  // namespace ovl
