// ovl host forget NAME: what a machine that is gone has left in the store: its claims to the name and to its
// address, its facts, its status. Its record goes with its block in the manifest. With --lost all of that
// stays, and nobody waits for it till it is back.
#include "reconcile/records/forget.hpp"

#include <fmt/format.h>

#include <iostream>

#include "cmd/base/exit.hpp"
#include "cmd/session/context.hpp"
#include "cmd/verbs/verbs.hpp"
#include "reconcile/cluster/lost_hosts.hpp"

namespace ovl {

namespace {

// Who says so, and when, goes into the status: nobody else can tell a machine that was given up from one that
// only is slow.
Result<int> lose(Context& context, const HostName& host) {
  const StoreLock::Holder& here = context.world().holder;
  OVL_CHECK(say_lost(*context.world().keystore, StoreLayout(context.request().cluster), host,
                     {.who = here.who, .when = context.world().now}));
  std::cout
      << fmt::format("Nobody waits for {} any more. It keeps its name, addresses and endpoints.\n",
                     host.text())
      << "From their next apply on the others refuse its tunnels' packets, until it has caught up (there: "
         "ovl apply --scope host).\n";
  return kExitDone;
}

Result<int> forget(const GlobalOptions& global, const PlanOptions& options, const std::string& text,
                   bool lost) {
  OVL_TRY(const HostName host, HostName::parse(text));
  // Anywhere that reaches the store, also where no host is: the machine that is meant is gone.
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  if (lost) return lose(context, host);
  OVL_CHECK(forget_host(*context.world().keystore, StoreLayout(context.request().cluster), host));
  // The machine and not the host: its record, and what it should hold, is the manifest's.
  std::cout << fmt::format("Forgot the machine that was {}.\n", host.text());
  return kExitDone;
}

}  // namespace

int run_forget(const GlobalOptions& global, const PlanOptions& options, const std::string& host, bool lost) {
  auto code = forget(global, options, host, lost);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
