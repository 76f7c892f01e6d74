// A change of VNI or port is three plans, each of one record. Without a word about the step, the second shows
// a twin that changes its role and the third one that goes, and nobody sees in them the change that he asked
// for.
#include "cmd/base/tunnel_step.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ovl {

namespace {

struct TunnelOf {
  std::int64_t vni = 0;
  std::int64_t port = 0;

  bool operator==(const TunnelOf&) const = default;
};

std::int64_t number_in(const Value& value, std::string_view name) {
  const Value* found = value.find(name);
  return found != nullptr && found->as_int() != nullptr ? *found->as_int() : 0;
}

TunnelOf tunnel_in(const Value& value) {
  return {.vni = number_in(value, "vni"), .port = number_in(value, "port")};
}

// The twin of that role; nullptr: the record has none. Of the record as JSON, as a saved plan has no other.
const Value* twin_in(const Value& record, TwinRole role) {
  const Value* twin = record.find("twin");
  // A record without a twin is one that is not changing.
  const Value* said = twin != nullptr ? twin->find("role") : nullptr;
  return said != nullptr && *said == Value(name_of(role)) ? twin : nullptr;
}

std::string moved_text(const TunnelOf& from, const TunnelOf& to) {
  std::string out;
  if (from.vni != to.vni) out = fmt::format("vni {} -> {}", from.vni, to.vni);
  if (from.port != to.port) {
    out += fmt::format("{}port {} -> {}", out.empty() ? "" : ", ", from.port, to.port);
  }
  return out;
}

std::string step_text(const TunnelOf& from, const TunnelOf& to, std::string_view step) {
  return from == to ? std::string() : fmt::format("{} ({})", moved_text(from, to), step);
}

}  // namespace

std::string tunnel_step_text(const RecordChange& change) {
  // A network that is made or removed goes in one.
  if (change.kind != RecordKind::network || change.action != Action::update) return {};
  const TunnelOf now = tunnel_in(change.before);
  const Value* was_coming = twin_in(change.before, TwinRole::coming);
  const Value* was_going = twin_in(change.before, TwinRole::going);
  const Value* comes = twin_in(change.after, TwinRole::coming);
  const Value* goes = twin_in(change.after, TwinRole::going);
  // A twin that comes and is another than the one before: the change was changed on its way.
  if (comes != nullptr && (was_coming == nullptr || tunnel_in(*was_coming) != tunnel_in(*comes)))
    return step_text(now, tunnel_in(*comes), "step 1 of 3: every host gets a second tunnel");
  if (was_coming != nullptr && goes != nullptr)
    return step_text(now, tunnel_in(change.after), "step 2 of 3: every host sends through the new tunnel");
  if (was_going != nullptr && goes == nullptr && comes == nullptr)
    return step_text(tunnel_in(*was_going), tunnel_in(change.after),
                     "step 3 of 3: every host removes the old tunnel");
  // The manifest has gone back to the value in use before all hosts had the second tunnel.
  if (was_coming != nullptr && comes == nullptr && goes == nullptr)
    return step_text(tunnel_in(*was_coming), tunnel_in(change.after),
                     "taken back: every host removes the second tunnel");
  return {};
}

bool is_of_tunnel_step(const FieldDelta& field) {
  constexpr std::array<std::string_view, 4> kFields{"device", "port", "twin", "vni"};
  return std::ranges::find(kFields, field.name) != kFields.end();
}

}  // namespace ovl
