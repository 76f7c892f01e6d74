// Kind netns: a named network namespace under /run/netns.
#pragma once

#include "model/fields.hpp"

namespace ovl {

struct Netns {
  // Identity: the file name under /run/netns. Empty is the host's own, which is never made.
  NetnsName name;
  // IFLA_IFALIAS of its lo: says that ovl made it. Empty: somebody else did; such a namespace is
  // used and never removed.
  std::string owner;
  bool lo_up = true;
  // Seen, never wished: only the empty file of a making that was cut short. Nothing is in it.
  bool unfinished = false;

  static constexpr std::string_view kind = "netns";

  static constexpr auto fields() {
    return std::tuple{ovl::key("name", &Netns::name), ovl::mark("owner", &Netns::owner),
                      ovl::setting("lo_up", &Netns::lo_up)};
  }

  [[nodiscard]] const NetnsName& key() const { return name; }

  bool operator==(const Netns&) const = default;
};

}  // namespace ovl
