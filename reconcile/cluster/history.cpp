#include "reconcile/cluster/history.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ovl {

namespace {

template <class T>
Result<T> decoded(const KeyValue& item) {
  if (item.left_out != 0) return too_long(item);
  OVL_TRY(const Value value, Value::parse_json(item.value));
  return decode<T>(value);
}

}  // namespace

Result<History> read_history(Keystore& store, const StoreLayout& layout) {
  OVL_TRY(const Snapshot snapshot, store.read(layout.generations()));
  History history;
  for (const KeyValue& item : snapshot.items) {
    auto generation = decoded<GenerationRecord>(item);
    if (generation.ok()) {
      history.generations.push_back(std::move(generation).value());
    } else {
      history.refused.push_back(Finding{.code = Errc::corrupt,
                                        .id = "refused-record",
                                        .subject = item.key.substr(layout.root().size()),
                                        .message = generation.error().message,
                                        .hint = "remove the key; an apply writes a new generation"});
    }
  }
  std::ranges::sort(history.generations, std::greater(), &GenerationRecord::serial);
  return history;
}

Result<std::optional<HeldLock>> read_lock(Keystore& store, const StoreLayout& layout) {
  OVL_TRY(const auto item, store.get(layout.lock()));
  if (!item) return std::optional<HeldLock>();
  HeldLock lock{.id = item->created};
  auto holder = decoded<StoreLock::Holder>(*item);
  if (holder.ok()) lock.holder = std::move(holder).value();
  return std::optional(std::move(lock));
}

Status break_lock(Keystore& store, const StoreLayout& layout, Revision id) {
  OVL_TRY(const auto lock, read_lock(store, layout));
  if (!lock)
    return Error{.code = Errc::not_found,
                 .message = "nobody holds the cluster's lock",
                 .hint = "there is nothing to break"};
  const Error other{.code = Errc::stale,
                    .message = fmt::format("the cluster's lock is not {} by now, nothing was done", id),
                    .hint = "see it with: ovl lock ls"};
  if (lock->id != id) return other;
  const Guard same{.kind = Guard::Kind::same_life, .key = layout.lock(), .revision = id};
  OVL_TRY(const CommitResult done, store.commit({.guards = {same}, .writes = {{.key = layout.lock()}}}));
  return done.committed ? Status() : other;
}

}  // namespace ovl
