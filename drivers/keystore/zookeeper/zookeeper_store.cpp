#include "drivers/keystore/zookeeper/zookeeper_store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "drivers/keystore/zookeeper/zookeeper_path.hpp"

namespace ovl::zk {

std::string Store::counter_path() const {
  return fmt::format("{}/{}", root, kOwn);
}

std::string Store::log_path() const {
  return counter_path() + "/log";
}

std::string Store::log_entry_path(std::uint64_t number) const {
  return fmt::format("{}/{:020}", log_path(), number);
}

std::string Store::leases_path() const {
  return counter_path() + "/leases";
}

std::string Store::lease_path(std::string_view key) const {
  return fmt::format("{}/{}", leases_path(), flat_name_of(key));
}

Error Store::corrupt(std::string_view path) const {
  return Error{.code = Errc::corrupt,
               .message = fmt::format("{}: the node {} is not as ovl writes it", name(), path),
               .hint = "somebody else wrote it; delete " + counter_path() + " with zkCli.sh (deleteall)"};
}

// ZooKeeper's reads are of one server and may be stale; sync brings that server up to date. Its path
// has no say (SyncRequestProcessor).
Request sync_request(const Store&) {
  return {.kind = Request::Kind::sync, .path = "/"};
}

Request head_request(const Store& store, bool watch) {
  return {.kind = Request::Kind::get, .path = store.counter_path(), .watch = watch};
}

Result<Head> head_of(const Store& store, const Reply& reply) {
  Head head{.found = reply.found, .version = reply.version};
  if (!reply.found) return head;
  const auto counter = parse_counter(reply.data.value_or(""));
  if (!counter) return store.corrupt(store.counter_path());
  head.counter = *counter;
  head.revision = counter->number == 0 ? 0 : reply.modified;
  return head;
}

std::set<std::string> leases_of(const Reply& reply) {
  std::set<std::string> keys;
  for (const std::string& name : reply.names) {
    if (auto key = key_of_flat_name(name)) keys.insert(std::move(*key));
  }
  return keys;
}

namespace {

// Twice what a commit leaves: others go on while one reads.
constexpr std::uint64_t kMostEntries = 2 * (kLogEntries + kLogSlack);
constexpr std::uint64_t kMostBytes = 2 * (kLogBytes + kLogByteSlack);
// So many are asked for at once: none is longer than kMaxLogged.
constexpr std::uint64_t kLogVolley = 64;

std::vector<Request> log_requests(const Store& store, std::uint64_t from, std::uint64_t to) {
  std::vector<Request> requests;
  for (std::uint64_t number = from; number <= to; ++number) {
    requests.push_back(
        {.kind = Request::Kind::get, .path = store.log_entry_path(number), .most = kMaxLogged});
  }
  return requests;
}

}  // namespace

Result<std::vector<NumberedEntry>> read_log(const Store& store, Client& client, std::uint64_t from,
                                            std::uint64_t to, Deadline deadline) {
  std::vector<NumberedEntry> entries;
  if (to < from || to - from >= kMostEntries) return entries;
  std::uint64_t bytes = 0;
  for (std::uint64_t at = from; at <= to; at += kLogVolley) {
    const auto requests = log_requests(store, at, std::min(to, at + kLogVolley - 1));
    OVL_TRY(const auto replies, client.ask(requests, deadline));
    for (std::size_t i = 0; i < replies.size(); ++i) {
      if (!replies[i].found) continue;
      auto entry =
          replies[i].left_out ? LogEntry{.hole = true} : parse_log_entry(replies[i].data.value_or(""));
      if (!entry) return store.corrupt(requests[i].path);
      bytes += replies[i].data.value_or("").size();
      entries.push_back({.number = at + i, .revision = replies[i].created, .entry = std::move(*entry)});
    }
    if (bytes > kMostBytes) return std::vector<NumberedEntry>();
  }
  return entries;
}

}  // namespace ovl::zk
