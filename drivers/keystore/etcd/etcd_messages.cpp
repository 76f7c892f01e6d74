#include "drivers/keystore/etcd/etcd_messages.hpp"

#include <fmt/format.h>

#include <charconv>

namespace ovl {

namespace {

using etcdserverpb::Compare;

void set_guard(const Guard& guard, const EtcdKeys& keys, Compare& compare) {
  compare.set_key(keys.full(guard.key));
  compare.set_result(Compare::EQUAL);
  const auto revision = static_cast<std::int64_t>(guard.revision);
  if (guard.kind != Guard::Kind::absent && revision == 0) {
    // "Never" is no revision of a key. etcd takes 0 for that of a key that isn't there.
    compare.set_result(Compare::LESS);
    compare.set_target(Compare::CREATE);
    compare.set_create_revision(0);
  } else if (guard.kind == Guard::Kind::unmodified) {
    compare.set_target(Compare::MOD);
    compare.set_mod_revision(revision);
  } else {
    // Not VERSION: it begins anew with each life of a key, and lets the writer of an earlier one through.
    compare.set_target(Compare::CREATE);
    compare.set_create_revision(guard.kind == Guard::Kind::absent ? 0 : revision);
  }
}

Status set_write(const Write& write, const EtcdKeys& keys, etcdserverpb::RequestOp& operation) {
  if (!write.value) {
    operation.mutable_request_delete_range()->set_key(keys.full(write.key));
    return {};
  }
  etcdserverpb::PutRequest& put = *operation.mutable_request_put();
  put.set_key(keys.full(write.key));
  put.set_value(*write.value);
  if (write.session.empty()) return {};
  OVL_TRY(const std::int64_t lease, lease_of(write.session));
  put.set_lease(lease);
  return {};
}

}  // namespace

// "\0" as an end means "to the last key", and as a first key "from the first" (RangeRequest in rpc.proto).
EtcdRange range_of_prefix(const std::string& full) {
  const std::string open(1, '\0');
  std::string end = full;
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return {.first = full.empty() ? open : full, .end = open};
  end.back() = static_cast<char>(end.back() + 1);
  return {.first = full, .end = end};
}

// A range without an end goes to the end of the store's own keys.
EtcdRange range_of(const KeyRange& range, const EtcdKeys& keys) {
  const std::string first = keys.full(range.first);
  if (range.end) return {.first = first.empty() ? std::string(1, '\0') : first, .end = keys.full(*range.end)};
  EtcdRange out = range_of_prefix(keys.full(""));
  if (!first.empty()) out.first = first;
  return out;
}

KeyValue key_value(mvccpb::KeyValue&& item, const EtcdKeys& keys) {
  return KeyValue{.key = keys.own(item.key()),
                  .value = std::move(*item.mutable_value()),
                  .created = static_cast<Revision>(item.create_revision()),
                  .modified = static_cast<Revision>(item.mod_revision())};
}

std::string session_id(std::int64_t lease) {
  return fmt::format("{:016x}", static_cast<std::uint64_t>(lease));
}

Result<std::int64_t> lease_of(const std::string& session) {
  std::int64_t lease = 0;
  const char* end = session.data() + session.size();
  const auto parsed = std::from_chars(session.data(), end, lease, 16);
  if (parsed.ec == std::errc() && parsed.ptr == end && lease > 0) return lease;
  return Error{.code = Errc::not_found, .message = fmt::format("there is no session {}", session)};
}

Result<etcdserverpb::TxnRequest> txn_request(const Transaction& transaction, const EtcdKeys& keys) {
  etcdserverpb::TxnRequest request;
  for (const Guard& guard : transaction.guards) set_guard(guard, keys, *request.add_compare());
  for (const Write& write : transaction.writes) OVL_CHECK(set_write(write, keys, *request.add_success()));
  return request;
}

}  // namespace ovl
