// Kind link: reading the devices of a namespace, and the messages that make, change and remove one.
// No device is named by index in these messages, so that one batch can make a link and go on with it.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "drivers/kernel/netlink/message.hpp"
#include "drivers/kernel/netlink/socket.hpp"
#include "model/kinds/link.hpp"

namespace ovl {

// A device as read, with what only this namespace's indexes mean.
struct LinkRow {
  Link link;
  int index = 0;
  bool loopback = false;
  bool regarded = false;         // what stands on it is read, as if it were ours
  int peer_index = 0;            // of a veth: IFLA_LINK
  std::optional<int> peer_nsid;  // of a veth and a VXLAN: IFLA_LINK_NETNSID; none: the same namespace
  bool over_ipv6 = false;        // of a VXLAN
  // Of a VXLAN: it receives as none of ours does, so it shares its UDP port with none (vxlan_find_sock()).
  bool shares_no_port = false;
  std::vector<std::string> other_names;  // altnames, by which the kernel finds it too
};

// All devices of a namespace, by index.
class LinkTable {
 public:
  explicit LinkTable(std::vector<LinkRow> rows);

  [[nodiscard]] const std::vector<LinkRow>& rows() const { return rows_; }

  [[nodiscard]] std::vector<LinkRow>& rows() { return rows_; }

  // By its name, or another one that it has; nullptr when there is none.
  [[nodiscard]] const LinkRow* find(const IfName& name) const;
  // nullptr when there is none of this index.
  [[nodiscard]] const LinkRow* find(int index) const;
  // The same, when it is a link of ours (carries_our_mark()) or is regarded as one.
  [[nodiscard]] const LinkRow* find_ours(int index) const;
  [[nodiscard]] const LinkRow* loopback() const;
  // Regards links as ours that `wanted` has with our marks; it is sorted by name.
  void regard(const std::vector<Link>& wanted);

 private:
  std::vector<LinkRow> rows_;  // Invariant: sorted by index
};

// One dump. `peer` of veth devices is left absent (see veth_peers.hpp).
Result<LinkTable> read_links(NetlinkSocket& socket);

// The one link of this name; nullopt when there is none.
Result<std::optional<LinkRow>> read_link(NetlinkSocket& socket, const IfName& name);

// Where the other end of a pair is to be born.
struct PeerBirth {
  VethPeer end;
  int netns_fd = -1;           // of its namespace; -1: the same as this end's
  const Link* link = nullptr;  // its own wish, when known: it is born with this MAC and MTU
};

// How a link comes to be.
struct LinkBirth {
  int netns_fd = -1;          // where it goes when it is made from another namespace's socket
  std::optional<int> master;  // index of link.master, where link.master isn't empty
  std::optional<PeerBirth> peer;
};

// The one message that makes the link. Anything a create message does not take is left to
// write_link_finish(), which must follow in the link's own namespace.
void write_link_create(MessageQueue& queue, const Link& link, const LinkBirth& birth);

// What follows a birth: alias, bridge, address generation, port flags, IFF_UP. `whole` sets also what a
// create message would have set: for the end of a veth pair that was born with the other.
void write_link_finish(MessageQueue& queue, const Link& link, std::optional<int> master, bool whole);

// Sets the fields in `changed`. master: index of link.master when that is in `changed` and not empty.
void write_link_update(MessageQueue& queue, const Link& link, FieldMask changed, std::optional<int> master);

void write_link_remove(MessageQueue& queue, const IfName& name);

// lo: IFLA_IFALIAS and IFF_UP, each when given.
void write_loopback(MessageQueue& queue, std::optional<std::string_view> alias, std::optional<bool> up);

}  // namespace ovl
