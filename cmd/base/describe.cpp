// Words for changes. They are made where something is shown and nowhere before: a plan of 100,000 changes is
// compared, applied and verified without a single text.
#include "cmd/base/describe.hpp"

#include <fmt/format.h>

#include "cmd/base/style.hpp"
#include "reconcile/health/dropped.hpp"
#include "reconcile/words/counted.hpp"

namespace ovl {

namespace {

// Visitors and not a switch over kinds: a new kind without its words does not compile.
struct ValueOf {
  Value operator()(std::monostate) const { return {}; }

  template <class K>
  Value operator()(const K* object) const {
    return encode(*object);
  }
};

struct KindOf {
  std::string_view operator()(std::monostate) const { return {}; }

  template <class K>
  std::string_view operator()(const K*) const {
    return K::kind;
  }
};

template <class K>
std::vector<FieldDelta> deltas(const K& before, const K& after, FieldMask mask) {
  std::vector<FieldDelta> out;
  // The mask has a bit for each field of the table, in its order.
  FieldMask bit = 1;
  for_each_field<K>([&](const auto& field) {
    if ((mask & bit) != 0) {
      out.push_back(FieldDelta{.name = std::string(field.name),
                               .before = encode(before.*field.member),
                               .after = encode(after.*field.member)});
    }
    bit <<= 1;
  });
  return out;
}

struct DeltasOf {
  const ObjectChange& change;

  std::vector<FieldDelta> operator()(std::monostate) const { return {}; }

  template <class K>
  std::vector<FieldDelta> operator()(const K* after) const {
    const auto* const* before = std::get_if<const K*>(&change.before);
    // What is made or removed has no two sides to compare.
    return before == nullptr ? std::vector<FieldDelta>() : deltas(**before, *after, change.fields);
  }
};

void add(std::string& out, const std::string& part) {
  out += (out.empty() ? "" : ", ") + part;
}

// Only what the kind has: a bridge has no VNI, and "none" for each would hide what there is.
std::string link_summary(const Link& link) {
  std::string out(name_of(link.type));
  if (link.vni) add(out, "vni " + link.vni->text());
  if (link.local) add(out, "local " + link.local->text());
  if (link.mac) add(out, link.mac->text());
  if (link.mtu) add(out, fmt::format("mtu {}", *link.mtu));
  // What the kernel tells of others' devices is shown too: their names are any bytes without a slash or a
  // blank.
  if (link.master && !link.master->empty()) add(out, "master " + printable(link.master->view()));
  if (link.peer) add(out, "peer " + printable(link.peer->text()));
  return out;
}

struct SummaryOf {
  std::string operator()(std::monostate) const { return {}; }

  // Its name says it all.
  std::string operator()(const Netns*) const { return {}; }

  std::string operator()(const NftTable* table) const {
    std::size_t rules = 0;
    std::size_t elements = 0;
    for (const NftChain& chain : table->chains) rules += chain.rules.size();
    for (const NftSet& set : table->sets) elements += set.elements.size();
    return fmt::format("{}, {}, {}", counted(table->chains.size(), "chain"), counted(rules, "rule"),
                       counted(elements, "element"));
  }

  std::string operator()(const Link* link) const { return link_summary(*link); }

  std::string operator()(const Sysctl* sysctl) const { return "= " + printable(sysctl->value); }

  std::string operator()(const Address*) const { return {}; }

  std::string operator()(const Route* route) const {
    return route->via.empty() ? "dev " + printable(route->dev.view())
                              : fmt::format("via {} dev {}", route->via.text(), printable(route->dev.view()));
  }

  std::string operator()(const Neighbour* neighbour) const { return neighbour->mac.text(); }

  std::string operator()(const Fdb* fdb) const {
    return fdb->vtep.empty() ? std::string(name_of(fdb->table)) : "vtep " + fdb->vtep.text();
  }

