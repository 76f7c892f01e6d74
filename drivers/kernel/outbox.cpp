#include "drivers/kernel/outbox.hpp"

#include <fmt/format.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "drivers/kernel/describe.hpp"
#include "drivers/kernel/kinds/fdb.hpp"
#include "drivers/kernel/kinds/neighbour.hpp"
#include "drivers/kernel/links/vni_holder.hpp"
#include "drivers/kernel/netlink/errors.hpp"
#include "drivers/probe/port_holder.hpp"

namespace ovl {

namespace {

// A namespace that lost its name dies in the background, its VXLAN with it.
constexpr auto kVniPatience = std::chrono::seconds(3);
constexpr auto kVniPause = std::chrono::milliseconds(5);

}  // namespace

LinkBirth vxlan_birth(const Space& where) {
  LinkBirth birth;
  if (!where.name().empty()) birth.netns_fd = where.fd();
  return birth;
}

void Outbox::claim() {
  owners_.resize(queue_.size(), current_);
}

Result<MessageQueue*> Outbox::queue_for(std::size_t index, Space* from) {
  if (from != target_ || !finishes_.empty()) OVL_CHECK(flush());
  claim();
  current_ = index;
  target_ = from;
  return &queue_;
}

Result<MessageQueue*> Outbox::queue_for_create(std::size_t index, Space* from, const Finish& finish) {
  if (from != target_) OVL_CHECK(flush());
  claim();
  current_ = index;
  target_ = from;
  finishes_.push_back(finish);
  return &queue_;
}

Status Outbox::flush() {
  claim();
  if (!failure_.error) {
    send_queue();
    send_finishes();
  }
  queue_.clear();
  owners_.clear();
  finishes_.clear();
  target_ = nullptr;
  if (removed_links_) spaces_.forget_indexes();
  removed_links_ = false;
  if (failure_.error) return *failure_.error;
  return {};
}

void Outbox::fail(std::size_t index, Error error) {
  failed_.insert(index);
  if (failures_ != nullptr && failures_->take(operations_[index], error)) return;
  stop(index, std::move(error));
}

// The inner end of a pair that was refused: its name is somebody else's.
bool Outbox::is_left_out(std::size_t index) const {
  return failures_ != nullptr && failures_->leaves(operations_[index]);
}

void Outbox::stop(std::size_t index, Error error) {
  if (failure_.error && failure_.failed_at <= index) return;
  failure_ = ApplyOutcome{.failed_at = index, .error = std::move(error)};
}

void Outbox::send_queue() {
  std::size_t sent = 0;
  while (sent < queue_.size() && !failure_.error) {
    auto outcome = target_->route().send(queue_, sent);
    if (!outcome.ok()) return stop(owners_[sent], std::move(outcome).error());
    sent = outcome.value().sent;
    for (const Refusal& refusal : outcome.value().refusals) {
      if (!failure_.error) settle(owners_[refusal.message], queue_.type(refusal.message), refusal);
    }
  }
}

// After a failure that stops all only for the links before it.
void Outbox::send_finishes() {
  for (std::size_t begin = 0; begin < finishes_.size();) {
    Space& where = *finishes_[begin].space;
    MessageQueue queue;
    std::vector<std::size_t> owners;
    std::size_t end = begin;
    for (; end < finishes_.size() && finishes_[end].space == &where; ++end) {
      const Finish& finish = finishes_[end];
      if (failure_.error && finish.operation >= failure_.failed_at) continue;
      if (failed_.contains(finish.operation) || is_left_out(finish.operation)) continue;
      const Link& link = *object_in<Link>(operations_[finish.operation].after);
      write_link_finish(queue, link, finish.master, finish.whole);
      owners.resize(queue.size(), finish.operation);
    }
    begin = end;
    send_finish_queue(where, queue, owners);
  }
}

void Outbox::send_finish_queue(Space& where, MessageQueue& queue, const std::vector<std::size_t>& owners) {
  if (queue.empty()) return;
  const bool had_failed = failure_.error.has_value();  // what stands here came before that
  for (std::size_t sent = 0; sent < queue.size() && failure_.error.has_value() == had_failed;) {
    auto outcome = where.route().send(queue, sent);
    if (!outcome.ok()) return stop(owners[sent], std::move(outcome).error());
    sent = outcome.value().sent;
    for (const Refusal& refusal : outcome.value().refusals) {
      fail(owners[refusal.message], error_of(owners[refusal.message], queue.type(refusal.message), refusal));
    }
  }
}

namespace {

// A device opens its port when it goes up (vxlan_open()), in the namespace that it was made in.
void say_port_is_held(const Link& link, Error& error) {
  const bool over_ipv6 = link.local && !link.local->is_ipv4();
  const auto holder = find_port_holder(*link.port, over_ipv6 ? Family::ipv6 : Family::ipv4);
  if (holder.ok() && holder.value()) {
    error.message += fmt::format(": {} holds UDP port {}", words_for(*holder.value()), link.port->number());
    error.hint = "end that program, or give the network another `port`";
    return;
  }
  error.message += fmt::format(": a program or device on this host holds UDP port {}", link.port->number());
  error.hint = fmt::format(
      "find it with ss -ulnp 'sport = :{}', or ip -d link show type vxlan; end it, or "
      "give the network another `port`",
      link.port->number());
}

}  // namespace

Error Outbox::error_of(std::size_t index, std::uint16_t type, const Refusal& refusal) const {
  const Operation& failed = operations_[index];
  const Errc otherwise = refusal.os_errno == EEXIST && is_create(failed) ? Errc::conflict : Errc::kernel;
  Error error = kernel_error(fmt::format("{} {}", message_type_name(type), describe(failed)),
                             refusal.os_errno, refusal.text, otherwise);
  if (error.code == Errc::conflict) error.hint = "it exists and is not ovl's: remove or rename it";
  const Link* link = object_in<Link>(failed.after);
  if (refusal.os_errno == EADDRINUSE && link != nullptr && link->port) say_port_is_held(*link, error);
  return error;
}

void Outbox::settle(std::size_t index, std::uint16_t type, const Refusal& refusal) {
  const Operation& refused = operations_[index];
  const bool came_back = refusal.os_errno == EEXIST && type == RTM_NEWROUTE;  // by itself, as with IFF_UP
  if (came_back && object_in<Address>(refused.after) != nullptr) return;
  if (refusal.os_errno == EEXIST && is_create(refused)) {
    const auto again = write_again(refused);
    if (!again.ok()) return fail(index, again.error());
    if (again.value()) return;
  }
  Error error = error_of(index, type, refusal);
  const Link* link = object_in<Link>(refused.after);
  const bool about_vni = refusal.os_errno == EEXIST && refusal.text.find("VNI") != std::string::npos;
  if (link != nullptr && link->vni && about_vni) {
    const Status waited = wait_for_vni(index, *link, std::move(error));
    if (waited.ok()) return;
    error = waited.error();
  }
  fail(index, std::move(error));
}

// An entry that the kernel resolved or learned by itself is nobody's: ours takes its place.
Result<bool> Outbox::write_again(const Operation& refused) {
  const auto write = [&](const auto& entry, auto is_transient, auto writer) -> Result<bool> {
    OVL_TRY(const int index, target_->index_of(entry.dev));
    auto transient = is_transient(target_->route(), index, entry);
    // Gone meanwhile: then there is room for ours, too.
    if (!transient.ok() && transient.error().code != Errc::not_found) return std::move(transient).error();
    if (transient.ok() && !transient.value()) return false;
    MessageQueue again;
    writer(again, index, entry, false);
    OVL_TRY(const SendOutcome outcome, target_->route().send(again));
    return outcome.refusals.empty();
  };
  if (const auto* neighbour = object_in<Neighbour>(refused.after)) {
    return write(*neighbour, is_dynamic_neighbour, write_neighbour);
  }
  if (const auto* fdb = object_in<Fdb>(refused.after)) return write(*fdb, is_learned_fdb, write_fdb);
  return false;
}

// Names the holder; when none can be seen, it may be a namespace that is just dying.
Status Outbox::wait_for_vni(std::size_t index, const Link& link, Error error) {
  const auto deadline = std::chrono::steady_clock::now() + kVniPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    OVL_TRY(const auto holder, find_vni_holder(directory_, link));
    if (holder) {
      error.message += ": it is " + *holder;
      error.hint = "remove that device, or give the network another `vni`";
      return error;
    }
    OVL_TRY(const bool made, create_vxlan_again(index, link));
    if (made) return {};
    std::this_thread::sleep_for(kVniPause);
  }
  error.message += ": it is in a namespace without a name";
  error.hint = "a process may still be in a removed sandbox; find it with lsns -t net";
  return error;
}

Result<bool> Outbox::create_vxlan_again(std::size_t index, const Link& link) {
  const auto finish = std::ranges::find(finishes_, index, &Finish::operation);
  MessageQueue again;
  write_link_create(again, link, vxlan_birth(*finish->space));
  OVL_TRY(const SendOutcome outcome, target_->route().send(again));
  return outcome.refusals.empty();
}

}  // namespace ovl
