// Result<T>, Status and Error: how every fallible function in ovl answers.
// Pure values; nothing here prints. The exit code an error ends in is decided in cmd/base/exit.hpp.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace ovl {

// What a caller may branch on. Text is for people, codes are for programs.
enum class Errc {
  usage,        // the command line asks for something that makes no sense
  manifest,     // the manifest is invalid
  io,           // a file or socket failed
  conflict,     // something that isn't ours is in the way
  guard,        // refused by a guard: protect, source, lineage, max-destroy
  stale,        // what the plan was computed from has moved
  locked,       // somebody else holds the lock
  unreachable,  // the keystore did not answer
  in_doubt,     // the keystore did not answer whether it took a write
  privilege,    // needs root or a capability
  kernel,       // the kernel refused an operation
  not_found,    // asked for a thing that is not there
  corrupt,      // stored data did not pass its validation
  verify,       // applied, but reading back shows a difference
  interrupted,  // SIGINT or SIGTERM
  unsupported,  // this build or this kernel cannot do it
  bug           // a broken promise inside ovl
};

struct Error {
  Errc code = Errc::bug;
  std::string message;    // what failed and for whom, one sentence, no full stop
  std::string hint = {};  // what to do about it; may be empty
  int os_errno = 0;       // errno of the kernel or C library, 0 when none

  // Adds one layer of context in front: "reading ovl.toml: permission denied".
  Error&& within(std::string_view context) && {
    message.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}

  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }

  explicit operator bool() const { return ok(); }

  // Precondition for value(): ok(). value() && answers by value, so that a range-for over a
  // temporary cannot dangle.
  [[nodiscard]] const T& value() const& { return *check(); }

  [[nodiscard]] T& value() & { return *const_cast<T*>(check()); }

  [[nodiscard]] T value() && { return std::move(*const_cast<T*>(check())); }

  [[nodiscard]] const Error& error() const& { return *std::get_if<1>(&state_); }

  [[nodiscard]] Error error() && { return std::move(*std::get_if<1>(&state_)); }

 private:
  [[nodiscard]] const T* check() const {
    const T* value = std::get_if<0>(&state_);
    if (value == nullptr) std::abort();
    return value;
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;

  Result(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool ok() const { return !error_.has_value(); }

  explicit operator bool() const { return ok(); }

  [[nodiscard]] const Error& error() const& { return *error_; }

  [[nodiscard]] Error error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

#define OVL_CONCAT_INNER(a, b) a##b
#define OVL_CONCAT(a, b) OVL_CONCAT_INNER(a, b)
#define OVL_TRY_INNER(tmp, declaration, ...) \
  auto tmp = (__VA_ARGS__);                  \
  if (!(tmp).ok()) [[unlikely]]              \
    return std::move(tmp).error();           \
  declaration = std::move(tmp).value()

// OVL_TRY(auto x, f()); declares x from f()'s value, or returns f()'s error. One per line: as a
// declaration it cannot stand inside an aggregate, where a statement expression would leak.
#define OVL_TRY(declaration, ...) OVL_TRY_INNER(OVL_CONCAT(ovl_try_, __COUNTER__), declaration, __VA_ARGS__)

// OVL_CHECK(f()); returns f()'s error when there is one.
#define OVL_CHECK(...)                      \
  do {                                      \
    auto ovl_status = (__VA_ARGS__);        \
    if (!ovl_status.ok()) [[unlikely]]      \
      return std::move(ovl_status).error(); \
  } while (false)

}  // namespace ovl
