// ovl exec ENDPOINT -- CMD: runs a command inside an endpoint's namespace, as `ip netns exec` does.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>

#include "cmd/base/exit.hpp"
#include "cmd/base/keystore_options.hpp"
#include "cmd/base/style.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/manifest_source.hpp"
#include "cmd/session/whereabouts.hpp"
#include "cmd/trust/host_side.hpp"
#include "cmd/verbs/verbs.hpp"
#include "drivers/process/enter.hpp"
#include "reconcile/store/last_good.hpp"
#include "state/folders.hpp"

namespace ovl {

namespace {

// Of an endpoint with several networks there are several records. All of them are in one namespace, which
// validation of manifests and records holds, so the first will do.
std::optional<NetnsName> netns_in(const Records& records, const Label& name) {
  const auto at = std::ranges::find(records.endpoints, name, &EndpointRecord::name);
  return at != records.endpoints.end() ? std::optional(at->netns) : std::nullopt;
}

// Where it will be once this manifest is applied.
Result<std::optional<NetnsName>> netns_in(const Manifest& manifest, const Label& name) {
  const auto at = std::ranges::find(manifest.endpoints, name, &EndpointBlock::name);
  if (at == manifest.endpoints.end()) return std::optional<NetnsName>();
  if (at->netns) return std::optional(at->netns->value);
  OVL_TRY(NetnsName netns, NetnsName::parse(name.text()));
  return std::optional(std::move(netns));
}

// The endpoint's namespace: from the records, which say where it is. The manifest may say already where it
// is going to be; it counts where there is no record, or none can be read.
Result<NetnsName> find_netns(Context& context, const Label& name) {
  const auto view = read_store(*context.world().keystore, StoreLayout(context.request().cluster));
  // The store counts before the manifest, which may be edited already: with a changed `netns` exec would
  // enter a namespace that is somebody else's until the apply.
  if (view.ok()) {
    if (const auto netns = netns_in(view.value().records, name)) return *netns;
  }
  if (const Manifest* manifest = context.manifest()) {
    OVL_TRY(const auto netns, netns_in(*manifest, name));
    if (netns) return *netns;
  }
  // Only now: a manifest that knows the endpoint makes a store that is away no hindrance.
  if (!view.ok()) return view.error();
  return Error{.code = Errc::not_found,
               .message = fmt::format("there is no endpoint {}", name.text()),
               .hint = "see them with: ovl endpoint ls"};
}

struct FoundPlace {
  NetnsName netns;
  KeystoreAccess access;  // of the store that it is recorded in
};

// Where this host has made it, as it remembers itself: what a manifest with a mistake, or a store that is
// away, has no say in. The first way that is tried, and without a connection. Who looks for why the store
// does not answer does so from inside of an endpoint.
std::optional<FoundPlace> place_in(const State& state, const Label& name) {
  const auto host = state.binding("host");
  const auto known = remember(state);
  auto access = access_in(state);
  if (!host.ok() || !host.value() || !known.ok() || !access.ok()) return std::nullopt;
  const auto& endpoints = known.value().records.endpoints;
  const auto at = std::ranges::find_if(endpoints, [&](const EndpointRecord& endpoint) {
    // The last good records are those of the whole cluster, other hosts' endpoints too.
    return endpoint.name == name && endpoint.host.text() == *host.value();
  });
  if (at == endpoints.end()) return std::nullopt;
  return FoundPlace{.netns = at->netns, .access = std::move(access).value()};
}

std::optional<FoundPlace> remembered(const GlobalOptions& global, const PlanOptions& options,
                                     const Label& name) {
  // A host is in one cluster, but states of former ones may lie beside it: whether the namespace is there
  // decides in enter().
  for (const Label& cluster : clusters_with_state(global.state_directory)) {
    if (!options.cluster.empty() && cluster.text() != options.cluster) continue;
    // Read only: who may enter an endpoint need not be able to write, and exec makes no state.
    const auto state = State::open_read_only({.root = global.state_directory, .cluster = cluster});
    if (!state.ok()) continue;
    auto place = place_in(state.value(), name);
    if (place) return place;
  }
  return std::nullopt;
}

// A NetnsName has neither slashes nor dots alone, so this leads out of no folder.
std::string path_of(const GlobalOptions& global, const NetnsName& netns) {
  return fmt::format("{}/netns/{}", global.run_directory, netns.text());
}

bool is_there(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error) || error;  // what can't be looked at is told by entering it
}

// From the records in the store, or the manifest.
Result<FoundPlace> look_up(const GlobalOptions& global, const PlanOptions& options, const Label& name) {
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  OVL_TRY(NetnsName netns, find_netns(context, name));
  // Whoever stands on the wrong host is told which one is right; that a namespace is missing says nothing to
  // him.
  if (!is_there(path_of(global, netns))) {
    const Error missing{
        .code = Errc::not_found,
        .message = fmt::format("netns {} of endpoint {} does not exist", netns.text(), name.text())};
    return not_here(global, context, options.host, name, missing);
  }
  return FoundPlace{.netns = std::move(netns), .access = context.access()};
}

// An endpoint is no place for the keystore's secrets, whoever names them: what this host remembers, its own
// file, the command line, or the manifest where one stands, which need not be without mistakes.
void forget_secrets(const PlanOptions& options, const KeystoreAccess& remembered) {
  forget_secret_variables(remembered);
  forget_secret_variables(options.keystore);
  if (const auto host = read_host_side(); host.ok()) forget_secret_variables(host.value().access);
  const auto manifest = find_manifest(options);
  if (!manifest.ok()) return;
  // By text and not parsed: what stands in a broken manifest is a secret all the same. A word in a comment
  // that looks like a reference costs a variable of that name, which is the lesser harm.
  for (const SourceFile& file : manifest.value().files) forget_variables_in(file.text);
}

Status enter(const GlobalOptions& global, const PlanOptions& options, const ExecOptions& exec) {
  OVL_TRY(const Label name, Label::parse(exec.endpoint));
  std::optional<FoundPlace> place = remembered(global, options, name);
  if (!place || !is_there(path_of(global, place->netns))) {
    OVL_TRY(place, look_up(global, options, name));
  }
  forget_secrets(options, place->access);
  return enter_netns(place->netns, EnterOptions{.netns_directory = global.run_directory + "/netns"});
}

}  // namespace

int run_exec(const GlobalOptions& global, const PlanOptions& options, const ExecOptions& exec) {
  const Status entered = enter(global, options, exec);
  if (!entered.ok()) {
    report_error(entered.error());
    // 125 to 127 are ovl's own, as of docker exec and env(1), so that a script can tell them from what the
    // command answered.
    return kExitOwnFailure;
  }
  // No child: signals, the terminal and the exit status are the command's, without anybody between.
  const Error error = replace_process(exec.command);
  report_error(error);
  return error.code == Errc::not_found ? kExitNoCommand : kExitCannotRun;
}

}  // namespace ovl
