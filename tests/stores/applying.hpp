// Applies to real stores as the program does, with and without a machine.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "drivers/fake/fake_kernel.hpp"
#include "reconcile/run/apply.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

// "<what>-<pid>-<n>", another one each time. May be called by several threads.
std::string cluster_name(const std::string& what);

// What an applier wants: two networks and two endpoints that bear its mark; when it is grown, a third
// network with an endpoint on each host.
struct Wish {
  std::string cluster;
  std::string mark;
  bool grown = false;
};

// The host "a" of such a manifest: a kernel in memory, and a state of its own.
class Machine {
 public:
  explicit Machine(const std::string& cluster);

  [[nodiscard]] FakeKernel& kernel() { return kernel_; }

  [[nodiscard]] State& state() { return *state_; }

 private:
  TemporaryDirectory directory_;
  FakeKernel kernel_;
  std::unique_ptr<State> state_;
};

struct ApplyOptions {
  Machine* machine = nullptr;  // none: scope cluster
  bool restored = false;
  std::chrono::seconds lock_ttl{60};
  std::chrono::milliseconds lock_out_patience{0};
  std::function<bool(const StoreLock::Holder&)> holder_is_dead = [](const StoreLock::Holder&) {
    return false;
  };
};

// An apply; it waits for the lock as long as it takes. The holder's `who` is the wish's mark.
Result<Applied> apply_once(Keystore& store, const Wish& wish, const ApplyOptions& options = {});

Result<Planned> plan_once(Keystore& store, const Wish& wish, const ApplyOptions& options = {});

// Nothing is left to do for that wish, and the tree is sound.
void expect_converged(Keystore& store, const Wish& wish, const ApplyOptions& options = {});

}  // namespace ovl::test
