// Reading what is selected at one revision, out of a store that reads one node at a time.
#pragma once

#include "drivers/keystore/zookeeper/zookeeper_store.hpp"

namespace ovl::zk {

Result<Snapshot> read_selected(const Store& store, const KeySelection& what);
Result<std::optional<KeyValue>> read_key(const Store& store, std::string_view key);

}  // namespace ovl::zk
