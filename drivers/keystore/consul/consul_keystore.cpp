#include "drivers/keystore/consul/consul_keystore.hpp"

#include <fmt/format.h>

#include "drivers/keystore/check.hpp"
#include "drivers/keystore/consul/commit.hpp"
#include "drivers/keystore/consul/consul_session.hpp"
#include "drivers/keystore/consul/consul_watch.hpp"

namespace ovl {

namespace {

// agent/kvs_endpoint.go, kv_max_value_size.
constexpr std::size_t kMaxValue = std::size_t{512} << 10;
// With base64 and the JSON around it under limits.txn_max_req_len, which is 512 KiB too.
constexpr std::size_t kGoodBytes = std::size_t{256} << 10;

class ConsulKeystore final : public Keystore {
 public:
  ConsulKeystore(ConsulApi api, KeystoreUrl url, KeystoreOptions options, std::shared_ptr<Patience> patience)
      : api_(std::move(api)),
        url_(std::move(url)),
        options_(std::move(options)),
        patience_(std::move(patience)) {}

  Result<Snapshot> read(const KeySelection& what) override {
    OVL_TRY(Look look, api_.look(what));
    looks_->remember(what, look.index, look);
    Snapshot snapshot{.revision = look.index, .items = {}, .unknown = std::move(look.unknown)};
    snapshot.items.reserve(look.entries.size());
    for (KvEntry& entry : look.entries) snapshot.items.push_back(std::move(entry.item));
    return snapshot;
  }

  Result<std::optional<KeyValue>> get(std::string_view key) override {
    OVL_TRY(auto entry, api_.get(key));
    if (!entry) return std::optional<KeyValue>();
    return std::optional(std::move(entry->item));
  }

  Result<CommitResult> commit(const Transaction& transaction) override {
    OVL_CHECK(check_transaction(transaction, operations(transaction), kConsulOperations));
    OVL_CHECK(check_texts(transaction));
    return Commit(api_, claims_, lives_, transaction).run();
  }

  Result<std::unique_ptr<Session>> open_session(std::chrono::seconds ttl) override {
    OVL_TRY(ConsulApi api, ConsulApi::open(url_, options_, patience_));
    return ConsulSession::open(std::move(api), ttl);
  }

  Result<std::unique_ptr<Watch>> watch(const KeySelection& what, Revision after) override {
    OVL_TRY(ConsulApi api, ConsulApi::open(url_, options_, patience_));
    return ConsulWatch::open(std::move(api), looks_, what, after);
  }

  [[nodiscard]] std::size_t max_operations() const override { return kConsulOperations; }

  [[nodiscard]] std::size_t operations(const Transaction& transaction) const override {
    return count_operations(transaction, is_one_operation);
  }

  [[nodiscard]] std::size_t max_bytes() const override { return kGoodBytes; }

  [[nodiscard]] const std::string& name() const override { return api_.name(); }

 private:
  [[nodiscard]] Status check_texts(const Transaction& transaction) const {
    for (const Guard& guard : transaction.guards) OVL_CHECK(check_key(guard.key));
    for (const Write& write : transaction.writes) {
      OVL_CHECK(check_key(write.key));
      if (!write.value || write.value->size() <= kMaxValue) continue;
      return api_.error(Errc::usage, fmt::format("the value of {} has {} bytes, Consul takes {}", write.key,
                                                 write.value->size(), kMaxValue));
    }
    return {};
  }

  ConsulApi api_;
  KeystoreUrl url_;
  KeystoreOptions options_;
  std::shared_ptr<Patience> patience_;
  Claims claims_;
  KnownLives lives_;
  std::shared_ptr<Looks> looks_ = std::make_shared<Looks>();
};

}  // namespace

Result<std::unique_ptr<Keystore>> open_consul(const KeystoreUrl& url, const KeystoreOptions& options) {
  if (!options.user.empty() || !options.password.empty()) {
    return Error{.code = Errc::usage,
                 .message = url.text() + ": Consul knows no user and password",
                 .hint = "use the key token in [keystore]"};
  }
  auto patience = std::make_shared<Patience>(options.timeout);
  OVL_TRY(ConsulApi api, ConsulApi::open(url, options, patience));
  return std::unique_ptr<Keystore>(
      std::make_unique<ConsulKeystore>(std::move(api), url, options, std::move(patience)));
}

}  // namespace ovl
