// ovl network|host|endpoint ls: the cluster's records as tables. One read of the store.
// The records and nothing else: no kernel is looked at and no plan is made, so that a list is there at once,
// for anybody who may read the store.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <map>
#include <set>

#include "cmd/base/exit.hpp"
#include "cmd/base/label_filter.hpp"
#include "cmd/base/output_format.hpp"
#include "cmd/base/style.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/loss.hpp"
#include "cmd/verbs/verbs.hpp"
#include "reconcile/cluster/standing.hpp"
#include "reconcile/objects/project.hpp"

namespace ovl {

namespace {

// What is listed: a kind's records, or those of them that the labels select.
struct Listing {
  const StoreView& view;
  const LsOptions& ls;
  std::vector<LabelFilter> labels = {};

  template <class Record>
  [[nodiscard]] bool has(const Record& record) const {
    return selects(labels, record.labels);
  }
};

template <class T>
std::string joined(const std::vector<T>& values) {
  std::string out;
  for (const T& value : values) out += (out.empty() ? "" : ",") + std::string(value.text());
  // A dash, as an empty cell would shift what a script cuts by columns.
  return out.empty() ? "-" : out;
}

std::string id_text(const std::string& id, bool no_trunc) {
  // Twelve of 64 hexadecimal digits, as docker shows its own: enough to tell them apart, and a table fits a
  // line.
  return no_trunc ? id : id.substr(0, 12);
}

void networks(Table& table, const Listing& list) {
  const StoreView& view = list.view;
  // Counted in one pass: a look through all endpoints for each network would be the product of both lists.
  std::map<Label, std::size_t> counts;
  for (const EndpointRecord& endpoint : view.records.endpoints) ++counts[endpoint.network];
  table.row({"NETWORK ID", "NAME", "SUBNETS", "VNI", "MTU", "ENDPOINTS", "OPTIONS"});
  for (const NetworkRecord& network : view.records.networks) {
    if (!list.has(network)) continue;
    const auto count = counts[network.name];
    table.row({id_text(network.id, list.ls.no_trunc), network.name.text(), joined(network.subnets),
               network.vni.text(), std::to_string(effective_mtu(network, view.records, view.facts)),
               std::to_string(count), network.internal ? "internal" : ""});
  }
}

// Hosts that are out of the records and have not removed yet what they had. They have no labels any more.
std::vector<HostName> leftovers_in(const Listing& list) {
  const StoreView& view = list.view;
  if (!list.labels.empty()) return {};
  std::vector<HostName> out = hosts_of(view, view.records);
  std::erase_if(out, [&](const HostName& host) { return view.records.host(host) != nullptr; });
  return out;
}

void hosts(Table& table, const Listing& list) {
  const StoreView& view = list.view;
  std::map<HostName, std::size_t> counts;
  for (const EndpointRecord& endpoint : view.records.endpoints) ++counts[endpoint.host];
  table.row({"HOST ID", "NAME", "VTEP", "GATEWAY POOL", "ENDPOINTS", "HEALTH", "STANDING"});
  for (const HostRecord& host : view.records.hosts) {
    if (!list.has(host)) continue;
    const auto count = counts[host.name];
    table.row({id_text(host.id, list.ls.no_trunc), host.name.text(),
               // A host whose manifest names an interface has no address before it has applied once.
               host.advertise ? host.advertise->text() : "waiting",
               host.gateway_pool ? host.gateway_pool->text() : "-", std::to_string(count),
               printable(health_of(view, host.name, std::time(nullptr))),
               printable(standing_of(view, host.name).text)});
  }
  for (const HostName& host : leftovers_in(list)) {
    table.row({"-", host.text(), "-", "-", "0", printable(health_of(view, host, std::time(nullptr))),
               printable(standing_of(view, host).text)});
  }
}

void endpoints(Table& table, const Listing& list) {
  table.row({"ENDPOINT ID", "NAME", "NETWORK", "HOST", "ADDRESSES", "MAC", "ALIASES"});
  for (const EndpointRecord& endpoint : list.view.records.endpoints) {
    if (!list.has(endpoint)) continue;
    table.row({id_text(endpoint.id, list.ls.no_trunc), endpoint.name.text(), endpoint.network.text(),
               endpoint.host.text(), joined(endpoint.addresses), endpoint.mac.text(),
               joined(endpoint.aliases)});
  }
}

template <class Record>
Value records_json(const std::vector<Record>& records, const Listing& list) {
  Value out = Value::array();
  for (const Record& record : records) {
    if (list.has(record)) out.push(encode(record));
  }
  return out;
}

Value hosts_json(const Listing& list) {
  Value out = Value::array();
  for (const HostRecord& host : list.view.records.hosts) {
    if (!list.has(host)) continue;
    Value item = encode(host);
    // Not part of the record: what it says depends on the clock, and is computed here for each listing.
    item.set("health", health_of(list.view, host.name, std::time(nullptr)));
    item.set("standing", standing_of(list.view, host.name).text);
    out.push(std::move(item));
  }
  return out;
}

// A member of its own: a script that takes all of `hosts` for members of the cluster must not get one that
// has left it.
Value leftovers_json(const Listing& list) {
  Value out = Value::array();
  for (const HostName& host : leftovers_in(list)) {
    Value item = Value::object();
    item.set("name", host.text());
    item.set("health", health_of(list.view, host, std::time(nullptr)));
    item.set("standing", standing_of(list.view, host).text);
    out.push(std::move(item));
  }
  return out;
}

Value json_of(const Listing& list) {
  const Records& records = list.view.records;
  const std::string& kind = list.ls.kind;
  Value out = Value::object();
  out.set("format_version", kOutputFormat);
  if (kind == "network") out.set("networks", records_json(records.networks, list));
  if (kind == "host") out.set("hosts", hosts_json(list));
  if (kind == "host") out.set("leftovers", leftovers_json(list));
  if (kind == "endpoint") out.set("endpoints", records_json(records.endpoints, list));
  return out;
}

template <class Record>
void add_names(std::set<std::string>& out, const std::vector<Record>& records, const Listing& list) {
  for (const Record& record : records) {
    // A set: a record stands for each network of an endpoint, and who cuts names wants each once, in an order
    // that stays.
    if (list.has(record)) out.insert(record.name.text());
  }
}

// One a line; an endpoint of several networks once.
std::string names_text(const Listing& list) {
  const Records& records = list.view.records;
  std::set<std::string> names;
  if (list.ls.kind == "network") add_names(names, records.networks, list);
  if (list.ls.kind == "endpoint") add_names(names, records.endpoints, list);
  if (list.ls.kind == "host") {
    add_names(names, records.hosts, list);
    for (const HostName& host : leftovers_in(list)) names.insert(host.text());
  }
  std::string out;
  for (const std::string& name : names) out += name + "\n";
  return out;
}

std::string table_text(const Listing& list) {
  Table table;
  if (list.ls.kind == "network") networks(table, list);
  if (list.ls.kind == "host") hosts(table, list);
  if (list.ls.kind == "endpoint") endpoints(table, list);
  return table.text("");
}

std::string text_of(const Listing& list, bool json) {
  if (json) return json_of(list).pretty_json() + "\n";
  return list.ls.quiet ? names_text(list) : table_text(list);
}

Result<int> list(const GlobalOptions& global, const PlanOptions& options, const LsOptions& ls) {
  // Before the store is opened: a mistake in a filter needs no connection to be told.
  OVL_TRY(std::vector<LabelFilter> labels, parse_label_filters(ls.labels));
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  OVL_TRY(const StoreView view,
          read_store(*context.world().keystore, StoreLayout(context.request().cluster)));
  // The list comes before the word about a loss: what the store has is shown, and the exit code says what it
  // lacks.
  std::cout << text_of(Listing{.view = view, .ls = ls, .labels = std::move(labels)}, options.json);
  OVL_CHECK(tell_loss(global, options, context, view));
  return kExitDone;
}

}  // namespace

int run_ls(const GlobalOptions& global, const PlanOptions& options, const LsOptions& ls) {
  auto code = list(global, options, ls);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
