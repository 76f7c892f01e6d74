#include "drivers/keystore/zookeeper/zookeeper_watch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "drivers/keystore/gathering.hpp"
#include "drivers/keystore/zookeeper/zookeeper_commit.hpp"

namespace ovl::zk {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A volley of log entries when a watch looks for its place in the log.
constexpr std::uint64_t kFirstLogVolley = 16;

}  // namespace

Result<WatchBatch> LogWatch::next(milliseconds timeout) {
  const Deadline deadline = steady_clock::now() + timeout;
  for (;;) {
    const std::uint64_t rings = store_->client->rings();
    OVL_TRY(auto batch, look());
    if (batch.reset || !batch.events.empty()) return batch;
    if (!store_->client->wait_for_ring(rings, deadline)) return batch;
  }
}

// The reads themselves set the watches that ring: what changes after them is not missed.
Result<WatchBatch> LogWatch::look() {
  if (reset_) return reset(after_);
  OVL_CHECK(reap(*store_, what_, true));
  using Kind = Request::Kind;
  OVL_TRY(const auto replies,
          store_->client->ask({sync_request(*store_),
                               head_request(*store_, true),
                               {.kind = Kind::exists, .path = store_->counter_path(), .watch = true}},
                              store_->deadline()));
  OVL_TRY(const Head head, head_of(*store_, replies[1]));
  if (!position_) {
    OVL_TRY(position_, locate(head));
  }
  if (!position_ || *position_ > head.counter.number) return reset(head.revision);
  return follow(head);
}

WatchBatch LogWatch::reset(Revision revision) {
  reset_ = true;
  return WatchBatch{.reset = true, .revision = revision};
}

Result<WatchBatch> LogWatch::follow(const Head& head) {
  WatchBatch batch{.revision = std::max(after_, head.revision)};
  OVL_TRY(auto entries,
          read_log(*store_, *store_->client, *position_ + 1, head.counter.number, store_->deadline()));
  const bool hole = std::ranges::any_of(entries, [](const NumberedEntry& entry) { return entry.entry.hole; });
  if (hole || entries.size() != head.counter.number - *position_) return reset(head.revision);
  for (NumberedEntry& entry : entries) {
    for (LoggedChange& change : entry.entry.changes) {
      if (!what_.knows(change.key)) continue;
      WatchEvent event{.key = std::move(change.key), .revision = entry.revision};
      if (change.kind != LoggedChange::Kind::remove) event.value = std::move(change.value);
      leave_out(event, what_.limits.value_bytes);
      batch.events.push_back(std::move(event));
    }
  }
  position_ = head.counter.number;
  after_ = batch.revision;
  return batch;
}

// The number of the last commit that is not after after_; nothing: the log does not tell.
Result<std::optional<std::uint64_t>> LogWatch::locate(const Head& head) {
  if (after_ == head.revision) return std::optional(head.counter.number);
  if (after_ < head.revision) return locate_in_log(head);
  OVL_TRY(const bool past, is_past(after_));
  return past ? std::optional(head.counter.number) : std::nullopt;
}

// Each entry names the revision of the one before it, so that a forgotten one can still be the place.
Result<std::optional<std::uint64_t>> LogWatch::locate_in_log(const Head& head) {
  std::uint64_t to = head.counter.number;
  for (std::uint64_t volley = kFirstLogVolley; to > 0; volley *= 4) {
    const std::uint64_t from = to > volley ? to - volley + 1 : 1;
    OVL_TRY(const auto entries, read_log(*store_, *store_->client, from, to, store_->deadline()));
    for (auto at = entries.rbegin(); at != entries.rend(); ++at) {
      if (at->number != to) return std::optional<std::uint64_t>();
      --to;
      if (at->entry.before <= after_) return std::optional(to);
    }
    if (to >= from) return std::optional<std::uint64_t>();
  }
  return std::optional<std::uint64_t>();
}

// ZooKeeper's clock shows with a write only. A revision after that of the last commit comes from a
// write that passed the counter by, or from a store that has gone back.
Result<bool> LogWatch::is_past(Revision revision) {
  const std::string path = store_->counter_path() + "/clock";
  OVL_TRY(const auto there,
          store_->client->ask({{.kind = Request::Kind::exists, .path = path}}, store_->deadline()));
  std::vector<Operation> operations;
  if (!there.front().found) operations.push_back({.kind = Operation::Kind::create, .path = path});
  operations.push_back({.kind = Operation::Kind::set, .path = path});
  const auto ticked = store_->client->multi(operations, store_->deadline());
  if (!ticked.ok() && ticked.error().code == Errc::privilege) return false;
  if (!ticked.ok()) {
    Error error = ticked.error();
    error.code = Errc::unreachable;
    return error;
  }
  return ticked.value().done && revision <= ticked.value().revision;
}

}  // namespace ovl::zk
