// From a transaction and the nodes as they are to ZooKeeper's operations. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/keystore/zookeeper/zookeeper_client.hpp"
#include "drivers/keystore/zookeeper/zookeeper_store.hpp"

namespace ovl::zk {

using Nodes = std::map<std::string, Reply, std::less<>>;

// Where a key's value is, or nothing.
struct Place {
  std::string path;
  const Reply* node = nullptr;

  [[nodiscard]] bool found() const { return node != nullptr; }
};

// In the key's own node when that has data, else in its "%self" child. Both must be in nodes.
Place place_of(const Nodes& nodes, std::string_view root, std::string_view key);

// The nodes that a plan for the transaction must know.
std::set<std::string> nodes_needed(std::string_view root, const Transaction& transaction);

class Plan {
 public:
  // session: what the keys with a session are bound to. Everything must outlive the plan.
  Plan(const Store& store, const Nodes& nodes, const std::set<std::string>& leases, std::int64_t session)
      : store_(store), nodes_(nodes), leases_(leases), session_(session) {}

  // False: a guard does not hold.
  bool check(const std::vector<Guard>& guards);
  // Error: unsupported (a key below one that is bound to a session).
  Status write(const std::vector<Write>& writes);

  [[nodiscard]] std::vector<Operation>& operations() { return operations_; }

  [[nodiscard]] std::vector<LoggedChange>& changes() { return changes_; }

 private:
  bool holds(const Guard& guard);
  Status put(const Write& write);
  Status make(const Write& write);
  void replace(const Write& write, const Place& old);
  void erase(const std::string& key);
  void vacate(const Place& place, bool keep_inner);
  Status make_parents(std::string_view path);
  void note_lease(const std::string& key, bool bound);
  void create(std::string path, std::optional<std::string> data, bool ephemeral);

  [[nodiscard]] const Reply& node(std::string_view path) const { return nodes_.find(path)->second; }

  [[nodiscard]] bool has_below(const std::string& key) const;

  const Store& store_;
  const Nodes& nodes_;
  const std::set<std::string>& leases_;
  std::int64_t session_;
  std::set<std::string> puts_;                  // keys that get a value
  std::set<std::string, std::less<>> settled_;  // nodes that can bear children by now
  std::vector<Operation> operations_;
  std::vector<LoggedChange> changes_;
};

}  // namespace ovl::zk
