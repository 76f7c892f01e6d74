// ovl state list, show, pull: what this host's state says, read from its file alone.
#include "cmd/verbs/state_verbs.hpp"

#include <fmt/format.h>

#include <iostream>

#include "cmd/base/exit.hpp"

namespace ovl {

namespace {

constexpr const char* kFormat = "1.0";
// Both bound the document, however long this host has been applied on.
constexpr std::size_t kJournalTail = 100;
constexpr std::size_t kAllGenerations = 1000;

// Neither store nor kernel: these verbs work for a user who may read the file, and on a host whose store is
// gone.
constexpr Context::Needs kStateAlone{.manifest = false, .host = false, .keystore = false, .state = true};

Error nothing_called(const std::string& address) {
  return Error{.code = Errc::not_found,
               .message = fmt::format("this host's state has nothing called {}", address),
               .hint = "see what it has with: ovl state list"};
}

// The objects of a step that was cut short are made and not recorded yet, so that the list may be missing
// some.
void warn_of_cut(const State& state) {
  const auto cut = state.dangling();
  if (!cut.ok() || cut.value().empty()) return;
  std::cerr << "ovl: an apply was cut short here: what it did is not listed yet\n"
               "hint: see what it left with: ovl state recover\n";
}

// The scope says where it is changed: a record by a manifest for all, an object by an apply here.
Value item_json(const RecordedItem& item) {
  Value out = Value::object();
  out.set("address", item.name.address());
  out.set("scope", item.is_record ? "cluster" : "host");
  return out;
}

Value list_json(const Recorded& recorded, const std::vector<RecordedItem>& items) {
  Value resources = Value::array();
  for (const RecordedItem& item : items) resources.push(item_json(item));
  Value out = Value::object();
  out.set("format_version", kFormat);
  out.set("cluster", recorded.cluster.text());
  out.set("host", recorded.host.text());
  out.set("lineage", recorded.lineage);
  out.set("serial", recorded.serial);
  out.set("resources", std::move(resources));
  return out;
}

Result<int> list(const GlobalOptions& global, const PlanOptions& options, const std::string& prefix) {
  OVL_TRY(Context context, Context::open(global, options, kStateAlone));
  OVL_TRY(const Recorded recorded, recorded_here(context));
  std::vector<RecordedItem> items = items_of(recorded);
  // By the beginning of the text, and not by whole words: "link." is all links, "endpoint.web" also those of
  // web2.
  std::erase_if(items, [&](const RecordedItem& item) { return !item.name.address().starts_with(prefix); });
  if (options.json) {
    std::cout << list_json(recorded, items).pretty_json() << "\n";
  } else {
    for (const RecordedItem& item : items) std::cout << item.name.address() << "\n";
  }
  // On stderr and behind the list: a script that counts lines counts the same.
  warn_of_cut(*context.world().state);
  return kExitDone;
}

// The value that a sysctl had before ovl.
void add_original(Value& out, const Recorded& recorded, const RecordedItem& item) {
  for (const Original& original : recorded.originals) {
    // Compared by the address that a plan gives it, so there is one way to name an object.
    const Sysctl sysctl{.path = original.path, .value = {}};
    if (name_of(original.netns, &sysctl) == item.name) out.set("original", original.original);
  }
}

Result<int> show(const GlobalOptions& global, const PlanOptions& options, const std::string& address) {
  OVL_TRY(const ChangeName asked, ChangeName::parse(address));
  OVL_TRY(Context context, Context::open(global, options, kStateAlone));
  OVL_TRY(const Recorded recorded, recorded_here(context));
  for (const RecordedItem& item : items_of(recorded)) {
    if (!(item.name == asked)) continue;
    Value out = item_json(item);
    out.set("format_version", kFormat);
    out.set("value", item.value);
    add_original(out, recorded, item);
    std::cout << out.pretty_json() << "\n";
    return kExitDone;
  }
  return nothing_called(asked.address());
}

// ---- pull ------------------------------------------------------------------------------------------

Value generation_json(const Generation& generation) {
  Value out = Value::object();
  out.set("number", generation.number);
  out.set("serial", generation.serial);
  out.set("source", generation.source);
  out.set("commit", generation.commit);
  out.set("when", generation.when);
  out.set("who", generation.who);
  out.set("apply_id", generation.apply_id);
  out.set("result", generation.result);
  return out;
}

Value entry_json(const JournalEntry& entry) {
  Value out = Value::object();
  out.set("id", entry.id);
  out.set("apply_id", entry.apply_id);
  out.set("what", entry.what);
  out.set("operations", static_cast<std::int64_t>(entry.operations));
  out.set("ended", entry.ended);
  out.set("failure", entry.failure);
  return out;
}

Value original_json(const Original& original) {
  Value out = Value::object();
  out.set("netns", original.netns.text());
  out.set("path", original.path);
  out.set("original", original.original);
  out.set("ours", original.ours);
  return out;
}

Result<Value> stored_json(const StoredRecord& record) {
  Value out = Value::object();
  out.set("key", record.key);
  OVL_TRY(Value value, Value::parse_json(record.value));
  out.set("value", std::move(value));
  return out;
}

template <class T, class F>
Value array_of(const std::vector<T>& items, const F& json) {
  Value out = Value::array();
  for (const T& item : items) out.push(json(item));
  return out;
}

Result<Value> bindings_json(const State& state) {
  Value out = Value::object();
  // By name and not all that there are: some bindings are of this version alone, and no promise to who reads
  // the output.
  for (const char* name : {"host", "lineage"}) {
    OVL_TRY(const auto bound, state.binding(name));
    if (bound) out.set(name, *bound);
  }
  // As JSON already, and without a secret: references alone.
  for (const char* name : {"keystore", "forgotten"}) {
    OVL_TRY(const auto bound, state.binding(name));
    if (!bound || bound->empty()) continue;
    OVL_TRY(Value value, Value::parse_json(*bound));
    out.set(name, std::move(value));
  }
  return out;
}

// Records and facts, apart.
Status add_stored(Value& out, const StoredRecords& stored) {
  Value records = Value::array();
  Value facts = Value::array();
  for (const StoredRecord& item : stored.items) {
    OVL_TRY(Value value, stored_json(item));
    // They are kept in one list, as both are keys of the cluster's tree.
    (item.key.starts_with("facts/") ? facts : records).push(std::move(value));
  }
  out.set("lineage", stored.lineage);
  out.set("serial", stored.serial);
  out.set("records", std::move(records));
  out.set("facts", std::move(facts));
  return {};
}

// Everything that the state knows, for who has to see it where ovl itself can't be asked: it has no secret,
// as the state keeps references only.
Result<Value> pull_json(const State& state, const Label& cluster) {
  Value out = Value::object();
  out.set("format_version", kFormat);
  out.set("cluster", cluster.text());
  OVL_TRY(Value bindings, bindings_json(state));
  out.set("bindings", std::move(bindings));
  OVL_TRY(const StoredRecords stored, state.records());
  OVL_CHECK(add_stored(out, stored));
  OVL_TRY(const auto namespaces, state.namespaces());
  out.set("namespaces", array_of(namespaces, [](const NetnsName& name) { return Value(name.text()); }));
  OVL_TRY(const auto originals, state.originals());
  out.set("originals", array_of(originals, original_json));
  OVL_TRY(const auto generations, state.generations(kAllGenerations));
  out.set("generations", array_of(generations, generation_json));
  OVL_TRY(const auto journal, state.journal(kJournalTail));
  out.set("journal", array_of(journal, entry_json));
  return out;
}

Result<int> pull(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context, Context::open(global, options, kStateAlone));
  OVL_TRY(const Recorded recorded, recorded_here(context));
  OVL_TRY(const Value value, pull_json(*context.world().state, recorded.cluster));
  std::cout << value.pretty_json() << "\n";
  return kExitDone;
}

int finish(const Result<int>& code) {
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace

Result<Recorded> recorded_here(Context& context) {
  const State& state = *context.world().state;
  const Label& cluster = context.request().cluster;
  // What a host holds depends on its store's addresses, as its filter keeps endpoints off them: so what is
  // recorded of it is derived with those of the last apply.
  std::vector<KeystoreAddress> keystores;
  OVL_TRY(const auto bound, state.binding("keystore"));
  if (bound) {
    OVL_TRY(const Value value, Value::parse_json(*bound));
    OVL_TRY(const KeystoreAccess access, decode<KeystoreAccess>(value));
    OVL_TRY(keystores, server_addresses(access.url));
  }
  OVL_TRY(Recorded recorded, read_recorded(state, cluster, keystores));
  // A state without a host is one that was opened and never applied.
  if (!recorded.host.empty()) return recorded;
  return Error{.code = Errc::not_found,
               .message = fmt::format("this host has no state of cluster {}", cluster.text()),
               .hint = "it is made by the first apply here; another place is named with --state-dir"};
}

int run_state_list(const GlobalOptions& global, const PlanOptions& options, const std::string& prefix) {
  return finish(list(global, options, prefix));
}

int run_state_show(const GlobalOptions& global, const PlanOptions& options, const std::string& address) {
  return finish(show(global, options, address));
}

int run_state_pull(const GlobalOptions& global, const PlanOptions& options) {
  return finish(pull(global, options));
}

}  // namespace ovl
