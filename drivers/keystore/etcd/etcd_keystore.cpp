#include "drivers/keystore/etcd/etcd_keystore.hpp"

#include <grpc/support/log.h>

#include <cstdlib>

#include "drivers/keystore/check.hpp"
#include "drivers/keystore/etcd/etcd_client.hpp"
#include "drivers/keystore/etcd/etcd_messages.hpp"
#include "drivers/keystore/etcd/etcd_session.hpp"
#include "drivers/keystore/etcd/etcd_watch.hpp"

namespace ovl {

namespace {

using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;

// etcd's --max-txn-ops, which it compares with guards and writes each by themselves (checkTxnRequest in
// api/v3rpc/key.go).
constexpr std::size_t kMaxOperations = 128;
// Under its --max-request-bytes of 1.5 MiB, to which each guard brings its key once more.
constexpr std::size_t kMaxBytes = std::size_t{768} << 10;
// The first page of a read; what it weighs sets the size of the next ones.
constexpr std::int64_t kFirstPage = 1000;
constexpr std::int64_t kLargestPage = 10'000;
constexpr std::size_t kPageBytes = std::size_t{2} << 20;
// How often a read begins again whose revision was compacted away before its last page.
constexpr int kMostReads = 5;

std::int64_t next_page(const RangeResponse& page) {
  if (page.kvs().empty()) return kFirstPage;
  const std::size_t each = page.ByteSizeLong() / static_cast<std::size_t>(page.kvs_size()) + 1;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(kPageBytes / each), 1, kLargestPage);
}

class EtcdKeystore final : public Keystore {
 public:
  EtcdKeystore(std::shared_ptr<EtcdClient> client, const std::string& prefix)
      : client_(std::move(client)), keys_(prefix) {}

  Result<Snapshot> read(std::string_view prefix) override;
  Result<std::optional<KeyValue>> get(std::string_view key) override;
  Result<CommitResult> commit(const Transaction& transaction) override;

  Result<std::unique_ptr<Session>> open_session(std::chrono::seconds ttl) override {
    return EtcdSession::open(client_, ttl);
  }

  Result<std::unique_ptr<Watch>> watch(std::string_view prefix, Revision after) override {
    return EtcdWatch::open(client_, keys_, prefix, after);
  }

  [[nodiscard]] std::size_t max_operations() const override { return kMaxOperations; }

  [[nodiscard]] std::size_t operations(const Transaction& transaction) const override {
    return std::max(transaction.guards.size(), transaction.writes.size());
  }

  [[nodiscard]] std::size_t max_bytes() const override { return kMaxBytes; }

  [[nodiscard]] const std::string& name() const override { return client_->name(); }

 private:
  Result<Snapshot> read_pages(const EtcdRange& range);
  [[nodiscard]] Status check_progress(const Snapshot& snapshot, const RangeResponse& page) const;

  std::shared_ptr<EtcdClient> client_;
  EtcdKeys keys_;
};

// A read that outlives its revision, because the server is compacted meanwhile, begins again.
Result<Snapshot> EtcdKeystore::read(std::string_view prefix) {
  const EtcdRange range = range_of_prefix(keys_.full(prefix));
  for (int reads = 1;; ++reads) {
    Result<Snapshot> snapshot = read_pages(range);
    if (snapshot.ok() || !is_compacted(snapshot.error()) || reads == kMostReads) return snapshot;
  }
}

// Each page is a call with a time of its own: how many keys there are says nothing about whether the store
// answers. So the pages have to lead somewhere.
Status EtcdKeystore::check_progress(const Snapshot& snapshot, const RangeResponse& page) const {
  if (page.kvs().empty() || snapshot.items.empty()) return {};
  if (page.kvs(0).key() > keys_.full(snapshot.items.back().key)) return {};
  return Error{.code = Errc::corrupt,
               .message = name() + ": a page of keys does not go on after the last one"};
}

// All pages are of the first one's revision.
Result<Snapshot> EtcdKeystore::read_pages(const EtcdRange& range) {
  Snapshot snapshot;
  RangeRequest request;
  request.set_key(range.first);
  request.set_range_end(range.end);
  request.set_limit(kFirstPage);
  for (;;) {
    OVL_TRY(RangeResponse page, client_->range(request, client_->deadline()));
    OVL_CHECK(check_progress(snapshot, page));
    if (snapshot.revision == 0) snapshot.revision = static_cast<Revision>(page.header().revision());
    request.set_limit(next_page(page));
    for (mvccpb::KeyValue& item : *page.mutable_kvs()) {
      snapshot.items.push_back(key_value(std::move(item), keys_));
    }
    if (!page.more() || page.kvs().empty()) return snapshot;
    request.set_revision(static_cast<std::int64_t>(snapshot.revision));
    request.set_key(keys_.full(snapshot.items.back().key) + '\0');
  }
}

Result<std::optional<KeyValue>> EtcdKeystore::get(std::string_view key) {
  std::optional<KeyValue> found;
  RangeRequest request;
  request.set_key(keys_.full(key));
  if (request.key().empty()) return found;
  OVL_TRY(RangeResponse response, client_->range(request, client_->deadline()));
  if (response.kvs_size() > 0) found = key_value(std::move(*response.mutable_kvs(0)), keys_);
  return found;
}

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
