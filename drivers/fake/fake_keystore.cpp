#include "drivers/fake/fake_keystore.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "drivers/keystore/check.hpp"
#include "drivers/keystore/gathering.hpp"

namespace ovl {

namespace {

constexpr std::string_view kName = "fake://";

Error ended(const std::string& id) {
  return Error{.code = Errc::not_found,
               .message = fmt::format("session {} has ended", id),
               .hint = "open a new session and write its keys again"};
}

std::string keys_of(const Transaction& transaction) {
  std::string keys;
  for (const Write& write : transaction.writes) keys += (keys.empty() ? "" : " ") + write.key;
  return keys;
}

}  // namespace

// ---- FakeStore -------------------------------------------------------------------------------

void FakeStore::add_fault(KeystoreFault fault) {
  const std::scoped_lock lock(mutex_);
  faults_.push_back(fault);
}

void FakeStore::clear_faults() {
  const std::scoped_lock lock(mutex_);
  faults_.clear();
}

std::vector<KeystoreCall> FakeStore::calls() const {
  const std::scoped_lock lock(mutex_);
  return calls_;
}

std::size_t FakeStore::call_count() const {
  const std::scoped_lock lock(mutex_);
  return calls_.size();
}

void FakeStore::advance(std::chrono::milliseconds time) {
  const std::scoped_lock lock(mutex_);
  now_ += time;
  expire();
}

void FakeStore::compact(Revision upto) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(events_, [upto](const WatchEvent& event) { return event.revision <= upto; });
  trimmed_ = std::max(trimmed_, std::min(upto, revision_));
}

FakeStore::Ticket FakeStore::begin_call(std::string method, std::string subject) {
  Ticket ticket{.number = calls_.size()};
  calls_.push_back({std::move(method), std::move(subject), std::nullopt});
  for (const KeystoreFault& fault : faults_) {
    const bool hit = fault.call == ticket.number || (fault.lasting && fault.call <= ticket.number);
    if (hit) ticket.fault = fault;
  }
  return ticket;
}

// Runs work() between the faults planned for this call.
template <class T, class F>
Result<T> FakeStore::call(std::string method, std::string subject, F&& work) {
  const Ticket ticket = begin_call(std::move(method), std::move(subject));
  const auto fails = [&](KeystoreFault::When when) { return ticket.fault && ticket.fault->when == when; };
  const auto failure = [&] {
    calls_[ticket.number].failed = ticket.fault->code;
    return Error{.code = ticket.fault->code, .message = fmt::format("fault at call {}", ticket.number)};
  };
  if (fails(KeystoreFault::When::before)) return failure();
  Result<T> result = work();
  if (fails(KeystoreFault::When::after)) return failure();
  if (!result.ok()) calls_[ticket.number].failed = result.error().code;
  return result;
}

void FakeStore::expire() {
  std::vector<std::string> over;
  for (const auto& [id, lease] : leases_) {
    if (lease.expires <= now_) over.push_back(id);
  }
  for (const std::string& id : over) end_session(id);
}

void FakeStore::end_session(const std::string& id) {
  if (leases_.erase(id) == 0) return;
  const Revision revision = revision_ + 1;
  std::vector<std::string> gone;
  for (const auto& [key, entry] : entries_) {
    if (entry.session == id) gone.push_back(key);
  }
  for (const std::string& key : gone) write(Write{.key = key, .value = std::nullopt}, revision);
  if (!gone.empty()) revision_ = revision;
  changed_.notify_all();
}

bool FakeStore::holds(const Guard& guard) const {
  const auto at = entries_.find(guard.key);
  const bool found = at != entries_.end();
  switch (guard.kind) {
    case Guard::Kind::absent: return !found;
    case Guard::Kind::same_life: return found && at->second.item.created == guard.revision;
    case Guard::Kind::unmodified: return found && at->second.item.modified == guard.revision;
  }
  return false;
}

// True when it changed something.
bool FakeStore::write(const Write& write, Revision revision) {
  const auto at = entries_.find(write.key);
  if (!write.value && at == entries_.end()) return false;
  if (!write.value) {
    entries_.erase(at);
  } else {
    const Revision created = at == entries_.end() ? revision : at->second.item.created;
    entries_[write.key] = Entry{{write.key, *write.value, created, revision}, write.session};
  }
  events_.push_back({write.key, write.value, revision});
  return true;
}

Result<CommitResult> FakeStore::commit(const Transaction& transaction, std::size_t max_operations) {
  const std::size_t operations = transaction.guards.size() + transaction.writes.size();
  OVL_CHECK(check_transaction(transaction, operations, max_operations));
  expire();
  for (const Guard& guard : transaction.guards) {
    if (!holds(guard)) return CommitResult{.committed = false, .revision = revision_};
  }
  for (const Write& one : transaction.writes) {
    if (one.value && !one.session.empty() && !leases_.contains(one.session)) return ended(one.session);
  }
  std::vector<const Write*> sorted;
  for (const Write& one : transaction.writes) sorted.push_back(&one);
  std::ranges::sort(sorted, {}, [](const Write* one) { return std::string_view(one->key); });
  bool wrote = false;
  for (const Write* one : sorted) wrote = write(*one, revision_ + 1) || wrote;
  if (wrote) ++revision_;
  changed_.notify_all();
  return CommitResult{.committed = true, .revision = revision_};
}

