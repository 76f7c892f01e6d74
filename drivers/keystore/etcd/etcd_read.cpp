#include "drivers/keystore/etcd/etcd_read.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ovl {

namespace {

using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;

// The first page of a range; what it weighs sets the size of the next ones, which grow step by step: gRPC
// holds an answer whole before it finds that it is too long.
constexpr std::int64_t kFirstPage = 4;
constexpr std::int64_t kLargestPage = 10'000;
constexpr std::int64_t kGrowth = 4;
constexpr std::size_t kPageBytes = std::size_t{2} << 20;
// How often a read begins again whose revision was compacted away before its last page.
constexpr int kMostReads = 5;
// Of the keys that nobody knows.
constexpr std::int64_t kSamples = 3;

std::int64_t next_page(const RangeResponse& page) {
  if (page.kvs().empty()) return kFirstPage;
  const std::size_t each = page.ByteSizeLong() / static_cast<std::size_t>(page.kvs_size()) + 1;
  const std::int64_t most = std::min(kLargestPage, page.kvs_size() * kGrowth);
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(kPageBytes / each), 1, most);
}

class EtcdRead {
 public:
  EtcdRead(EtcdClient& client, const EtcdKeys& keys, const KeySelection& what)
      : client_(client), keys_(keys), what_(what), gathering_(what, client.name()) {}

  Result<Snapshot> run() {
    OVL_TRY(const std::vector<EtcdRange> ranges, look_around());
    for (const EtcdRange& range : ranges) OVL_CHECK(read_pages(range));
    return gathering_.finish(revision_);
  }

 private:
  // How many keys there are in each place, in one transaction that sets the revision of all that follows. A
  // place of unknown keys that is empty parts nothing: what is known on both sides of it is one range, most
  // often the whole prefix.
  Result<std::vector<EtcdRange>> look_around() {
    std::vector<EtcdRange> known;
    for (const KeyRange& range : known_ranges(what_)) known.push_back(range_of(range, keys_));
    if (what_.parts.empty()) return known;
    std::vector<EtcdRange> others;
    for (const KeyRange& range : other_ranges(what_)) others.push_back(range_of(range, keys_));
    OVL_TRY(const auto counts, count(known, others));
    return joined(std::move(known), others, counts);
  }

  // Of the known ranges, then of the others.
  Result<std::vector<std::int64_t>> count(const std::vector<EtcdRange>& known,
                                          const std::vector<EtcdRange>& others) {
    TxnRequest request;
    for (const auto* ranges : {&known, &others}) {
      for (const EtcdRange& range : *ranges) {
        RangeRequest& part = *request.add_success()->mutable_request_range();
        // An empty range is one of which the server would make "one key" or refuse it.
        part.set_key(range.first);
        part.set_range_end(range.first == range.end ? range.first + '\0' : range.end);
        part.set_count_only(true);
      }
    }
    OVL_TRY(const TxnResponse response, client_.look(request, client_.deadline()));
    revision_ = static_cast<Revision>(response.header().revision());
    std::vector<std::int64_t> counts;
    for (const auto& part : response.responses()) counts.push_back(part.response_range().count());
    if (counts.size() == known.size() + others.size()) return counts;
    return Error{.code = Errc::corrupt, .message = client_.name() + ": it answers something else"};
  }

  Result<std::vector<EtcdRange>> joined(std::vector<EtcdRange> known, const std::vector<EtcdRange>& others,
                                        const std::vector<std::int64_t>& counts) {
    std::vector<EtcdRange> out;
    std::size_t keys = 0;
    bool parted = true;
    for (std::size_t i = 0; i < others.size(); ++i) {
      const bool is_empty = others[i].first == others[i].end;
      const std::int64_t strangers = is_empty ? 0 : counts[known.size() + i];
      if (strangers > 0) OVL_CHECK(note_unknown(others[i], static_cast<std::size_t>(strangers)));
      parted = parted || strangers > 0;
      if (i == known.size()) break;
      keys += static_cast<std::size_t>(counts[i]);
      if (counts[i] == 0) continue;
      if (parted) {
        out.push_back(std::move(known[i]));
      } else {
        out.back().end = std::move(known[i].end);
      }
      parted = false;
    }
    OVL_CHECK(gathering_.check_keys(keys));
    return out;
  }

