// ovl network|host|endpoint inspect NAME: one thing with everything known about it, side by side: what the
// manifest here wants, what the store has recorded, what this host's kernel holds, what differs.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "cmd/base/describe.hpp"
#include "cmd/base/elements.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/base/output_format.hpp"
#include "cmd/formats/inspect_text.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/desired_view.hpp"
#include "cmd/session/here.hpp"
#include "cmd/session/loss.hpp"
#include "cmd/verbs/blame.hpp"
#include "cmd/verbs/verbs.hpp"
#include "reconcile/objects/project.hpp"
#include "reconcile/records/diff_records.hpp"

namespace ovl {

namespace {

Error unknown(const LsOptions& inspect) {
  return Error{.code = Errc::not_found,
               .message = fmt::format("there is no {} {}", inspect.kind, inspect.name),
               .hint = fmt::format("see them with: ovl {} ls", inspect.kind)};
}

// By the text, and not as a name of its type: what somebody types need not be a valid name, and is not found
// then.
template <class Record>
const Record* find(const std::vector<Record>& records, const std::string& name) {
  const auto at =
      std::ranges::find_if(records, [&](const Record& record) { return record.name.text() == name; });
  return at != records.end() ? &*at : nullptr;
}

// The kernel objects of one namespace, by kind.
Value space_json(const NamespaceObjects& space) {
  Value out = Value::object();
  out.set("netns", space.name.empty() ? std::string("host") : space.name.text());
  out.set("exists", space.name.empty() || space.netns.has_value());
  for_each_kind([&](auto member) {
    using Kind = typename std::decay_t<decltype(space.*member)>::value_type;
    if (!(space.*member).empty()) out.set(Kind::kind, encode(space.*member));
  });
  return out;
}

Result<Value> kernel_json(World& world, const std::vector<NetnsName>& names, const Label& cluster,
                          Value& dropped) {
  // observe() reads only the namespaces that are named: one thing costs as much on a host with a thousand
  // others.
  HostObjects wanted;
  for (const NetnsName& name : names) wanted.at(name);
  OVL_TRY(HostObjects observed, world.kernel->observe(wanted));
  dropped = dropped_json(observed, cluster);
  Value out = Value::array();
  for (NamespaceObjects& space : observed.namespaces) {
    // Of the host's own namespace only what is ovl's. The machine's other devices are nobody's business here,
    // and a tenant's are shown only in the tenant's own namespace.
    if (space.name.empty()) std::erase_if(space.links, [](const Link& l) { return !carries_our_mark(l); });
    if (space.name.empty() || space.netns) out.push(space_json(space));
  }
  return out;
}

// The effective MTU is in no record: it follows from the facts of all hosts, so it is computed here as
// project() does.
Value network_value(const NetworkRecord& network, const StoreView& view) {
  Value out = encode(network);
  out.set("effective_mtu", effective_mtu(network, view.records, view.facts));
  Value endpoints = Value::array();
  for (const EndpointRecord& endpoint : view.records.endpoints) {
    if (endpoint.network != network.name) continue;
    Value item = encode(endpoint);
    const HostRecord* host = view.records.host(endpoint.host);
    if (host != nullptr && host->advertise) item.set("vtep", host->advertise->text());
    endpoints.push(std::move(item));
  }
  out.set("endpoints", std::move(endpoints));
  return out;
}

Value host_value(const HostRecord& host, const StoreView& view) {
  Value out = encode(host);
  if (const HostFacts* facts = view.facts.host(host.name)) out.set("facts", encode(*facts));
  const auto status = view.status.find(host.name.text());
  if (status != view.status.end()) out.set("status", encode(status->second));
  return out;
}

// An endpoint with all its attachments. A record for each network: MAC, addresses and interface are the
// network's, the namespace is common to all.
Value endpoint_value(const std::string& name, const StoreView& view) {
  Value out = Value::object();
  Value attachments = Value::array();
  for (const EndpointRecord& endpoint : view.records.endpoints) {
    if (endpoint.name.text() != name) continue;
    Value item = encode(endpoint);
    const HostRecord* host = view.records.host(endpoint.host);
    if (host != nullptr && host->advertise) item.set("vtep", host->advertise->text());
    if (const NetworkRecord* network = view.records.network(endpoint.network)) {
      item.set("vni", network->vni.number());
      item.set("mtu", effective_mtu(*network, view.records, view.facts));
    }
    attachments.push(std::move(item));
  }
  out.set("name", name);
  out.set("attachments", std::move(attachments));
  return out;
}

struct Subject {
  Value value;
  std::vector<NetnsName> namespaces;  // where its objects are on the hosts that have it
};

Result<Subject> subject_of(const LsOptions& inspect, const StoreView& view) {
  Subject subject;
  if (inspect.kind == "network") {
    const NetworkRecord* network = find(view.records.networks, inspect.name);
    if (network == nullptr) return unknown(inspect);
    subject.value = network_value(*network, view);
    OVL_TRY(NetnsName sandbox, NetnsName::parse(std::string(kSandboxPrefix) + network->name.text()));
    subject.namespaces.push_back(std::move(sandbox));
  } else if (inspect.kind == "host") {
    const HostRecord* host = find(view.records.hosts, inspect.name);
    if (host == nullptr) return unknown(inspect);
    subject.value = host_value(*host, view);
    // The namespace without a name is the host's own.
    subject.namespaces.emplace_back();
  } else {
    const EndpointRecord* endpoint = find(view.records.endpoints, inspect.name);
    if (endpoint == nullptr) return unknown(inspect);
    subject.value = endpoint_value(inspect.name, view);
    subject.namespaces.push_back(endpoint->netns);
  }
  return subject;
}

// One side; null when it has none of this name. A side that has nothing of the name is null and no error:
// that one side has it and another does not is what somebody looks for.
Value side_of(const LsOptions& inspect, const StoreView* view) {
  if (view == nullptr) return {};
  auto subject = subject_of(inspect, *view);
  return subject.ok() ? std::move(subject).value().value : Value();
}

// What was found stands before what is wanted, as a reader asks first what is there.
Value difference(const std::string& address, std::string_view change, const FieldDelta* field) {
  Value out = Value::object();
  out.set("address", address);
  out.set("change", change);
  if (field == nullptr) return out;
  out.set("field", field->name);
  out.set("found", field->before);
  out.set("wanted", field->after);
  return out;
}

// What the manifest wants of the record, and the record does not say.
void add_record_differences(Value& out, const LsOptions& inspect, const Records& wanted,
                            const Records& recorded) {
  for (const RecordChange& change : diff_records(wanted, recorded)) {
    // The names of plans, so that what differs here can be said to --target as it stands.
    const ChangeName name = name_of(change);
    if (name.type != inspect.kind || name.name != inspect.name) continue;
    if (change.fields.empty()) out.push(difference(name.address(), name_of(change.action), nullptr));
    for (const FieldDelta& field : change.fields) {
      out.push(difference(name.address(), name_of(change.action), &field));
    }
  }
}

// What the records want of this host's kernel, and it does not hold.
void add_object_differences(Value& out, const Plan& plan, const std::vector<NetnsName>& namespaces) {
  // All three: what stands in the way and what was left out of the plan with a frozen part differ as well,
  // and are mostly why somebody inspects.
  for (const std::vector<ObjectChange>* changes : {&plan.object_changes, &plan.in_the_way, &plan.left}) {
    for (const ObjectChange& change : *changes) {
      if (std::ranges::find(namespaces, plan.spaces[change.space]) == namespaces.end()) continue;
      const std::string address = name_of(plan, change).address();
      // A set or a hosts file by its elements: both sides as a whole would hide the one line that differs.
      const std::vector<FieldDelta> fields = fields_by_element(change);
      if (fields.empty()) out.push(difference(address, name_of(change.action), nullptr));
      for (const FieldDelta& field : fields) out.push(difference(address, name_of(change.action), &field));
    }
  }
}

struct Sides {
  const StoreView& recorded;
  const std::optional<StoreView>& desired;
  const LookHere& here;
};

Value sides_json(const LsOptions& inspect, const Sides& sides, const std::vector<NetnsName>& namespaces) {
  Value differs = Value::array();
  if (sides.desired) {
    add_record_differences(differs, inspect, sides.desired->records, sides.recorded.records);
  }
  add_object_differences(differs, sides.here.plan, namespaces);
  Value out = Value::object();
  out.set("format_version", kOutputFormat);
  out.set("kind", inspect.kind);
  out.set("name", inspect.name);
  out.set("desired", side_of(inspect, sides.desired ? &*sides.desired : nullptr));
  out.set("recorded", side_of(inspect, &sides.recorded));
  out.set("differs", std::move(differs));
  return out;
}

// The kernel's side; null where it may not be looked at.
Result<Value> observed_json(const GlobalOptions& global, const PlanOptions& options,
                            const std::vector<NetnsName>& namespaces, Value& dropped) {
  // A context of its own: the kernel takes root, the records do not, and a user without it gets the other
  // sides.
  auto context = Context::open(global, options, {.manifest = false, .identity = false, .keystore = false});
  if (!context.ok() && context.error().code == Errc::privilege) return Value();
  if (!context.ok()) return std::move(context).error();
  return kernel_json(context.value().world(), namespaces, context.value().request().cluster, dropped);
}

Result<int> inspect_one(const GlobalOptions& global, const PlanOptions& options, const LsOptions& inspect) {
  OVL_TRY(Context context,
          Context::open(global, options, {.manifest = false, .host = false, .source = true}));
  OVL_TRY(const StoreView view,
          read_store(*context.world().keystore, StoreLayout(context.request().cluster)));
  const std::optional<StoreView> wanted = desired_view(context, view);
  auto subject = subject_of(inspect, view);
  // What the manifest has and nobody has applied yet can be inspected; its records have been chosen as an
  // apply would.
  if (!subject.ok() && wanted) subject = subject_of(inspect, *wanted);
  if (!subject.ok()) {
    // "There is no endpoint x" is no answer of a store that has lost the cluster.
    OVL_CHECK(tell_loss(global, options, context, view));
    return std::move(subject).error();
  }
  const std::vector<NetnsName>& namespaces = subject.value().namespaces;
  // A whole plan of this host, for one thing of it: what differs is what an apply would change, and only a
  // plan knows what belongs to what.
  const LookHere here = look_here(global, options);
  Value out = sides_json(inspect, {.recorded = view, .desired = wanted, .here = here}, namespaces);
  Value dropped = Value::object();
  OVL_TRY(Value observed, observed_json(global, options, namespaces, dropped));
  out.set("observed", std::move(observed));
  out.set("dropped", std::move(dropped));
  out.set("declared", blame_json(context, inspect.kind, inspect.name));
  std::cout << (options.json ? out.pretty_json() + "\n" : inspect_text(out, here.why));
  OVL_CHECK(tell_loss(global, options, context, view));
  return kExitDone;
}

}  // namespace

int run_inspect(const GlobalOptions& global, const PlanOptions& options, const LsOptions& inspect) {
  auto code = inspect_one(global, options, inspect);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
