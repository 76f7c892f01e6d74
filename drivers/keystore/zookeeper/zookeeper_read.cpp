#include "drivers/keystore/zookeeper/zookeeper_read.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "drivers/keystore/gathering.hpp"
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
  return KeyValue{.key = std::move(key),
                  .value = *reply.data,
                  .created = reply.created,
                  .modified = reply.modified,
                  .left_out = reply.left_out ? static_cast<std::size_t>(reply.size) : 0};
}

// No key of ours has that many parts: a tree without an end is none.
constexpr int kMostLevels = 64;
// So many nodes are asked for at once, and so many of a level before it is known that none is too long.
constexpr std::size_t kVolley = 2048;
constexpr std::size_t kFirstVolley = 512;
// How often a read begins again because more was written meanwhile than the log keeps.
constexpr int kMostReads = 5;

// Walks the tree level by level, each level in volleys. Each volley is a call with a time of its own: how
// many keys there are says nothing about whether the store answers. Names come before data: what nobody knows
// is never asked for.
class Walk {
 public:
  Walk(const Store& store, const KeySelection& what)
      : store_(store), what_(what), tally_(what, store.name()) {}

  Result<Items> run() {
    OVL_CHECK(list({top()}));
    for (int level = 0; !level_.empty(); ++level) {
      if (level == kMostLevels) return store_.corrupt(level_.front().path);
      OVL_CHECK(descend());
    }
    return std::move(items_);
  }

  UnknownKeys take_unknown() { return tally_.take_unknown(); }

 private:
  // The node whose children may begin with the prefix. Its key ends with the prefix's last slash.
  [[nodiscard]] Node top() const {
    const auto slash = what_.prefix.rfind('/');
    if (slash == std::string::npos) return {.path = store_.root, .key = ""};
    const std::string above = what_.prefix.substr(0, slash);
    return {.path = path_of(store_.root, above), .key = above};
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
      OVL_CHECK(tally_.check_keys(items_.size() + level_.size()));
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
    if (!node.key.starts_with(what_.prefix)) return;
    if (what_.leads_to(node.key)) {
      level_.push_back(std::move(node));
    } else {
      tally_.add_unknown(node.key);
    }
  }

  // Data that is too long would wait in memory as often as it is asked for at once. So where there was some,
  // and at the beginning of each level, the nodes are asked how much they have before it is asked for.
  Status descend() {
    std::vector<Node> parents;
    bool wary = true;
    for (std::size_t at = 0; at < level_.size();) {
      const std::size_t count = std::min(level_.size() - at, wary ? kFirstVolley : kVolley);
      const auto first = level_.begin() + static_cast<std::ptrdiff_t>(at);
      std::vector<Node> some(std::make_move_iterator(first),
                             std::make_move_iterator(first + static_cast<std::ptrdiff_t>(count)));
      OVL_TRY(wary, take(std::move(some), wary, parents));
      at += count;
    }
    return list(parents);
  }

  [[nodiscard]] std::size_t most_of(const Node& node) const {
    return what_.knows(node.key) ? what_.limits.value_bytes : 0;
  }

  // True: one had too much.
  Result<bool> take(std::vector<Node> nodes, bool wary, std::vector<Node>& parents) {
    std::vector<Reply> about;
    if (wary) {
      OVL_TRY(about, ask(nodes, Request::Kind::exists));
    }
    std::vector<Node> fit;
    bool too_long = false;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const bool is_fit = !wary || static_cast<std::size_t>(about[i].size) <= most_of(nodes[i]);
      too_long = too_long || !is_fit;
      if (is_fit) {
        fit.push_back(std::move(nodes[i]));
      } else {
        about[i].data.emplace();
        about[i].left_out = true;
        OVL_CHECK(take_node(std::move(nodes[i]), about[i], parents));
      }
    }
    OVL_TRY(const auto replies, ask(fit, Request::Kind::get));
    for (std::size_t i = 0; i < fit.size(); ++i) {
      too_long = too_long || replies[i].left_out;
      OVL_CHECK(take_node(std::move(fit[i]), replies[i], parents));
    }
    return too_long;
  }

  Result<std::vector<Reply>> ask(const std::vector<Node>& nodes, Request::Kind kind) {
    std::vector<Request> requests;
    requests.reserve(nodes.size());
    for (const Node& node : nodes) {
      requests.push_back({.kind = kind, .path = node.path, .most = most_of(node)});
    }
    return store_.client->ask(requests, store_.deadline());
  }

  Status take_node(Node node, const Reply& reply, std::vector<Node>& parents) {
    if (!reply.found) return {};
    if (reply.data && tally_.wants(node.key)) {
      KeyValue item = item_of(node.key, reply);
      OVL_CHECK(tally_.take(item));
      items_.insert_or_assign(node.key, std::move(item));
    }
    if (reply.children > 0 && !node.self) parents.push_back(std::move(node));
    return {};
  }

  const Store& store_;
  const KeySelection& what_;
  Tally tally_;
  std::vector<Node> level_;
  Items items_;
};

// What was read between two looks at the counter is made what it was at the second one. A key that no
// entry names is as it was all the time; of the others the entries tell everything, but for `created`
// of a key that was there all the time.
void replay(const std::vector<NumberedEntry>& entries, const KeySelection& what, Items& items) {
  for (const NumberedEntry& entry : entries) {
    for (const LoggedChange& change : entry.entry.changes) {
      if (!what.knows(change.key)) continue;
      if (change.kind == LoggedChange::Kind::remove) {
        items.erase(change.key);
        continue;
      }
      KeyValue& item = items[change.key];
      item.key = change.key;
      item.value = change.value;
      item.left_out = 0;
      leave_out(item, what.limits.value_bytes);
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
Snapshot snapshot_of(Items&& items, UnknownKeys unknown, Revision revision) {
  Snapshot snapshot{.revision = revision, .items = {}, .unknown = std::move(unknown)};
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
Result<std::optional<Snapshot>> try_read(const Store& store, const KeySelection& what) {
  OVL_TRY(const Head before, head_now(store));
  Walk walk(store, what);
  OVL_TRY(Items items, walk.run());
  OVL_TRY(const Head after, head_now(store));
  if (before != after) {
    OVL_TRY(const auto entries, read_log(store, *store.client, before.counter.number + 1,
                                         after.counter.number, store.deadline()));
    if (!is_whole(entries, before, after)) return std::optional<Snapshot>();
    replay(entries, what, items);
  }
  return std::optional(snapshot_of(std::move(items), walk.take_unknown(), after.revision));
}

}  // namespace

Result<Snapshot> read_selected(const Store& store, const KeySelection& what) {
  OVL_CHECK(reap(store, what, false));
  const Deadline deadline = store.deadline();
  for (int reads = 0; reads < kMostReads || steady_clock::now() < deadline; ++reads) {
    OVL_TRY(auto snapshot, try_read(store, what));
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