  Status note_unknown(const EtcdRange& range, std::size_t count) {
    RangeRequest request = request_for(range, kSamples);
    request.set_keys_only(true);
    std::vector<std::string> some;
    const auto page = client_.range(request, client_.deadline());
    if (!page.ok() && !is_too_large(page.error())) return page.error();
    if (page.ok()) {
      for (const mvccpb::KeyValue& item : page.value().kvs()) some.push_back(keys_.own(item.key()));
    }
    gathering_.add_unknown(count, some);
    return {};
  }

  [[nodiscard]] RangeRequest request_for(const EtcdRange& range, std::int64_t limit) const {
    RangeRequest request;
    request.set_key(range.first);
    request.set_range_end(range.end);
    request.set_limit(limit);
    request.set_revision(static_cast<std::int64_t>(revision_));
    return request;
  }

  // All pages are of one revision: the first one's, where nothing was counted before.
  Status read_pages(const EtcdRange& range) {
    RangeRequest request = request_for(range, kFirstPage);
    for (;;) {
      OVL_TRY(Page page, read_page(request));
      OVL_CHECK(check_progress(request, page.answer));
      if (revision_ == 0) {
        revision_ = static_cast<Revision>(page.answer.header().revision());
        OVL_CHECK(gathering_.check_keys(static_cast<std::size_t>(page.answer.count())));
      }
      if (page.answer.kvs().empty()) return {};
      const std::int64_t limit = next_page(page.answer);
      const std::string next = page.answer.kvs().rbegin()->key() + '\0';
      OVL_CHECK(take(page));
      if (!page.answer.more()) return {};
      request = request_for({.first = next, .end = range.end}, limit);
    }
  }

  struct Page {
    RangeResponse answer;
    std::size_t left_out = 0;  // of its one value, which is more than one answer may be
  };

  // A page that is more than an answer may be is asked for again by half. A single value that is more is
  // passed over, with its name.
  Result<Page> read_page(RangeRequest request) {
    for (;; request.set_limit(request.limit() / 2)) {
      auto answer = client_.range(request, client_.deadline());
      if (answer.ok()) return Page{.answer = std::move(answer).value()};
      if (!is_too_large(answer.error())) return std::move(answer).error();
      if (request.limit() == 1) break;
    }
    request.set_keys_only(true);
    OVL_TRY(RangeResponse answer, client_.range(request, client_.deadline()));
    return Page{.answer = std::move(answer), .left_out = kMostEtcdAnswer};
  }

  Status take(Page& page) {
    for (mvccpb::KeyValue& item : *page.answer.mutable_kvs()) {
      KeyValue own = key_value(std::move(item), keys_);
      own.left_out = page.left_out;
      if (gathering_.wants(own.key)) OVL_CHECK(gathering_.add(std::move(own)));
    }
    return {};
  }

  // Each page is a call with a time of its own: how many keys there are says nothing about whether the store
  // answers. So the pages have to lead somewhere.
  [[nodiscard]] Status check_progress(const RangeRequest& request, const RangeResponse& page) const {
    const auto is_before = [&](const mvccpb::KeyValue& item) { return item.key() < request.key(); };
    if (std::ranges::none_of(page.kvs(), is_before)) return {};
    return Error{.code = Errc::corrupt,
                 .message = client_.name() + ": a page of keys does not go on after the last one"};
  }

  EtcdClient& client_;
  const EtcdKeys& keys_;
  const KeySelection& what_;
  Gathering gathering_;
  Revision revision_ = 0;
};

}  // namespace

// A read that outlives its revision, because the server is compacted meanwhile, begins again.
Result<Snapshot> read_etcd(EtcdClient& client, const EtcdKeys& keys, const KeySelection& what) {
  for (int reads = 1;; ++reads) {
    Result<Snapshot> snapshot = EtcdRead(client, keys, what).run();
    if (snapshot.ok() || !is_compacted(snapshot.error()) || reads == kMostReads) return snapshot;
  }
}

Result<std::optional<KeyValue>> read_etcd_key(EtcdClient& client, const EtcdKeys& keys,
                                              std::string_view key) {
  std::optional<KeyValue> found;
  RangeRequest request;
  request.set_key(keys.full(key));
  if (request.key().empty()) return found;
  auto answer = client.range(request, client.deadline());
  const bool too_large = !answer.ok() && is_too_large(answer.error());
  if (too_large) {
    request.set_keys_only(true);
    answer = client.range(request, client.deadline());
  }
  OVL_TRY(RangeResponse response, std::move(answer));
  if (response.kvs().empty()) return found;
  found = key_value(std::move(*response.mutable_kvs(0)), keys);
  if (too_large) found->left_out = kMostEtcdAnswer;
  leave_out(*found, kMostValueBytes);
  return found;
}

}  // namespace ovl
