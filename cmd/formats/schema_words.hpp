// Words to write a JSON Schema with.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "model/base/value.hpp"

namespace ovl::schema_words {

// {"type": TYPE}
Value json_type(std::string_view type);

// {"const": VALUE}
Value constant(const Value& value);

// {WORD: [CHOICE, ...]}: "enum", "anyOf", "oneOf".
Value one_of(std::string_view word, Value::Array choices);

Value array_of(Value items);

template <std::size_t N>
Value words(const std::array<std::string_view, N>& names) {
  Value::Array choices;
  for (const std::string_view name : names) choices.emplace_back(name);
  return one_of("enum", std::move(choices));
}

// Whether programs must be ready for members that are not listed.
enum class Growth : std::uint8_t { closed, open };

struct Member {
  std::string name;
  Value schema;
  bool required = true;
};

Value object_of(std::vector<Member> members, Growth growth = Growth::closed);

}  // namespace ovl::schema_words
