// A watch follows the log that commits leave; one-shot watches of the counter and of the leases wake it.
#pragma once

#include <memory>
#include <optional>

#include "drivers/keystore/zookeeper/zookeeper_store.hpp"

namespace ovl::zk {

class LogWatch final : public Watch {
 public:
  LogWatch(std::shared_ptr<const Store> store, KeySelection what, Revision after)
      : store_(std::move(store)), what_(std::move(what)), after_(after) {}

  Result<WatchBatch> next(std::chrono::milliseconds timeout) override;

 private:
  Result<WatchBatch> look();
  Result<WatchBatch> follow(const Head& head);
  Result<std::optional<std::uint64_t>> locate(const Head& head);
  Result<std::optional<std::uint64_t>> locate_in_log(const Head& head);
  Result<bool> is_past(Revision revision);
  WatchBatch reset(Revision revision);

  std::shared_ptr<const Store> store_;
  KeySelection what_;
  Revision after_;
  std::optional<std::uint64_t> position_;  // the number of the last commit that was told
  bool reset_ = false;
};

}  // namespace ovl::zk
