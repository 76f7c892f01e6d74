// ovl status: the cluster's generation, and where every host stands; --wait until all stand there.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ctime>
#include <iostream>

#include "cmd/context.hpp"
#include "cmd/describe.hpp"
#include "cmd/exit.hpp"
#include "cmd/output_format.hpp"
#include "cmd/style.hpp"
#include "cmd/verbs.hpp"
#include "reconcile/standing.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Value status_json(const StoreView& view) {
  Value out = Value::object();
  out.set("format_version", kOutputFormat);
  if (view.head) out.set("head", encode(*view.head));
  Value hosts = Value::array();
  for (const HostRecord& host : view.records.hosts) {
    Value item = Value::object();
    item.set("name", host.name.text());
    item.set("standing", standing_of(view, host.name).text);
    item.set("health", health_of(view, host.name, std::time(nullptr)));
    const auto at = view.status.find(host.name.text());
    if (at != view.status.end()) item.set("status", encode(at->second));
    hosts.push(std::move(item));
  }
  out.set("hosts", std::move(hosts));
  out.set("refused", value_of(view.refused));
  return out;
}

std::string status_text(const Label& cluster, const StoreView& view) {
  if (!view.head) return fmt::format("Cluster {}: never applied\n", cluster.text());
  std::string out = fmt::format("Cluster {}: generation {}, {} hosts, {} networks, {} endpoints\n",
                                cluster.text(), view.head->serial, view.records.hosts.size(),
                                view.records.networks.size(), view.records.endpoints.size());
  Table table;
  for (const HostRecord& host : view.records.hosts) {
    table.row({host.name.text(), printable(standing_of(view, host.name).text),
               health_of(view, host.name, std::time(nullptr))});
  }
  out += table.text("  ");
  for (const Finding& finding : view.refused) {
    out += fmt::format("refused record {}: {}\n", printable(finding.subject), printable(finding.message));
  }
  return out;
}

bool is_settled(const StoreView& view) {
  return view.head && view.refused.empty() && not_current(view).empty();
}

// The view once every host stands at the newest generation, or as it is when the time is over.
Result<StoreView> wait_for(Keystore& store, const StoreLayout& layout, milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  while (true) {
    OVL_TRY(StoreView view, read_store(store, layout));
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    if (is_settled(view) || left.count() <= 0) return view;
    OVL_TRY(const auto watch, store.watch(layout.root(), view.revision));
    OVL_CHECK(watch->next(left));
  }
}

Error not_settled(const StoreView& view, const std::string& waited) {
  const auto behind = not_current(view);
  return Error{.code = Errc::stale,
               .message = view.head
                              ? fmt::format("{} of {} hosts are not up to date after {}: {}", behind.size(),
                                            view.records.hosts.size(), waited, fmt::join(behind, ", "))
                              : fmt::format("the cluster was not applied within {}", waited),
               .hint = "apply on these hosts, or look why it failed there: ovl status"};
}

Result<int> status(const GlobalOptions& global, const PlanOptions& options, const std::string& wait) {
  OVL_TRY(const milliseconds limit,
          wait.empty() ? Result<milliseconds>(milliseconds(0)) : parse_duration(wait));
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  OVL_TRY(const StoreView view,
          wait_for(*context.world().keystore, StoreLayout(context.request().cluster), limit));
  if (options.json) {
    std::cout << status_json(view).pretty_json() << "\n";
  } else {
    std::cout << status_text(context.request().cluster, view);
  }
  if (wait.empty() || is_settled(view)) return kExitDone;
  report_error(not_settled(view, wait));
  return kExitError;
}

}  // namespace

int run_status(const GlobalOptions& global, const PlanOptions& options, const std::string& wait) {
  auto code = status(global, options, wait);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
