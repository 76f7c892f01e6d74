#include "cmd/formats/decode_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <type_traits>

#include "cmd/base/describe.hpp"
#include "cmd/base/element_text.hpp"
#include "cmd/formats/decode_elements.hpp"
#include "cmd/formats/render_plan.hpp"
#include "reconcile/records/diff_records.hpp"

namespace ovl {

namespace {

// Far above what ovl writes: 100,000 endpoints have one element each.
constexpr std::size_t kMostParts = 10'000'000;

Error no_plan(std::string_view why) {
  return Error{.code = Errc::corrupt, .message = fmt::format("it holds no plan: {}", why)};
}

Result<const Value*> member(const Value& value, std::string_view name) {
  const Value* found = value.find(name);
  if (found != nullptr) return found;
  return no_plan(fmt::format("\"{}\" is missing", name));
}

template <class T>
Status read(const Value& value, std::string_view name, T& out) {
  OVL_TRY(const Value* found, member(value, name));
  auto decoded = decode<T>(*found);
  if (!decoded.ok()) return no_plan(fmt::format("{}: {}", name, decoded.error().message));
  out = std::move(decoded).value();
  return {};
}

Result<const Value::Array*> items_in(const Value& value, std::string_view name) {
  OVL_TRY(const Value* found, member(value, name));
  if (found->as_array() != nullptr) return found->as_array();
  return no_plan(fmt::format("\"{}\" is no list", name));
}

Result<Action> decode_action(const Value& actions) {
  const std::string text = actions.json();
  if (text == R"(["create"])") return Action::create;
  if (text == R"(["update"])") return Action::update;
  if (text == R"(["delete"])") return Action::remove;
  if (text == R"(["delete","create"])") return Action::replace;
  if (text == R"(["no-op"])") return Action::adopt;
  if (text == R"(["forget"])") return Action::forget;
  return no_plan("an action is none");
}

// "forward (5 rules)": a part of a table, with how much is in it.
template <class Part>
Result<std::vector<Part>> decode_parts(const Value& table, std::string_view name, std::string_view unit,
                                       auto resize) {
  std::vector<Part> out;
  const Value* parts = table.find(name);
  if (parts == nullptr) return out;
  OVL_TRY(const auto texts, decode<std::vector<std::string>>(*parts));
  std::size_t all = 0;
  for (const std::string& text : texts) {
    const auto open = text.rfind(" (");
    const std::string end = fmt::format(" {})", unit);
    if (open == std::string::npos || !text.ends_with(end)) return no_plan("a part of a table is none");
    std::size_t count = 0;
    const char* const last = text.data() + text.size() - end.size();
    const auto [stop, error] = std::from_chars(text.data() + open + 2, last, count);
    all += count;
    if (error != std::errc{} || stop != last || count > kMostParts || all > kMostParts)
      return no_plan("a part of a table has no number");
    out.emplace_back().name = text.substr(0, open);
    resize(out.back(), count);
  }
  return out;
}

// What a value says that says nothing is no word of its kind: no master, no gateway.
template <HasText M>
bool says_nothing(const Value& value) {
  return value.as_string() != nullptr && *value.as_string() == std::string(M{}.text());
}

template <class M>
Status decode_field(const Value& value, M& out) {
  if constexpr (HasText<M>) {
    if (says_nothing<M>(value)) return {};
  }
  if constexpr (kMayBeAbsent<M> && requires {
                  requires HasText<typename M::value_type>;
                  out.has_value();
                }) {
    if (says_nothing<typename M::value_type>(value)) {
      out.emplace();
      return {};
    }
  }
  OVL_TRY(out, decode<M>(value));
  return {};
}

// What is missing or unknown shows when it is encoded again.
template <class K>
Result<K> decode_object(const Value& value) {
  K out{};
  Status status;
  for_each_field<K>([&](const auto& field) {
    const Value* found = value.find(field.name);
    if (found != nullptr && status.ok()) status = decode_field(*found, out.*field.member);
  });
  OVL_CHECK(std::move(status));
  return out;
}

template <>
Result<NftTable> decode_object(const Value& value) {
  NftTable out;
  OVL_CHECK(read(value, "family", out.family));
  OVL_CHECK(read(value, "name", out.name));
  OVL_CHECK(read(value, "other", out.other));
  OVL_CHECK(read(value, "comment", out.comment));
  if (const Value* counters = value.find("counters")) {
    OVL_TRY(const auto names, decode<std::vector<std::string>>(*counters));
    for (const std::string& name : names) out.counters.emplace_back().name = name;
  }
  OVL_TRY(out.sets, decode_parts<NftSet>(value, "sets", "elements", [](NftSet& set, std::size_t n) {
            set.key_type = kAsText;
            set.elements.resize(n);
          }));
  OVL_TRY(out.chains, decode_parts<NftChain>(value, "chains", "rules", [](NftChain& chain, std::size_t n) {
            chain.hook = kAsText;
            chain.rules.resize(n);
          }));
  return out;
}

template <class K>
Result<FieldMask> decode_mask(const Value& names) {
  OVL_TRY(const auto wanted, decode<std::vector<std::string>>(names));
  FieldMask mask = 0;
  FieldMask bit = 1;
  std::size_t known = 0;
  for_each_field<K>([&](const auto& field) {
    if (std::ranges::find(wanted, field.name) != wanted.end()) {
      mask |= bit;
      ++known;
    }
    bit <<= 1;
  });
  if (known != wanted.size()) return no_plan("a field that changes is none");
  return mask;
}

struct NamesOf {
  FieldMask mask;

