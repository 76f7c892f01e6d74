// A set of 5,000 VTEPs that loses one is one line for who reviews the plan, not two sets of 5,000. Sides are
// compared before anything becomes text: a plan of 100,000 changes makes the text of those that are shown.
#include "cmd/base/elements.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>
#include <type_traits>

#include "cmd/base/describe.hpp"
#include "cmd/base/element_text.hpp"
#include "cmd/base/style.hpp"

namespace ovl {

namespace {

template <class T, class ToText>
Elements elements_of(const std::vector<T>& items, ElementLimit limit, const ToText& to_text) {
  Elements out{.texts = {}, .all = items.size()};
  // Folding the last two or three would save nothing and hide something.
  const std::size_t shown = items.size() > limit.above ? limit.fewer : items.size();
  out.texts.reserve(shown);
  for (std::size_t i = 0; i < shown; ++i) out.texts.push_back(to_text(items[i]));
  return out;
}

// Those of `mine` that `others` have not, each as often as it is there more often.
template <class T, class Less>
std::vector<T> only_in(const std::vector<T>& mine, const std::vector<T>& others, const Less& less) {
  // Counted and not looked up one by one: both sides may have 100,000 lines.
  std::map<T, std::size_t, Less> there(less);
  for (const T& item : others) ++there[item];
  std::vector<T> out;
  for (const T& item : mine) {
    const auto at = there.find(item);
    if (at == there.end() || at->second == 0) {
      out.push_back(item);
    } else {
      --at->second;
    }
  }
  return out;
}

void add_if_any(std::vector<Difference>& out, Difference difference) {
  if (difference.has_elements() || difference.before != difference.after)
    out.push_back(std::move(difference));
}

// ---- sets of nftables ------------------------------------------------------------------------------

struct LessBytes {
  bool operator()(const Bytes* a, const Bytes* b) const { return bytes_less(*a, *b); }
};

// Pointers, as a set's elements may be megabytes.
std::vector<const Bytes*> elements_in(const NftSet* set) {
  std::vector<const Bytes*> out;
  if (set == nullptr) return out;
  for (const Bytes& element : set->elements) out.push_back(&element);
  return out;
}

// A part that is only on one side was or will be none.
template <class Part>
void say_attributes(const Part* before, const Part* after, Difference& out) {
  const bool both = before != nullptr && after != nullptr;
  const auto text = [&](const Part* part) {
    if (part == nullptr) return std::string("none");
    return both ? attributes_of(*part) : word_for_whole(*part);
  };
  const std::string was = text(before);
  const std::string will = text(after);
  if (was == will) return;
  out.before = was;
  out.after = will;
}

Difference part_difference(const NftSet* before, const NftSet* after, ElementLimit limit) {
  // At least one side is there, or nothing would be compared.
  const NftSet& named = before != nullptr ? *before : *after;
  Difference out{.field = "sets", .part = named.name};
  say_attributes(before, after, out);
  const auto old_ones = elements_in(before);
  const auto new_ones = elements_in(after);
  const auto text_in = [](const NftSet* set) {
    // By the type of its own side: a set that changes its type has elements of two kinds.
    return [set](const Bytes* element) { return element_text(*set, *element); };
  };
  out.removed = elements_of(only_in(old_ones, new_ones, LessBytes()), limit, text_in(before));
  out.added = elements_of(only_in(new_ones, old_ones, LessBytes()), limit, text_in(after));
  return out;
}

// ---- chains of nftables ----------------------------------------------------------------------------

using Rules = std::vector<const NftRule*>;

Rules rules_in(const NftChain* chain) {
  Rules out;
  if (chain == nullptr) return out;
  for (const NftRule& rule : chain->rules) out.push_back(&rule);
  return out;
}

// Each is taken once: two equal rules on one side are two.
bool is_taken(Rules& from, const auto& is_it) {
  const auto at = std::ranges::find_if(from, is_it);
  if (at == from.end()) return false;
  from.erase(at);
  return true;
}

// Takes out of both what both have. Quadratic in the rules of a chain, which are a few dozen: sets are what
// grows.
void strike_equal(Rules& before, Rules& after) {
  std::erase_if(before, [&](const NftRule* rule) {
    return is_taken(after, [&](const NftRule* other) { return *other == *rule; });
  });
}

// Those that say the same on both sides and are not the same. Known by their comment: it is shown as one rule
// that changes and not as one that goes and one that comes.
Rules take_changed(Rules& before, Rules& after) {
  Rules changed;
  std::erase_if(before, [&](const NftRule* rule) {
    const bool both =
        is_taken(after, [&](const NftRule* other) { return rule_text(*other) == rule_text(*rule); });
    if (both) changed.push_back(rule);
    return both;
  });
  return changed;
}

Difference part_difference(const NftChain* before, const NftChain* after, ElementLimit limit) {
  const NftChain& named = before != nullptr ? *before : *after;
  Difference out{.field = "chains", .part = named.name};
  say_attributes(before, after, out);
  Rules removed = rules_in(before);
  Rules added = rules_in(after);
  // First what is the same on both sides, then what only reads the same: the other way round a rule would be
  // paired with one that merely has its comment.
  strike_equal(removed, added);
  const Rules changed = take_changed(removed, added);
  const auto text = [](const NftRule* rule) { return rule_text(*rule); };
  out.removed = elements_of(removed, limit, text);
  out.added = elements_of(added, limit, text);
  out.changed = elements_of(changed, limit, text);
  // The order of rules is what they do.
  if (before != nullptr && after != nullptr && !out.has_elements() && before->rules != after->rules) {
    out.changed = {.texts = {"the order of its rules"}, .all = 1};
  }
  return out;
}

// Sets or chains, both sides sorted by name.
template <class Part>
void add_parts(const std::vector<Part>& before, const std::vector<Part>& after, ElementLimit limit,
               std::vector<Difference>& out) {
  auto old_one = before.begin();
  auto new_one = after.begin();
  // A merge of two sorted lists: what is equal by name is compared, the rest goes or comes.
  while (old_one != before.end() || new_one != after.end()) {
    const bool goes = new_one == after.end() || (old_one != before.end() && old_one->name < new_one->name);
    const bool comes = old_one == before.end() || (new_one != after.end() && new_one->name < old_one->name);
    // Neither comes nor goes: both move on, as they have the same name.
    const Part* was = comes ? nullptr : &*old_one++;
    const Part* will = goes ? nullptr : &*new_one++;
    add_if_any(out, part_difference(was, will, limit));
  }
}

// ---- lines, lists and plain values -----------------------------------------------------------------

using LineViews = std::vector<std::string_view>;

// Views into the text that both sides keep, as a file of 100,000 names is several megabytes.
LineViews lines_in(const HostLines& lines) {
  LineViews out;
  lines.for_each([&](std::string_view line) { out.push_back(line); });
  return out;
}

Difference line_difference(std::string_view field, const HostLines& before, const HostLines& after,
                           ElementLimit limit) {
  Difference out{.field = std::string(field)};
  const LineViews old_ones = lines_in(before);
  const LineViews new_ones = lines_in(after);
  const auto text = [](std::string_view line) { return std::string(line); };
  out.removed = elements_of(only_in(old_ones, new_ones, std::less<>()), limit, text);
  out.added = elements_of(only_in(new_ones, old_ones, std::less<>()), limit, text);
  // The field differs, or nobody would ask.
  if (!out.has_elements()) out.changed = {.texts = {"the order of the lines"}, .all = 1};
  return out;
}

// A list's items, or an object's members as "name=value"; none of a plain value.
std::optional<std::vector<std::string>> items_of(const Value& value) {
  std::vector<std::string> out;
  // No list is a list of none, so that the first item of one reads as one that comes.
  if (value.is_null()) return out;
  if (const Value::Array* items = value.as_array()) {
    for (const Value& item : *items) out.push_back(text_of(item));
    return out;
  }
  if (value.as_object() == nullptr) return std::nullopt;
  for (const auto& [name, item] : *value.as_object()) out.push_back(name + "=" + text_of(item));
  return out;
}

// Where both sides read the same and are not, as they are written.
void say_values(const Value& before, const Value& after, Difference& out) {
  out.before = text_of(before);
  out.after = text_of(after);
  // 1 and "1" read the same.
  if (out.before != out.after || before == after) return;
  out.before = before.json();
  out.after = after.json();
}

Difference value_difference(std::string_view field, const Value& before, const Value& after,
                            ElementLimit limit) {
  Difference out{.field = std::string(field)};
  // Null on both sides would else be two equal lists.
  const bool is_list = !(before.is_null() && after.is_null());
  const auto old_ones = is_list ? items_of(before) : std::nullopt;
  const auto new_ones = is_list ? items_of(after) : std::nullopt;
  if (old_ones && new_ones) {
    const auto text = [](const std::string& item) { return item; };
    out.removed = elements_of(only_in(*old_ones, *new_ones, std::less<>()), limit, text);
    out.added = elements_of(only_in(*new_ones, *old_ones, std::less<>()), limit, text);
  }
  if (!out.has_elements()) say_values(before, after, out);
  return out;
}

// ---- a whole change --------------------------------------------------------------------------------

class Finder {
 public:
  explicit Finder(bool every) : every_(every) {}

