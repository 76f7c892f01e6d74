#include "drivers/keystore/zookeeper/zookeeper_commit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <thread>

#include "drivers/keystore/zookeeper/zookeeper_path.hpp"
#include "drivers/keystore/zookeeper/zookeeper_plan.hpp"

namespace ovl::zk {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// jute.maxbuffer of the server is 0xfffff bytes when nobody set it; what is larger loses the
// connection without a word.
constexpr std::size_t kMaxBytes = 1'000'000;
constexpr std::size_t kBytesPerOperation = 64;
constexpr std::uint64_t kCutAtOnce = 256;

// A slow server is not other writers: the first makes our nodes, and one may meet them.
constexpr int kLeastAttempts = 3;

// The store as one attempt saw it.
struct Look {
  Head head;
  std::set<std::string> leases;
  Nodes nodes;
};

Result<Look> look_at(const Store& store, Client& client, const Transaction& transaction) {
  std::vector<Request> requests = {sync_request(store),
                                   head_request(store),
                                   {.kind = Request::Kind::children, .path = store.leases_path()}};
  for (const std::string& path : nodes_needed(store.root, transaction)) {
    // Whether it has data is what counts.
    requests.push_back({.kind = Request::Kind::get, .path = path, .most = 0});
  }
  OVL_TRY(auto replies, client.ask(requests, store.deadline()));
  Look look;
  OVL_TRY(look.head, head_of(store, replies[1]));
  look.leases = leases_of(replies[2]);
  for (std::size_t i = 3; i < requests.size(); ++i) {
    look.nodes.emplace(std::move(requests[i].path), std::move(replies[i]));
  }
  return look;
}

Status make_node(const Store& store, Client& client, const std::string& path) {
  OVL_TRY(const auto replies, client.ask({{.kind = Request::Kind::exists, .path = path}}, store.deadline()));
  if (replies.front().found) return {};
  OVL_TRY(const auto made, client.multi({{.kind = Operation::Kind::create, .path = path}}, store.deadline()));
  (void)made;  // or somebody else was faster
  return {};
}

Status make_own_nodes(const Store& store, Client& client) {
  for (std::size_t end = store.root.find('/', 1); !store.root.empty(); end = store.root.find('/', end + 1)) {
    OVL_CHECK(make_node(store, client, store.root.substr(0, end)));
    if (end == std::string::npos) break;
  }
  using Kind = Operation::Kind;
  OVL_TRY(const auto made,
          client.multi({{.kind = Kind::create, .path = store.counter_path(), .data = write_counter({})},
                        {.kind = Kind::create, .path = store.log_path()},
                        {.kind = Kind::create, .path = store.leases_path()}},
                       store.deadline()));
  (void)made;
  return {};
}

// Nothing of the caller's is in there yet: doubt is harmless.
Status prepare(const Store& store, Client& client) {
  Status status = make_own_nodes(store, client);
  if (status.ok() || status.error().code != Errc::in_doubt) return status;
  Error error = std::move(status).error();
  error.code = Errc::unreachable;
  return error;
}

bool is_too_long(const Counter& counter) {
  return counter.number - counter.oldest >= kLogEntries + kLogSlack ||
         counter.bytes >= kLogBytes + kLogByteSlack;
}

// Removes the oldest entries; the counter then says so.
Status cut_log(const Store& store, Client& client, Counter& counter, std::vector<Operation>& operations) {
  if (!is_too_long(counter)) return {};
  std::vector<Request> requests;
  const std::uint64_t end = std::min(counter.number, counter.oldest + kCutAtOnce);
  for (std::uint64_t number = counter.oldest; number < end; ++number) {
    requests.push_back({.kind = Request::Kind::exists, .path = store.log_entry_path(number)});
  }
  OVL_TRY(const auto replies, client.ask(requests, store.deadline()));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (counter.number - counter.oldest < kLogEntries && counter.bytes < kLogBytes) break;
    counter.bytes -= std::min(counter.bytes, static_cast<std::uint64_t>(replies[i].size));
    ++counter.oldest;
    if (replies[i].found) {
      operations.push_back({.kind = Operation::Kind::remove, .path = std::move(requests[i].path)});
    }
  }
  return {};
}

Status check_size(const Store& store, const std::vector<Operation>& operations) {
  std::size_t bytes = 0;
  for (const Operation& operation : operations) {
    bytes += kBytesPerOperation + operation.path.size() + operation.data.value_or("").size();
  }
  if (bytes <= kMaxBytes) return {};
  return Error{.code = Errc::usage,
               .message = fmt::format("{}: a transaction of {} bytes, ZooKeeper takes {} at most",
                                      store.name(), bytes, kMaxBytes),
               .hint = "write less at once"};
}

