#include "drivers/keystore/consul/history.hpp"

#include <algorithm>
#include <random>

namespace ovl {

namespace {

// Enough for a client's few prefixes; some 20 MB at the most.
constexpr std::size_t kMaxLooks = 16;
constexpr std::size_t kMaxKeys = 250'000;

// Flags, from the top: 0, mark, removes, length (12 bits), last (32 bits), nonce (17 bits). The top bit
// is 0 since not every reader of JSON knows unsigned numbers.
constexpr std::uint64_t kMark = std::uint64_t{1} << 62;
constexpr std::uint64_t kRemoves = std::uint64_t{1} << 61;
constexpr unsigned kLengthShift = 49;
constexpr std::uint64_t kMaxLength = 0xfff;
constexpr unsigned kLastShift = 17;
constexpr std::uint64_t kMaxLast = 0xffff'ffff;
constexpr std::uint64_t kMaxNonce = 0x1'ffff;

struct Span {
  Revision first = 0;
  Revision last = 0;
};

void add_claims(const KvEntry& entry, std::vector<Span>& spans) {
  if ((entry.flags & kMark) == 0) return;
  const Revision own = entry.item.modified;
  if ((entry.flags & kRemoves) == 0) spans.push_back({own, own});
  const std::uint64_t length = entry.flags >> kLengthShift & kMaxLength;
  const Revision last = entry.flags >> kLastShift & kMaxLast;
  if (length > 0 && last < own && length <= last) spans.push_back({last - length + 1, last});
}

std::size_t keys_of(const auto& entries) {
  std::size_t count = 0;
  for (const auto& entry : entries) count += entry.keys->size();
  return count;
}

}  // namespace

// ---- Looks -----------------------------------------------------------------------------------

std::shared_ptr<const KnownKeys> Looks::remember(const KeySelection& what, Revision revision,
                                                 const Look& look) {
  auto keys = std::make_shared<KnownKeys>();
  keys->reserve(look.entries.size());
  for (const KvEntry& entry : look.entries) keys->emplace_back(entry.item.key, entry.item.modified);
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const Entry& entry) {
    return entry.revision == revision && entry.prefix == what.prefix && entry.parts == what.parts;
  });
  entries_.push_back({what.prefix, what.parts, revision, keys});
  forget_old();
  return keys;
}

void Looks::forget_old() {
  while (entries_.size() > 1 && (entries_.size() > kMaxLooks || keys_of(entries_) > kMaxKeys)) {
    entries_.pop_front();
  }
}

std::shared_ptr<const KnownKeys> Looks::find(const KeySelection& what, Revision revision) const {
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    const bool same = entry.prefix == what.prefix && entry.parts == what.parts;
    if (same && entry.revision == revision) return entry.keys;
  }
  return nullptr;
}

// ---- Claims ----------------------------------------------------------------------------------

Claims::Claims() : nonce_(std::random_device{}()) {}

std::uint64_t Claims::next(bool removes) {
  const std::uint64_t length = last_ <= kMaxLast ? std::min(length_, kMaxLength) : 0;
  return kMark | (removes ? kRemoves : 0) | length << kLengthShift | (last_ & kMaxLast) << kLastShift |
         (++nonce_ & kMaxNonce);
}

void Claims::committed(Revision revision, bool removes) {
  const bool follows = revision != 0 && revision == last_ + 1;
  length_ = removes || revision == 0 ? 0 : (follows ? length_ + 1 : 1);
  last_ = revision;
}

bool removed_nothing(const std::vector<KvEntry>& entries, Revision after, Revision upto) {
  std::vector<Span> spans;
  for (const KvEntry& entry : entries) {
    if (entry.item.modified > after) add_claims(entry, spans);
  }
  std::ranges::sort(spans, {}, &Span::first);
  Revision covered = after;
  for (const Span& span : spans) {
    if (span.first <= covered + 1) covered = std::max(covered, span.last);
  }
  return covered >= upto;
}

}  // namespace ovl
