// Field tables: each kind lists its members once, and comparison, JSON, text and documents come
// from that list. The only templates of the model beside Result.
#pragma once

#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "model/base/format.hpp"
#include "model/base/value.hpp"
#include "model/base/values.hpp"

namespace ovl {

// key: part of the identity. setting: changed in place. fixed: a change forces replacement.
// mark: says whose it is; compared like a setting. computed: only read.
enum class Role : std::uint8_t { key, setting, fixed, mark, computed };

template <class K, class M>
struct Field {
  std::string_view name;
  M K::*member;
  Role role;
  std::string_view doc;
};

template <class K, class M>
constexpr Field<K, M> key(std::string_view name, M K::*member, std::string_view doc = "") {
  return {name, member, Role::key, doc};
}

template <class K, class M>
constexpr Field<K, M> setting(std::string_view name, M K::*member, std::string_view doc = "") {
  return {name, member, Role::setting, doc};
}

template <class K, class M>
constexpr Field<K, M> fixed(std::string_view name, M K::*member, std::string_view doc = "") {
  return {name, member, Role::fixed, doc};
}

template <class K, class M>
constexpr Field<K, M> mark(std::string_view name, M K::*member, std::string_view doc = "") {
  return {name, member, Role::mark, doc};
}

template <class K, class M>
constexpr Field<K, M> computed(std::string_view name, M K::*member, std::string_view doc = "") {
  return {name, member, Role::computed, doc};
}

// An enumeration with names has a specialisation: static constexpr std::array names{"a", "b"}.
template <class E>
struct EnumNames;

template <class E>
concept NamedEnum = std::is_enum_v<E> && requires {
  EnumNames<E>::names.size();
};

template <class T>
concept Tabled = requires {
  T::fields();
};

template <class T>
concept HasText = requires(const T& value) {
  { value.text() } -> std::convertible_to<std::string>;
};

template <NamedEnum E>
constexpr std::string_view name_of(E value) {
  return EnumNames<E>::names[static_cast<std::size_t>(value)];
}

// f(field) for each field of K's table.
template <class K, class F>
constexpr void for_each_field(F&& f) {
  std::apply([&](const auto&... field) { (f(field), ...); }, K::fields());
}

// ---- encode ----------------------------------------------------------------------------------

inline Value encode(bool value) {
  return Value(value);
}

inline Value encode(const std::string& value) {
  return Value(value);
}

template <std::integral T>

requires(!std::same_as<T, bool>) Value encode(T value) {
  return Value(static_cast<std::int64_t>(value));
}

template <NamedEnum E>
Value encode(E value) {
  return Value(name_of(value));
}

template <class Tag, std::uint32_t Min, std::uint32_t Max>
Value encode(const Bounded<Tag, Min, Max>& value) {
  return Value(value.number());
}

template <HasText T>
Value encode(const T& value) {
  return Value(std::string(value.text()));
}

template <Tabled K>
Value encode(const K& object);
template <class T>
Value encode(const std::optional<T>& value);
template <class T>
Value encode(const std::vector<T>& values);
inline Value encode(const std::map<std::string, std::string>& labels);

template <class T>
Value encode(const std::optional<T>& value) {
  return value ? encode(*value) : Value();
}

template <class T>
Value encode(const std::vector<T>& values) {
  Value out = Value::array();
  for (const T& value : values) out.push(encode(value));
  return out;
}

inline Value encode(const std::map<std::string, std::string>& labels) {
  Value out = Value::object();
  for (const auto& [name, text] : labels) out.set(name, Value(text));
  return out;
}

// What carries a format of its own: records, and what hosts say of themselves.
template <class K>
concept Formatted = std::same_as<decltype(K::newer), Newer>;

// An object of the table's members, with what a newer build put beside them. Absent optionals and empty
// containers are left out.
template <Tabled K>
Value encode(const K& object) {
  Value out = Value::object();
  for_each_field<K>([&](const auto& field) {
    Value value = encode(object.*field.member);
    const bool left_out = value.is_null() || (value.as_array() != nullptr && value.as_array()->empty()) ||
                          (value.as_object() != nullptr && value.as_object()->empty());
    if (!left_out) out.set(field.name, std::move(value));
  });
  if constexpr (Formatted<K>) add_newer(out, object.newer);
  return out;
}

// ---- decode: every value goes through its own parse() ------------------------------------------

inline Error wrong_type(std::string_view wanted) {
  return Error{.code = Errc::corrupt, .message = "expected " + std::string(wanted)};
}

template <class T>
struct Decoder;

template <class T>
Result<T> decode(const Value& value) {
  return Decoder<T>::from(value);
}

template <>
struct Decoder<bool> {
  static Result<bool> from(const Value& value) {
    if (const bool* flag = value.as_bool()) return *flag;
    return wrong_type("true or false");
  }
};

template <>
struct Decoder<std::string> {
  static Result<std::string> from(const Value& value) {
    if (const std::string* text = value.as_string()) return *text;
    return wrong_type("a string");
  }
};

template <std::integral T>
struct Decoder<T> {
  static Result<T> from(const Value& value) {
    const std::int64_t* number = value.as_int();
    if (number == nullptr || !std::in_range<T>(*number)) return wrong_type("a whole number in range");
    return static_cast<T>(*number);
  }
};

template <NamedEnum E>
struct Decoder<E> {
  static Result<E> from(const Value& value) {
    const std::string* text = value.as_string();
    for (std::size_t i = 0; text != nullptr && i < EnumNames<E>::names.size(); ++i) {
      if (EnumNames<E>::names[i] == *text) return static_cast<E>(i);
    }
    return wrong_type("one of the known words");
  }
};

template <class Tag, std::uint32_t Min, std::uint32_t Max>
struct Decoder<Bounded<Tag, Min, Max>> {
  static Result<Bounded<Tag, Min, Max>> from(const Value& value) {
    const std::int64_t* number = value.as_int();
    if (number == nullptr) return wrong_type("a whole number");
    return Bounded<Tag, Min, Max>::from(*number);
  }
};

template <HasText T>

requires requires(std::string_view text) {
  T::parse(text);
}

struct Decoder<T> {
  static Result<T> from(const Value& value) {
    const std::string* text = value.as_string();
    if (text == nullptr) return wrong_type("a string");
    return T::parse(*text);
  }
};

template <>
struct Decoder<IpPrefix> {
  static Result<IpPrefix> from(const Value& value) {
    const std::string* text = value.as_string();
    if (text == nullptr) return wrong_type("a string");
    return IpPrefix::parse_exact(*text);
  }
};

template <class T>
struct Decoder<std::optional<T>> {
  static Result<std::optional<T>> from(const Value& value) {
    if (value.is_null()) return std::optional<T>();
    OVL_TRY(T inner, decode<T>(value));
    return std::optional<T>(std::move(inner));
  }
};

template <class T>
struct Decoder<std::vector<T>> {
  static Result<std::vector<T>> from(const Value& value) {
    const Value::Array* items = value.as_array();
    if (items == nullptr) return wrong_type("an array");
    std::vector<T> out;
    out.reserve(items->size());
    for (const Value& item : *items) {
      OVL_TRY(T one, decode<T>(item));
      out.push_back(std::move(one));
    }
    return out;
  }
};

template <>
struct Decoder<std::map<std::string, std::string>> {
  static Result<std::map<std::string, std::string>> from(const Value& value) {
    const Value::Object* members = value.as_object();
    if (members == nullptr) return wrong_type("an object");
    std::map<std::string, std::string> out;
    for (const auto& [name, item] : *members) {
      const std::string* text = item.as_string();
      if (text == nullptr) return wrong_type("a string");
      out.emplace(name, *text);
    }
    return out;
  }
};

template <class T>
inline constexpr bool kMayBeAbsent = false;
template <class T>
inline constexpr bool kMayBeAbsent<std::optional<T>> = true;
template <class T>
inline constexpr bool kMayBeAbsent<std::vector<T>> = true;
template <>
inline constexpr bool kMayBeAbsent<std::map<std::string, std::string>> = true;

template <class M, class K>
Status decode_member(const Value& value, std::string_view name, M K::*member, K& out) {
  const Value* found = value.find(name);
  if (found == nullptr) {
    if constexpr (kMayBeAbsent<M>) return {};
    return Error{.code = Errc::corrupt, .message = "\"" + std::string(name) + "\" is missing"};
  }
  auto decoded = decode<M>(*found);
  if (!decoded.ok()) return std::move(decoded).error().within(name);
  out.*member = std::move(decoded).value();
  return {};
}

// K::takes_unknown: its own writer alone writes it, so nobody drops what he does not know.
template <class K>
concept TakesUnknown = K::takes_unknown;

// Unknown members are kept where a newer minor format says that there are some, and refused elsewhere: what
// we don't know we must not drop when we write it back. Inside of members nothing may be unknown.
template <Tabled K>
struct Decoder<K> {
  static Result<K> from(const Value& value) {
    const Value::Object* members = value.as_object();
    if (members == nullptr) return wrong_type("an object");
    K out{};
    RecordFormat format;
    if constexpr (Formatted<K>) {
      OVL_TRY(format, format_of(value));
    }
    Status status;
    std::size_t known = 0;
    for_each_field<K>([&](const auto& field) {
      if (value.find(field.name) != nullptr) ++known;
      if (status.ok()) status = decode_member(value, field.name, field.member, out);
    });
    OVL_CHECK(std::move(status));
    if (TakesUnknown<K> || known == members->size()) return out;
    OVL_CHECK(take_unknown(*members, format, out));
    return out;
  }