  Value operator()(std::monostate) const { return Value::array(); }

  template <class K>
  Value operator()(const K*) const {
    Value out = Value::array();
    FieldMask bit = 1;
    for_each_field<K>([&](const auto& field) {
      if ((mask & bit) != 0) out.push(Value(field.name));
      bit <<= 1;
    });
    return out;
  }
};

class PlanDecoder {
 public:
  PlanDecoder(const Value& json, const Value& changed) : json_(json), changed_(changed) {}

  Result<DecodedPlan> run() {
    OVL_CHECK(head());
    OVL_CHECK(spaces());
    OVL_TRY(const Value::Array* changes, items_in(json_, "resource_changes"));
    for (const Value& change : *changes) OVL_CHECK(add(change, out_.plan.object_changes));
    if (out_.plan.refresh_only) {
      OVL_TRY(const Value::Array* drift, items_in(json_, "resource_drift"));
      for (const Value& change : *drift) OVL_CHECK(add(change, out_.plan.drift));
    }
    const Value again = plan_json(out_.plan);
    if (!(again == json_)) return no_plan(fmt::format("{} is none of a plan's", difference(again)));
    if (!(changed_fields(out_.plan) == changed_)) return no_plan("its changed fields are not its changes'");
    return std::move(out_);
  }

 private:
  // Where the plan's JSON is another one, for whoever looks for it.
  [[nodiscard]] std::string difference(const Value& again) const {
    const Value::Array* said = json_.find("resource_changes")->as_array();
    const Value::Array* meant = again.find("resource_changes")->as_array();
    for (std::size_t i = 0; i < said->size() && i < meant->size(); ++i) {
      if (!((*said)[i] == (*meant)[i])) return "what it says of " + *(*meant)[i].find("address")->as_string();
    }
    const auto moved = delta_of(json_, again);
    return moved.empty() ? "something" : fmt::format("its \"{}\"", moved.front().name);
  }

  Status head() {
    OVL_TRY(const Value* ovl, member(json_, "ovl"));
    Plan& plan = out_.plan;
    OVL_CHECK(read(*ovl, "scope", plan.scope));
    OVL_CHECK(read(*ovl, "cluster", plan.cluster));
    std::string host;
    OVL_CHECK(read(*ovl, "host", host));
    if (!host.empty()) {
      OVL_TRY(plan.host, HostName::parse(host));
    }
    OVL_CHECK(read(*ovl, "source", plan.origin.source));
    OVL_CHECK(read(*ovl, "former_source", plan.former_source));
    OVL_CHECK(read(*ovl, "commit", plan.origin.commit));
    OVL_CHECK(read(*ovl, "author", plan.origin.author));
    OVL_CHECK(read(*ovl, "path", plan.origin.path));
    OVL_CHECK(read(*ovl, "digest", plan.origin.digest));
    OVL_CHECK(read(*ovl, "partial", plan.partial));
    OVL_CHECK(read(*ovl, "refresh_only", plan.refresh_only));
    OVL_CHECK(read(*ovl, "waiting", plan.waiting));
    OVL_CHECK(read(*ovl, "destroy", plan.destroy));
    OVL_CHECK(read(*ovl, "undone", plan.undone));
    if (ovl->find("environment") != nullptr) OVL_CHECK(read(*ovl, "environment", plan.environment));
    OVL_CHECK(findings(*ovl, "refused", plan.refused));
    OVL_CHECK(findings(*ovl, "conflicts", plan.conflicts));
    OVL_CHECK(findings(*ovl, "warnings", plan.warnings));
    return interruptions(*ovl);
  }

