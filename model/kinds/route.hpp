// Kind route: a unicast route of the main table with our protocol number.
#pragma once

#include "model/base/fields.hpp"

namespace ovl {

struct Route {
  // Identity: table (main), destination, metric (fib_table_insert(), ip6_route_add()).
  IpPrefix destination;
  std::uint32_t metric = 0;  // the kernel stores 1024 for an IPv6 route without one
  IfName dev;
  IpAddress via;  // none: on link
  std::uint8_t protocol = kRouteProtocol;

  static constexpr std::string_view kind = "route";

  static constexpr auto fields() {
    return std::tuple{ovl::key("destination", &Route::destination), ovl::key("metric", &Route::metric),
                      ovl::fixed("dev", &Route::dev), ovl::fixed("via", &Route::via),
                      ovl::mark("protocol", &Route::protocol)};
  }

  [[nodiscard]] auto key() const { return std::tie(destination, metric); }

  bool operator==(const Route&) const = default;
};

}  // namespace ovl
