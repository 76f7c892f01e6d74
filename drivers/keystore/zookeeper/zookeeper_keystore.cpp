#include "drivers/keystore/zookeeper/zookeeper_keystore.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "drivers/keystore/check.hpp"
#include "drivers/keystore/zookeeper/zookeeper_commit.hpp"
#include "drivers/keystore/zookeeper/zookeeper_path.hpp"
#include "drivers/keystore/zookeeper/zookeeper_read.hpp"
#include "drivers/keystore/zookeeper/zookeeper_session.hpp"
#include "drivers/keystore/zookeeper/zookeeper_watch.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;

// A server that is silent for two thirds of the session's time is left for another one
// (zookeeper_interest()): half of a call's time leaves some for that other one.
constexpr milliseconds kLeastSessionTimeout{1000};

class ZookeeperKeystore final : public Keystore {
 public:
  explicit ZookeeperKeystore(std::shared_ptr<const zk::Store> store) : store_(std::move(store)) {}

  Result<Snapshot> read(const KeySelection& what) override { return zk::read_selected(*store_, what); }

  Result<std::optional<KeyValue>> get(std::string_view key) override { return zk::read_key(*store_, key); }

  Result<CommitResult> commit(const Transaction& transaction) override;
  Result<std::unique_ptr<Session>> open_session(std::chrono::seconds ttl) override;
  Result<std::unique_ptr<Watch>> watch(const KeySelection& what, Revision after) override;

  [[nodiscard]] std::size_t max_operations() const override { return zk::kMaxOperations; }

  // A key that is guarded and written is looked at once.
  [[nodiscard]] std::size_t operations(const Transaction& transaction) const override {
    return count_operations(transaction, [](const Guard&, const Write&) { return true; });
  }

  [[nodiscard]] std::size_t max_bytes() const override { return zk::kGoodBytes; }

  [[nodiscard]] const std::string& name() const override { return store_->name(); }

 private:
  Result<CommitResult> commit_bound(const Transaction& transaction, const std::string& session);
  std::shared_ptr<zk::Lease> lease_of(const std::string& session);

  std::shared_ptr<const zk::Store> store_;
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<zk::Lease>> leases_;  // of this store's sessions
};

// The one session that the writes name, "" when none does. Error: unsupported.
Result<std::string> session_of(const Transaction& transaction) {
  std::string session;
  for (const Write& write : transaction.writes) {
    if (write.session.empty() || !write.value) continue;
    if (!session.empty() && write.session != session) {
      return Error{.code = Errc::unsupported,
                   .message = "ZooKeeper can't write keys of two sessions in one transaction"};
    }
    session = write.session;
  }
  return session;
}

Result<CommitResult> ZookeeperKeystore::commit(const Transaction& transaction) {
  OVL_CHECK(check_transaction(transaction, operations(transaction), zk::kMaxOperations));
  OVL_TRY(const std::string session, session_of(transaction));
  if (!session.empty()) return commit_bound(transaction, session);
  return zk::commit(*store_, *store_->client, transaction);
}

std::shared_ptr<zk::Lease> ZookeeperKeystore::lease_of(const std::string& session) {
  const std::lock_guard lock(mutex_);
  const auto at = leases_.find(session);
  return at == leases_.end() ? nullptr : at->second.lock();
}

// An ephemeral node can be made by the connection of its session only.
Result<CommitResult> ZookeeperKeystore::commit_bound(const Transaction& transaction,
                                                     const std::string& session) {
  const auto lease = lease_of(session);
  const auto client = lease == nullptr ? nullptr : lease->client();
  if (client == nullptr) {
    return Error{
        .code = Errc::not_found,
        .message = fmt::format("{}: no session {} was opened here, or it has ended", name(), session),
        .hint = "open a new session"};
  }
  lease->note(transaction);
  return zk::commit(*store_, *client, transaction);
}

Result<std::unique_ptr<Session>> ZookeeperKeystore::open_session(std::chrono::seconds ttl) {
  if (ttl < std::chrono::seconds{1}) {
    return Error{.code = Errc::usage, .message = "a session lives at least one second"};
  }
  OVL_TRY(auto session, zk::TimedSession::open(store_, ttl));
  const std::lock_guard lock(mutex_);
  std::erase_if(leases_, [](const auto& entry) { return entry.second.expired(); });
  leases_[session->id()] = session->lease();
  return std::unique_ptr<Session>(std::move(session));
}

Result<std::unique_ptr<Watch>> ZookeeperKeystore::watch(const KeySelection& what, Revision after) {
  return std::unique_ptr<Watch>(std::make_unique<zk::LogWatch>(store_, what, after));
}

// ---- opening ---------------------------------------------------------------------------------

// The library takes the text after the last colon for the port: IPv6 addresses stand without brackets.
std::string servers_of(const KeystoreUrl& url) {
  std::string out;
  for (const StoreServer& server : url.servers) {
    out += fmt::format("{}{}:{}", out.empty() ? "" : ",", server.host, server.port);
  }
  return out;
}

Status check_access(const KeystoreUrl& url, const KeystoreOptions& options) {
  if (options.has_tls()) {
    return Error{
        .code = Errc::unsupported,
        .message = url.text() + ": the ZooKeeper client has no TLS here",
        .hint = "leave tls out and set allow_plaintext = true, through a tunnel (stunnel, WireGuard)"};
  }
  if (options.user.empty() != options.password.empty() || options.user.find(':') != std::string::npos) {
    return Error{.code = Errc::usage,
                 .message = url.text() + ": digest needs a user without a colon, and a password",
                 .hint = "give user and password of the keystore, or neither"};
  }
  return {};
}

std::string root_of(const KeystoreUrl& url) {
  return url.prefix.empty() ? std::string() : zk::path_of("", url.prefix);
}

}  // namespace

Result<std::unique_ptr<Keystore>> open_zookeeper(const KeystoreUrl& url, const KeystoreOptions& options) {
  OVL_CHECK(check_access(url, options));
  zk::Store store{.options = {.servers = servers_of(url),
                              .name = url.text(),
                              .user = options.user,
                              .password = options.password,
                              .session_timeout = std::max(options.timeout / 2, kLeastSessionTimeout),
                              .patience = std::make_shared<Patience>(options.timeout)},
                  .root = root_of(url)};
  OVL_TRY(store.client, zk::Client::connect(store.options, store.deadline()));
  return std::unique_ptr<Keystore>(
      std::make_unique<ZookeeperKeystore>(std::make_shared<const zk::Store>(std::move(store))));
}

}  // namespace ovl
