// Somebody else writes into the store: a small cluster on any store, and what a stranger, a broken disk or
// an attacker may make of its records.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "drivers/fake/fake_kernel.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/run/apply.hpp"
#include "tests/support/process.hpp"

namespace ovl {

// The folders of the tree that a mutation may be of.
inline constexpr std::array<const char*, 8> kHostileKinds{
    "hosts/", "networks/", "endpoints/", "facts/", "claims/", "status/", "head", "generations/"};

// A key below the cluster's root and what stands there now.
struct Mutation {
  std::string what;  // for people
  std::string key;
  std::string value;
};

// Chooses by a seed: the same seed, the same mutations of the same tree.
class Mutator {
 public:
  // tree: key below the root -> value.
  Mutator(std::uint64_t seed, std::map<std::string, std::string> tree);

  // One mutation of a record whose key begins with kind. big: may be megabytes.
  Mutation of(const std::string& kind, bool big = false);

 private:
  std::size_t below(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }

  template <class T>
  const T& one_of(const std::vector<T>& items) {
    return items[below(items.size())];
  }

  Mutation on_bytes(Mutation base);
  Mutation on_structure(Mutation base);
  Mutation on_place(Mutation base, const std::string& kind);
  Mutation large(Mutation base);
  Value hostile_value();
  Value replaced(const Value& value, std::string& what);

  std::mt19937_64 random_;
  std::map<std::string, std::string> tree_;
  std::vector<Value> strangers_;  // values that a member may be replaced with
};

// A cluster of two hosts, a and b, on a store, with a fake kernel and a state for each.
class HostileCluster {
 public:
  HostileCluster(Keystore& store, const std::string& name);

  // The manifest on both hosts, until nothing is left to do.
  Status settle();
  // `ovl apply --scope host`, as an agent does.
  Result<Applied> apply_records(const std::string& host);
  // The same where the store has been put back, and shall be followed.
  Result<Applied> follow_older_copy(const std::string& host);
  // `ovl apply` with the manifest.
  Result<Applied> apply_manifest(const std::string& host);

  // Key below the root -> value, without what comes and goes (the lock).
  std::map<std::string, std::string> tree();
  // Writes and removes what differs.
  Status restore(const std::map<std::string, std::string>& tree);
  Status write(const Mutation& mutation);
  Snapshot snapshot();

  FakeKernel& kernel(const std::string& host) { return machines_.at(host).kernel; }

  State& state(const std::string& host) { return *machines_.at(host).state; }

  [[nodiscard]] const StoreLayout& layout() const { return layout_; }

 private:
  struct Machine {
    FakeKernel kernel;
    std::unique_ptr<State> state;
  };

  Result<Applied> run(const std::string& host, Scope scope, bool older = false);

  test::TemporaryDirectory directory_;
  Keystore& store_;
  Manifest manifest_;
  StoreLayout layout_;
  std::map<std::string, Machine> machines_;
};

// What is wrong with text that was made safe to print: a control character, one that reorders text, bytes
// that are no UTF-8. Empty when nothing is.
std::string unsafe_for_a_terminal(const std::string& text);

}  // namespace ovl