  static Status findings(const Value& ovl, std::string_view name, std::vector<Finding>& out) {
    OVL_TRY(const Value::Array* items, items_in(ovl, name));
    for (const Value& item : *items) {
      Finding& finding = out.emplace_back();
      std::string id;
      OVL_CHECK(read(item, "id", id));
      const auto known = FindingId::find(id);
      if (!known) return no_plan("a finding has an unknown id");
      finding.id = *known;
      OVL_CHECK(read(item, "subject", finding.subject));
      OVL_CHECK(read(item, "message", finding.message));
      OVL_CHECK(read(item, "hint", finding.hint));
      if (item.find("part") != nullptr) OVL_CHECK(read(item, "part", finding.part));
      if (item.find("part") != nullptr) OVL_CHECK(read(item, "part", finding.part));
    }
    return {};
  }

  Status interruptions(const Value& ovl) {
    OVL_TRY(const Value::Array* items, items_in(ovl, "interruptions"));
    for (const Value& item : *items) {
      Interruption& one = out_.plan.interruptions.emplace_back();
      OVL_CHECK(read(item, "subject", one.subject));
      OVL_CHECK(read(item, "what", one.what));
      OVL_CHECK(read(item, "milliseconds", one.milliseconds));
      OVL_CHECK(read(item, "until", one.until));
      if (item.find("others") != nullptr) OVL_CHECK(read(item, "others", one.others));
      if (item.find("for_good") != nullptr) OVL_CHECK(read(item, "for_good", one.for_good));
    }
    return {};
  }

  // Those that object changes are in, sorted as a plan has them.
  Status spaces() {
    std::set<NetnsName> names;
    for (const char* list : {"resource_changes", "resource_drift"}) {
      const Value* items = json_.find(list);
      if (items == nullptr || items->as_array() == nullptr) continue;
      for (const Value& item : *items->as_array()) {
        const Value* ovl = item.find("ovl");
        const Value* netns = ovl != nullptr ? ovl->find("netns") : nullptr;
        if (netns == nullptr) continue;
        OVL_TRY(NetnsName name, decode_space(*netns));
        names.insert(std::move(name));
      }
    }
    out_.plan.spaces.assign(names.begin(), names.end());
    return {};
  }

  static Result<NetnsName> decode_space(const Value& value) {
    if (value == Value(std::string())) return NetnsName();
    return decode<NetnsName>(value);
  }

  Status add(const Value& item, std::vector<ObjectChange>& objects) {
    std::string address;
    OVL_CHECK(read(item, "address", address));
    if (!seen_.insert(address).second) return no_plan(fmt::format("{} is there twice", address));
    OVL_TRY(const Value* ovl, member(item, "ovl"));
    OVL_TRY(const Value* change, member(item, "change"));
    Reason reason{};
    OVL_CHECK(read(item, "action_reason", reason));
    OVL_TRY(const Value* actions, member(*change, "actions"));
    OVL_TRY(const Action action, decode_action(*actions));
    if (ovl->find("netns") == nullptr) return add_record(item, *change, action, reason);
    OVL_TRY(const Value* netns, member(*ovl, "netns"));
    OVL_TRY(const NetnsName space, decode_space(*netns));
    const auto at = std::ranges::lower_bound(out_.plan.spaces, space);
    const auto index = static_cast<std::uint32_t>(at - out_.plan.spaces.begin());
    objects.push_back({.action = action, .reason = reason, .space = index});
    if (ovl->find("drift") != nullptr) OVL_CHECK(read(*ovl, "drift", objects.back().drift));
    elements_ = ovl->find("elements");
    return add_object(item, *change, objects.back());
  }

