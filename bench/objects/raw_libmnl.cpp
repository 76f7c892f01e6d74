#include <arpa/inet.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>

#include "bench/objects/peers.hpp"

namespace ovl::bench {

namespace {

constexpr std::size_t kBatch = std::size_t{16} * 1024;
constexpr std::size_t kLongest = 1024;  // of one message

std::string path_of(const NetnsName& name) {
  return "/run/netns/" + name.text();
}

void check(bool good, std::string_view what) {
  if (!good) fail(std::string(what) + ": " + std::strerror(errno));
}

// A socket of one namespace, and the messages that wait to be sent through it.
class Batch {
 public:
  Batch() : socket_(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC)) {
    check(socket_ != nullptr && mnl_socket_bind(socket_, 0, MNL_SOCKET_AUTOPID) == 0, "a netlink socket");
    const int on = 1;
    mnl_socket_setsockopt(socket_, NETLINK_CAP_ACK, const_cast<int*>(&on), sizeof on);
  }

  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  ~Batch() { mnl_socket_close(socket_); }

  nlmsghdr* start(std::uint16_t type, int flags) {
    if (used_ + kLongest > kBatch) send();
    last_ = mnl_nlmsg_put_header(bytes_.data() + used_);
    last_->nlmsg_type = type;
    last_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    last_->nlmsg_seq = ++sequence_;
    return last_;
  }

  void end() { used_ += MNL_ALIGN(last_->nlmsg_len); }

  void send() {
    if (used_ == 0) return;
    last_->nlmsg_flags |= NLM_F_ACK;
    check(mnl_socket_sendto(socket_, bytes_.data(), used_) >= 0, "sending");
    used_ = 0;
    receive_until([](const nlmsghdr* message) { return message->nlmsg_type == NLMSG_ERROR; });
  }

  // Asks for everything of a kind; answers how many messages came.
  template <class Header>
  std::size_t dump(std::uint16_t type, const Header& header) {
    auto* message = start(type, NLM_F_DUMP);
    std::memcpy(mnl_nlmsg_put_extra_header(message, sizeof header), &header, sizeof header);
    check(mnl_socket_sendto(socket_, message, message->nlmsg_len) >= 0, "sending");
    return receive_until([](const nlmsghdr* answer) { return answer->nlmsg_type == NLMSG_DONE; });
  }

  int index_of(const IfName& name) {
    const auto known = indexes_.find(name);
    if (known != indexes_.end()) return known->second;
    send();
    auto* message = start(RTM_GETLINK, 0);
    mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg));
    mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str());
    check(mnl_socket_sendto(socket_, message, message->nlmsg_len) >= 0, "sending");
    int index = 0;
    receive_until([&](const nlmsghdr* answer) {
      if (answer->nlmsg_type == RTM_NEWLINK)
        index = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(answer))->ifi_index;
      return answer->nlmsg_type == RTM_NEWLINK;
    });
    return indexes_[name] = index;
  }

 private:
  template <class Last>
  std::size_t receive_until(const Last& is_last) {
    std::size_t count = 0;
    for (bool done = false; !done;) {
      const ssize_t size = mnl_socket_recvfrom(socket_, answer_.data(), answer_.size());
      check(size >= 0, "receiving");
      int left = static_cast<int>(size);
      for (const auto* message = reinterpret_cast<const nlmsghdr*>(answer_.data());
           mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
        ++count;
        if (message->nlmsg_type == NLMSG_ERROR) {
          errno = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error;
          check(errno == 0, "the kernel refused a message");
        }
        done = done || is_last(message);
      }
    }
    return count;
  }

  mnl_socket* socket_;
  alignas(nlmsghdr) std::array<char, kBatch + kLongest> bytes_{};
  alignas(nlmsghdr) std::array<char, std::size_t{32} * 1024> answer_{};
  std::size_t used_ = 0;
  nlmsghdr* last_ = nullptr;
  std::uint32_t sequence_ = 0;
  std::map<IfName, int> indexes_;
};

void put_header(nlmsghdr* message, const ifinfomsg& header) {
  std::memcpy(mnl_nlmsg_put_extra_header(message, sizeof header), &header, sizeof header);
}

void put_address(nlmsghdr* message, std::uint16_t type, const IpAddress& address) {
  mnl_attr_put(message, type, address.size(), address.bytes().data());
}

void put_mac(nlmsghdr* message, std::uint16_t type, const MacAddress& mac) {
  mnl_attr_put(message, type, mac.bytes().size(), mac.bytes().data());
}

