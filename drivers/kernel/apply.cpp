#include "drivers/kernel/apply.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <map>
#include <set>

#include "drivers/kernel/describe.hpp"
#include "drivers/kernel/kinds/address.hpp"
#include "drivers/kernel/kinds/address_routes.hpp"
#include "drivers/kernel/kinds/fdb.hpp"
#include "drivers/kernel/kinds/neighbour.hpp"
#include "drivers/kernel/kinds/route.hpp"
#include "drivers/kernel/kinds/sysctl.hpp"
#include "drivers/kernel/netlink/errors.hpp"
#include "drivers/kernel/observe.hpp"
#include "drivers/kernel/outbox.hpp"

namespace ovl {

namespace {

class Applier {
 public:
  Applier(const ApplyContext& context, std::span<const Operation> operations)
      : context_(context),
        operations_(operations),
        outbox_(context.directory, context.spaces, operations, context.failures) {
    for (const Operation& operation : operations) {
      const Link* link = object_in<Link>(operation.after);
      if (link != nullptr && is_create(operation) && link->type == LinkType::veth && !link->peer) {
        inner_ends_[VethPeer{.netns = *operation.netns, .name = link->name}] = link;
      }
    }
  }

  ApplyOutcome run() {
    for (current_ = 0; current_ < operations_.size(); ++current_) {
      if (is_left_out()) continue;
      const ObjectRef& subject = is_remove(operation()) ? operation().before : operation().after;
      Status status = make_room();
      if (status.ok()) status = std::visit(Performer{*this}, subject);
      if (status.ok()) continue;
      // What stands before it in the queue comes first, and may be the first to fail.
      (void)outbox_.flush();
      if (outbox_.failure().error) return outbox_.failure();
      // It may have failed for want of what has just failed in the queue.
      if (is_left_out() || is_taken(status.error())) continue;
      return ApplyOutcome{.failed_at = current_, .error = std::move(status).error()};
    }
    (void)outbox_.flush();
    return outbox_.failure();
  }

 private:
  struct Performer {
    Applier& applier;

    Status operator()(std::monostate) const { return {}; }

    template <class T>
    Status operator()(const T* subject) const {
      return applier.perform(*subject);
    }
  };

  [[nodiscard]] const Operation& operation() const { return operations_[current_]; }

  [[nodiscard]] bool is_left_out() const {
    return context_.failures != nullptr && context_.failures->leaves(operation());
  }

  bool is_taken(const Error& error) {
    return context_.failures != nullptr && context_.failures->take(operation(), error);
  }

  Result<Space*> space() { return context_.spaces.get(*operation().netns); }

  // What waits in the outbox points to spaces: only an empty one lets them go.
  Status make_room() {
    if (!context_.spaces.crowded()) return {};
    OVL_CHECK(outbox_.flush());
    context_.spaces.trim();
    return {};
  }

  // A device that is not known yet may be one that waits to be made.
  Result<int> index_of(Space* where, const IfName& name) {
    if (const auto known = where->known_index(name)) return *known;
    OVL_CHECK(outbox_.flush());
    return where->index_of(name);
  }

  // ---- links ---------------------------------------------------------------------------------------

  Status perform(const Link& link) {
    OVL_TRY(Space * where, space());
    if (is_remove(operation())) return remove_link(link, where);
    std::optional<int> master;
    if (link.master && !link.master->empty()) {
      auto index = index_of(where, *link.master);
      if (!index.ok()) return std::move(index).error().within(describe(operation()));
      master = index.value();
    }
    if (is_create(operation())) return create_link(link, where, master);
    OVL_TRY(MessageQueue * queue, outbox_.queue_for(current_, where));
    write_link_update(*queue, link, operation().changed, master);
    return {};
  }

  Status remove_link(const Link& link, Space* where) {
    OVL_TRY(MessageQueue * queue, outbox_.queue_for(current_, where));
    write_link_remove(*queue, link.name);
    where->forget_index(link.name);
    outbox_.note_removed_link();
    return {};
  }

