#include "drivers/keystore/consul/consul_watch.hpp"

#include <algorithm>
#include <thread>

namespace ovl {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBetween{100};
constexpr int kAtOnce = 10;

// A single request waits no longer, so that an answer that is lost on the way costs no more.
constexpr milliseconds kLongestWait{60'000};

void add_deletions(const KnownKeys& known, const Look& look, std::vector<WatchEvent>& events) {
  auto present = look.entries.begin();
  for (const auto& [key, modified] : known) {
    while (present != look.entries.end() && present->item.key < key) ++present;
    if (present != look.entries.end() && present->item.key == key) continue;
    events.push_back({.key = key, .value = std::nullopt, .revision = look.index});
  }
}

void add_writes(const KnownKeys& known, Look& look, std::vector<WatchEvent>& events) {
  auto before = known.begin();
  for (KvEntry& entry : look.entries) {
    while (before != known.end() && before->first < entry.item.key) ++before;
    const bool same =
        before != known.end() && before->first == entry.item.key && before->second == entry.item.modified;
    if (same) continue;
    events.push_back({.key = entry.item.key,
                      .value = std::move(entry.item.value),
                      .revision = entry.item.modified,
                      .left_out = entry.item.left_out});
  }
}

}  // namespace

// ---- RequestRate -----------------------------------------------------------------------------

milliseconds RequestRate::delay(Clock::time_point now) const {
  const auto debt = std::chrono::ceil<milliseconds>(paid_until_ - now) - kBetween * (kAtOnce - 1);
  return std::max(debt, milliseconds{0});
}

void RequestRate::take(Clock::time_point now) {
  paid_until_ = std::max(paid_until_, now) + kBetween;
}

// ---- ConsulWatch -----------------------------------------------------------------------------

ConsulWatch::ConsulWatch(ConsulApi api, std::shared_ptr<Looks> looks, KeySelection what, Revision after)
    : api_(std::move(api)), looks_(std::move(looks)), what_(std::move(what)), after_(after) {}

Result<std::unique_ptr<Watch>> ConsulWatch::open(ConsulApi api, std::shared_ptr<Looks> looks,
                                                 KeySelection what, Revision after) {
  std::unique_ptr<ConsulWatch> watch(
      new ConsulWatch(std::move(api), std::move(looks), std::move(what), after));
  OVL_CHECK(watch->start());
  return std::unique_ptr<Watch>(std::move(watch));
}

// Looks at once: the longer it waits, the less is known for certain.
Status ConsulWatch::start() {
  OVL_TRY(Look first, api_.look(what_));
  OVL_TRY(known_, keys_at_start(first));
  reset_ = known_ == nullptr;
  index_ = first.index;
  if (!reset_) compare(std::move(first));
  return {};
}

// The keys as they were at after_; nullptr when that can't be known.
Result<std::shared_ptr<const KnownKeys>> ConsulWatch::keys_at_start(const Look& look) {
  if (look.index < after_) {
    // Either after_ is of a write elsewhere, or of a future that a restored store does not have.
    OVL_TRY(const Revision newest, api_.newest());
    if (newest < after_) return std::shared_ptr<const KnownKeys>();
  }
  if (auto seen = looks_->find(what_, after_)) return seen;
  if (look.index > after_ && !removed_nothing(look.entries, after_, look.index)) {
    return std::shared_ptr<const KnownKeys>();
  }
  auto keys = std::make_shared<KnownKeys>();
  for (const KvEntry& entry : look.entries) {
    if (entry.item.modified <= after_) keys->emplace_back(entry.item.key, entry.item.modified);
  }
  return std::shared_ptr<const KnownKeys>(std::move(keys));
}

void ConsulWatch::compare(Look look) {
  const std::size_t before = events_.size();
  const auto seen = looks_->remember(what_, std::max(after_, look.index), look);
  add_deletions(*known_, look, events_);
  add_writes(*known_, look, events_);
  const auto fresh = events_.begin() + static_cast<std::ptrdiff_t>(before);
  std::stable_sort(fresh, events_.end(),
                   [](const WatchEvent& a, const WatchEvent& b) { return a.revision < b.revision; });
  known_ = seen;
  index_ = look.index;
  after_ = std::max(after_, look.index);
}

WatchBatch ConsulWatch::take_batch() {
  return WatchBatch{.reset = reset_, .events = std::exchange(events_, {}), .revision = after_};
}

Result<WatchBatch> ConsulWatch::next(milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (!reset_ && events_.empty()) {
    OVL_TRY(std::optional<Look> seen, look(deadline));
    if (!seen) break;
    // A store that was restored, or deletions that it has forgotten by now.
    reset_ = seen->index < index_;
    if (!reset_) compare(std::move(*seen));
    if (events_.empty() && Clock::now() >= deadline) break;
  }
  return take_batch();
}

// A return is no proof of a change, and a change no proof of a difference: the caller compares. None:
// the time was over before the next request was due.
Result<std::optional<Look>> ConsulWatch::look(Clock::time_point deadline) {
  const auto delay = rate_.delay(Clock::now());
  const auto left = std::chrono::floor<milliseconds>(deadline - Clock::now());
  if (delay.count() > 0) std::this_thread::sleep_for(std::min(delay, std::max(left, milliseconds{0})));
  if (delay.count() > 0 && delay >= left) return std::optional<Look>();
  rate_.take(Clock::now());
  const auto wait = std::min(std::chrono::ceil<milliseconds>(deadline - Clock::now()), kLongestWait);
  std::optional<Blocking> blocking;
  // Without a wait, or an index above 0, the server would answer at once or wait for five minutes.
  if (wait.count() > 0 && index_ > 0) blocking = Blocking{.index = index_, .wait = wait};
  OVL_TRY(Look seen, api_.look(what_, blocking));
  return std::optional(std::move(seen));
}

}  // namespace ovl
