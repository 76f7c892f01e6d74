// Kernel: the port to one host's kernel. drivers/kernel/linux.cpp speaks netlink; drivers/fake/ is in
// memory. Everything above sees only values (model/plan/objects.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/plan/objects.hpp"
#include "model/records/records.hpp"

namespace ovl {

// What apply() did. On failure the operations before `failed_at` are done; of those after it in the
// same batch some may be done too: read again before deciding anything.
struct ApplyOutcome {
  std::size_t failed_at = 0;  // index of the first failing operation
  std::optional<Error> error;
};

// Asked by apply() while operations fail, so that one failure need not end them all.
class Failures {
 public:
  virtual ~Failures() = default;

  // Whether this operation is to be left out from now on.
  [[nodiscard]] virtual bool leaves(const Operation& operation) const = 0;
  // An operation failed. Answers whether the others go on.
  virtual bool take(const Operation& failed, const Error& error) = 0;
};

// Tell the neighbours inside one sandbox that an address now has this MAC: a gratuitous ARP (RFC 5227)
// or an unsolicited neighbour advertisement (RFC 4861, 7.2.6), sent once out of `dev`.
struct Announcement {
  NetnsName netns;
  IfName dev;
  IpAddress address;
  MacAddress mac;
};

// Why a VXLAN device can't be made.
struct TunnelObstacle {
  std::size_t index = 0;  // of the device, in what was asked about
  bool is_port = false;   // its UDP port is held; false: its VNI
  std::string message;    // "python3 (process 812) holds UDP port 4789"; printable
};

// What a host's facts are read for.
struct FactsRequest {
  HostName host;
  std::optional<IpAddress> advertise;  // or
  std::optional<IfName> interface;     // the interface to resolve into the VTEP, by any of its names
  std::optional<IpAddress> recorded;   // the VTEP so far: kept as long as the interface has it
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  // Namespaces under /run/netns that ovl made (alias on lo) or that hold a link of ours, unfinished ones with
  // the name of a sandbox, and names of such as have files of ours in /etc/netns; sorted. Needed only when
  // the state may not know them: it looks into every namespace.
  virtual Result<std::vector<NetnsName>> owned_namespaces() = 0;

  // Reads the namespaces that `wanted` names, in `wanted`'s order. Returns, per namespace:
  //   netns        absent when it does not exist (then all else but hosts_files, which outlive it, is empty);
  //                unfinished: a making that was cut short left only its name
  //   unreadable   why, when it could not be read (of the host's own: an error); then all else is empty but
  //                hosts_files and, of a namespace that is one, which it is (Netns::born)
  //   links        all but lo, ours and foreign, veth peers resolved; where a device has the name of one in
  //                `wanted` as another name (altname), that name too, without marks
  //   nft_tables   those called like one in `wanted`, or "ovl"
  //   sysctls      those whose path `wanted` has, when the file exists
  //   addresses    on links of ours (our group), without the kernel's own link-locals, and which of the
  //   routes
  //                that come with them are there
  //   routes       with our protocol number, main table; all that somebody made on links that `wanted` names
  //                with our marks; those, of any type and protocol, in the place of one of `wanted` (dev
  //                empty: not unicast); and of those that take the prefix of an address or route of `wanted`,
  //                or a part of it, elsewhere, the first of each
  //   neighbours   permanent ones on links of ours
  //   fdb          on links of ours: self entries of VXLAN devices, static master entries of ports,
  //                without what the kernel makes itself
  //   hosts_files  those in /etc/netns/<name>/ with a block of ours, what can't be read there, and of those
  //                that `wanted` has what can't be written
  // A link that `wanted` has with our marks counts as one of ours here; one without them only tells its name
  // and with what it makes a pair. Both sorted by name. Sends no message that writes.
  virtual Result<HostObjects> observe(const HostObjects& wanted) = 0;

  virtual Result<HostFacts> facts(const FactsRequest& request) = 0;

  // Those of `addresses` that are on a link of this host's: what it sends to them from `source` (an address
  // of its own, whose family counts) goes by no gateway, and out of a device that asks for neighbours (ARP,
  // RFC 826; ND, RFC 4861). In the order given.
  virtual Result<std::vector<IpAddress>> on_link(const IpAddress& source,
                                                 std::span<const IpAddress> addresses) = 0;

  // By which device what comes in to the host by `bridge` from `source` leaves for the world
  // (find_way_out()).
  virtual Result<std::optional<IfName>> way_out(const IfName& bridge, const IpAddress& source) = 0;

  // Whether another program's filter drops by policy what comes in to this host's own namespace or leaves it.
  virtual Result<bool> is_shut_by_others() = 0;

  // Other programs' tables that filter what comes in to this host's own namespace, leaves it or is forwarded:
  // nftables' and iptables-legacy's. See filters_of_others().
  virtual Result<std::vector<NftTable>> filters_of_others() = 0;

  // Performs the operations in order and stops at the first failure. Consecutive operations of one
  // namespace travel in batches of at most 16 KiB. Creating fails with Errc::conflict when the object
  // exists; removing what is absent is success. With `failures` it stops only at those that these do not
  // take.
  virtual ApplyOutcome apply(std::span<const Operation> operations, Failures* failures) = 0;

  ApplyOutcome apply(std::span<const Operation> operations) { return apply(operations, nullptr); }

  // While held, apply() keeps the namespaces that it opened open for the next call: the groups of one
  // apply are about the same ones. An open namespace outlives its name, so not for longer than that.
  virtual void hold_namespaces(bool /*held*/) {}

  virtual Status announce(std::span<const Announcement> announcements) = 0;

  // Messages and file writes sent since the start that could change something.
  [[nodiscard]] virtual std::uint64_t writes() const = 0;

  // Who is in the way of these VXLAN devices, which are yet to be made: a program or a device that holds the
  // UDP port and shares it with no device of ours, or one that is not ours and has the VNI on that port. At
  // most one for each, in the order given. Looks into every namespace and process.
  virtual Result<std::vector<TunnelObstacle>> tunnel_obstacles(std::span<const Link> /*wanted*/) {
    return std::vector<TunnelObstacle>();
  }
};

}  // namespace ovl