class LibmnlPeer {
 public:
  explicit LibmnlPeer(const HostObjects& wanted)
      : wanted_(wanted), own_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    batches_[NetnsName()] = std::make_unique<Batch>();
  }

  LibmnlPeer(const LibmnlPeer&) = delete;
  LibmnlPeer& operator=(const LibmnlPeer&) = delete;

  ~LibmnlPeer() {
    for (const auto& [name, fd] : fds_) ::close(fd);
    ::close(own_);
  }

  void make() {
    for (const NamespaceObjects& space : wanted_.namespaces) {
      if (space.netns) make_namespace(*space.netns);
    }
    each_link([](const Link& link) { return link.type == LinkType::bridge; });
    each_link([](const Link& link) { return link.type == LinkType::vxlan; });
    each_link([](const Link& link) { return link.peer.has_value(); });
    each_link([](const Link& link) { return link.type == LinkType::veth && !link.peer; });
    for (const NamespaceObjects& space : wanted_.namespaces) fill(space);
  }

  std::size_t read() {
    std::size_t count = 0;
    for (const NamespaceObjects& space : wanted_.namespaces) {
      enter(space.name);
      Batch batch;
      count += batch.dump(RTM_GETLINK, ifinfomsg{}) + batch.dump(RTM_GETADDR, ifaddrmsg{}) +
               batch.dump(RTM_GETROUTE, rtmsg{}) + batch.dump(RTM_GETNEIGH, ndmsg{});
      if (!space.fdb.empty()) count += batch.dump(RTM_GETNEIGH, ndmsg{.ndm_family = AF_BRIDGE});
    }
    check(::setns(own_, CLONE_NEWNET) == 0, "setns");
    return count;
  }

 private:
  void enter(const NetnsName& name) {
    if (name.empty()) return check(::setns(own_, CLONE_NEWNET) == 0, "setns");
    const int fd = ::open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC);
    check(fd >= 0 && ::setns(fd, CLONE_NEWNET) == 0, "setns");
    ::close(fd);
  }

  void make_namespace(const Netns& netns) {
    const std::string path = path_of(netns.name);
    const int file = ::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    check(file >= 0 && ::unshare(CLONE_NEWNET) == 0, "unshare");
    ::close(file);
    check(::mount("/proc/thread-self/ns/net", path.c_str(), "none", MS_BIND, nullptr) == 0, "mount");
    fds_[netns.name] = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    auto batch = std::make_unique<Batch>();
    auto* message = start_set(*batch, IfName::from_kernel("lo"), true);
    mnl_attr_put_strz(message, IFLA_IFALIAS, netns.owner.c_str());
    batch->end();
    batch->send();
    batches_[netns.name] = std::move(batch);
    check(::setns(own_, CLONE_NEWNET) == 0, "setns");
  }

  // ---- links ---------------------------------------------------------------------------------------

  // Creates the links of one rank everywhere, then gives them what they can't be born with.
  template <class Chosen>
  void each_link(const Chosen& is_chosen) {
    for (const NamespaceObjects& space : wanted_.namespaces) {
      Batch& batch = *batches_.at(space.name);
      for (const Link& link : space.links) {
        if (is_chosen(link)) create(link, space.name, batch);
      }
      batch.send();
    }
    batches_.at(NetnsName())->send();
    for (const NamespaceObjects& space : wanted_.namespaces) {
      Batch& batch = *batches_.at(space.name);
      for (const Link& link : space.links) {
        if (is_chosen(link)) finish(link, batch);
      }
      batch.send();
    }
  }

  void create(const Link& link, const NetnsName& where, Batch& batch) {
    if (link.type == LinkType::veth && !link.peer) return;  // born with the other end
    const bool is_vxlan = link.type == LinkType::vxlan;
    Batch& from = is_vxlan ? *batches_.at(NetnsName()) : batch;
    auto* message = from.start(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    put_header(message, ifinfomsg{});
    mnl_attr_put_strz(message, IFLA_IFNAME, link.name.c_str());
    mnl_attr_put_u32(message, IFLA_GROUP, link.group);
    if (link.mac) put_mac(message, IFLA_ADDRESS, *link.mac);
    if (link.mtu && link.type != LinkType::bridge) mnl_attr_put_u32(message, IFLA_MTU, *link.mtu);
    if (is_vxlan && !where.empty()) {
      mnl_attr_put_u32(message, IFLA_NET_NS_FD, static_cast<std::uint32_t>(fds_.at(where)));
    }
    auto* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_strz(message, IFLA_INFO_KIND, std::string(name_of(link.type)).c_str());
    auto* data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
    put_data(message, link);
    mnl_attr_nest_end(message, data);
    mnl_attr_nest_end(message, info);
    from.end();
  }

  void put_data(nlmsghdr* message, const Link& link) {
    if (link.type == LinkType::bridge) {
      mnl_attr_put_u8(message, IFLA_BR_MCAST_SNOOPING, link.mcast_snooping.value_or(true) ? 1 : 0);
      mnl_attr_put_u32(message, IFLA_BR_STP_STATE, link.stp.value_or(false) ? 1 : 0);
    } else if (link.type == LinkType::vxlan) {
      mnl_attr_put_u32(message, IFLA_VXLAN_ID, link.vni->number());
      mnl_attr_put_u16(message, IFLA_VXLAN_PORT, htons(static_cast<std::uint16_t>(link.port->number())));
      put_address(message, link.local->is_ipv4() ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, *link.local);
      mnl_attr_put_u8(message, IFLA_VXLAN_LEARNING, link.learning.value_or(true) ? 1 : 0);
      mnl_attr_put_u8(message, IFLA_VXLAN_PROXY, link.proxy.value_or(false) ? 1 : 0);
      mnl_attr_put_u8(message, IFLA_VXLAN_TTL, link.ttl.value_or(0));
    } else {
      put_peer(message, link);
    }
  }

  void put_peer(nlmsghdr* message, const Link& link) {
    const NamespaceObjects* inside = wanted_.find(link.peer->netns);
    const Link& inner = *std::ranges::find(inside->links, link.peer->name, &Link::name);
    auto* peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
    put_header(message, ifinfomsg{});
    mnl_attr_put_strz(message, IFLA_IFNAME, inner.name.c_str());
    mnl_attr_put_u32(message, IFLA_GROUP, inner.group);
    mnl_attr_put_u32(message, IFLA_NET_NS_FD, static_cast<std::uint32_t>(fds_.at(link.peer->netns)));
    if (inner.mac) put_mac(message, IFLA_ADDRESS, *inner.mac);
    if (inner.mtu) mnl_attr_put_u32(message, IFLA_MTU, *inner.mtu);
    mnl_attr_nest_end(message, peer);
  }

  static nlmsghdr* start_set(Batch& batch, const IfName& name, bool up) {
    auto* message = batch.start(RTM_NEWLINK, 0);
    put_header(message, up ? ifinfomsg{.ifi_flags = IFF_UP, .ifi_change = IFF_UP} : ifinfomsg{});
    mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str());
    return message;
  }

  static void finish(const Link& link, Batch& batch) {
    const std::uint32_t master =
        link.master && !link.master->empty() ? static_cast<std::uint32_t>(batch.index_of(*link.master)) : 0;
    auto* message = start_set(batch, link.name, false);
    mnl_attr_put_strz(message, IFLA_IFALIAS, link.alias.c_str());
    if (link.mtu && link.type == LinkType::bridge) mnl_attr_put_u32(message, IFLA_MTU, *link.mtu);
    if (master != 0) mnl_attr_put_u32(message, IFLA_MASTER, master);
    if (link.addrgen) {
      auto* families = mnl_attr_nest_start(message, IFLA_AF_SPEC);
      auto* inet6 = mnl_attr_nest_start(message, AF_INET6);
      mnl_attr_put_u8(message, IFLA_INET6_ADDR_GEN_MODE,
                      *link.addrgen ? IN6_ADDR_GEN_MODE_EUI64 : IN6_ADDR_GEN_MODE_NONE);
      mnl_attr_nest_end(message, inet6);
      mnl_attr_nest_end(message, families);
    }
    batch.end();
    message = start_set(batch, link.name, true);
    if (master != 0) put_port(message, link);
    batch.end();
  }

  static void put_port(nlmsghdr* message, const Link& link) {
    auto* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
    mnl_attr_put_strz(message, IFLA_INFO_SLAVE_KIND, "bridge");
    auto* data = mnl_attr_nest_start(message, IFLA_INFO_SLAVE_DATA);
    mnl_attr_put_u8(message, IFLA_BRPORT_LEARNING, link.port_learning.value_or(true) ? 1 : 0);
    mnl_attr_put_u8(message, IFLA_BRPORT_UNICAST_FLOOD, link.port_flood.value_or(true) ? 1 : 0);
    mnl_attr_put_u8(message, IFLA_BRPORT_ISOLATED, link.port_isolated.value_or(false) ? 1 : 0);
    mnl_attr_nest_end(message, data);
    mnl_attr_nest_end(message, info);
  }

  // ---- what stands on links --------------------------------------------------------------------------

  void fill(const NamespaceObjects& space) {
    Batch& batch = *batches_.at(space.name);
    for (const Address& address : space.addresses) add(batch, address);
    for (const Neighbour& neighbour : space.neighbours) add(batch, neighbour);
    for (const Fdb& entry : space.fdb) add(batch, entry);
    for (const Route& route : space.routes) add(batch, route);
    batch.send();
  }

  template <class Header>
  static nlmsghdr* start_new(Batch& batch, std::uint16_t type, const Header& header) {
    auto* message = batch.start(type, NLM_F_CREATE | NLM_F_EXCL);
    std::memcpy(mnl_nlmsg_put_extra_header(message, sizeof header), &header, sizeof header);
    return message;
  }

  static std::uint8_t family_of(const IpAddress& address) { return address.is_ipv4() ? AF_INET : AF_INET6; }

  static void add(Batch& batch, const Address& object) {
    const int index = batch.index_of(object.dev);
    const IpAddress& address = object.address.address;
    auto* message =
        start_new(batch, RTM_NEWADDR,
                  ifaddrmsg{.ifa_family = family_of(address),
                            .ifa_prefixlen = object.address.length,
                            .ifa_flags = static_cast<std::uint8_t>(object.nodad ? IFA_F_NODAD : 0),
                            .ifa_index = static_cast<std::uint32_t>(index)});
    put_address(message, IFA_LOCAL, address);
    put_address(message, IFA_ADDRESS, address);
    batch.end();
  }

  static void add(Batch& batch, const Neighbour& object) {
    const int index = batch.index_of(object.dev);
    auto* message = start_new(
        batch, RTM_NEWNEIGH,
        ndmsg{.ndm_family = family_of(object.address), .ndm_ifindex = index, .ndm_state = NUD_PERMANENT});
    put_address(message, NDA_DST, object.address);
    put_mac(message, NDA_LLADDR, object.mac);
    mnl_attr_put_u8(message, NDA_PROTOCOL, kRouteProtocol);
    batch.end();
  }

  static void add(Batch& batch, const Fdb& object) {
    const int index = batch.index_of(object.dev);
    const bool self = object.table == FdbTable::self;
    auto* message = start_new(
        batch, RTM_NEWNEIGH,
        ndmsg{.ndm_family = AF_BRIDGE,
              .ndm_ifindex = index,
              .ndm_state = static_cast<std::uint16_t>(NUD_NOARP | (self ? NUD_PERMANENT : NUD_REACHABLE)),
              .ndm_flags = self ? std::uint8_t{NTF_SELF} : std::uint8_t{NTF_MASTER}});
    put_mac(message, NDA_LLADDR, object.mac);
    if (self) put_address(message, NDA_DST, object.vtep);
    batch.end();
  }

  static void add(Batch& batch, const Route& object) {
    const int index = batch.index_of(object.dev);
    const std::uint8_t scope = object.via.empty() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    auto* message = start_new(batch, RTM_NEWROUTE,
                              rtmsg{.rtm_family = family_of(object.destination.address()),
                                    .rtm_dst_len = object.destination.length(),
                                    .rtm_table = RT_TABLE_MAIN,
                                    .rtm_protocol = object.protocol,
                                    .rtm_scope = scope,
                                    .rtm_type = RTN_UNICAST});
    if (object.destination.length() > 0) put_address(message, RTA_DST, object.destination.address());
    if (!object.via.empty()) put_address(message, RTA_GATEWAY, object.via);
    mnl_attr_put_u32(message, RTA_OIF, static_cast<std::uint32_t>(index));
    batch.end();
  }

  const HostObjects& wanted_;
  int own_;
  std::map<NetnsName, int> fds_;
  std::map<NetnsName, std::unique_ptr<Batch>> batches_;
};

}  // namespace

void make_with_libmnl(const HostObjects& wanted) {
  LibmnlPeer(wanted).make();
}

std::size_t read_with_libmnl(const HostObjects& wanted) {
  return LibmnlPeer(wanted).read();
}

}  // namespace ovl::bench
