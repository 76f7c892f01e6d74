// ovl state adopt: a state that another machine has written becomes this one's. Changes nothing in the
// kernel.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

#include "cmd/base/ask.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/base/style.hpp"
#include "cmd/session/machine.hpp"
#include "cmd/verbs/state_verbs.hpp"
#include "reconcile/objects/made_here.hpp"

namespace ovl {

namespace {

// Without identity and keystore: the state of a cloned machine says it is a host that it is not, and must not
// be asked about anything before it is adopted.
constexpr Context::Needs kAnyMachines{.manifest = false,
                                      .identity = false,
                                      .keystore = false,
                                      .state = true,
                                      .writable = true,
                                      .any_machine = true};

// What of this machine differs from the one that has written the state.
Result<std::vector<std::string>> strange_here(State& state) {
  OVL_TRY(const auto known, identity_of(state));
  return known ? strange_in(*known, this_machine()) : std::vector<std::string>();
}

Result<int> adopt(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context, Context::open(global, options, kAnyMachines));
  State& state = *context.world().state;
  OVL_TRY(const std::vector<std::string> strange, strange_here(state));
  if (strange.empty()) {
    std::cout << printable(state.path()) << " is this machine's.\n";
    return kExitDone;
  }
  std::cout << fmt::format("{} was written on another machine: {}.\n", printable(state.path()),
                           printable(fmt::format("{}", fmt::join(strange, ", "))));
  if (!options.auto_approve) OVL_CHECK(ask_for_consent());
  // Nothing is locked while a person thinks.
  std::optional<HostLock> lock;
  OVL_CHECK(context.lock_host_for(lock));
  // What was agreed to is compared under the lock: between the question and the answer another adopt may have
  // come first.
  OVL_TRY(const std::vector<std::string> strange_now, strange_here(state));
  if (strange_now != strange) {
    return Error{.code = Errc::stale,
                 .message = "somebody else has adopted or changed this state meanwhile; nothing was done",
                 .hint = "say it again"};
  }
  // It says which namespaces ovl made, on the other machine. One of the same name here is somebody's own, and
  // would be removed with its endpoint.
  OVL_CHECK(forget_all_births(state));
  OVL_CHECK(remember_identity(state, context.world().identity));
  // What the kernel of this machine has of ovl, this state does not know: the next applies look everywhere
  // for marks and not only where it says.
  state.doubt();
  std::cout << "It is this machine's now. See what that changes here: ovl plan\n";
  return kExitDone;
}

}  // namespace

int run_state_adopt(const GlobalOptions& global, const PlanOptions& options) {
  const auto code = adopt(global, options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
