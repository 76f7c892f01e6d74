// The document tree and its JSON text. The only includer of nlohmann's header in the model: it
// parses, the canonical writer is ours because the bytes must never change.
#include "model/base/value.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "model/base/utf8.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMaxDepth = 64;

// Builds a Value from nlohmann's events, without its own document in between.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return put(Value()); }

  bool boolean(bool flag) override { return put(Value(flag)); }

  bool number_integer(number_integer_t number) override { return put(Value(std::int64_t{number})); }

  bool number_unsigned(number_unsigned_t number) override {
    if (number > static_cast<std::uint64_t>(INT64_MAX)) return fail("a number is out of range");
    return put(Value(static_cast<std::int64_t>(number)));
  }

  bool number_float(number_float_t, const string_t&) override { return fail("a number is not an integer"); }

  bool string(string_t& text) override { return put(Value(std::move(text))); }

  bool binary(binary_t&) override { return fail("binary data"); }

  bool start_object(std::size_t) override { return open(Value::object()); }

  bool start_array(std::size_t) override { return open(Value::array()); }

  bool key(string_t& text) override {
    stack_.back().members.emplace_back(std::move(text), Value());
    return true;
  }

  // Sorted once at the end: members put into their place one by one, in falling order, take quadratic
  // time, which a few megabytes from a store turn into hours. What we wrote ourselves is sorted.
  bool end_object() override {
    Value::Object& members = stack_.back().members;
    if (!std::ranges::is_sorted(members, {}, &Value::Member::first)) {
      std::ranges::sort(members, {}, &Value::Member::first);
    }
    const auto twice = std::ranges::adjacent_find(members, {}, &Value::Member::first);
    if (twice != members.end()) return fail("the key \"" + twice->first + "\" is twice");
    stack_.back().value = Value::object(std::move(members));
    return close();
  }

  bool end_array() override { return close(); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return fail(fmt::format("syntax error at byte {}", position));
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }

  [[nodiscard]] Value take() { return std::move(root_); }

 private:
  struct Level {
    Value value;
    Value::Object members;  // of an object, as they come
  };

  bool fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }

  bool open(Value container) {
    if (stack_.size() >= kMaxDepth) return fail("nested too deep");
    stack_.push_back(Level{std::move(container), {}});
    return true;
  }

  bool close() {
    Value done = std::move(stack_.back().value);
    stack_.pop_back();
    return put(std::move(done));
  }

  bool put(Value value) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (stack_.back().value.as_array() != nullptr) {
      stack_.back().value.push(std::move(value));
    } else {
      stack_.back().members.back().second = std::move(value);
    }
    return true;
  }

  std::vector<Level> stack_;
  Value root_;
  std::string problem_;
};

// U+FFFD: what stands for bytes that are no UTF-8, as JSON holds nothing else (RFC 8259, 8.1).
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

void write_ascii(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\t': out += "\\t"; break;
    case '\r': out += "\\r"; break;
    default:
      if (c < 0x20 || c == 0x7f) {
        out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
      } else {
        out += c;
      }
  }
}

void write_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    if (point.valid && point.size == 1) {
      write_ascii(out, text.front());
    } else {
      out += point.valid ? text.substr(0, point.size) : kReplacement;
    }
    text.remove_prefix(point.size);
  }
  out += '"';
}

// indent < 0 writes the compact form.
class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  void write(const Value& value, int depth) {
    if (const bool* flag = value.as_bool()) {
      out_ += *flag ? "true" : "false";
    } else if (const std::int64_t* number = value.as_int()) {
      out_ += std::to_string(*number);
    } else if (const std::string* text = value.as_string()) {
      write_string(out_, *text);
    } else if (const Value::Array* items = value.as_array()) {
      write_items(*items, depth);
    } else if (const Value::Object* members = value.as_object()) {
      write_members(*members, depth);
    } else {
      out_ += "null";
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void line(int depth) {
    if (indent_ < 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(depth) * static_cast<std::size_t>(indent_), ' ');
  }

  void write_items(const Value::Array& items, int depth) {
    out_ += '[';
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += ',';
      line(depth + 1);
      write(items[i], depth + 1);
    }
    if (!items.empty()) line(depth);
    out_ += ']';
  }

  void write_members(const Value::Object& members, int depth) {
    out_ += '{';
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out_ += ',';
      line(depth + 1);
      write_string(out_, members[i].first);
      out_ += indent_ < 0 ? ":" : ": ";
      write(members[i].second, depth + 1);
    }
    if (!members.empty()) line(depth);
    out_ += '}';
  }

  int indent_;
  std::string out_;
};

auto position_of(const Value::Object& members, std::string_view key) {
  return std::ranges::lower_bound(members, key, {},
                                  [](const Value::Member& m) { return std::string_view(m.first); });
}

}  // namespace

const Value* Value::find(std::string_view key) const {
  const Object* members = as_object();
  if (members == nullptr) return nullptr;
  const auto at = position_of(*members, key);
  return at != members->end() && at->first == key ? &at->second : nullptr;
}

void Value::set(std::string_view key, Value value) {
  auto& members = std::get<Object>(data_);
  const auto at = members.begin() + (position_of(members, key) - members.begin());
  if (at != members.end() && at->first == key) {
    at->second = std::move(value);
  } else {
    members.emplace(at, std::string(key), std::move(value));
  }
}

void Value::push(Value value) {
  std::get<Array>(data_).push_back(std::move(value));
}

std::string Value::json() const {
  Writer writer(-1);
  writer.write(*this, 0);
  return writer.take();
}

std::string Value::pretty_json() const {
  Writer writer(2);
  writer.write(*this, 0);
  return writer.take();
}

Result<Value> Value::parse_json(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return Error{.code = Errc::corrupt,
                 .message = fmt::format("JSON text is longer than {} bytes", max_bytes)};
  }
  Builder builder;
  if (!nlohmann::json::sax_parse(text, &builder)) {
    return Error{.code = Errc::corrupt, .message = "JSON: " + builder.problem()};
  }
  return builder.take();
}

}  // namespace ovl
