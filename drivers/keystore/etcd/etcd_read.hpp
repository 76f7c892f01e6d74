// A read of etcd: what is selected at one revision, page by page, each page bounded in bytes.
#pragma once

#include "drivers/keystore/etcd/etcd_client.hpp"
#include "drivers/keystore/etcd/etcd_messages.hpp"
#include "drivers/keystore/gathering.hpp"

namespace ovl {

Result<Snapshot> read_etcd(EtcdClient& client, const EtcdKeys& keys, const KeySelection& what);
Result<std::optional<KeyValue>> read_etcd_key(EtcdClient& client, const EtcdKeys& keys, std::string_view key);

}  // namespace ovl
