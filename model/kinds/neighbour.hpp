// Kind neighbour: a permanent IP to MAC entry. Hot: one per remote endpoint.
#pragma once

#include "model/base/fields.hpp"

namespace ovl {

struct Neighbour {
  // Identity: neigh_lookup(): table, device, destination.
  IfName dev;
  IpAddress address;
  MacAddress mac;

  static constexpr std::string_view kind = "neighbour";

  static constexpr auto fields() {
    return std::tuple{ovl::key("dev", &Neighbour::dev), ovl::key("address", &Neighbour::address),
                      ovl::setting("mac", &Neighbour::mac)};
  }

  [[nodiscard]] auto key() const { return std::tie(dev, address); }

  bool operator==(const Neighbour&) const = default;
};

}  // namespace ovl
