// A watch over Consul's blocking queries: it looks at the whole prefix whenever its index moves, and
// tells the difference to what it knew.
// https://developer.hashicorp.com/consul/api-docs/features/blocking
#pragma once

#include "drivers/keystore/consul/history.hpp"

namespace ovl {

// At most so many requests: some at once, then one in 100 ms. Returns without a change, or a prefix that
// changes all the time, do not become a busy loop.
class RequestRate {
 public:
  using Clock = std::chrono::steady_clock;
  // How long to wait before the next request.
  [[nodiscard]] std::chrono::milliseconds delay(Clock::time_point now) const;
  void take(Clock::time_point now);

 private:
  Clock::time_point paid_until_{};
};

class ConsulWatch final : public Watch {
 public:
  static Result<std::unique_ptr<Watch>> open(ConsulApi api, std::shared_ptr<Looks> looks, KeySelection what,
                                             Revision after);
  Result<WatchBatch> next(std::chrono::milliseconds timeout) override;

 private:
  using Clock = RequestRate::Clock;

  ConsulWatch(ConsulApi api, std::shared_ptr<Looks> looks, KeySelection what, Revision after);

  Status start();
  Result<std::shared_ptr<const KnownKeys>> keys_at_start(const Look& look);
  Result<std::optional<Look>> look(Clock::time_point deadline);
  void compare(Look look);
  WatchBatch take_batch();

  ConsulApi api_;
  std::shared_ptr<Looks> looks_;
  KeySelection what_;
  Revision after_;      // the store as the owner knows it
  Revision index_ = 0;  // of the last look
  bool reset_ = false;  // changes may have been missed; this watch can only say so
  std::vector<WatchEvent> events_;
  std::shared_ptr<const KnownKeys> known_;
  RequestRate rate_;
};

}  // namespace ovl
