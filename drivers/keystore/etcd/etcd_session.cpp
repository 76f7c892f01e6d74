#include "drivers/keystore/etcd/etcd_session.hpp"

#include <fmt/format.h>

#include "drivers/keystore/etcd/etcd_messages.hpp"

namespace ovl {

namespace {

// A destructor has nobody to tell; the lease runs out by itself.
constexpr std::chrono::milliseconds kGoodbye{2000};

}  // namespace

Result<std::unique_ptr<Session>> EtcdSession::open(std::shared_ptr<EtcdClient> client,
                                                   std::chrono::seconds ttl) {
  OVL_TRY(const auto lease, client->grant(ttl.count(), client->deadline()));
  return std::unique_ptr<Session>(new EtcdSession(std::move(client), lease.id()));
}

EtcdSession::EtcdSession(std::shared_ptr<EtcdClient> client, std::int64_t lease)
    : client_(std::move(client)), lease_(lease), id_(session_id(lease)) {}

EtcdSession::~EtcdSession() {
  const auto told = revoke(std::min(client_->deadline(), deadline_in(kGoodbye)));
  (void)told;
}

// etcd answers with a time to live of 0 for a lease that it doesn't know (LeaseKeepAlive in rpc.proto).
Status EtcdSession::keep_alive() {
  OVL_TRY(const std::int64_t left, client_->keep_alive(lease_, client_->deadline()));
  if (left > 0) return {};
  open_ = false;
  return Error{.code = Errc::not_found,
               .message = fmt::format("the session {} of {} has expired", id_, client_->name())};
}

Status EtcdSession::close() {
  return revoke(client_->deadline());
}

Status EtcdSession::revoke(Deadline deadline) {
  if (!open_) return {};
  Status status = client_->revoke(lease_, deadline);
  if (!status.ok() && status.error().code != Errc::not_found) return status;
  open_ = false;
  return {};
}

}  // namespace ovl
