// A lease: a session of ZooKeeper on a connection of its own.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "drivers/keystore/zookeeper/zookeeper_store.hpp"

namespace ovl::zk {

// What the store and its session know of each other.
class Lease {
 public:
  Lease(std::shared_ptr<const Store> store, std::shared_ptr<Client> client);

  // Nothing: it has ended.
  std::shared_ptr<Client> client();
  void note(const Transaction& transaction);
  // Deletes its keys, then gives the connection back. Later calls do nothing.
  Status end();

  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  Status erase_keys(Client& client, const std::set<std::string>& keys);

  std::shared_ptr<const Store> store_;
  std::string id_;
  std::mutex mutex_;
  std::shared_ptr<Client> client_;
  std::set<std::string> keys_;  // that were bound to it
};

// The C library sends heartbeats by itself as long as the process runs. So that nothing but
// keep_alive() renews the time to live, a thread here ends the session when that was not called; a
// process that is stopped sends no heartbeats, and the server ends the session.
class TimedSession final : public Session {
 public:
  static Result<std::unique_ptr<TimedSession>> open(const std::shared_ptr<const Store>& store,
                                                    std::chrono::seconds ttl);
  ~TimedSession() override;
  TimedSession(const TimedSession&) = delete;
  TimedSession& operator=(const TimedSession&) = delete;

  [[nodiscard]] const std::string& id() const override { return lease_->id(); }

  Status keep_alive() override;
  Status close() override;

  [[nodiscard]] const std::shared_ptr<Lease>& lease() const { return lease_; }

 private:
  TimedSession(std::shared_ptr<const Store> store, std::shared_ptr<Lease> lease, std::chrono::seconds ttl);
  void guard_time();
  [[nodiscard]] Error over() const;

  std::shared_ptr<const Store> store_;
  std::shared_ptr<Lease> lease_;
  std::chrono::seconds ttl_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Deadline end_;
  bool closed_ = false;
  std::thread timer_;
};

}  // namespace ovl::zk
