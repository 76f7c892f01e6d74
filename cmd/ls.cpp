// ovl network|host|endpoint ls: the cluster's records as tables. One read of the store.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <map>

#include "cmd/context.hpp"
#include "cmd/exit.hpp"
#include "cmd/loss.hpp"
#include "cmd/output_format.hpp"
#include "cmd/style.hpp"
#include "cmd/verbs.hpp"
#include "reconcile/project.hpp"
#include "reconcile/standing.hpp"

namespace ovl {

namespace {

template <class T>
std::string joined(const std::vector<T>& values) {
  std::string out;
  for (const T& value : values) out += (out.empty() ? "" : ",") + std::string(value.text());
  return out.empty() ? "-" : out;
}

std::string id_text(const std::string& id, bool no_trunc) {
  return no_trunc ? id : id.substr(0, 12);
}

void networks(Table& table, const StoreView& view, const LsOptions& ls) {
  std::map<Label, std::size_t> counts;
  for (const EndpointRecord& endpoint : view.records.endpoints) ++counts[endpoint.network];
  table.row({"NETWORK ID", "NAME", "SUBNETS", "VNI", "MTU", "ENDPOINTS", "OPTIONS"});
  for (const NetworkRecord& network : view.records.networks) {
    const auto count = counts[network.name];
    table.row({id_text(network.id, ls.no_trunc), network.name.text(), joined(network.subnets),
               network.vni.text(), std::to_string(effective_mtu(network, view.records, view.facts)),
               std::to_string(count), network.internal ? "internal" : ""});
  }
}

// Hosts that are out of the records and have not removed yet what they had.
std::vector<HostName> leftovers_in(const StoreView& view) {
  std::vector<HostName> out = hosts_of(view, view.records);
  std::erase_if(out, [&](const HostName& host) { return view.records.host(host) != nullptr; });
  return out;
}

void hosts(Table& table, const StoreView& view, const LsOptions& ls) {
  std::map<HostName, std::size_t> counts;
  for (const EndpointRecord& endpoint : view.records.endpoints) ++counts[endpoint.host];
  table.row({"HOST ID", "NAME", "VTEP", "GATEWAY POOL", "ENDPOINTS", "HEALTH", "STANDING"});
  for (const HostRecord& host : view.records.hosts) {
    const auto count = counts[host.name];
    table.row({id_text(host.id, ls.no_trunc), host.name.text(),
               host.advertise ? host.advertise->text() : "waiting",
               host.gateway_pool ? host.gateway_pool->text() : "-", std::to_string(count),
               printable(health_of(view, host.name, std::time(nullptr))),
               printable(standing_of(view, host.name).text)});
  }
  for (const HostName& host : leftovers_in(view)) {
    table.row({"-", host.text(), "-", "-", "0", printable(health_of(view, host, std::time(nullptr))),
               printable(standing_of(view, host).text)});
  }
}

void endpoints(Table& table, const StoreView& view, const LsOptions& ls) {
  table.row({"ENDPOINT ID", "NAME", "NETWORK", "HOST", "ADDRESSES", "MAC", "ALIASES"});
  for (const EndpointRecord& endpoint : view.records.endpoints) {
    table.row({id_text(endpoint.id, ls.no_trunc), endpoint.name.text(), endpoint.network.text(),
               endpoint.host.text(), joined(endpoint.addresses), endpoint.mac.text(),
               joined(endpoint.aliases)});
  }
}

template <class Record>
Value records_json(const std::vector<Record>& records) {
  Value out = Value::array();
  for (const Record& record : records) out.push(encode(record));
  return out;
}

Value hosts_json(const StoreView& view) {
  Value out = Value::array();
  for (const HostRecord& host : view.records.hosts) {
    Value item = encode(host);
    item.set("health", health_of(view, host.name, std::time(nullptr)));
    item.set("standing", standing_of(view, host.name).text);
    out.push(std::move(item));
  }
  return out;
}

Value leftovers_json(const StoreView& view) {
  Value out = Value::array();
  for (const HostName& host : leftovers_in(view)) {
    Value item = Value::object();
    item.set("name", host.text());
    item.set("health", health_of(view, host, std::time(nullptr)));
    item.set("standing", standing_of(view, host).text);
    out.push(std::move(item));
  }
  return out;
}

Value json_of(const StoreView& view, const std::string& kind) {
  Value out = Value::object();
  out.set("format_version", kOutputFormat);
  if (kind == "network") out.set("networks", records_json(view.records.networks));
  if (kind == "host") out.set("hosts", hosts_json(view));
  if (kind == "host") out.set("leftovers", leftovers_json(view));
  if (kind == "endpoint") out.set("endpoints", records_json(view.records.endpoints));
  return out;
}

std::string text_of(const StoreView& view, const LsOptions& ls) {
  Table table;
  if (ls.kind == "network") networks(table, view, ls);
  if (ls.kind == "host") hosts(table, view, ls);
  if (ls.kind == "endpoint") endpoints(table, view, ls);
  return table.text("");
}

Result<int> list(const GlobalOptions& global, const PlanOptions& options, const LsOptions& ls) {
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  OVL_TRY(const StoreView view,
          read_store(*context.world().keystore, StoreLayout(context.request().cluster)));
  std::cout << (options.json ? json_of(view, ls.kind).pretty_json() + "\n" : text_of(view, ls));
  OVL_CHECK(tell_loss(global, options, context, view));
  return kExitDone;
}

}  // namespace

int run_ls(const GlobalOptions& global, const PlanOptions& options, const LsOptions& ls) {
  auto code = list(global, options, ls);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