  template <class K>
  std::vector<Difference> run(const K& before, const K& after, FieldMask mask) {
    FieldMask bit = 1;
    for_each_field<K>([&](const auto& field) {
      if ((mask & bit) != 0) add(field.name, before.*field.member, after.*field.member);
      bit <<= 1;
    });
    return std::move(out_);
  }

 private:
  void add(std::string_view, const std::vector<NftSet>& before, const std::vector<NftSet>& after) {
    add_parts(before, after, in_line(), out_);
  }

  void add(std::string_view, const std::vector<NftChain>& before, const std::vector<NftChain>& after) {
    add_parts(before, after, in_line(), out_);
  }

  void add(std::string_view name, const HostLines& before, const HostLines& after) {
    // More of them than of others: each has a line of its own in a plan.
    out_.push_back(line_difference(name, before, after, every_ ? kEveryElement : kElementsAsLines));
  }

  template <class M>
  void add(std::string_view name, const M& before, const M& after) {
    out_.push_back(value_difference(name, encode(before), encode(after), in_line()));
  }

  [[nodiscard]] ElementLimit in_line() const { return every_ ? kEveryElement : kElementsOfALine; }

  bool every_;
  std::vector<Difference> out_;
};

// Of a table that is only on one side: what is in it.
std::vector<Difference> whole_table(const NftTable* before, const NftTable* after, bool every) {
  // Held by the assertion below: the mask goes by the fields' order.
  static constexpr FieldMask kContents = 0b1100;  // sets and chains
  static_assert(std::get<2>(NftTable::fields()).name == "sets" &&
                std::get<3>(NftTable::fields()).name == "chains");
  const NftTable none;
  return Finder(every).run(before != nullptr ? *before : none, after != nullptr ? *after : none, kContents);
}

struct DifferencesOf {
  const ObjectChange& change;
  bool every;

