// The requests of EtcdClient, one function each.
#include "drivers/keystore/etcd/etcd_client.hpp"

namespace ovl {

namespace {

using namespace etcdserverpb;  // NOLINT(google-build-using-namespace): nothing else is spoken here

}  // namespace

void EtcdClient::note(const ResponseHeader& header) {
  const auto revision = static_cast<Revision>(header.revision());
  Revision known = seen_;
  while (known < revision && !seen_.compare_exchange_weak(known, revision)) {
  }
}

Result<RangeResponse> EtcdClient::range(const RangeRequest& request, Deadline deadline) {
  RangeResponse response;
  OVL_CHECK(call(Effect::repeatable, deadline, [&](const auto& channel, grpc::ClientContext& context) {
    return KV::NewStub(channel)->Range(&context, request, &response);
  }));
  note(response.header());
  return response;
}

Result<TxnResponse> EtcdClient::txn(const TxnRequest& request, Deadline deadline) {
  TxnResponse response;
  OVL_CHECK(call(Effect::once, deadline, [&](const auto& channel, grpc::ClientContext& context) {
    return KV::NewStub(channel)->Txn(&context, request, &response);
  }));
  note(response.header());
  return response;
}

Result<TxnResponse> EtcdClient::look(const TxnRequest& request, Deadline deadline) {
  TxnResponse response;
  OVL_CHECK(call(Effect::repeatable, deadline, [&](const auto& channel, grpc::ClientContext& context) {
    return KV::NewStub(channel)->Txn(&context, request, &response);
  }));
  note(response.header());
  return response;
}

// Repeatable: a lease whose answer was lost is nobody's, and runs out.
Result<LeaseGrantResponse> EtcdClient::grant(std::int64_t ttl, Deadline deadline) {
  LeaseGrantRequest request;
  request.set_ttl(ttl);
  LeaseGrantResponse response;
  OVL_CHECK(call(Effect::repeatable, deadline, [&](const auto& channel, grpc::ClientContext& context) {
    return Lease::NewStub(channel)->LeaseGrant(&context, request, &response);
  }));
  return response;
}

Status EtcdClient::revoke(std::int64_t lease, Deadline deadline) {
  LeaseRevokeRequest request;
  request.set_id(lease);
  LeaseRevokeResponse response;
  OVL_CHECK(call(Effect::repeatable, deadline, [&](const auto& channel, grpc::ClientContext& context) {
    return Lease::NewStub(channel)->LeaseRevoke(&context, request, &response);
  }));
  note(response.header());
  return {};
}

// One exchange on a stream of its own: nothing renews a lease behind its owner's back.
Result<std::int64_t> EtcdClient::keep_alive(std::int64_t lease, Deadline deadline) {
  LeaseKeepAliveRequest request;
  request.set_id(lease);
  LeaseKeepAliveResponse response;
  OVL_CHECK(call(Effect::repeatable, deadline, [&](const auto& channel, grpc::ClientContext& context) {
    const auto stream = Lease::NewStub(channel)->LeaseKeepAlive(&context);
    if (stream->Write(request) && stream->Read(&response)) {
      context.TryCancel();
      stream->Finish();
      return grpc::Status();
    }
    const grpc::Status status = stream->Finish();
    return status.ok() ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "the stream ended") : status;
  }));
  return response.ttl();
}

Result<Revision> EtcdClient::revision(const std::string& key, Deadline deadline) {
  RangeRequest request;
  request.set_key(key.empty() ? std::string(1, '\0') : key);
  request.set_keys_only(true);
  OVL_TRY(const RangeResponse response, range(request, deadline));
  return static_cast<Revision>(response.header().revision());
}

}  // namespace ovl
