// The port's values as etcd's messages, and back. Pure.
#pragma once

#include <etcd_rpc.pb.h>

#include "drivers/keystore/keystore.hpp"

namespace ovl {

// The key space of one store: what stands in front of all its keys.
class EtcdKeys {
 public:
  // prefix as in KeystoreUrl: "" or "team/a".
  explicit EtcdKeys(const std::string& prefix) : root_(prefix.empty() ? "" : prefix + "/") {}

  [[nodiscard]] std::string full(std::string_view key) const { return root_ + std::string(key); }

  // Precondition: a key of this store.
  [[nodiscard]] std::string own(const std::string& key) const { return key.substr(root_.size()); }

 private:
  std::string root_;
};

// etcd's range of all keys that begin with `full`: [first, end).
struct EtcdRange {
  std::string first;
  std::string end;
};

EtcdRange range_of_prefix(const std::string& full);
EtcdRange range_of(const KeyRange& range, const EtcdKeys& keys);

KeyValue key_value(mvccpb::KeyValue&& item, const EtcdKeys& keys);

// The lease's number as a session's id, and back. Error: not_found (no such session can be).
std::string session_id(std::int64_t lease);
Result<std::int64_t> lease_of(const std::string& session);

// Error: not_found (a write's session).
Result<etcdserverpb::TxnRequest> txn_request(const Transaction& transaction, const EtcdKeys& keys);

}  // namespace ovl
