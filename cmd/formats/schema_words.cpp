#include "cmd/formats/schema_words.hpp"

namespace ovl::schema_words {

Value json_type(std::string_view type) {
  Value out = Value::object();
  out.set("type", type);
  return out;
}

Value constant(const Value& value) {
  Value out = Value::object();
  out.set("const", value);
  return out;
}

Value one_of(std::string_view word, Value::Array choices) {
  Value out = Value::object();
  out.set(word, std::move(choices));
  return out;
}

Value array_of(Value items) {
  Value out = json_type("array");
  out.set("items", std::move(items));
  return out;
}

Value object_of(std::vector<Member> members, Growth growth) {
  Value properties = Value::object();
  Value required = Value::array();
  for (Member& member : members) {
    if (member.required) required.push(member.name);
    properties.set(member.name, std::move(member.schema));
  }
  Value out = json_type("object");
  if (growth == Growth::closed) out.set("additionalProperties", false);
  if (!required.as_array()->empty()) out.set("required", std::move(required));
  out.set("properties", std::move(properties));
  return out;
}

}  // namespace ovl::schema_words
