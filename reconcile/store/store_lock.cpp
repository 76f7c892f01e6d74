// A lock in a store that several machines reach is never more than a courtesy: a holder may sleep past its
// lease and wake up believing that it still has it. What makes it safe is the fence, the key's own life as a
// condition of each transaction, so that the store itself refuses who is late.
#include "reconcile/store/store_lock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "reconcile/base/commit.hpp"
#include "reconcile/words/time_text.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A store that reads well but never says whether it took the lock is not asked for ever.
constexpr int kMaxDoubts = 3;
// A waiter looks at least this often whether the holder has died. Its session may last for a minute more, and
// nobody writes its end into the store.
constexpr milliseconds kGlance{1000};
// A look at the wish to end; a watch does not hear signals.
constexpr milliseconds kAnswer{200};

Error held_by(const std::string& text) {
  Error error{.code = Errc::locked, .message = "somebody else is applying to this cluster"};
  const auto value = Value::parse_json(text);
  if (value.ok()) {
    // A lock that nobody can read is held all the same: the error says less, and is one.
    const auto holder = decode<StoreLock::Holder>(value.value());
    if (holder.ok()) {
      error.message = fmt::format("the cluster is locked by {}, pid {}, since {}", holder.value().who,
                                  holder.value().pid, time_text(holder.value().since));
    }
  }
  error.hint = "wait for it with --lock-timeout; the lock ends with its holder, or see ovl lock ls";
  return error;
}

bool dead(const std::string& text, const StoreLock::Options& options) {
  const auto value = Value::parse_json(text);
  if (!value.ok()) return false;
  const auto holder = decode<StoreLock::Holder>(value.value());
  return holder.ok() && options.is_dead(holder.value());
}

Status await_change(Watch& watch, milliseconds left, const StoreLock::Options& options) {
  const auto end = steady_clock::now() + std::min(left, kGlance);
  while (!options.stop() && steady_clock::now() < end) {
    const auto rest = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    OVL_TRY(const WatchBatch batch, watch.next(std::min(rest, kAnswer)));
    if (batch.reset || !batch.events.empty()) break;
  }
  return {};
}

// Somebody else has it: waits for a change, and says so the first time, or takes it from a dead holder.
// Errors: locked when the time is over.
Status wait_for_other(Keystore& store, const Snapshot& there, steady_clock::time_point deadline,
                      const StoreLock::Options& options, bool& told) {
  const KeyValue& item = there.items.front();
  if (dead(item.value, options)) {
    // This life and no other: between the look and the delete the dead holder's key may have gone and a live
    // one's come.
    const Guard same{.kind = Guard::Kind::same_life, .key = item.key, .revision = item.created};
    const auto broken = store.commit({.guards = {same}, .writes = {{.key = item.key}}});
    // Whether it was broken or somebody was faster, the caller tries to take it and finds out.
    return broken.ok() ? Status() : broken.error();
  }
  // Only after the look at the dead: with --lock-timeout 0s a crashed apply of this machine is no obstacle
  // either.
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
  if (left.count() <= 0) return held_by(item.value);
  if (!std::exchange(told, true)) options.waiting(held_by(item.value).message);
  // From the revision of the read: a lock that is given back between the two is seen.
  OVL_TRY(const auto watch, store.watch(KeySelection::only(item.key), there.revision));
  return await_change(*watch, left, options);
}

}  // namespace

// "Absent" is checked by the store in the same transaction: of two who take it at once, one is refused. With
// the session's id the key goes when its holder does.
Result<CommitResult> StoreLock::take() {
  return store_->commit(
      {.guards = {Guard{.kind = Guard::Kind::absent, .key = key_}},
       .writes = {Write{.key = key_, .value = encode(holder_).json(), .session = session_->id()}}});
}

Result<StoreLock> StoreLock::acquire(Keystore& store, const StoreLayout& layout, const Holder& holder,
                                     const Options& options) {
  StoreLock lock;
  lock.store_ = &store;
  lock.holder_ = holder;
  lock.key_ = layout.lock();
  lock.ttl_ = options.ttl;
  // Before the session is opened: what is counted from here is never more than what the store counts.
  lock.renewed_ = steady_clock::now();
  OVL_TRY(lock.session_, store.open_session(options.ttl));
  const auto deadline = steady_clock::now() + options.timeout;
  bool told = false;
  for (int doubts = 0;;) {
    if (options.stop()) {
      return Error{.code = Errc::interrupted,
                   .message = "interrupted while waiting for the cluster's lock: nothing was changed"};
    }
    const auto taken = lock.take();
    // The life of the key begins with this revision, and that is what the fence compares.
    if (taken.ok() && taken.value().committed) {
      lock.created_ = taken.value().revision;
      return lock;
    }
    if (!taken.ok() && taken.error().code == Errc::not_found) {  // our own session ran out as we waited
      OVL_TRY(lock.session_, store.open_session(options.ttl));
      continue;
    }
    // In doubt: the answer was lost. Trying again blindly would find our own lock and wait for ourselves
    // until it runs out.
    if (!taken.ok() && taken.error().code != Errc::in_doubt) return taken.error();
    OVL_TRY(const Snapshot there, store.read(KeySelection::only(lock.key_)));
    if (there.items.empty()) {
      if (!taken.ok() && ++doubts == kMaxDoubts) return taken.error();
    } else if (there.items.front().value == encode(holder).json()) {  // the answer was lost, it is ours
      lock.created_ = there.items.front().created;
      return lock;
    } else {
      OVL_CHECK(wait_for_other(store, there, deadline, options, told));
    }
  }
}

Guard StoreLock::fence() const {
  // Of the key's creation and not of its content: renewing a session does not touch it, and breaking the lock
  // ends it.
  return Guard{.kind = Guard::Kind::same_life, .key = key_, .revision = created_};
}

Status StoreLock::release() {
  // When its guard does not hold it had run out, after all was written. Under the fence, as by now the key
  // may be that of somebody who has broken the lock.
  const auto given_back = try_commit(*store_, {.guards = {fence()}, .writes = {{.key = key_}}});
  if (!given_back.ok()) return given_back.error();
  return session_->close();
}

Status StoreLock::keep_alive() {
  const auto now = std::chrono::steady_clock::now();
  // Called at each step of an apply, mostly long before it is time. A third leaves time for a second try
  // before the lease ends.
  if (now - renewed_ < ttl_ / 3) return {};
  Status status = session_->keep_alive();
  // In words of the cluster: the guards would refuse the next write anyway, as something that nobody
  // understands.
  if (!status.ok() && status.error().code == Errc::not_found) {
    return Error{.code = Errc::stale,
                 .message = "the lock on the cluster ran out before all was written",
                 .hint = "apply again"};
  }
  if (status.ok()) renewed_ = now;
  return status;
}

}  // namespace ovl
