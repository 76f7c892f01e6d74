#include "drivers/keystore/gathering.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ovl {

namespace {

// As many of the unknown keys are named, and so much of each.
constexpr std::size_t kNamedKeys = 3;
constexpr std::size_t kNameBytes = 100;

Error too_much(std::string_view store, const KeySelection& what, std::string_view of, std::size_t have,
               std::size_t most) {
  return Error{.code = Errc::corrupt,
               .message = fmt::format("{}: below {} there are {} {} or more, ovl takes {}", store,
                                      what.prefix, have, of, most),
               .hint = "remove what does not belong there with the store's own tools, or divide the cluster"};
}

}  // namespace

void leave_out(KeyValue& item, std::size_t most) {
  if (item.value.size() <= most) return;
  item.left_out = item.value.size();
  std::string().swap(item.value);  // what is assigned to it, or cleared, leaves its memory
}

void leave_out(WatchEvent& event, std::size_t most) {
  if (!event.value || event.value->size() <= most) return;
  event.left_out = event.value->size();
  event.value.emplace();
}

bool Tally::wants(std::string_view key) {
  if (what_.knows(key)) return true;
  add_unknown(key);
  return false;
}

void Tally::add_unknown(std::string_view key) {
  ++unknown_.count;
  if (unknown_.some.size() < kNamedKeys) unknown_.some.emplace_back(key.substr(0, kNameBytes));
}

void Tally::add_unknown(std::size_t count, const std::vector<std::string>& some) {
  unknown_.count += count - std::min(count, some.size());
  for (const std::string& key : some) add_unknown(key);
}

Status Tally::check_keys(std::size_t keys) const {
  if (keys <= what_.limits.keys) return {};
  return too_much(store_, what_, "keys", keys, what_.limits.keys);
}

Status Tally::take(KeyValue& item) {
  leave_out(item, what_.limits.value_bytes);
  bytes_ += item.key.size() + item.value.size();
  if (bytes_ > what_.limits.bytes) return too_much(store_, what_, "bytes", bytes_, what_.limits.bytes);
  return check_keys(++keys_);
}

Status Gathering::add(KeyValue item) {
  OVL_CHECK(take(item));
  items_.push_back(std::move(item));
  return {};
}

Snapshot Gathering::finish(Revision revision) {
  if (!std::ranges::is_sorted(items_, {}, &KeyValue::key)) std::ranges::sort(items_, {}, &KeyValue::key);
  return Snapshot{.revision = revision, .items = std::move(items_), .unknown = take_unknown()};
}

}  // namespace ovl