  Status create_link(const Link& link, Space* where, std::optional<int> master) {
    switch (link.type) {
      case LinkType::other:
        return Error{.code = Errc::unsupported, .message = describe(operation()) + ": no known type of link"};
      case LinkType::bridge: return send_birth(link, where, where, LinkBirth{.master = master}, std::nullopt);
      case LinkType::vxlan: {
        OVL_TRY(Space * host, context_.spaces.get(NetnsName()));
        // It can't be born into a bridge of another namespace than the one it is made from.
        return send_birth(link, host, where, vxlan_birth(*where), master);
      }
      case LinkType::veth: break;
    }
    if (!link.peer) return create_inner_end(link, where, master);
    OVL_TRY(Space * there, context_.spaces.get(link.peer->netns));
    PeerBirth peer{.end = *link.peer, .netns_fd = there->fd()};
    const auto inner = inner_ends_.find(*link.peer);
    if (inner != inner_ends_.end()) peer.link = inner->second;
    born_.insert(*link.peer);
    return send_birth(link, where, where, LinkBirth{.master = master, .peer = peer}, std::nullopt);
  }

  Status send_birth(const Link& link, Space* from, Space* where, const LinkBirth& birth,
                    std::optional<int> late_master) {
    const Outbox::Finish finish{.operation = current_, .space = where, .master = late_master};
    OVL_TRY(MessageQueue * queue, outbox_.queue_for_create(current_, from, finish));
    write_link_create(*queue, link, birth);
    return {};
  }

  // The end that was born with its pair, by this apply or by one that was cut off: it has our group,
  // and no alias yet.
  Status create_inner_end(const Link& link, Space* where, std::optional<int> master) {
    if (!born_.contains(VethPeer{.netns = *operation().netns, .name = link.name})) {
      OVL_CHECK(outbox_.flush());
      OVL_TRY(const auto row, read_link(where->route(), link.name));
      const std::string what = "RTM_NEWLINK " + describe(operation());
      if (!row) return kernel_error(what, ENODEV, "the other end of the pair was not made");
      const bool unfinished = row->link.group == kLinkGroup && row->link.alias.empty();
      if (!unfinished) return kernel_error(what, EEXIST, {}, Errc::conflict);
    }
    const Outbox::Finish finish{.operation = current_, .space = where, .master = master, .whole = true};
    OVL_TRY(MessageQueue * queue, outbox_.queue_for_create(current_, where, finish));
    (void)queue;
    return {};
  }

  // ---- what stands on links ------------------------------------------------------------------------

  Status perform(const Address& address) {
    const auto write = [this](MessageQueue& queue, int index, const Address& wish, bool exclusive) {
      const Address* before = object_in<Address>(operation().before);
      if (before == nullptr) return write_address(queue, index, wish, exclusive);
      write_address_routes(queue, index, *before, wish);
    };
    return perform_on_device(address, write_address_remove, write);
  }

  Status perform(const Route& route) { return perform_on_device(route, write_route_remove, write_route); }

  Status perform(const Neighbour& neighbour) {
    return perform_on_device(neighbour, write_neighbour_remove, write_neighbour);
  }

  Status perform(const Fdb& fdb) { return perform_on_device(fdb, write_fdb_remove, write_fdb); }

  template <class T, class WriteRemove, class Write>
  Status perform_on_device(const T& subject, WriteRemove write_remove, Write write) {
    OVL_TRY(Space * where, space());
    auto index = index_of(where, subject.dev);
    if (!index.ok()) {
      // With its device everything on it has gone.
      if (is_remove(operation()) && index.error().code == Errc::not_found) return {};
      return std::move(index).error().within(describe(operation()));
    }
    OVL_TRY(MessageQueue * queue, outbox_.queue_for(current_, where));
    if (is_remove(operation())) {
      write_remove(*queue, index.value(), subject);
    } else {
      write(*queue, index.value(), subject, is_create(operation()));
    }
    return {};
  }

  // Errors of what is not named with its namespace say which one it is.
  static Status in_place(const NetnsName& netns, Status status) {
    if (status.ok() || netns.empty()) return status;
    return std::move(status).error().within("netns " + netns.text());
  }

  // ---- one by one ----------------------------------------------------------------------------------

  Status perform(const Sysctl& sysctl) {
    // There is no such thing as removing one: who restores a value updates it.
    if (is_remove(operation())) return {};
    OVL_CHECK(outbox_.flush());
    OVL_TRY(Space * where, space());
    ++context_.other_writes;
    return in_place(where->name(),
                    run_in_namespace(where->entry(), [&] { return write_sysctl(context_.proc, sysctl); }));
  }