  Status add_record(const Value& item, const Value& change, Action action, Reason reason) {
    RecordChange out{.action = action, .reason = reason};
    OVL_CHECK(read(item, "type", out.kind));
    OVL_TRY(out.name, record_name(item));
    OVL_TRY(const Value* before, member(change, "before"));
    OVL_TRY(const Value* after, member(change, "after"));
    OVL_CHECK(check_record(out.kind, *before));
    OVL_CHECK(check_record(out.kind, *after));
    out.before = *before;
    out.after = *after;
    if (const Value* previous = item.find("previous_address")) {
      OVL_TRY(const std::string text, decode<std::string>(*previous));
      OVL_TRY(const ChangeName name, ChangeName::parse(text));
      out.previous = name.index.empty() ? name.name : name.index + "/" + name.name;
    }
    if (action == Action::update) out.fields = delta_of(out.before, out.after);
    out_.plan.record_changes.push_back(std::move(out));
    return {};
  }

  static Status check_record(RecordKind kind, const Value& value) {
    if (value.is_null()) return {};
    switch (kind) {
      case RecordKind::host: return check_as<HostRecord>(value);
      case RecordKind::network: return check_as<NetworkRecord>(value);
      case RecordKind::endpoint: return check_as<EndpointRecord>(value);
    }
    return {};
  }

  template <class Record>
  static Status check_as(const Value& value) {
    const auto record = decode<Record>(value);
    return record.ok() ? Status() : Status(no_plan(fmt::format("a record: {}", record.error().message)));
  }

  // "my-net", or "my-net/web" for an endpoint.
  static Result<std::string> record_name(const Value& item) {
    std::string name;
    OVL_CHECK(read(item, "name", name));
    if (item.find("index") == nullptr) return name;
    std::string index;
    OVL_CHECK(read(item, "index", index));
    return index + "/" + name;
  }

  Status add_object(const Value& item, const Value& change, ObjectChange& out) {
    std::string type;
    OVL_CHECK(read(item, "type", type));
    Status done = no_plan(fmt::format("\"{}\" is no kind of object", type));
    std::apply(
        [&](auto&... kinds) {
          ((type == std::decay_t<decltype(kinds)>::value_type::kind
                ? static_cast<void>(done = fill(change, kinds, out))
                : static_cast<void>(0)),
           ...);
        },
        out_.objects);
    return done;
  }

  template <class K>
  Status fill(const Value& change, std::deque<K>& kept, ObjectChange& out) {
    OVL_CHECK(fill_side(change, "before", kept, out.before));
    OVL_CHECK(fill_side(change, "after", kept, out.after));
    // A removal has what it was wanted to be as its "after", where it has any.
    const bool whole = out.action == Action::remove   ? as<K>(out.before) != nullptr
                       : out.action == Action::create ? as<K>(out.after) != nullptr
                                                      : true;
    if (!whole) return no_plan("a change has no object");
    OVL_TRY(const Value* names, next_names());
    OVL_TRY(out.fields, decode_mask<K>(*names));
    return {};
  }

  template <class K>
  Status fill_side(const Value& change, std::string_view side, std::deque<K>& kept, ObjectRef& out) {
    OVL_TRY(const Value* value, member(change, side));
    if (value->is_null()) return {};
    OVL_TRY(K object, decode_object<K>(*value));
    if constexpr (std::is_same_v<K, NftTable>) {
      const std::string_view own = side == "before" ? "removed" : "added";
      if (elements_ != nullptr) OVL_CHECK(put_elements(*elements_, side, own, object));
    }
    kept.push_back(std::move(object));
    out = &kept.back();
    return {};
  }

  Result<const Value*> next_names() {
    const Value::Array* all = changed_.as_array();
    if (all == nullptr || position_ >= all->size()) return no_plan("its changed fields are not all there");
    return &(*all)[position_++];
  }

  const Value& json_;
  const Value& changed_;
  const Value* elements_ = nullptr;  // of the change that is decoded
  std::size_t position_ = 0;
  std::set<std::string> seen_;
  DecodedPlan out_;
};

}  // namespace

Value changed_fields(const Plan& plan) {
  Value out = Value::array();
  for (const std::vector<ObjectChange>* changes : {&plan.object_changes, &plan.drift}) {
    for (const ObjectChange& change : *changes) {
      const ObjectRef& object =
          std::holds_alternative<std::monostate>(change.after) ? change.before : change.after;
      out.push(std::visit(NamesOf{change.fields}, object));
    }
  }
  return out;
}

Result<DecodedPlan> decode_plan(const Value& json, const Value& changed) {
  auto decoded = PlanDecoder(json, changed).run();
  if (decoded.ok() || decoded.error().code == Errc::corrupt) return decoded;
  return no_plan(decoded.error().message);
}

}  // namespace ovl
