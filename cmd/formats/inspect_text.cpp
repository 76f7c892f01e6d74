#include "cmd/formats/inspect_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cmd/base/describe.hpp"
#include "cmd/base/style.hpp"
#include "reconcile/words/time_text.hpp"

namespace ovl {

namespace {

// Members of list items are packed into lines of at most so many columns.
constexpr std::size_t kTextColumns = 100;

bool is_scalar(const Value& value) {
  return value.as_object() == nullptr && value.as_array() == nullptr;
}

// Labels: words of somebody's own.
bool is_words(const Value& value) {
  const Value::Object* members = value.as_object();
  return members != nullptr && std::ranges::all_of(*members, [](const auto& member) {
           return member.second.as_string() != nullptr;
         });
}

// Whether it stands on the line of its key.
bool is_flat(const Value& value) {
  const Value::Array* items = value.as_array();
  return is_scalar(value) || is_words(value) || (items != nullptr && std::ranges::all_of(*items, is_scalar));
}

std::string flat_text(const Value& value) {
  const Value::Object* members = value.as_object();
  if (members == nullptr) return text_of(value);
  std::string out;
  for (const auto& [name, word] : *members) {
    out += fmt::format("{}{}={}", out.empty() ? "" : ", ", printable(name), printable(*word.as_string()));
  }
  return out.empty() ? "none" : out;
}

// Beside a "when", "since" is a time too; elsewhere it is a generation.
bool is_time(const Value& object, const std::string& key) {
  return key == "when" || (key == "since" && object.find("when") != nullptr);
}

std::string member_text(const Value& object, const Value::Member& member) {
  const std::int64_t* number = member.second.as_int();
  if (number != nullptr && is_time(object, member.first)) return time_text(*number);
  return flat_text(member.second);
}

// What names a thing comes first, the rest in the order of JSON.
std::vector<const Value::Member*> members_of(const Value& object) {
  const std::string_view title = object.find("name") != nullptr ? "name" : "netns";
  std::vector<const Value::Member*> out;
  for (const bool names : {true, false}) {
    for (const Value::Member& member : *object.as_object()) {
      if ((member.first == title) == names) out.push_back(&member);
    }
  }
  return out;
}

class Text {
 public:
  void line(std::size_t indent, const std::string& text) { out_ += std::string(indent, ' ') + text + "\n"; }

  // One member a line, aligned; what does not fit on one, below its name.
  void object(std::size_t indent, const Value& object) {
    Table rows;
    for (const Value::Member* member : members_of(object)) {
      if (is_flat(member->second)) rows.row({printable(member->first), member_text(object, *member)});
    }
    table(indent, rows);
    nested(indent, object);
  }

  void list(std::size_t indent, const Value::Array& items) {
    for (const Value& item : items) {
      if (item.as_object() == nullptr) {
        line(indent, text_of(item));
      } else {
        packed(indent, item);
        nested(indent + 2, item);
      }
    }
  }

  void table(std::size_t indent, const Table& table) { out_ += table.text(std::string(indent, ' ')); }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void nested(std::size_t indent, const Value& object) {
    for (const Value::Member* member : members_of(object)) {
      if (is_flat(member->second)) continue;
      line(indent, printable(member->first) + ":");
      if (const Value::Array* items = member->second.as_array()) {
        list(indent + 2, *items);
      } else {
        this->object(indent + 2, member->second);
      }
    }
  }

  // "name vxlan0  mtu 1450  type vxlan", as iproute2 says it.
  void packed(std::size_t indent, const Value& object) {
    std::string now;
    std::size_t margin = indent;
    for (const Value::Member* member : members_of(object)) {
      if (!is_flat(member->second)) continue;
      const std::string part = printable(member->first) + " " + member_text(object, *member);
      if (!now.empty() && margin + now.size() + part.size() + 2 > kTextColumns) {
        line(margin, now);
        now.clear();
        margin = indent + 4;
      }
      now += (now.empty() ? "" : "  ") + part;
    }
    if (!now.empty()) line(margin, now);
  }

  std::string out_;
};

const Value& member_of(const Value& object, std::string_view key) {
  static const Value nothing;
  const Value* found = object.find(key);
  return found != nullptr ? *found : nothing;
}

const Value::Array& items_of(const Value& object, std::string_view key) {
  static const Value::Array nothing;
  const Value::Array* found = member_of(object, key).as_array();
  return found != nullptr ? *found : nothing;
}

void add_sides(Text& out, const Value& document) {
  const Value& wanted = member_of(document, "desired");
  const Value& recorded = member_of(document, "recorded");
  if (wanted.is_null()) {
    out.line(0, "Wanted: unknown; no valid manifest here has it");
  } else if (wanted == recorded) {
    out.line(0, "Wanted: as it is recorded");
  } else {
    out.line(0, "Wanted:");
    out.object(2, wanted);
  }
  out.line(0, recorded.is_null() ? "Recorded: not yet" : "Recorded:");
  if (!recorded.is_null()) out.object(2, recorded);
}

void add_observed(Text& out, const Value& document) {
  const Value& observed = member_of(document, "observed");
  if (observed.is_null()) return out.line(0, "On this host: not looked at, which needs root");
  const Value::Array& spaces = items_of(document, "observed");
  out.line(0, spaces.empty() ? "On this host: nothing of it" : "On this host:");
  out.list(2, spaces);
}

std::string difference_text(const Value& difference) {
  const Value* field = difference.find("field");
  if (field == nullptr) return {};
  return fmt::format("{}: {} -> {}", text_of(*field), text_of(member_of(difference, "found")),
                     text_of(member_of(difference, "wanted")));
}

void add_differences(Text& out, const Value& document, const std::string& why) {
  const Value::Array& differences = items_of(document, "differs");
  const std::string all = why.empty() ? "" : fmt::format(" of what was looked at: {}", printable(why));
  if (differences.empty()) return out.line(0, "Differs: nothing" + all);
  out.line(0, "Differs" + all + ":");
  Table table;
  for (const Value& one : differences) {
    table.row({text_of(member_of(one, "address")), text_of(member_of(one, "change")), difference_text(one)});
  }
  out.table(2, table);
}

void add_declared(Text& out, const Value& document) {
  const Value::Array& declared = items_of(document, "declared");
  if (declared.empty()) return;
  out.line(0, "Declared:");
  Table table;
  for (const Value& one : declared) {
    const Value* when = one.find("when");
    const auto word = [&](const char* key) {
      return one.find(key) != nullptr ? text_of(*one.find(key)) : std::string();
    };
    const std::string* key = member_of(one, "key").as_string();
    const bool is_block = key != nullptr && key->empty();
    table.row({is_block ? "the block" : word("key"), word("file") + ":" + word("line"), word("commit"),
               word("author"),
               when != nullptr && when->as_int() != nullptr ? time_text(*when->as_int()) : std::string()});
  }
  out.table(2, table);
}

}  // namespace

std::string inspect_text(const Value& document, const std::string& why) {
  Text out;
  out.line(0,
           fmt::format("{} {}", text_of(member_of(document, "kind")), text_of(member_of(document, "name"))));
  add_sides(out, document);
  add_observed(out, document);
  add_differences(out, document, why);
  const Value& dropped = member_of(document, "dropped");
  if (dropped.as_object() != nullptr && !dropped.as_object()->empty()) {
    out.line(0, "Dropped here, in packets:");
    out.object(2, dropped);
  }
  add_declared(out, document);
  return out.take();
}

}  // namespace ovl
