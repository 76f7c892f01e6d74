// ovl status: the cluster's generation, and where every host stands.
#include <fmt/format.h>

#include <iostream>

#include "cmd/context.hpp"
#include "cmd/exit.hpp"
#include "cmd/plan_output.hpp"
#include "cmd/style.hpp"
#include "cmd/verbs.hpp"

namespace ovl {

namespace {

std::string standing(const StoreView& view, const HostName& host) {
  const auto at = view.status.find(host.text());
  if (at == view.status.end()) return "never applied";
  const std::int64_t serial = view.head ? view.head->serial : 0;
  if (at->second.serial < serial) return fmt::format("behind: generation {}", at->second.serial);
  return at->second.result == "ok" ? "up to date" : printable(at->second.result);
}

Value status_json(const StoreView& view) {
  Value out = Value::object();
  if (view.head) out.set("head", encode(*view.head));
  Value hosts = Value::array();
  for (const HostRecord& host : view.records.hosts) {
    Value item = Value::object();
    item.set("name", host.name.text());
    item.set("standing", standing(view, host.name));
    const auto at = view.status.find(host.name.text());
    if (at != view.status.end()) item.set("status", encode(at->second));
    hosts.push(std::move(item));
  }
  out.set("hosts", std::move(hosts));
  return out;
}

std::string status_text(const Label& cluster, const StoreView& view) {
  if (!view.head) return fmt::format("Cluster {}: never applied\n", cluster.text());
  std::string out = fmt::format("Cluster {}: generation {}, {} hosts, {} networks, {} endpoints\n",
                                cluster.text(), view.head->serial, view.records.hosts.size(),
                                view.records.networks.size(), view.records.endpoints.size());
  Table table;
  for (const HostRecord& host : view.records.hosts) table.row({host.name.text(), standing(view, host.name)});
  out += table.text("  ");
  for (const Finding& finding : view.refused) {
    out += fmt::format("refused record {}: {}\n", printable(finding.subject), printable(finding.message));
  }
  return out;
}

Result<int> status(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  OVL_TRY(const StoreView view,
          read_store(*context.world().keystore, StoreLayout(context.request().cluster)));
  if (options.json) {
    std::cout << status_json(view).pretty_json() << "\n";
  } else {
    std::cout << status_text(context.request().cluster, view);
  }
  return kExitDone;
}

}  // namespace

int run_status(const GlobalOptions& global, const PlanOptions& options) {
  auto code = status(global, options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
