#include "drivers/keystore/zookeeper/zookeeper_session.hpp"

#include <fmt/format.h>

#include "drivers/keystore/zookeeper/zookeeper_commit.hpp"
#include "drivers/keystore/zookeeper/zookeeper_path.hpp"

namespace ovl::zk {

namespace {

using std::chrono::steady_clock;

std::string id_of(Client& client) {
  return fmt::format("{:016x}", static_cast<std::uint64_t>(client.session()));
}

}  // namespace

// ---- Lease -----------------------------------------------------------------------------------

Lease::Lease(std::shared_ptr<const Store> store, std::shared_ptr<Client> client)
    : store_(std::move(store)), id_(id_of(*client)), client_(std::move(client)) {}

std::shared_ptr<Client> Lease::client() {
  const std::lock_guard lock(mutex_);
  return client_;
}

void Lease::note(const Transaction& transaction) {
  const std::lock_guard lock(mutex_);
  for (const Write& write : transaction.writes) {
    if (write.session == id_) keys_.insert(write.key);
  }
}

// The server removes the nodes of a closed session too, but later and without an entry in the log.
Status Lease::end() {
  std::shared_ptr<Client> client;
  std::set<std::string> keys;
  {
    const std::lock_guard lock(mutex_);
    client.swap(client_);
    keys.swap(keys_);
  }
  if (client == nullptr) return {};
  Status erased = erase_keys(*client, keys);
  // One that is over already has no keys.
  return erased.ok() || erased.error().code == Errc::not_found ? Status() : erased;
}

Status Lease::erase_keys(Client& client, const std::set<std::string>& keys) {
  for (const std::string& key : keys) {
    const std::string path = path_of(store_->root, key);
    using Kind = Request::Kind;
    OVL_TRY(const auto nodes, client.ask({sync_request(*store_),
                                          {.kind = Kind::exists, .path = path},
                                          {.kind = Kind::exists, .path = fmt::format("{}/{}", path, kSelf)}},
                                         store_->deadline()));
    for (const Reply& node : nodes) {
      if (!node.found || node.owner != client.session()) continue;
      OVL_TRY(const auto done,
              commit(*store_, client,
                     {{{Guard::Kind::same_life, key, node.created}}, {{.key = key, .value = std::nullopt}}}));
      (void)done;  // or it has become somebody else's
    }
  }
  return {};
}

// ---- TimedSession ----------------------------------------------------------------------------

Result<std::unique_ptr<TimedSession>> TimedSession::open(const std::shared_ptr<const Store>& store,
                                                         std::chrono::seconds ttl) {
  ClientOptions options = store->options;
  options.session_timeout = ttl;
  options.renews = false;
  OVL_TRY(auto client, Client::connect(std::move(options), store->deadline()));
  auto lease = std::make_shared<Lease>(store, std::move(client));
  return std::unique_ptr<TimedSession>(new TimedSession(store, std::move(lease), ttl));
}

TimedSession::TimedSession(std::shared_ptr<const Store> store, std::shared_ptr<Lease> lease,
                           std::chrono::seconds ttl)
    : store_(std::move(store)),
      lease_(std::move(lease)),
      ttl_(ttl),
      end_(steady_clock::now() + ttl),
      timer_([this] { guard_time(); }) {}

TimedSession::~TimedSession() {
  (void)close();
}

void TimedSession::guard_time() {
  std::unique_lock lock(mutex_);
  while (!closed_ && steady_clock::now() < end_) changed_.wait_until(lock, Deadline(end_));
  lock.unlock();
  (void)lease_->end();
}

Error TimedSession::over() const {
  return Error{.code = Errc::not_found,
               .message = store_->name() + ": the session has ended",
               .hint = "open a new session and write its keys again"};
}

Status TimedSession::keep_alive() {
  const auto client = lease_->client();
  if (client == nullptr) return over();
  OVL_TRY(const auto alive, client->ask({sync_request(*store_)}, store_->deadline()));
  (void)alive;
  const std::lock_guard lock(mutex_);
  if (closed_ || steady_clock::now() >= end_) return over();
  end_ = steady_clock::now() + ttl_;
  changed_.notify_all();
  return {};
}

Status TimedSession::close() {
  Status status = lease_->end();
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  if (timer_.joinable()) timer_.join();
  return status;
}

}  // namespace ovl::zk
