// ovl exec ENDPOINT -- CMD: runs a command inside an endpoint's namespace, as `ip netns exec` does.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "cmd/context.hpp"
#include "cmd/exit.hpp"
#include "cmd/keystore_options.hpp"
#include "cmd/style.hpp"
#include "cmd/verbs.hpp"
#include "drivers/process/enter.hpp"

namespace ovl {

namespace {

// The endpoint's namespace: from the manifest, else from the records.
Result<NetnsName> find_netns(Context& context, const Label& name) {
  if (const Manifest* manifest = context.manifest()) {
    const auto at = std::ranges::find(manifest->endpoints, name, &EndpointBlock::name);
    if (at != manifest->endpoints.end()) {
      return at->netns ? at->netns->value : NetnsName::parse(name.text());
    }
  }
  OVL_TRY(const StoreView view,
          read_store(*context.world().keystore, StoreLayout(context.request().cluster)));
  const auto at = std::ranges::find(view.records.endpoints, name, &EndpointRecord::name);
  if (at != view.records.endpoints.end()) return at->netns;
  return Error{.code = Errc::not_found,
               .message = fmt::format("there is no endpoint {}", name.text()),
               .hint = "see them with: ovl endpoint ls"};
}

Status enter(const GlobalOptions& global, const PlanOptions& options, const ExecOptions& exec) {
  OVL_TRY(const Label name, Label::parse(exec.endpoint));
  NetnsName netns;
  {
    OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
    OVL_TRY(netns, find_netns(context, name));
    // An endpoint is no place for the keystore's secrets.
    forget_secret_variables(context.access());
  }
  return enter_netns(netns, EnterOptions{.netns_directory = global.run_directory + "/netns"});
}

}  // namespace

int run_exec(const GlobalOptions& global, const PlanOptions& options, const ExecOptions& exec) {
  const Status entered = enter(global, options, exec);
  if (!entered.ok()) {
    report_error(entered.error());
    return kExitOwnFailure;
  }
  const Error error = replace_process(exec.command);
  report_error(error);
  return error.code == Errc::not_found ? kExitNoCommand : kExitCannotRun;
}

}  // namespace ovl
