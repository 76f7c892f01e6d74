// Kind link: a network device of one namespace. The optional fields belong to some link types only
// or are no wish of ours; an absent one is never compared.
#pragma once

#include <array>

#include "model/base/fields.hpp"

namespace ovl {

enum class LinkType : std::uint8_t { other, bridge, vxlan, veth };

template <>
struct EnumNames<LinkType> {
  static constexpr std::array<std::string_view, 4> names{"other", "bridge", "vxlan", "veth"};
};

// Where the other end of a veth pair is.
struct VethPeer {
  NetnsName netns;  // empty: the host's own namespace
  IfName name;

  [[nodiscard]] std::string text() const { return netns.text() + ":" + name.text(); }

  static Result<VethPeer> parse(std::string_view text);
  auto operator<=>(const VethPeer&) const = default;
};

struct Link {
  // Identity: the name within its namespace (__dev_get_by_name()).
  IfName name;
  LinkType type = LinkType::other;
  std::optional<MacAddress> mac;
  std::optional<std::uint32_t> mtu;  // bytes
  bool up = true;                    // IFF_UP
  std::optional<IfName> master;      // the bridge it is a port of; empty name: none
  // IPv6 address generation: false is IN6_ADDR_GEN_MODE_NONE (1), true the kernel's default.
  std::optional<bool> addrgen;

  // vxlan
  std::optional<Vni> vni;
  std::optional<UdpPort> port;  // UDP destination port
  // Source address of the tunnel. The kernel takes another one in place (vxlan_changelink()), but what
  // its entries have cached (vxlan_rdst::dst_cache) goes on leaving with the old one.
  std::optional<IpAddress> local;
  std::optional<bool> learning;     // of the vxlan device
  std::optional<bool> proxy;        // answers ARP and ND from its neighbour table
  std::optional<std::uint8_t> ttl;  // of the outer packet, 0 inherits

  // bridge
  std::optional<bool> mcast_snooping;
  std::optional<bool> stp;

  // port of a bridge (IFLA_PROTINFO)
  std::optional<bool> port_learning;
  std::optional<bool> port_flood;     // takes unknown unicast
  std::optional<bool> port_isolated;  // exchanges nothing with other isolated ports

  // veth. Set on the end that is created: the other end is born with it, in its own namespace.
  std::optional<VethPeer> peer;

  // marks. A link with our group and name but no alias is ours, unfinished: the kernel drops an
  // alias in the create message, so it comes in the next one.
  std::uint32_t group = 0;
  std::string alias;

  static constexpr std::string_view kind = "link";

  static constexpr auto fields() {
    return std::tuple{ovl::key("name", &Link::name),
                      ovl::fixed("type", &Link::type),
                      ovl::setting("mac", &Link::mac),
                      ovl::setting("mtu", &Link::mtu),
                      ovl::setting("up", &Link::up),
                      ovl::setting("master", &Link::master),
                      ovl::setting("addrgen", &Link::addrgen),
                      ovl::fixed("vni", &Link::vni),
                      ovl::fixed("port", &Link::port),
                      ovl::fixed("local", &Link::local),
                      ovl::setting("learning", &Link::learning),
                      ovl::fixed("proxy", &Link::proxy),
                      ovl::setting("ttl", &Link::ttl),
                      ovl::setting("mcast_snooping", &Link::mcast_snooping),
                      ovl::setting("stp", &Link::stp),
                      ovl::setting("port_learning", &Link::port_learning),
                      ovl::setting("port_flood", &Link::port_flood),
                      ovl::setting("port_isolated", &Link::port_isolated),
                      ovl::fixed("peer", &Link::peer),
                      ovl::mark("group", &Link::group),
                      ovl::mark("alias", &Link::alias)};
  }

  [[nodiscard]] const IfName& key() const { return name; }

  bool operator==(const Link&) const = default;
};

// Whether some ovl made this link: its group, or (somebody changed the group) its alias says so. Which
// cluster's it is, the alias tells.
inline bool carries_our_mark(const Link& link) {
  return link.group == kLinkGroup || link.alias.starts_with("ovl:");
}

}  // namespace ovl
