// Which host this machine is for an apply is decided in Context::identify(). Here the same is guessed, as far
// as it can be known without rights, so that who stands on the wrong machine is told so before anything else
// fails.
#include "cmd/session/whereabouts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cmd/session/machine.hpp"

namespace ovl {

namespace {

Records records_in(Context& context) {
  if (context.world().keystore == nullptr) return {};
  // A store that does not answer leaves less to say, and is told by what asked it before.
  auto view = read_store(*context.world().keystore, StoreLayout(context.request().cluster));
  return view.ok() ? std::move(view).value().records : Records();
}

// What a manifest declares counts before what is recorded: a host may have got another name.
bool is_host(Context& context, const HostName& name) {
  const Manifest* manifest = context.manifest();
  if (manifest == nullptr) return records_in(context).host(name) != nullptr;
  return std::ranges::find(manifest->hosts, name, &HostBlock::name) != manifest->hosts.end();
}

std::optional<HostName> bound_host(const GlobalOptions& global, const Label& cluster) {
  const auto state = State::open_read_only({.root = global.state_directory, .cluster = cluster});
  // A user who may not read it is told by the machine's name.
  if (!state.ok()) return std::nullopt;
  const auto bound = state.value().binding("host");
  if (!bound.ok() || !bound.value()) return std::nullopt;
  auto name = HostName::parse(*bound.value());
  return name.ok() ? std::optional(std::move(name).value()) : std::nullopt;
}

std::optional<HostName> host_of_endpoint(Context& context, const Records& records, const Label& name) {
  // The record before the manifest: it says where the endpoint is, the manifest where it is going to be.
  const auto record = std::ranges::find(records.endpoints, name, &EndpointRecord::name);
  if (record != records.endpoints.end()) return record->host;
  if (context.manifest() == nullptr) return std::nullopt;
  const auto& blocks = context.manifest()->endpoints;
  const auto block = std::ranges::find(blocks, name, &EndpointBlock::name);
  return block != blocks.end() ? std::optional(block->host.value) : std::nullopt;
}

}  // namespace

std::optional<HostName> this_host(const GlobalOptions& global, Context& context, const std::string& named) {
  auto said = HostName::parse(named);
  if (said.ok() && is_host(context, said.value())) return std::move(said).value();
  // Before the machine's own name, which may be that of another host by accident (localhost, a cloned image).
  if (auto bound = bound_host(global, context.request().cluster)) return bound;
  const std::string full = host_name();
  // By its full name and by the first part of it, as records mostly have that.
  for (const std::string& candidate : {full, full.substr(0, full.find('.'))}) {
    auto name = HostName::parse(candidate);
    if (name.ok() && is_host(context, name.value())) return std::move(name).value();
  }
  return std::nullopt;
}

Error not_here(const GlobalOptions& global, Context& context, const std::string& named, const Label& endpoint,
               Error missing) {
  const auto host = host_of_endpoint(context, records_in(context), endpoint);
  if (!host) return missing;
  const auto here = this_host(global, context, named);
  if (here == host) {
    missing.hint = "it is not made yet: ovl apply";
    return missing;
  }
  return Error{.code = Errc::not_found,
               .message = fmt::format("endpoint {} is on host {}, {}", endpoint.text(), host->text(),
                                      here ? "this is " + here->text() : "this machine is none of the hosts"),
               .hint = fmt::format("run it on {}", host->text())};
}

Status check_made_for(const GlobalOptions& global, Context& context, const std::string& host) {
  if (host.empty()) return {};
  const auto here = this_host(global, context, {});
  // One that goes by no name of now was renamed.
  if (!here || here->text() == host || !is_host(context, *here)) return {};
  return Error{
      .code = Errc::guard,
      .message = fmt::format("this plan was made for host {}, this is {}", host, here->text()),
      .hint = fmt::format("apply it on {}, or plan here: ovl plan --out FILE; nothing was done", host)};
}

}  // namespace ovl
