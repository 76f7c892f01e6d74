// Value: a small document tree, the meeting point of records, plans and JSON text. Objects keep
// their keys sorted, so that equal values print as equal bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/base/result.hpp"

namespace ovl {

class Value {
 public:
  using Array = std::vector<Value>;
  using Member = std::pair<std::string, Value>;
  using Object = std::vector<Member>;  // Invariant: sorted by key, keys unique

  Value() = default;

  Value(bool flag) : data_(flag) {}

  Value(std::int64_t number) : data_(number) {}

  Value(int number) : data_(std::int64_t{number}) {}

  Value(std::uint32_t number) : data_(std::int64_t{number}) {}

  Value(std::string text) : data_(std::move(text)) {}

  Value(std::string_view text) : data_(std::string(text)) {}

  Value(const char* text) : data_(std::string(text)) {}

  Value(Array items) : data_(std::move(items)) {}

  static Value object() { return Value(Tagged{Object{}}); }

  // Precondition: the members keep Object's invariant.
  static Value object(Object members) { return Value(Tagged{std::move(members)}); }

  static Value array() { return Value(Array{}); }

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(data_); }

  [[nodiscard]] const bool* as_bool() const { return std::get_if<bool>(&data_); }

  [[nodiscard]] const std::int64_t* as_int() const { return std::get_if<std::int64_t>(&data_); }

  [[nodiscard]] const std::string* as_string() const { return std::get_if<std::string>(&data_); }

  [[nodiscard]] const Array* as_array() const { return std::get_if<Array>(&data_); }

  [[nodiscard]] const Object* as_object() const { return std::get_if<Object>(&data_); }

  // The member called key, or nullptr (also when this is no object).
  [[nodiscard]] const Value* find(std::string_view key) const;
  // Sets or replaces a member. Precondition: this is an object.
  void set(std::string_view key, Value value);
  // Appends to an array. Precondition: this is an array.
  void push(Value value);

  bool operator==(const Value&) const = default;

  // Canonical JSON: no white space, keys sorted, UTF-8 kept, control characters escaped; a byte that is no
  // UTF-8 becomes U+FFFD.
  [[nodiscard]] std::string json() const;
  // The same with two blanks of indentation, for people.
  [[nodiscard]] std::string pretty_json() const;

  // The most text that parse_json takes unless told otherwise, in bytes.
  static constexpr std::size_t kMaxJson = std::size_t{4} << 20;

  // Limits: max_bytes of text, 64 levels; numbers are 64-bit integers. Errors: corrupt, with offset.
  static Result<Value> parse_json(std::string_view text, std::size_t max_bytes = kMaxJson);

 private:
  struct Tagged {
    Object members;
  };

  explicit Value(Tagged tagged) : data_(std::move(tagged.members)) {}

  std::variant<std::monostate, bool, std::int64_t, std::string, Array, Object> data_;
};

}  // namespace ovl
