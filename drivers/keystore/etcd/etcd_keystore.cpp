#include "drivers/keystore/etcd/etcd_keystore.hpp"

#include <grpc/support/log.h>

#include <cstdlib>

#include "drivers/keystore/check.hpp"
#include "drivers/keystore/etcd/etcd_client.hpp"
#include "drivers/keystore/etcd/etcd_messages.hpp"
#include "drivers/keystore/etcd/etcd_read.hpp"
#include "drivers/keystore/etcd/etcd_session.hpp"
#include "drivers/keystore/etcd/etcd_watch.hpp"

namespace ovl {

namespace {

// etcd's --max-txn-ops, which it compares with guards and writes each by themselves (checkTxnRequest in
// api/v3rpc/key.go).
constexpr std::size_t kMaxOperations = 128;
// Under its --max-request-bytes of 1.5 MiB, to which each guard brings its key once more.
constexpr std::size_t kMaxBytes = std::size_t{768} << 10;

class EtcdKeystore final : public Keystore {
 public:
  EtcdKeystore(std::shared_ptr<EtcdClient> client, const std::string& prefix)
      : client_(std::move(client)), keys_(prefix) {}

  Result<Snapshot> read(const KeySelection& what) override { return read_etcd(*client_, keys_, what); }

  Result<std::optional<KeyValue>> get(std::string_view key) override {
    return read_etcd_key(*client_, keys_, key);
  }

  Result<CommitResult> commit(const Transaction& transaction) override;

  Result<std::unique_ptr<Session>> open_session(std::chrono::seconds ttl) override {
    return EtcdSession::open(client_, ttl);
  }

  Result<std::unique_ptr<Watch>> watch(const KeySelection& what, Revision after) override {
    return EtcdWatch::open(client_, keys_, what, after);
  }

  [[nodiscard]] std::size_t max_operations() const override { return kMaxOperations; }

  [[nodiscard]] std::size_t operations(const Transaction& transaction) const override {
    return std::max(transaction.guards.size(), transaction.writes.size());
  }

  [[nodiscard]] std::size_t max_bytes() const override { return kMaxBytes; }

  [[nodiscard]] const std::string& name() const override { return client_->name(); }

 private:
  std::shared_ptr<EtcdClient> client_;
  EtcdKeys keys_;
};

Result<CommitResult> EtcdKeystore::commit(const Transaction& transaction) {
  OVL_CHECK(check_transaction(transaction, operations(transaction), kMaxOperations));
  OVL_TRY(const etcdserverpb::TxnRequest request, txn_request(transaction, keys_));
  OVL_TRY(const etcdserverpb::TxnResponse response, client_->txn(request, client_->deadline()));
  return CommitResult{.committed = response.succeeded(),
                      .revision = static_cast<Revision>(response.header().revision())};
}

// gRPC writes to stderr what our errors say as well. Who sets its variable wants to read it.
void quiet_grpc() {
  if (std::getenv("GRPC_VERBOSITY") != nullptr) return;  // NOLINT(concurrency-mt-unsafe): nobody sets it
  gpr_set_log_function([](gpr_log_func_args*) {});
}

}  // namespace

Result<std::unique_ptr<Keystore>> open_etcd(const KeystoreUrl& url, const KeystoreOptions& options) {
  quiet_grpc();
  OVL_TRY(std::shared_ptr<EtcdClient> client, EtcdClient::open(url, options));
  return std::unique_ptr<Keystore>(std::make_unique<EtcdKeystore>(std::move(client), url.prefix));
}

}  // namespace ovl