  Status perform(const NftTable& table) {
    OVL_CHECK(outbox_.flush());
    OVL_TRY(Space * where, space());
    if (is_remove(operation())) return in_place(where->name(), where->nft().remove(table));
    return in_place(where->name(),
                    is_create(operation()) ? where->nft().create(table) : where->nft().replace(table));
  }

  Status perform(const HostsFile& file) {
    OVL_CHECK(outbox_.flush());
    Status status = is_remove(operation())   ? context_.files.remove(file)
                    : is_create(operation()) ? context_.files.create(file)
                                             : context_.files.update(file);
    if (status.ok()) return status;
    return std::move(status).error().within(describe(operation()));
  }

  Status perform(const Netns& netns) {
    OVL_CHECK(outbox_.flush());
    if (is_create(operation())) return create_netns(netns);
    if (is_remove(operation())) return remove_netns(netns);
    OVL_TRY(Space * where, space());
    return set_loopback(where->route(), netns, operation().changed);
  }

  Status create_netns(const Netns& netns) {
    context_.spaces.forget(netns.name);
    context_.other_writes += 2;  // the namespace, and the message to its lo
    return context_.directory.create(netns.name, [&netns]() -> Status {
      OVL_TRY(NetlinkSocket socket, NetlinkSocket::open());
      return set_loopback(socket, netns, ~FieldMask{0});
    });
  }

  // A namespace that somebody else made gets no mark.
  static Status set_loopback(NetlinkSocket& socket, const Netns& netns, FieldMask changed) {
    MessageQueue queue;
    const bool marks = (changed & fields_with<Netns>(Role::mark)) != 0;
    write_loopback(queue, marks ? std::optional<std::string_view>(netns.owner) : std::nullopt, netns.lo_up);
    OVL_TRY(const SendOutcome outcome, socket.send(queue));
    if (outcome.refusals.empty()) return {};
    const Refusal& refusal = outcome.refusals.front();
    return kernel_error("RTM_NEWLINK link " + place_name(netns.name, "lo"), refusal.os_errno, refusal.text);
  }

  // Only the one that was read: by its birth, where ovl remembers that, else by its mark. The VXLAN goes
  // first: a process inside keeps the namespace, and would keep the VNI.
  Status remove_netns(const Netns& netns) {
    auto found = space();
    if (!found.ok() && found.error().code == Errc::not_found) return context_.directory.remove(netns.name);
    if (!found.ok()) return std::move(found).error();
    NetlinkSocket& socket = found.value()->route();
    OVL_TRY(const LinkTable links, read_links(socket));
    const LinkRow* lo = links.loopback();
    const std::string owner = lo != nullptr ? lo->link.alias : "";
    const bool is_the_one =
        netns.made_here ? birth_of(socket, context_.proc) == netns.born : owner == netns.owner;
    if (!is_the_one || (netns.owner.empty() && !netns.made_here)) {
      return Error{.code = Errc::conflict,
                   .message = fmt::format("netns {} is not ours: its mark is \"{}\", not \"{}\"",
                                          netns.name.text(), owner, netns.owner),
                   .hint = "somebody else took the name: plan again"};
    }
    MessageQueue queue;
    for (const LinkRow& row : links.rows()) {
      const bool ours = row.link.type == LinkType::vxlan && carries_our_mark(row.link);
      if (ours) write_link_remove(queue, row.link.name);
    }
    OVL_TRY(const SendOutcome outcome, socket.send(queue));
    if (!outcome.refusals.empty()) return outbox_.error_of(current_, queue.type(0), outcome.refusals.front());
    context_.spaces.forget(netns.name);
    context_.spaces.forget_indexes();
    ++context_.other_writes;
    return context_.directory.remove(netns.name);
  }

  const ApplyContext& context_;
  std::span<const Operation> operations_;
  Outbox outbox_;
  std::size_t current_ = 0;
  std::map<VethPeer, const Link*> inner_ends_;  // that these operations create
  std::set<VethPeer> born_;                     // with their pairs, by these operations
};

}  // namespace

ApplyOutcome apply_operations(const ApplyContext& context, std::span<const Operation> operations) {
  return Applier(context, operations).run();
}

}  // namespace ovl
