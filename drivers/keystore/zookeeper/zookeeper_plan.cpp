#include "drivers/keystore/zookeeper/zookeeper_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "drivers/keystore/zookeeper/zookeeper_path.hpp"

namespace ovl::zk {

namespace {

std::string self_of(std::string_view path) {
  return fmt::format("{}/{}", path, kSelf);
}

}  // namespace

Place place_of(const Nodes& nodes, std::string_view root, std::string_view key) {
  const std::string path = path_of(root, key);
  const Reply& own = nodes.find(path)->second;
  if (own.found && own.data) return {path, &own};
  std::string below = self_of(path);
  const Reply& self = nodes.find(below)->second;
  if (self.found && self.data) return {std::move(below), &self};
  return {};
}

std::set<std::string> nodes_needed(std::string_view root, const Transaction& transaction) {
  std::set<std::string> paths;
  const auto add_key = [&](std::string_view key) {
    const std::string path = path_of(root, key);
    paths.insert(self_of(path));
    paths.insert(path);
  };
  for (const Guard& guard : transaction.guards) add_key(guard.key);
  for (const Write& write : transaction.writes) {
    add_key(write.key);
    const std::string path = path_of(root, write.key);
    for (auto above = parent_of(path); above.size() > root.size(); above = parent_of(above)) {
      paths.emplace(above);
    }
  }
  return paths;
}

bool Plan::check(const std::vector<Guard>& guards) {
  return std::ranges::all_of(guards, [this](const Guard& guard) { return holds(guard); });
}

// What is there is checked again inside the transaction: a lease may end without any commit.
bool Plan::holds(const Guard& guard) {
  const Place place = place_of(nodes_, store_.root, guard.key);
  if (guard.kind == Guard::Kind::absent) return !place.found();
  if (!place.found()) return false;
  operations_.push_back({.kind = Operation::Kind::check, .path = place.path, .version = place.node->version});
  return guard.revision ==
         (guard.kind == Guard::Kind::same_life ? place.node->created : place.node->modified);
}

// In the order of the keys, so that a node is there before its children.
Status Plan::write(const std::vector<Write>& writes) {
  std::vector<const Write*> sorted;
  for (const Write& write : writes) {
    sorted.push_back(&write);
    if (write.value) puts_.insert(write.key);
  }
  std::ranges::sort(sorted, {}, &Write::key);
  for (const Write* write : sorted) {
    if (write->value) {
      OVL_CHECK(put(*write));
    } else {
      erase(write->key);
    }
  }
  return {};
}

// This transaction puts a key below that one.
bool Plan::has_below(const std::string& key) const {
  const std::string below = key + "/";
  const auto at = puts_.lower_bound(below);
  return at != puts_.end() && at->starts_with(below);
}

Status Plan::put(const Write& write) {
  const Place place = place_of(nodes_, store_.root, write.key);
  const bool bound = !write.session.empty();
  note_lease(write.key, bound);
  if (place.found() && place.node->owner == (bound ? session_ : 0)) {
    operations_.push_back({.kind = Operation::Kind::set,
                           .path = place.path,
                           .data = write.value,
                           .version = place.node->version});
    changes_.push_back({LoggedChange::Kind::set, write.key, *write.value});
    return {};
  }
  changes_.push_back({LoggedChange::Kind::create, write.key, *write.value});
  if (!place.found()) return make(write);
  replace(write, place);
  return {};
}

// A key that is not there. An inner node without children makes place for it.
Status Plan::make(const Write& write) {
  const std::string path = path_of(store_.root, write.key);
  const bool bound = !write.session.empty();
  const Reply& own = node(path);
  OVL_CHECK(make_parents(path));
  if (own.found && own.children == 0 && !has_below(write.key) && !settled_.contains(path)) {
    operations_.push_back({.kind = Operation::Kind::remove, .path = path, .version = own.version});
    create(path, write.value, bound);
  } else if (own.found || settled_.contains(path)) {
    create(self_of(path), write.value, bound);
  } else if (bound && has_below(write.key)) {
    create(path, std::nullopt, false);
    create(self_of(path), write.value, true);
  } else {
    create(path, write.value, bound);
  }
  return {};
}

// A node can't change whose it is: the key begins a new life.
void Plan::replace(const Write& write, const Place& old) {
  const std::string path = path_of(store_.root, write.key);
  const bool bound = !write.session.empty();
  const bool inner = old.path == path && (old.node->children > 0 || (bound && has_below(write.key)));
  vacate(old, inner);
  create(inner ? self_of(path) : old.path, write.value, bound);
}

void Plan::erase(const std::string& key) {
  const Place place = place_of(nodes_, store_.root, key);
  const bool leased = leases_.contains(key);
  if (!place.found() && !leased) return;
  note_lease(key, false);
  changes_.push_back({LoggedChange::Kind::remove, key, {}});
  if (!place.found()) return;
  const bool own = place.path == path_of(store_.root, key);
  vacate(place, own && (place.node->children > 0 || has_below(key)));
}

// keep_inner: the node stays, without data, for its children's sake.
void Plan::vacate(const Place& place, bool keep_inner) {
  const std::int32_t version = place.node->version;
  if (keep_inner && place.node->owner == 0) {
    operations_.push_back({.kind = Operation::Kind::set, .path = place.path, .version = version});
    settled_.insert(place.path);
    return;
  }
  operations_.push_back({.kind = Operation::Kind::remove, .path = place.path, .version = version});
  if (keep_inner) create(place.path, std::nullopt, false);
}

Status Plan::make_parents(std::string_view path) {
  std::vector<std::string_view> missing;
  for (auto above = parent_of(path); above.size() > store_.root.size(); above = parent_of(above)) {
    if (settled_.contains(above)) break;
    const Reply& there = node(above);
    if (there.found && there.owner == 0) break;
    if (there.found) {
      return Error{.code = Errc::unsupported,
                   .message = fmt::format("{}: the key of {} is bound to a session, no key can be below it",
                                          store_.name(), above)};
    }
    missing.push_back(above);
  }
  std::ranges::reverse(missing);
  for (const std::string_view above : missing) create(std::string(above), std::nullopt, false);
  return {};
}

void Plan::note_lease(const std::string& key, bool bound) {
  const bool noted = leases_.contains(key);
  if (bound && !noted) create(store_.lease_path(key), std::nullopt, false);
  if (!bound && noted) {
    operations_.push_back({.kind = Operation::Kind::remove, .path = store_.lease_path(key)});
  }
}

void Plan::create(std::string path, std::optional<std::string> data, bool ephemeral) {
  if (!ephemeral) settled_.insert(path);
  operations_.push_back({.kind = Operation::Kind::create,
                         .path = std::move(path),
                         .data = std::move(data),
                         .ephemeral = ephemeral});
}

}  // namespace ovl::zk
