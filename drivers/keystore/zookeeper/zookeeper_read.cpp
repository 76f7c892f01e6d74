#include "drivers/keystore/zookeeper/zookeeper_read.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "drivers/keystore/zookeeper/zookeeper_commit.hpp"
#include "drivers/keystore/zookeeper/zookeeper_path.hpp"

namespace ovl::zk {

namespace {

using std::chrono::steady_clock;
using Items = std::map<std::string, KeyValue>;

// A node that may be a key, or have some below it.
struct Node {
  std::string path;
  std::string key;
  bool self = false;  // "%self": never has children of ours
};

KeyValue item_of(std::string key, const Reply& reply) {
  return KeyValue{
      .key = std::move(key), .value = *reply.data, .created = reply.created, .modified = reply.modified};
}

// No key of ours has that many parts: a tree without an end is none.
constexpr int kMostLevels = 64;
// How often a read begins again because more was written meanwhile than the log keeps.
constexpr int kMostReads = 5;

// Walks the tree level by level, each level in two volleys. Each volley is a call with a time of its own:
// how many keys there are says nothing about whether the store answers.
class Walk {
 public:
  Walk(const Store& store, std::string_view prefix) : store_(store), prefix_(prefix) {}

  Result<Items> run() {
    OVL_CHECK(list({top()}));
    for (int level = 0; !level_.empty(); ++level) {
      if (level == kMostLevels) return store_.corrupt(level_.front().path);
      OVL_CHECK(descend());
    }
    return std::move(items_);
  }

 private:
  // The node whose children may begin with the prefix. Its key ends with the prefix's last slash.
  [[nodiscard]] Node top() const {
    const auto slash = prefix_.rfind('/');
    if (slash == std::string_view::npos) return {.path = store_.root, .key = ""};
    const std::string_view above = prefix_.substr(0, slash);
    return {.path = path_of(store_.root, above), .key = std::string(above)};
  }

  Status list(const std::vector<Node>& parents) {
    std::vector<Request> requests;
    requests.reserve(parents.size());
    for (const Node& parent : parents) {
      requests.push_back({.kind = Request::Kind::children, .path = parent.path.empty() ? "/" : parent.path});
    }
    OVL_TRY(const auto replies, store_.client->ask(requests, store_.deadline()));
    level_.clear();
    for (std::size_t i = 0; i < parents.size(); ++i) {
      for (const std::string& name : replies[i].names) add_child(parents[i], name);
    }
    return {};
  }

  void add_child(const Node& parent, const std::string& name) {
    const bool top = parent.path == store_.root;
    std::string path = fmt::format("{}/{}", parent.path, name);
    if (name == kSelf && !top) return add({.path = std::move(path), .key = parent.key, .self = true});
    const auto part = part_of(name, top);
    if (!part) return;
    add({.path = std::move(path), .key = top ? *part : fmt::format("{}/{}", parent.key, *part)});
  }

  void add(Node node) {
    if (node.key.starts_with(prefix_)) level_.push_back(std::move(node));
  }

  Status descend() {
    std::vector<Request> requests;
    requests.reserve(level_.size());
    for (const Node& node : level_) requests.push_back({.kind = Request::Kind::get, .path = node.path});
    OVL_TRY(const auto replies, store_.client->ask(requests, store_.deadline()));
    std::vector<Node> parents;
    for (std::size_t i = 0; i < replies.size(); ++i) {
      Node& node = level_[i];
      if (!replies[i].found) continue;
      if (replies[i].data) items_.insert_or_assign(node.key, item_of(node.key, replies[i]));
      if (replies[i].children > 0 && !node.self) parents.push_back(std::move(node));
    }
    return list(parents);
  }

