// What the long-running verbs share: being seen to be there, and standing back.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "cmd/context.hpp"
#include "cmd/journal.hpp"
#include "drivers/keystore/keystore.hpp"
#include "drivers/process/service_manager.hpp"

namespace ovl {

// This host's presence in the store: a key that goes when its session does. Has to be dropped, or to end,
// before the context that it was kept in.
class Presence {
 public:
  Presence(std::chrono::milliseconds heartbeat, std::chrono::seconds ttl)
      : heartbeat_(heartbeat), ttl_(ttl) {}

  // Says so again when it is time to. Errors: those of the store.
  Status keep(Context& context);

  // The next keep() begins anew.
  void drop() { session_.reset(); }

 private:
  std::chrono::milliseconds heartbeat_;
  std::chrono::seconds ttl_;
  std::unique_ptr<Session> session_;
  std::chrono::steady_clock::time_point last_;
};

// Whether somebody works here by hand (ovl suspend). Says so once, when it begins and when it is over.
class SuspensionWatch {
 public:
  // directory: as for read_suspension().
  explicit SuspensionWatch(std::string directory) : directory_(std::move(directory)) {}

  bool holds();

 private:
  std::string directory_;
  bool held_ = false;
};

// Says what a plan warns of while applies go on by themselves: the same once.
class WarningTeller {
 public:
  void tell(const std::vector<Finding>& warnings);

 private:
  std::set<std::string> told_;
};

// One apply without questions, under this host's lock. Says what it warns of, before anything is written, and
// what it changed. The manager hears of its steps, and after the first that went well that the service is
// ready.
Result<Applied> apply_unasked(Context& context, const GlobalOptions& global, WarningTeller& warnings,
                              ServiceManager& manager);

}  // namespace ovl