  // Counts, as its lines may be a hundred thousand.
  std::string operator()(const HostsFile* file) const { return counted(file->lines.size(), "line"); }
};

std::string duration_of(const Interruption& interruption) {
  if (interruption.for_good) return "for good";
  // As it was measured (tests/cluster/changes_test.cpp), rounded up: who reads it decides by the worst case.
  if (interruption.milliseconds > 0) return fmt::format("at most {} ms", interruption.milliseconds);
  if (interruption.until.empty()) return "until the manifest is applied";
  std::string hosts;
  for (const HostName& host : interruption.until) add(hosts, host.text());
  // A part of them is enough to know whom to wait for; a cluster may have thousands.
  return "until these have applied too: " + hosts + (interruption.others ? " and others" : "");
}

}  // namespace

Value value_of(const ObjectRef& object) {
  return std::visit(ValueOf{}, object);
}

Value value_of(const std::vector<Finding>& findings) {
  Value out = Value::array();
  for (const Finding& finding : findings) {
    Value item = Value::object();
    item.set("id", finding.id.text());
    item.set("subject", finding.subject);
    item.set("message", finding.message);
    item.set("hint", finding.hint);
    // Left out where it is about the whole host: an empty name would be one of a part.
    if (!finding.part.empty()) item.set("part", finding.part);
    out.push(std::move(item));
  }
  return out;
}

std::string_view kind_of(const ObjectChange& change) {
  const bool made = !std::holds_alternative<std::monostate>(change.after);
  return std::visit(KindOf{}, made ? change.after : change.before);
}

std::vector<FieldDelta> fields_of(const ObjectChange& change) {
  return std::visit(DeltasOf{change}, change.after);
}

std::string summary_of(const ObjectRef& object) {
  return std::visit(SummaryOf{}, object);
}

std::string text_of(const Value& value) {
  if (value.is_null()) return "none";
  // Texts of records come from the store and those of objects from the kernel: neither is trusted on a
  // terminal.
  if (const std::string* text = value.as_string()) return text->empty() ? "none" : printable(*text);
  if (const Value::Array* items = value.as_array()) {
    std::string out;
    for (const Value& item : *items) add(out, text_of(item));
    // An empty text and no value are one for a reader; JSON tells them apart.
    return out.empty() ? "none" : out;
  }
  return printable(value.json());
}

std::string text_of(const Interruption& interruption) {
  return fmt::format("{}: {}, {}", printable(interruption.subject), interruption.what,
                     duration_of(interruption));
}

// No default: a new reason without words is an error of the compiler.
std::string_view words_for(Reason reason) {
  switch (reason) {
    case Reason::absent: return "absent";
    case Reason::not_desired: return "no longer declared";
    case Reason::stray: return "not declared";
    case Reason::differs: return "differs";
    case Reason::fixed_field: return "cannot be changed in place";
    case Reason::parent_replaced: return "what it stands on is new";
    case Reason::half_made: return "left unfinished";
    case Reason::requested: return "requested";
    case Reason::moved: return "has another name";
  }
  return "";
}

std::string environment_text(const Plan& plan) {
  std::string out;
  for (const std::string& name : plan.environment) add(out, printable(name));
  return out;
}

Value counts_value(const PlanCounts& counts) {
  Value out = Value::object();
  out.set("create", static_cast<std::int64_t>(counts.create));
  out.set("update", static_cast<std::int64_t>(counts.update));
  out.set("replace", static_cast<std::int64_t>(counts.replace));
  out.set("remove", static_cast<std::int64_t>(counts.remove));
  out.set("adopt", static_cast<std::int64_t>(counts.adopt));
  out.set("forget", static_cast<std::int64_t>(counts.forget));
  return out;
}

Value counts_value(const Plan& plan) {
  const PlanParts parts = count_parts(plan);
  Value out = counts_value(count(plan));
  // Apart, as "12 to change" of drift and of a new manifest are two kinds of news.
  out.set("records", counts_value(parts.records));
  out.set("objects", counts_value(parts.objects));
  out.set("drift", counts_value(parts.drift));
  return out;
}

Value dropped_json(const HostObjects& observed, const Label& cluster) {
  Value out = Value::object();
  for (const Dropped& item : dropped_by(observed, cluster)) {
    // Zero too: a program that watches them must not take a reason that comes up for a new one.
    out.set(item.reason, static_cast<std::int64_t>(item.packets));
  }
  return out;
}

}  // namespace ovl
