#include "drivers/kernel/links/tunnel_obstacles.hpp"

#include <fmt/format.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <map>

#include "drivers/kernel/links/link.hpp"
#include "drivers/probe/port_holder.hpp"

namespace ovl {

namespace {

// A VXLAN device of others whose socket is in the host's own namespace.
struct ForeignTunnel {
  Link link;
  bool over_ipv6 = false;
  bool shares_no_port = false;
  NetnsName netns;

  [[nodiscard]] std::string text() const {
    std::string name;  // somebody chose it
    for (const char c : link.name.view()) name += c >= ' ' && c <= '~' ? c : '?';
    return fmt::format("device {} in {}", name,
                       netns.empty() ? "the host's own namespace" : "netns " + netns.text());
  }
};

bool is_over_ipv6(const Link& link) {
  return link.local && !link.local->is_ipv4();
}

class Search {
 public:
  Search(Spaces& spaces, const std::string& proc) : spaces_(spaces), proc_(proc) {}

  Status look() {
    OVL_TRY(const Space* own, spaces_.get(NetnsName()));
    own_ = own->fd();
    OVL_TRY(std::vector<NetnsName> names, spaces_.directory().list());
    names.insert(names.begin(), NetnsName());
    for (const NetnsName& name : names) {
      spaces_.trim();
      auto space = spaces_.get(name);
      if (!space.ok()) continue;  // gone, or no namespace: nothing of it is in the way
      OVL_CHECK(look_into(*space.value()));
    }
    return {};
  }

  // Who has the VNI counts first: that device may share the port.
  Result<std::optional<TunnelObstacle>> find(const Link& wanted) {
    for (const ForeignTunnel& other : others_) {
      if (other.link.port != wanted.port || other.over_ipv6 != is_over_ipv6(wanted)) continue;
      if (other.shares_no_port || other.link.vni != wanted.vni) continue;
      return obstacle(false, fmt::format("{} has VNI {} on UDP port {}", other.text(), wanted.vni->number(),
                                         wanted.port->number()));
    }
    const auto [at, is_new] = holders_.try_emplace({*wanted.port, is_over_ipv6(wanted)});
    if (is_new) {
      OVL_TRY(at->second, holder_of(*wanted.port, is_over_ipv6(wanted)));
    }
    if (at->second.empty()) return std::optional<TunnelObstacle>();
    return obstacle(true, fmt::format("{} holds UDP port {}", at->second, wanted.port->number()));
  }

 private:
  static std::optional<TunnelObstacle> obstacle(bool is_port, std::string message) {
    return TunnelObstacle{.is_port = is_port, .message = std::move(message)};
  }

  Status look_into(Space& space) {
    OVL_TRY(const LinkTable links, read_links(space.route()));
    for (const LinkRow& row : links.rows()) {
      if (row.link.type != LinkType::vxlan || carries_our_mark(row.link)) continue;
      OVL_TRY(const bool is_here, has_socket_here(space, row));
      if (!is_here) continue;
      others_.push_back(ForeignTunnel{.link = row.link,
                                      .over_ipv6 = row.over_ipv6,
                                      .shares_no_port = row.shares_no_port,
                                      .netns = space.name()});
    }
    return {};
  }

  // A device's socket stays in the namespace that it was made in (vxlan_get_link_net()).
  Result<bool> has_socket_here(Space& space, const LinkRow& row) {
    if (!row.peer_nsid) return space.name().empty();
    MessageQueue request;
    request.start(RTM_GETNSID, 0, rtgenmsg{});
    request.put_u32(NETNSA_FD, static_cast<std::uint32_t>(own_));
    OVL_TRY(const auto bytes, space.route().get(request));
    bool is_ours = false;
    for_each_message(bytes, [&](const MessageView& message) {
      const Attributes<NETNSA_MAX> attributes(message.attributes<rtgenmsg>());
      is_ours = attributes[NETNSA_NSID].as<std::int32_t>() == row.peer_nsid;
    });
    return is_ours;
  }

  // One that is up and receives otherwise opens both families when it has no family of its own.
  [[nodiscard]] std::string other_device(UdpPort port, bool over_ipv6) const {
    for (const ForeignTunnel& other : others_) {
      const bool same_family = other.over_ipv6 == over_ipv6 || !other.link.vni;
      if (other.shares_no_port && other.link.up && same_family && other.link.port == port) {
        return other.text();
      }
    }
    return {};
  }

  Result<std::string> holder_of(UdpPort port, bool over_ipv6) {
    if (std::string device = other_device(port, over_ipv6); !device.empty()) return device;
    OVL_TRY(const auto program, find_port_holder(port, over_ipv6 ? Family::ipv6 : Family::ipv4, proc_));
    return program ? words_for(*program) : std::string();
  }

  Spaces& spaces_;
  const std::string& proc_;
  int own_ = -1;  // of the host's own namespace
  std::vector<ForeignTunnel> others_;
  std::map<std::pair<UdpPort, bool>, std::string> holders_;  // empty: nobody
};

}  // namespace

Result<std::vector<TunnelObstacle>> find_tunnel_obstacles(Spaces& spaces, const std::string& proc,
                                                          std::span<const Link> wanted) {
  std::vector<TunnelObstacle> out;
  Search search(spaces, proc);
  OVL_CHECK(search.look());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i].port || !wanted[i].vni) continue;
    OVL_TRY(auto found, search.find(wanted[i]));
    if (!found) continue;
    found->index = i;
    out.push_back(std::move(*found));
  }
  return out;
}

}  // namespace ovl
