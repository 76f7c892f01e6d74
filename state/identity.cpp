#include "state/identity.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace ovl {

namespace {

constexpr std::string_view kIdentity = "machine";  // the binding

}  // namespace

Result<std::optional<HostIdentity>> identity_of(const State& state) {
  OVL_TRY(const auto text, state.binding(kIdentity));
  if (!text) return std::optional<HostIdentity>();
  OVL_TRY(const Value value, Value::parse_json(*text));
  OVL_TRY(HostIdentity identity, decode<HostIdentity>(value));
  return std::optional(std::move(identity));
}

Status remember_identity(State& state, const HostIdentity& identity) {
  OVL_TRY(const auto known, identity_of(state));
  return known == identity ? Status() : state.bind(kIdentity, encode(identity).json());
}

std::vector<std::string> strange_in(const HostIdentity& known, const ThisMachine& here) {
  std::vector<std::string> out;
  const auto differs = [](const std::string& a, const std::string& b) {
    return !a.empty() && !b.empty() && a != b;
  };
  if (differs(known.machine, here.machine)) out.emplace_back("machine id");
  if (differs(known.name, here.name))
    out.push_back(fmt::format("host name {} (here: {})", known.name, here.name));
  const bool moved = !known.address.empty() && !here.addresses.empty() &&
                     std::ranges::find(here.addresses, known.address) == here.addresses.end();
  if (moved) out.push_back(fmt::format("address {}", known.address));
  return out;
}

Status check_identity(const State& state, const ThisMachine& here) {
  OVL_TRY(const auto known, identity_of(state));
  if (!known) return {};
  const std::vector<std::string> strange = strange_in(*known, here);
  if (strange.size() < 2) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("{} is another machine's: {}", state.path(), fmt::join(strange, ", ")),
               .hint = "is it a copy? Move it away. If this machine is that one: ovl state adopt"};
}

}  // namespace ovl