  std::vector<Difference> operator()(std::monostate) const {
    // A removal has no side after.
    const NftTable* table = change.action == Action::remove ? as<NftTable>(change.before) : nullptr;
    return table != nullptr ? whole_table(table, nullptr, every) : std::vector<Difference>();
  }

  template <class K>
  std::vector<Difference> operator()(const K* after) const {
    const K* before = as<K>(change.before);
    if constexpr (std::is_same_v<K, NftTable>) {
      if (change.action == Action::remove && before != nullptr) return whole_table(before, nullptr, every);
      // A filter that is made is what somebody wants to read; other objects say enough by their name.
      if (change.action == Action::create) return whole_table(nullptr, after, every);
    }
    return before == nullptr ? std::vector<Difference>() : Finder(every).run(*before, *after, change.fields);
  }
};

// ---- words -----------------------------------------------------------------------------------------

void add_signed(std::string& out, char sign, const Elements& elements) {
  for (const std::string& text : elements.texts) {
    out += fmt::format("{}{}{}", out.empty() ? "" : " ", sign, printable(text));
  }
  const std::size_t left_out = elements.all - elements.texts.size();
  // With the sign, so that it is known whether what is not shown goes or comes.
  if (left_out > 0) out += fmt::format("{}{}... and {} more", out.empty() ? "" : " ", sign, left_out);
}

void add_lines(std::vector<std::string>& out, char sign, const Elements& elements) {
  for (const std::string& text : elements.texts) out.push_back(fmt::format("{} {}", sign, printable(text)));
  const std::size_t left_out = elements.all - elements.texts.size();
  if (left_out > 0) out.push_back(fmt::format("{} ... and {} more lines", sign, left_out));
}

void set_texts(Value& out, std::string_view name, const Elements& elements) {
  if (elements.all == 0) return;
  Value texts = Value::array();
  for (const std::string& text : elements.texts) texts.push(text);
  out.set(name, std::move(texts));
}

Value array_of_texts(std::initializer_list<const Elements*> all) {
  Value out = Value::array();
  for (const Elements* elements : all) {
    for (const std::string& text : elements->texts) out.push(text);
  }
  return out;
}

// What both sides call the same is there before and after.
FieldDelta delta_in_values(const Difference& one) {
  FieldDelta out{.name = one.part.empty() ? one.field : one.field + "." + one.part,
                 .before = Value(one.before),
                 .after = Value(one.after)};
  if (!one.has_elements()) return out;
  // Elements that are on both sides are in neither list: a reader of JSON sees the difference and not the
  // sets.
  out.before = array_of_texts({&one.removed, &one.changed});
  out.after = array_of_texts({&one.added, &one.changed});
  return out;
}

}  // namespace

std::vector<Difference> differences_of(const ObjectChange& change, bool every) {
  return std::visit(DifferencesOf{change, every}, change.after);
}

Difference difference_of(const FieldDelta& field, bool every) {
  return value_difference(field.name, field.before, field.after, every ? kEveryElement : kElementsOfALine);
}

std::string words_of(const Difference& difference) {
  std::string out;
  if (difference.before != difference.after) {
    out = fmt::format("{} -> {}", printable(difference.before), printable(difference.after));
    if (difference.has_elements()) out += ",";
  } else if (!difference.has_elements()) {
    out = printable(difference.before) + " again";  // lost with another field, and set anew
  }
  add_signed(out, '-', difference.removed);
  add_signed(out, '+', difference.added);
  add_signed(out, '~', difference.changed);
  return out;
}

std::string text_of(const Difference& difference) {
  const std::string& name = difference.part.empty() ? difference.field : difference.part;
  return fmt::format("{}: {}", printable(name), words_of(difference));
}

std::vector<std::string> lines_of(const Difference& difference) {
  std::vector<std::string> out;
  add_lines(out, '-', difference.removed);
  add_lines(out, '+', difference.added);
  add_lines(out, '~', difference.changed);
  return out;
}

std::vector<FieldDelta> fields_by_element(const ObjectChange& change) {
  std::vector<FieldDelta> out;
  if (change.action != Action::update && change.action != Action::replace) return out;
  // Fields in the order of the table, and what is in parts behind them, by name of part.
  for (FieldDelta& field : fields_of(change)) {
    const bool in_parts = field.name == "sets" || field.name == "chains" || field.name == "lines";
    if (!in_parts) out.push_back(std::move(field));
  }
  for (const Difference& one : differences_of(change, true)) {
    const bool in_parts = !one.part.empty() || one.is_lines();
    if (in_parts) out.push_back(delta_in_values(one));
  }
  return out;
}

Value elements_json(const ObjectChange& change) {
  // Of other kinds "before" and "after" have all there is to say, and a second way to say it would have to be
  // kept true as well.
  const std::string_view kind = kind_of(change);
  if (kind != NftTable::kind && kind != HostsFile::kind) return {};
  Value out = Value::array();
  for (const Difference& one : differences_of(change, true)) {
    if (!one.has_elements() && one.part.empty()) continue;
    Value item = Value::object();
    item.set("field", one.field);
    if (!one.part.empty()) item.set("part", one.part);
    if (!one.part.empty() && one.before != one.after) {
      item.set("before", one.before);
      item.set("after", one.after);
    }
    set_texts(item, "removed", one.removed);
    set_texts(item, "added", one.added);
    set_texts(item, "changed", one.changed);
    out.push(std::move(item));
  }
  return out.as_array()->empty() ? Value() : out;
}

}  // namespace ovl
