#include "cmd/formats/output_schemas.hpp"

#include <concepts>
#include <map>
#include <optional>

#include "cmd/base/output_format.hpp"
#include "cmd/formats/event_schema.hpp"
#include "cmd/formats/schema_words.hpp"
#include "cmd/formats/status_counts.hpp"
#include "model/plan/plan.hpp"
#include "reconcile/store/store_lock.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

namespace {

using namespace schema_words;

// ---- from the field tables: what encode() makes of a type ----------------------------------------

template <class T>
struct SchemaOf;

template <class T>
std::vector<Member> members_of() {
  std::vector<Member> out;
  for_each_field<T>([&]<class K, class M>(const Field<K, M>& field) {
    out.push_back(
        {.name = std::string(field.name), .schema = SchemaOf<M>::make(), .required = !kMayBeAbsent<M>});
  });
  if constexpr (Formatted<T>) {
    out.push_back({.name = std::string(kFormatMember), .schema = json_type("string"), .required = false});
  }
  return out;
}

// What a newer build puts beside the members of a record is shown with them.
template <class T>
constexpr Growth growth_of() {
  return Formatted<T> ? Growth::open : Growth::closed;
}

template <>
struct SchemaOf<bool> {
  static Value make() { return json_type("boolean"); }
};

template <>
struct SchemaOf<std::string> {
  static Value make() { return json_type("string"); }
};

template <std::integral T>
struct SchemaOf<T> {
  static Value make() { return json_type("integer"); }
};

template <NamedEnum E>
struct SchemaOf<E> {
  static Value make() { return words(EnumNames<E>::names); }
};

template <class Tag, std::uint32_t Min, std::uint32_t Max>
struct SchemaOf<Bounded<Tag, Min, Max>> {
  static Value make() {
    Value out = json_type("integer");
    out.set("minimum", Min);
    out.set("maximum", Max);
    return out;
  }
};

template <HasText T>
struct SchemaOf<T> {
  static Value make() { return json_type("string"); }
};

template <class T>
struct SchemaOf<std::optional<T>> {
  static Value make() { return SchemaOf<T>::make(); }
};

template <class T>
struct SchemaOf<std::vector<T>> {
  static Value make() { return array_of(SchemaOf<T>::make()); }
};

template <>
struct SchemaOf<HostLines> : SchemaOf<std::vector<std::string>> {};

template <>
struct SchemaOf<std::map<std::string, std::string>> {
  static Value make() {
    Value out = json_type("object");
    out.set("additionalProperties", json_type("string"));
    return out;
  }
};

template <Tabled K>
struct SchemaOf<K> {
  static Value make() { return object_of(members_of<K>(), growth_of<K>()); }
};

template <class T>
Value schema_of() {
  return SchemaOf<T>::make();
}

// T's members and more.
template <class T>
Value extended(std::vector<Member> more) {
  std::vector<Member> members = members_of<T>();
  for (Member& member : more) members.push_back(std::move(member));
  return object_of(std::move(members), growth_of<T>());
}

// ---- the documents -----------------------------------------------------------------------------

Value schema_document(const std::string& title, std::string_view version, std::vector<Member> members,
                      Growth growth = Growth::closed) {
  members.push_back({.name = "format_version", .schema = constant(version)});
  Value out = object_of(std::move(members), growth);
  out.set("$schema", "http://json-schema.org/draft-07/schema#");
  out.set("title", title);
  return out;
}

OutputSchema file_of(const std::string& name, const Value& schema) {
  return {.file = name + ".schema.json", .text = schema.pretty_json() + "\n"};
}

OutputSchema document(const std::string& name, const std::string& title, std::vector<Member> members) {
  return file_of(name, schema_document(title, kOutputFormat, std::move(members)));
}

Value interruption_schema() {
  return object_of({{.name = "subject", .schema = json_type("string")},
                    {.name = "what", .schema = json_type("string")},
                    {.name = "milliseconds", .schema = json_type("integer")},
                    {.name = "until", .schema = array_of(json_type("string"))},
                    {.name = "others", .schema = json_type("boolean"), .required = false},
                    {.name = "for_good", .schema = json_type("boolean"), .required = false}});
}

Value finding_schema() {
  return object_of({{.name = "id", .schema = json_type("string")},
                    {.name = "subject", .schema = json_type("string")},
                    {.name = "message", .schema = json_type("string")},
                    {.name = "hint", .schema = json_type("string")},
                    {.name = "part", .schema = json_type("string"), .required = false}},
                   Growth::open);
}

Value actions_schema() {
  Value::Array choices;
  for (const std::vector<const char*>& words : std::vector<std::vector<const char*>>{{"create"},
                                                                                     {"update"},
                                                                                     {"delete"},
                                                                                     {"delete", "create"},
                                                                                     {"create", "delete"},
                                                                                     {"no-op"},
                                                                                     {"forget"}}) {
    Value choice = Value::array();
    for (const char* word : words) choice.push(word);
    choices.push_back(std::move(choice));
  }
  return one_of("enum", std::move(choices));
}

// The objects that a plan speaks of, by their resources' type.
Value resource_definitions() {
  Value out = Value::object();
  out.set("host", schema_of<HostRecord>());
  out.set("network", schema_of<NetworkRecord>());
  out.set("endpoint", schema_of<EndpointRecord>());
  out.set(Netns::kind, schema_of<Netns>());
  for_each_kind([&](auto member) {
    using Kind = typename std::decay_t<decltype(std::declval<NamespaceObjects>().*member)>::value_type;
    out.set(Kind::kind, schema_of<Kind>());
  });
  return out;
}

Value reference_to(const std::string& definition) {
  Value out = Value::object();
  out.set("$ref", "#/definitions/" + definition);
  return out;
}

// What a resource of this type was and will be; null where it is not there.
Value typed_change(const std::string& type) {
  const Value state = one_of("anyOf", {json_type("null"), reference_to(type)});
  Value change =
      object_of({{.name = "before", .schema = state}, {.name = "after", .schema = state}}, Growth::open);
  Value out = Value::object();
  out.set("if", object_of({{.name = "type", .schema = constant(type)}}, Growth::open));
  out.set("then", object_of({{.name = "change", .schema = std::move(change)}}, Growth::open));
  return out;
}

Value change_schema() {
  return object_of({{.name = "actions", .schema = actions_schema()},
                    {.name = "before", .schema = Value::object()},
                    {.name = "after", .schema = Value::object()},
                    {.name = "after_unknown", .schema = json_type("object")},
                    {.name = "importing", .schema = json_type("object"), .required = false}},
                   Growth::open);
}

// What only one side of a change has, element by element.
Value elements_schema() {
  const Value texts = array_of(json_type("string"));
  return array_of(object_of({{.name = "field", .schema = json_type("string")},
                             {.name = "part", .schema = json_type("string"), .required = false},
                             {.name = "before", .schema = json_type("string"), .required = false},
                             {.name = "after", .schema = json_type("string"), .required = false},
                             {.name = "removed", .schema = texts, .required = false},
                             {.name = "added", .schema = texts, .required = false},
                             {.name = "changed", .schema = texts, .required = false}},
                            Growth::open));
}

Value resource_change_schema(const Value& definitions) {
  Value::Array types;
  Value::Array by_type;
  for (const auto& [type, schema] : *definitions.as_object()) {
    types.emplace_back(type);
    by_type.push_back(typed_change(type));
  }
  Value ovl = object_of({{.name = "scope", .schema = words(EnumNames<Scope>::names)},
                         {.name = "host", .schema = json_type("string"), .required = false},
                         {.name = "netns", .schema = json_type("string"), .required = false},
                         {.name = "drift", .schema = json_type("boolean"), .required = false},
                         {.name = "elements", .schema = elements_schema(), .required = false}},
                        Growth::open);
  Value out = object_of({{.name = "address", .schema = json_type("string")},
                         {.name = "mode", .schema = constant("managed")},
                         {.name = "type", .schema = one_of("enum", std::move(types))},
                         {.name = "name", .schema = json_type("string")},
                         {.name = "index", .schema = json_type("string"), .required = false},
                         {.name = "previous_address", .schema = json_type("string"), .required = false},
                         {.name = "provider_name", .schema = constant("ovl")},
                         {.name = "action_reason", .schema = words(EnumNames<Reason>::names)},
                         {.name = "change", .schema = change_schema()},
                         {.name = "ovl", .schema = std::move(ovl)}},
                        Growth::open);
  out.set("allOf", std::move(by_type));
  return out;
}

// How many of each action.
std::vector<Member> count_members() {
  std::vector<Member> counts;
  counts.reserve(EnumNames<Action>::names.size());
  for (const std::string_view name : EnumNames<Action>::names) {
    counts.push_back({.name = std::string(name), .schema = json_type("integer")});
  }
  return counts;
}

// Of all changes, and of the three kinds of them.
Value summary_schema() {
  std::vector<Member> counts = count_members();
  for (const char* part : {"records", "objects", "drift"}) {
    counts.push_back({.name = part, .schema = object_of(count_members(), Growth::open)});
  }
  return object_of(std::move(counts), Growth::open);
}

OutputSchema plan_schema() {
  Value ovl = object_of({{.name = "scope", .schema = words(EnumNames<Scope>::names)},
                         {.name = "cluster", .schema = json_type("string")},
                         {.name = "host", .schema = json_type("string")},
                         {.name = "source", .schema = json_type("string")},
                         {.name = "former_source", .schema = json_type("string")},
                         {.name = "commit", .schema = json_type("string")},
                         {.name = "author", .schema = json_type("string")},
                         {.name = "path", .schema = json_type("string")},
                         {.name = "digest", .schema = json_type("string")},
                         {.name = "environment", .schema = array_of(json_type("string")), .required = false},
                         {.name = "summary", .schema = summary_schema()},
                         {.name = "partial", .schema = json_type("boolean")},
                         {.name = "refresh_only", .schema = json_type("boolean")},
                         {.name = "interruptions", .schema = array_of(interruption_schema())},
                         {.name = "refused", .schema = array_of(finding_schema())},
                         {.name = "conflicts", .schema = array_of(finding_schema())},
                         {.name = "warnings", .schema = array_of(finding_schema())},
                         {.name = "waiting", .schema = array_of(json_type("string"))},
                         {.name = "destroy", .schema = json_type("boolean")},
                         {.name = "undone", .schema = schema_of<Undone>()},
                         {.name = "settled", .schema = json_type("boolean")},
                         {.name = "closing", .schema = json_type("string")}},
                        Growth::open);
  Value definitions = resource_definitions();
  definitions.set("resource_change", resource_change_schema(definitions));
  const Value change = reference_to("resource_change");
  Value out = schema_document("ovl plan, apply and show with --json", kPlanFormat,
                              {{.name = "terraform_version", .schema = constant(kPlanTerraform)},
                               {.name = "resource_changes", .schema = array_of(change)},
                               {.name = "resource_drift", .schema = array_of(change), .required = false},
                               {.name = "ovl", .schema = std::move(ovl)}},
                              Growth::open);
  out.set("definitions", std::move(definitions));
  return file_of("plan", out);
}

// A finding about a manifest, as diagnostic_value() has it.
Value diagnostic_schema() {
  const auto placed = [](std::vector<Member> members) {
    for (const char* name : {"line", "column"}) {
      members.push_back({.name = name, .schema = json_type("integer"), .required = false});
    }
    members.push_back({.name = "file", .schema = json_type("string"), .required = false});
    members.push_back({.name = "message", .schema = json_type("string")});
    return members;
  };
  return object_of(
      placed({{.name = "severity", .schema = words(std::array<std::string_view, 2>{"error", "warning"})},
              {.name = "id", .schema = json_type("string")},
              {.name = "hint", .schema = json_type("string"), .required = false},
              {.name = "notes", .schema = array_of(object_of(placed({}))), .required = false}}));
}

// What plan, apply and validate print instead when they failed.
OutputSchema failure_schema() {
  Value error = object_of({{.name = "id", .schema = words(EnumNames<Errc>::names)},
                           {.name = "message", .schema = json_type("string")},
                           {.name = "hint", .schema = json_type("string")},
                           {.name = "exit_code", .schema = json_type("integer")}});
  Value errored = Value::object();
  errored.set("const", true);
  return document("failure", "ovl plan, apply, destroy and validate with --json that failed",
                  {{.name = "errored", .schema = std::move(errored)},
                   {.name = "diagnostics", .schema = array_of(diagnostic_schema())},
                   {.name = "error", .schema = std::move(error), .required = false}});
}

Value optional_of(Value schema) {
  return one_of("anyOf", {json_type("null"), std::move(schema)});
}

// How many packets the filters dropped, by reason.
Value dropped_schema() {
  Value out = json_type("object");
  out.set("additionalProperties", json_type("integer"));
  return out;
}

Value status_counts_schema() {
  std::vector<Member> hosts;
  for (const std::string_view word : standing_words()) {
    hosts.push_back({.name = std::string(word), .schema = json_type("integer")});
  }
  return object_of({{.name = "hosts", .schema = object_of(std::move(hosts))},
                    {.name = "networks", .schema = json_type("integer")},
                    {.name = "endpoints", .schema = json_type("integer")}});
}

OutputSchema status_schema() {
  const Value addresses = array_of(json_type("string"));
  Value observed = object_of({{.name = "drift", .schema = json_type("integer")},
                              {.name = "differs", .schema = addresses},
                              {.name = "conflicts", .schema = array_of(finding_schema())},
                              {.name = "warnings", .schema = array_of(finding_schema())},
                              {.name = "dropped", .schema = dropped_schema()}});
  Value host = object_of({{.name = "name", .schema = json_type("string")},
                          {.name = "standing", .schema = json_type("string")},
                          {.name = "health", .schema = json_type("string")},
                          {.name = "suspended", .schema = json_type("string"), .required = false},
                          {.name = "status", .schema = schema_of<HostStatus>(), .required = false},
                          {.name = "since", .schema = json_type("integer"), .required = false},
                          {.name = "drift", .schema = json_type("integer"), .required = false},
                          {.name = "differs", .schema = addresses, .required = false},
                          {.name = "observed", .schema = std::move(observed), .required = false}});
  return document("status", "ovl status --json",
                  {{.name = "cluster", .schema = json_type("string")},
                   {.name = "head", .schema = schema_of<Head>(), .required = false},
                   {.name = "generation", .schema = schema_of<GenerationRecord>(), .required = false},
                   {.name = "counts", .schema = status_counts_schema()},
                   {.name = "hosts", .schema = array_of(std::move(host))},
                   {.name = "refused", .schema = array_of(finding_schema())},
                   {.name = "unknown_keys", .schema = json_type("integer")}});
}

// The kernel objects of one namespace, by kind.
Value space_schema() {
  std::vector<Member> members{{.name = "netns", .schema = json_type("string")},
                              {.name = "exists", .schema = json_type("boolean")}};
  for_each_kind([&](auto member) {
    using Kind = typename std::decay_t<decltype(std::declval<NamespaceObjects>().*member)>::value_type;
    members.push_back(
        {.name = std::string(Kind::kind), .schema = array_of(schema_of<Kind>()), .required = false});
  });
  return object_of(std::move(members));
}

Member vtep_member() {
  return {.name = "vtep", .schema = json_type("string"), .required = false};
}

// A value of the manifest, and the commit that its line comes from, where that is known.
Value declared_schema() {
  return object_of({{.name = "key", .schema = json_type("string")},
                    {.name = "file", .schema = json_type("string")},
                    {.name = "line", .schema = json_type("integer")},
                    {.name = "commit", .schema = json_type("string"), .required = false},
                    {.name = "author", .schema = json_type("string"), .required = false},
                    {.name = "when", .schema = json_type("integer"), .required = false}});
}

// One thing from all sides: `side` is what the manifest and the store may say of it.
OutputSchema inspect_schema(const std::string& kind, const Value& side) {
  const auto any = [](const char* name) {
    return Member{.name = name, .schema = Value::object(), .required = false};
  };
  Value difference = object_of({{.name = "address", .schema = json_type("string")},
                                {.name = "change", .schema = words(EnumNames<Action>::names)},
                                {.name = "field", .schema = json_type("string"), .required = false},
                                any("found"),
                                any("wanted")});
  return document(kind + "-inspect", "ovl " + kind + " inspect --json",
                  {{.name = "kind", .schema = constant(kind)},
                   {.name = "name", .schema = json_type("string")},
                   {.name = "desired", .schema = optional_of(side)},
                   {.name = "recorded", .schema = optional_of(side)},
                   {.name = "observed", .schema = optional_of(array_of(space_schema()))},
                   {.name = "dropped", .schema = dropped_schema()},
                   {.name = "differs", .schema = array_of(std::move(difference))},
                   {.name = "declared", .schema = array_of(declared_schema())}});
}

OutputSchema network_schema() {
  std::vector<Member> members = members_of<NetworkRecord>();
  members.push_back({.name = "effective_mtu", .schema = json_type("integer")});
  members.push_back({.name = "endpoints", .schema = array_of(extended<EndpointRecord>({vtep_member()}))});
  return inspect_schema("network", object_of(std::move(members), growth_of<NetworkRecord>()));
}

OutputSchema host_schema() {
  std::vector<Member> members = members_of<HostRecord>();
  members.push_back({.name = "facts", .schema = schema_of<HostFacts>(), .required = false});
  members.push_back({.name = "status", .schema = schema_of<HostStatus>(), .required = false});
  return inspect_schema("host", object_of(std::move(members), growth_of<HostRecord>()));
}

OutputSchema endpoint_schema() {
  Value attachment =
      extended<EndpointRecord>({vtep_member(),
                                {.name = "vni", .schema = schema_of<Vni>(), .required = false},
                                {.name = "mtu", .schema = json_type("integer"), .required = false}});
  return inspect_schema("endpoint",
                        object_of({{.name = "name", .schema = json_type("string")},
                                   {.name = "attachments", .schema = array_of(std::move(attachment))}}));
}

std::vector<OutputSchema> list_schemas() {
  Value host = extended<HostRecord>({{.name = "health", .schema = json_type("string")},
                                     {.name = "standing", .schema = json_type("string")}});
  Value leftover = object_of({{.name = "name", .schema = json_type("string")},
                              {.name = "health", .schema = json_type("string")},
                              {.name = "standing", .schema = json_type("string")}});
  return {document("network-ls", "ovl network ls --json",
                   {{.name = "networks", .schema = array_of(schema_of<NetworkRecord>())}}),
          document("host-ls", "ovl host ls --json",
                   {{.name = "hosts", .schema = array_of(std::move(host))},
                    {.name = "leftovers", .schema = array_of(std::move(leftover))}}),
          document("endpoint-ls", "ovl endpoint ls --json",
                   {{.name = "endpoints", .schema = array_of(schema_of<EndpointRecord>())}})};
}

OutputSchema history_schema() {
  return document("history", "ovl history --json",
                  {{.name = "generations",
                    .schema = array_of(extended<GenerationRecord>(
                        {{.name = "author", .schema = json_type("string"), .required = false},
                         {.name = "subject", .schema = json_type("string"), .required = false}}))},
                   {.name = "refused", .schema = array_of(finding_schema())}});
}

// A lock whose value can't be read has its id alone.
OutputSchema lock_schema() {
  std::vector<Member> members = members_of<StoreLock::Holder>();
  for (Member& member : members) member.required = false;
  members.push_back({.name = "id", .schema = json_type("string")});
  return document("lock-ls", "ovl lock ls --json",
                  {{.name = "locks", .schema = array_of(object_of(std::move(members)))}});
}

OutputSchema validate_schema() {
  return document("validate", "ovl validate --json",
                  {{.name = "valid", .schema = json_type("boolean")},
                   {.name = "files", .schema = array_of(json_type("string"))},
                   {.name = "digest", .schema = json_type("string")},
                   {.name = "diagnostics", .schema = array_of(diagnostic_schema())}});
}

OutputSchema doctor_schema() {
  Value check =
      object_of({{.name = "level", .schema = words(std::array<std::string_view, 3>{"ok", "note", "problem"})},
                 {.name = "check", .schema = json_type("string")},
                 {.name = "text", .schema = json_type("string")},
                 {.name = "remedy", .schema = json_type("string")}});
  return document("doctor", "ovl doctor --json", {{.name = "checks", .schema = array_of(std::move(check))}});
}

}  // namespace

std::vector<OutputSchema> output_schemas() {
  std::vector<OutputSchema> out{plan_schema(),     status_schema(),  network_schema(), host_schema(),
                                endpoint_schema(), history_schema(), lock_schema(),    validate_schema(),
                                doctor_schema(),   failure_schema()};
  out.push_back({.file = "event.schema.json", .text = event_schema()});
  for (OutputSchema& list : list_schemas()) out.push_back(std::move(list));
  return out;
}

}  // namespace ovl