Result<Snapshot> FakeStore::read(const KeySelection& what) const {
  Gathering gathering(what, kName);
  auto at = entries_.lower_bound(what.prefix);
  for (; at != entries_.end() && at->first.starts_with(what.prefix); ++at) {
    if (gathering.wants(at->first)) OVL_CHECK(gathering.add(at->second.item));
  }
  return gathering.finish(revision_);
}

WatchBatch FakeStore::events_after(const KeySelection& what, Revision after) const {
  WatchBatch batch{.reset = after < trimmed_ || after > revision_, .revision = revision_};
  if (batch.reset) return batch;
  const auto first = std::ranges::upper_bound(events_, after, {}, &WatchEvent::revision);
  std::copy_if(first, events_.end(), std::back_inserter(batch.events),
               [&](const WatchEvent& event) { return what.knows(event.key); });
  for (WatchEvent& event : batch.events) leave_out(event, what.limits.value_bytes);
  return batch;
}

// ---- what connect() gives --------------------------------------------------------------------

class FakeSession final : public Session {
 public:
  FakeSession(FakeStore& store, std::string id) : store_(store), id_(std::move(id)) {}

  ~FakeSession() override {
    const std::scoped_lock lock(store_.mutex_);
    store_.end_session(id_);
  }

  [[nodiscard]] const std::string& id() const override { return id_; }

  Status keep_alive() override {
    const std::scoped_lock lock(store_.mutex_);
    return store_.call<void>("keep_alive", id_, [this]() -> Status {
      store_.expire();
      const auto lease = store_.leases_.find(id_);
      if (lease == store_.leases_.end()) return ended(id_);
      lease->second.expires = store_.now_ + lease->second.ttl;
      return {};
    });
  }

  Status close() override {
    const std::scoped_lock lock(store_.mutex_);
    return store_.call<void>("close", id_, [this]() -> Status {
      store_.end_session(id_);
      return {};
    });
  }

 private:
  FakeStore& store_;
  std::string id_;
};

class FakeWatch final : public Watch {
 public:
  FakeWatch(FakeStore& store, KeySelection what, Revision after)
      : store_(store), what_(std::move(what)), after_(after) {}

  Result<WatchBatch> next(std::chrono::milliseconds timeout) override {
    std::unique_lock lock(store_.mutex_);
    return store_.call<WatchBatch>("next", what_.prefix,
                                   [&]() -> Result<WatchBatch> { return wait(lock, timeout); });
  }

 private:
  WatchBatch wait(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds timeout) {
    WatchBatch batch;
    store_.changed_.wait_for(lock, timeout, [&] {
      batch = store_.events_after(what_, after_);
      return batch.reset || !batch.events.empty();
    });
    if (!batch.reset) after_ = batch.revision;
    return batch;
  }

  FakeStore& store_;
  KeySelection what_;
  Revision after_;
};

class FakeConnection final : public Keystore {
 public:
  FakeConnection(FakeStore& store, std::string name, std::size_t max_operations)
      : store_(store), name_(std::move(name)), max_operations_(max_operations) {}

  Result<Snapshot> read(const KeySelection& what) override {
    const std::scoped_lock lock(store_.mutex_);
    return store_.call<Snapshot>("read", what.prefix, [&] { return store_.read(what); });
  }

  Result<std::optional<KeyValue>> get(std::string_view key) override {
    const std::scoped_lock lock(store_.mutex_);
    using Found = std::optional<KeyValue>;
    return store_.call<Found>("get", std::string(key), [&]() -> Result<Found> {
      const auto at = store_.entries_.find(key);
      if (at == store_.entries_.end()) return Found();
      KeyValue item = at->second.item;
      leave_out(item, kMostValueBytes);
      return Found(std::move(item));
    });
  }

  Result<CommitResult> commit(const Transaction& transaction) override {
    const std::scoped_lock lock(store_.mutex_);
    return store_.call<CommitResult>("commit", keys_of(transaction),
                                     [&] { return store_.commit(transaction, max_operations_); });
  }

  Result<std::unique_ptr<Session>> open_session(std::chrono::seconds ttl) override {
    std::unique_lock lock(store_.mutex_);
    using Opened = std::unique_ptr<Session>;
    std::string id;
    auto status = store_.call<void>("open_session", fmt::format("{} s", ttl.count()), [&]() -> Status {
      if (ttl < std::chrono::seconds{1}) {
        return Error{.code = Errc::usage, .message = "a session lives at least one second"};
      }
      id = fmt::format("session-{}", store_.next_lease_++);
      store_.leases_[id] = {store_.now_ + ttl, ttl};
      return {};
    });
    if (!status.ok()) return std::move(status).error();
    return Opened(std::make_unique<FakeSession>(store_, std::move(id)));
  }

  Result<std::unique_ptr<Watch>> watch(const KeySelection& what, Revision after) override {
    const std::scoped_lock lock(store_.mutex_);
    using Opened = std::unique_ptr<Watch>;
    return store_.call<Opened>("watch", what.prefix, [&]() -> Result<Opened> {
      return Opened(std::make_unique<FakeWatch>(store_, what, after));
    });
  }

  [[nodiscard]] std::size_t max_operations() const override { return max_operations_; }

  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  FakeStore& store_;
  std::string name_;
  std::size_t max_operations_;
};

std::unique_ptr<Keystore> FakeStore::connect(std::string name, std::size_t max_operations) {
  return std::make_unique<FakeConnection>(*this, std::move(name), max_operations);
}

}  // namespace ovl
