// ovl host forget NAME: what a machine that is gone has left in the store: its claims to the name and to its
// address, its facts, its status. Its record goes with its block in the manifest.
#include "reconcile/forget.hpp"

#include <fmt/format.h>

#include <iostream>

#include "cmd/context.hpp"
#include "cmd/exit.hpp"
#include "cmd/verbs.hpp"

namespace ovl {

namespace {

Result<int> forget(const GlobalOptions& global, const PlanOptions& options, const std::string& text) {
  OVL_TRY(const HostName host, HostName::parse(text));
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  OVL_CHECK(forget_host(*context.world().keystore, StoreLayout(context.request().cluster), host));
  std::cout << fmt::format("Forgot the machine that was {}.\n", host.text());
  return kExitDone;
}

}  // namespace

int run_forget(const GlobalOptions& global, const PlanOptions& options, const std::string& host) {
  auto code = forget(global, options, host);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
