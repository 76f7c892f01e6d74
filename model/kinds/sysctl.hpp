// Kind sysctl: one file under /proc/sys/net of one namespace.
#pragma once

#include "model/base/fields.hpp"

namespace ovl {

struct Sysctl {
  // Identity: the path below /proc/sys, as "net/ipv4/conf/eth1/forwarding".
  std::string path;
  std::string value;

  static constexpr std::string_view kind = "sysctl";

  static constexpr auto fields() {
    return std::tuple{ovl::key("path", &Sysctl::path), ovl::setting("value", &Sysctl::value)};
  }

  [[nodiscard]] const std::string& key() const { return path; }

  bool operator==(const Sysctl&) const = default;
};

}  // namespace ovl