 private:
  static bool is_known(std::string_view name) {
    bool known = false;
    for_each_field<K>([&](const auto& field) { known = known || field.name == name; });
    return known;
  }

  static Status take_unknown(const Value::Object& members, const RecordFormat& format, K& out) {
    for (const Value::Member& member : members) {
      if (is_known(member.first)) continue;
      if constexpr (Formatted<K>) {
        out.newer.minor = format > kRecordFormat ? format.minor : 0;
        if (member.first == kFormatMember) continue;
        if (out.newer.minor > 0 && is_member_name(member.first)) {
          out.newer.members.push_back(member);
          continue;
        }
      }
      return Error{.code = Errc::corrupt, .message = "unknown member \"" + member.first + "\""};
    }
    return {};
  }
};

// ---- compare ---------------------------------------------------------------------------------

// Bit i stands for field i of the table.
using FieldMask = std::uint64_t;

template <class T>
bool same_wish(const T& desired, const T& observed) {
  return desired == observed;
}

// An absent optional in the desired value is no wish: whatever is there is right.
template <class T>
bool same_wish(const std::optional<T>& desired, const std::optional<T>& observed) {
  return !desired || desired == observed;
}

// The fields in which observed is not as desired wishes; keys and computed fields are not compared.
template <Tabled K>
FieldMask differing(const K& desired, const K& observed) {
  FieldMask mask = 0;
  FieldMask bit = 1;
  for_each_field<K>([&](const auto& field) {
    const bool compared = field.role != Role::key && field.role != Role::computed;
    if (compared && !same_wish(desired.*field.member, observed.*field.member)) mask |= bit;
    bit <<= 1;
  });
  return mask;
}

// Whether all fields of the table are equal.
template <Tabled K>
bool same_fields(const K& a, const K& b) {
  bool same = true;
  for_each_field<K>([&](const auto& field) { same = same && a.*field.member == b.*field.member; });
  return same;
}

// The fields of K with this role, as a mask.
template <Tabled K>
constexpr FieldMask fields_with(Role role) {
  FieldMask mask = 0;
  FieldMask bit = 1;
  for_each_field<K>([&](const auto& field) {
    if (field.role == role) mask |= bit;
    bit <<= 1;
  });
  return mask;
}

template <Tabled K>
bool key_less(const K& a, const K& b) {
  return a.key() < b.key();
}

}  // namespace ovl
