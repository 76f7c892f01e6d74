// Kind fdb: a static forwarding entry, in a VXLAN device's own table (to a VTEP) or in its bridge's
// (to a port). Hot: one per remote endpoint.
#pragma once

#include <array>

#include "model/base/fields.hpp"

namespace ovl {

// self: the device's own table (NTF_SELF). master: the table of its bridge (NTF_MASTER).
enum class FdbTable : std::uint8_t { self, master };

template <>
struct EnumNames<FdbTable> {
  static constexpr std::array<std::string_view, 2> names{"self", "master"};
};

struct Fdb {
  // Identity: __vxlan_find_mac() for self, br_fdb_find() for master (VLAN 0, the device's VNI).
  IfName dev;
  FdbTable table = FdbTable::self;
  MacAddress mac;
  IpAddress vtep;  // of a self entry; none for master

  static constexpr std::string_view kind = "fdb";

  static constexpr auto fields() {
    return std::tuple{ovl::key("dev", &Fdb::dev), ovl::key("table", &Fdb::table), ovl::key("mac", &Fdb::mac),
                      ovl::setting("vtep", &Fdb::vtep)};
  }

  [[nodiscard]] auto key() const { return std::tie(dev, table, mac); }

  bool operator==(const Fdb&) const = default;
};

}  // namespace ovl
