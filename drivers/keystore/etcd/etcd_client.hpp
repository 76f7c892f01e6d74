// A client of an etcd cluster: which member is asked, with which token, how often and until when.
#pragma once

#include <etcd_rpc.grpc.pb.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "drivers/keystore/etcd/etcd_endpoint.hpp"
#include "drivers/keystore/etcd/etcd_errors.hpp"
#include "drivers/keystore/keystore.hpp"
#include "drivers/keystore/patience.hpp"
#include "drivers/keystore/url.hpp"

namespace ovl {

// Shared by a store, its watches and its sessions, which may outlive it. Thread-safe.
class EtcdClient {
 public:
  // Connects to nothing. Errors: io (a TLS file can't be read).
  static Result<std::shared_ptr<EtcdClient>> open(const KeystoreUrl& url, const KeystoreOptions& options);

  // Errors of these: as error_of(); in_doubt from txn() only. stale from range(): compacted.
  Result<etcdserverpb::RangeResponse> range(const etcdserverpb::RangeRequest& request, Deadline deadline);
  Result<etcdserverpb::TxnResponse> txn(const etcdserverpb::TxnRequest& request, Deadline deadline);
  // A transaction that writes nothing.
  Result<etcdserverpb::TxnResponse> look(const etcdserverpb::TxnRequest& request, Deadline deadline);
  Result<etcdserverpb::LeaseGrantResponse> grant(std::int64_t ttl, Deadline deadline);
  Status revoke(std::int64_t lease, Deadline deadline);
  // The time to live that is left; 0: the lease is over.
  Result<std::int64_t> keep_alive(std::int64_t lease, Deadline deadline);
  // The store's revision now, by a linearizable read of that key.
  Result<Revision> revision(const std::string& key, Deadline deadline);

  // For streams: the member that answered last, and what its calls bear.
  std::shared_ptr<grpc::Channel> channel() { return active().channel(); }

  void prepare(grpc::ClientContext& context) const;
  // The token is of no use any more; false: there is no other to be had.
  bool renew_token();

  // The highest revision that any answer named.
  [[nodiscard]] Revision seen() const { return seen_; }

  [[nodiscard]] const std::string& name() const { return name_; }

  [[nodiscard]] Deadline deadline() const { return deadline_in(patience_.left()); }

  [[nodiscard]] std::chrono::milliseconds timeout() const { return timeout_; }

 private:
  using Attempt = std::function<grpc::Status(const std::shared_ptr<grpc::Channel>&, grpc::ClientContext&)>;

  EtcdClient(const KeystoreUrl& url, const KeystoreOptions& options);

  Status call(Effect effect, Deadline deadline, const Attempt& attempt);
  Status try_all(Effect effect, Deadline deadline, const Attempt& attempt);
  grpc::Status try_active(Effect effect, Deadline slice, Deadline deadline, const Attempt& attempt);
  grpc::Status send(const std::shared_ptr<grpc::Channel>& channel, Deadline deadline, const Attempt& attempt);
  grpc::Status prove(const std::shared_ptr<grpc::Channel>& channel, Deadline deadline);
  grpc::Status authenticate(const std::shared_ptr<grpc::Channel>& channel, Deadline deadline);
  void note(const etcdserverpb::ResponseHeader& header);
  EtcdEndpoint& active();
  void leave_active();

  std::string name_;
  std::chrono::milliseconds timeout_;
  Patience patience_;
  std::string user_;
  std::string password_;
  std::vector<std::unique_ptr<EtcdEndpoint>> endpoints_;
  std::atomic<Revision> seen_ = 0;
  mutable std::mutex mutex_;  // of the following
  std::size_t active_ = 0;
  std::string token_;
  bool needs_token_ = false;
};

}  // namespace ovl
