// The lock on a cluster's tree.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "drivers/keystore/keystore.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

// The store's lock while it is held: one key that lives with our session. A courtesy to others and the
// fence of our own writes.
class StoreLock {
 public:
  struct Holder {
    std::string who;   // "root@host"
    std::string host;  // host name
    std::string boot;  // boot id of that host
    std::int64_t pid = 0;
    std::int64_t since = 0;  // seconds since the epoch

    static constexpr auto fields() {
      return std::tuple{setting("who", &Holder::who), setting("host", &Holder::host),
                        setting("boot", &Holder::boot), setting("pid", &Holder::pid),
                        setting("since", &Holder::since)};
    }
  };

  struct Options {
    std::chrono::seconds ttl{60};
    std::chrono::milliseconds timeout{30'000};
    // Whether a holder of this boot and pid is alive; asked only for holders on this host.
    std::function<bool(const Holder&)> is_dead = [](const Holder&) { return false; };
    // Whether to wait no longer; see Progress.
    std::function<bool()> stop = [] { return false; };
    // Told once, when it has to be waited for: "the cluster is locked by ...".
    std::function<void(const std::string& held)> waiting = [](const std::string&) {};
  };

  // Errors: locked (with the holder) when the timeout ends; interrupted; what the store says.
  static Result<StoreLock> acquire(Keystore& store, const StoreLayout& layout, const Holder& holder,
                                   const Options& options);

  [[nodiscard]] const Holder& holder() const { return holder_; }

  // The guard to put into every transaction.
  [[nodiscard]] Guard fence() const;

  // Renews the session when a third of its time has passed since it was renewed last.
  // Errors: stale when the lock has run out; as the store.
  Status keep_alive();

  // Gives the lock back. Without it, it goes when the process ends or the TTL runs out.
  Status release();

 private:
  Result<CommitResult> take();

  std::unique_ptr<Session> session_;
  Keystore* store_ = nullptr;
  Holder holder_;
  std::string key_;
  Revision created_ = 0;
  std::chrono::seconds ttl_{};
  std::chrono::steady_clock::time_point renewed_{};
};

}  // namespace ovl
