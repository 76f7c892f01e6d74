// A cluster's tree as a whole: taken out of one store, put into another, checked.
#pragma once

#include "reconcile/cluster/execute_records.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

// Everything below the cluster's root but what lives with a session (lock, presence). A key's value is
// its JSON; a claim's is its text.
struct Dump {
  Label cluster;
  std::vector<std::pair<std::string, Value>> items;  // key below the root, sorted

  bool operator==(const Dump&) const = default;
};

// Errors: as the store; corrupt for a tree with refused records; not_found when there is no head.
Result<Dump> dump_cluster(Keystore& store, const Label& cluster);

// Writes a dump into a store that has no such cluster, head last, and reads it back.
// Errors: conflict when the cluster is there already; verify when what is read differs.
Status load_cluster(Keystore& store, const Dump& dump, const StoreLock::Holder& holder,
                    const StoreLock::Options& options);

// As a document: {"cluster": ..., "records": {key: value}}. Any record in it is validated when read.
Value to_value(const Dump& dump);
// Errors: corrupt, with the key.
Result<Dump> dump_of(const Value& value);

std::string to_toml(const Value& value);
// Errors: corrupt, with the place.
Result<Value> value_of_toml(const std::string& text);

// What is wrong with a tree: refused records, claims without holder or of another, a digest that
// does not fit. Empty: nothing.
std::vector<Finding> check_cluster_tree(const StoreView& view);

}  // namespace ovl