// The counter is set last: MultiResult::revision is that of a last `set`.
Status append_own(const Store& store, Client& client, const Head& head, std::vector<LoggedChange> changes,
                  std::vector<Operation>& operations) {
  Counter counter = head.counter;
  OVL_CHECK(cut_log(store, client, counter, operations));
  const LogEntry entry{.before = head.revision, .changes = std::move(changes)};
  std::string text = write_log_entry(entry, kMaxLogged);
  ++counter.number;
  counter.bytes += text.size();
  operations.push_back({.kind = Operation::Kind::create,
                        .path = store.log_entry_path(counter.number),
                        .data = std::move(text)});
  operations.push_back({.kind = Operation::Kind::set,
                        .path = store.counter_path(),
                        .data = write_counter(counter),
                        .version = head.version});
  return check_size(store, operations);
}

// Nothing: something changed between the look and the transaction.
Result<std::optional<CommitResult>> attempt(const Store& store, Client& client,
                                            const Transaction& transaction) {
  OVL_TRY(const Look look, look_at(store, client, transaction));
  Plan plan(store, look.nodes, look.leases, client.session());
  if (!plan.check(transaction.guards)) return std::optional(CommitResult{.revision = look.head.revision});
  OVL_CHECK(plan.write(transaction.writes));
  const CommitResult unchanged{.committed = true, .revision = look.head.revision};
  auto& operations = plan.operations();
  if (plan.changes().empty()) {
    if (operations.empty() && transaction.guards.size() < 2) return std::optional(unchanged);
    if (!look.head.found) return std::optional(unchanged);
    operations.push_back(
        {.kind = Operation::Kind::check, .path = store.counter_path(), .version = look.head.version});
    OVL_TRY(const MultiResult checked, client.multi(operations, store.deadline()));
    return checked.done ? std::optional(unchanged) : std::nullopt;
  }
  if (!look.head.found) {
    OVL_CHECK(prepare(store, client));
    return std::optional<CommitResult>();
  }
  OVL_CHECK(append_own(store, client, look.head, std::move(plan.changes()), operations));
  OVL_TRY(const MultiResult result, client.multi(operations, store.deadline()));
  if (!result.done) return std::optional<CommitResult>();
  return std::optional(CommitResult{.committed = true, .revision = result.revision});
}

// Other writers shall not come again at the same moment.
void pause(int attempts) {
  thread_local std::minstd_rand random{std::random_device{}()};
  const int most = std::min(1 << std::min(attempts, 6), 50);
  std::this_thread::sleep_for(
      std::chrono::microseconds{std::uniform_int_distribution<int>(0, most * 1000)(random)});
}

}  // namespace

Result<CommitResult> commit(const Store& store, Client& client, const Transaction& transaction) {
  const Deadline others = store.deadline();
  for (int attempts = 0; attempts < kLeastAttempts || steady_clock::now() < others; ++attempts) {
    OVL_TRY(const auto result, attempt(store, client, transaction));
    if (result) return *result;
    if (attempts > 0) pause(attempts);
  }
  return Error{.code = Errc::unreachable,
               .message = store.name() + ": other writers were faster each time",
               .hint = "try again, or raise the keystore's timeout"};
}

Status reap(const Store& store, const KeySelection& what, bool watch) {
  OVL_TRY(
      const auto replies,
      store.client->ask({sync_request(store), {.kind = Request::Kind::children, .path = store.leases_path()}},
                        store.deadline()));
  std::vector<std::string> keys;
  std::vector<Request> requests;
  for (const std::string& key : leases_of(replies[1])) {
    if (!what.knows(key)) continue;
    const std::string path = path_of(store.root, key);
    requests.push_back({.kind = Request::Kind::exists, .path = path, .watch = watch});
    requests.push_back(
        {.kind = Request::Kind::exists, .path = fmt::format("{}/{}", path, kSelf), .watch = watch});
    keys.push_back(key);
  }
  OVL_TRY(const auto nodes, store.client->ask(requests, store.deadline()));
  Transaction ended;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const bool gone = !nodes[2 * i].found || (nodes[2 * i].owner == 0 && !nodes[2 * i + 1].found);
    if (!gone || ended.writes.size() == kMaxOperations / 2) continue;
    ended.guards.push_back({.kind = Guard::Kind::absent, .key = keys[i]});
    ended.writes.push_back({.key = keys[i], .value = std::nullopt});
  }
  if (ended.writes.empty()) return {};
  // When it fails, in whatever way, the next look tries again.
  const auto told = commit(store, *store.client, ended);
  if (!told.ok() && told.error().code == Errc::corrupt) return told.error();
  return {};
}

}  // namespace ovl::zk
