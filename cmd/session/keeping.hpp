// What the long-running verbs share: being seen to be there, and standing back.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "cmd/session/context.hpp"
#include "cmd/session/journal.hpp"
#include "drivers/keystore/keystore.hpp"
#include "drivers/process/service_manager.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

// This host in its keystore, apart from what is applied here; outlives the context that it was seen in.
struct HostInStore {
  std::shared_ptr<Keystore> store = {};  // none: it is not known where it is
  std::string url = {};
  StoreLayout layout{Label()};
  HostName host = {};
  StoreLock::Holder holder = {};
  bool has_applied = false;  // under this name: what is said of it here is its own
  std::string claim = {};    // to this name, as this machine made it last; empty: it is not known

  // Errors: as the state.
  static Result<HostInStore> in(Context& context);

  // Where this host was when it applied last, also while its manifest can't be read. Errors: as
  // Context::open().
  static Result<HostInStore> as_it_was(const GlobalOptions& global, const PlanOptions& options);

  // Whether the name is another machine's by now: what this one says would be taken for the other's. Errors:
  // as the store.
  [[nodiscard]] Result<bool> is_taken() const;

  // Tells the others what was tried, and why it failed. Errors: as the store.
  [[nodiscard]] Status tell_failure(const std::string& commit, const Error& error) const;
};

// Whether an error says that something does not work here, and not that it has to be tried again.
bool lasts(Errc code);

// That this process lives, whatever its last apply came to: a key in the store that goes when its session
// does.
class Presence {
 public:
  Presence(std::chrono::milliseconds heartbeat, std::chrono::seconds ttl)
      : heartbeat_(heartbeat), ttl_(ttl) {}

  // From now on there. Goes on as it is where that is the same place and works.
  void show_in(HostInStore place);

  [[nodiscard]] const HostInStore& place() const { return place_; }

  [[nodiscard]] std::chrono::milliseconds heartbeat() const { return heartbeat_; }

  // Says so again when it is time to, or otherwise than before; writes the key again when it was lost.
  // suspended: why what runs here stands back, empty: it does not. Errors: those of the store; the next call
  // begins anew.
  Status keep(const std::string& suspended);

 private:
  Status write(const std::string& suspended, bool is_new);

  std::chrono::milliseconds heartbeat_;
  std::chrono::seconds ttl_;
  HostInStore place_;
  std::unique_ptr<Session> session_;  // ends before its store
  std::string said_;
  std::chrono::steady_clock::time_point last_;
};

// Whether somebody works here by hand (ovl suspend). Says so once, when it begins and when it is over.
class SuspensionWatch {
 public:
  // directory: as for read_suspension().
  explicit SuspensionWatch(std::string directory) : directory_(std::move(directory)) {}

  bool holds();

  // Who suspended it and since when, as of the last holds(); empty: nobody.
  [[nodiscard]] const std::string& words() const { return words_; }

 private:
  std::string directory_;
  std::string words_;
};

// Says what a plan warns of while applies go on by themselves: the same once.
class WarningTeller {
 public:
  void tell(const std::vector<Finding>& warnings);

 private:
  std::set<std::string> told_;
};

// Says what does not work while it goes on by itself: the same once, with its remedy.
class TroubleTeller {
 public:
  void tell(const Error& error);
  // It is over: says so where trouble was told.
  void well();

  // It is over, and somebody else has said so.
  void forget() { told_.clear(); }

 private:
  std::string told_;
};

// One apply without questions, under this host's lock. Says what it warns of, before anything is written, and
// what it changed. The manager hears of its steps, and after the first that went well that the service is
// ready.
Result<Applied> apply_unasked(Context& context, const GlobalOptions& global, WarningTeller& warnings,
                              ServiceManager& manager);

}  // namespace ovl
