// Kind netns: a named network namespace under /run/netns.
#pragma once

#include "model/base/fields.hpp"

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
  // Seen, never wished: which of the namespaces that bear this name, one after the other, it is: the
  // machine's boot and the kernel's cookie (SO_NETNS_COOKIE). Empty: the kernel does not say.
  std::string born;
  // Judged, never wished: this host remembers that ovl made this very namespace. Whoever is root in it can
  // rewrite `owner`, and not this.
  bool made_here = false;

  static constexpr std::string_view kind = "netns";

  static constexpr auto fields() {
    return std::tuple{ovl::key("name", &Netns::name), ovl::mark("owner", &Netns::owner),
                      ovl::setting("lo_up", &Netns::lo_up)};
  }

  [[nodiscard]] const NetnsName& key() const { return name; }

  // Not `born` and `made_here`: they say which one it is, not what it is like.
  bool operator==(const Netns& other) const {
    return std::tie(name, owner, lo_up, unfinished) ==
           std::tie(other.name, other.owner, other.lo_up, other.unfinished);
  }
};

}  // namespace ovl
