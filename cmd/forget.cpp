// ovl host forget NAME: what a machine that is gone has left in the store: its claim to the name, its
// facts, its status. Its record goes with its block in the manifest.
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
  const StoreLayout layout(context.request().cluster);
  OVL_TRY(const StoreView view, read_store(*context.world().keystore, layout));
  Transaction transaction;
  for (const std::string& key : {layout.claim(host_claim(host)), layout.facts(host), layout.status(host)}) {
    const auto at = view.revisions.find(key);
    if (at == view.revisions.end()) continue;
    transaction.guards.push_back({.kind = Guard::Kind::unmodified, .key = key, .revision = at->second});
    transaction.writes.push_back(Write{.key = key, .value = {}});
  }
  if (transaction.writes.empty()) {
    return Error{.code = Errc::not_found,
                 .message = fmt::format("nothing is known of a machine called {}", host.text())};
  }
  OVL_TRY(const CommitResult result, context.world().keystore->commit(transaction));
  if (!result.committed) {
    return Error{.code = Errc::stale,
                 .message = fmt::format("{} reported itself just now; nothing was forgotten", host.text())};
  }
  std::cout << fmt::format("Forgot the machine that was {}.\n", host.text());
  return kExitDone;
}

}  // namespace

int run_forget(const GlobalOptions& global, const PlanOptions& options, const std::string& host) {
  auto code = forget(global, options, host);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
