// One transaction of the port as one transaction of ZooKeeper.
#pragma once

#include <set>

#include "drivers/keystore/zookeeper/zookeeper_store.hpp"

namespace ovl::zk {

// A hundred records of some kilobytes and their log entry stay below the server's 1 MB.
inline constexpr std::size_t kMaxOperations = 100;
// Keys and values of so many bytes are kept in the log, so that watches need no reset.
inline constexpr std::size_t kGoodBytes = 200'000;

// Through `client`, whose session bears the keys that are bound to one.
Result<CommitResult> commit(const Store& store, Client& client, const Transaction& transaction);

// Makes deletions of the known keys whose session has ended, so that they have a revision and
// watches are told. Who may not write leaves that to somebody else. watch: the end of a lease that
// still lives rings.
Status reap(const Store& store, const KeySelection& what, bool watch);

}  // namespace ovl::zk