  const Store& store_;
  std::string_view prefix_;
  std::vector<Node> level_;
  Items items_;
};

// What was read between two looks at the counter is made what it was at the second one. A key that no
// entry names is as it was all the time; of the others the entries tell everything, but for `created`
// of a key that was there all the time.
void replay(const std::vector<NumberedEntry>& entries, std::string_view prefix, Items& items) {
  for (const NumberedEntry& entry : entries) {
    for (const LoggedChange& change : entry.entry.changes) {
      if (!change.key.starts_with(prefix)) continue;
      if (change.kind == LoggedChange::Kind::remove) {
        items.erase(change.key);
        continue;
      }
      KeyValue& item = items[change.key];
      item.key = change.key;
      item.value = change.value;
      item.modified = entry.revision;
      if (change.kind == LoggedChange::Kind::create) item.created = entry.revision;
    }
  }
}

bool is_whole(const std::vector<NumberedEntry>& entries, const Head& before, const Head& after) {
  if (after.counter.number < before.counter.number) return false;
  return entries.size() == after.counter.number - before.counter.number &&
         std::ranges::none_of(entries, [](const NumberedEntry& entry) { return entry.entry.hole; });
}

// Writes of other programs pass the counter by.
Snapshot snapshot_of(Items&& items, Revision revision) {
  Snapshot snapshot{.revision = revision};
  snapshot.items.reserve(items.size());
  for (auto& entry : items) {
    snapshot.revision = std::max(snapshot.revision, entry.second.modified);
    snapshot.items.push_back(std::move(entry.second));
  }
  return snapshot;
}

Result<Head> head_now(const Store& store) {
  OVL_TRY(const auto replies,
          store.client->ask({sync_request(store), head_request(store)}, store.deadline()));
  return head_of(store, replies[1]);
}

// Nothing: more was written meanwhile than the log keeps.
Result<std::optional<Snapshot>> try_read(const Store& store, std::string_view prefix) {
  OVL_TRY(const Head before, head_now(store));
  OVL_TRY(Items items, Walk(store, prefix).run());
  OVL_TRY(const Head after, head_now(store));
  if (before == after) return std::optional(snapshot_of(std::move(items), after.revision));
  OVL_TRY(const auto entries,
          read_log(store, *store.client, before.counter.number + 1, after.counter.number, store.deadline()));
  if (!is_whole(entries, before, after)) return std::optional<Snapshot>();
  replay(entries, prefix, items);
  return std::optional(snapshot_of(std::move(items), after.revision));
}

}  // namespace

Result<Snapshot> read_prefix(const Store& store, std::string_view prefix) {
  OVL_CHECK(reap(store, prefix, false));
  const Deadline deadline = store.deadline();
  for (int reads = 0; reads < kMostReads || steady_clock::now() < deadline; ++reads) {
    OVL_TRY(auto snapshot, try_read(store, prefix));
    if (snapshot) return std::move(*snapshot);
  }
  return Error{.code = Errc::unreachable,
               .message = store.name() + ": it changed faster than it could be read",
               .hint = "try again, or raise the keystore's timeout"};
}

// The key's own node is asked for twice: when it is the same before and after, then so it was when its
// "%self" child was looked at.
Result<std::optional<KeyValue>> read_key(const Store& store, std::string_view key) {
  const Deadline deadline = store.deadline();
  const std::string path = path_of(store.root, key);
  using Kind = Request::Kind;
  const std::vector<Request> requests = {sync_request(store),
                                         {.kind = Kind::get, .path = path},
                                         {.kind = Kind::get, .path = fmt::format("{}/{}", path, kSelf)},
                                         {.kind = Kind::exists, .path = path}};
  for (;;) {
    OVL_TRY(const auto replies, store.client->ask(requests, deadline));
    const Reply& own = replies[1];
    const Reply& self = replies[2];
    if (!own.found) return std::optional<KeyValue>();
    if (own.data) return std::optional(item_of(std::string(key), own));
    if (self.found && self.data) return std::optional(item_of(std::string(key), self));
    const Reply& again = replies[3];
    const bool same = again.found && again.created == own.created && again.modified == own.modified;
    if (same || steady_clock::now() >= deadline) return std::optional<KeyValue>();
  }
}

}  // namespace ovl::zk
