#include "cmd/keeping.hpp"

#include <fmt/format.h>

#include <ctime>

#include "cmd/suspension.hpp"

namespace ovl {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Status Presence::keep(Context& context) {
  OVL_CHECK(context.reach_store());
  const auto now = steady_clock::now();
  if (session_ && now - last_ < heartbeat_) return {};
  last_ = now;
  if (session_ && session_->keep_alive().ok()) return {};
  Keystore& store = *context.world().keystore;
  OVL_TRY(session_, store.open_session(ttl_));
  const StoreLayout layout(context.request().cluster);
  const Write write{.key = layout.presence(context.request().host),
                    .value = encode(context.world().holder).json(),
                    .session = session_->id()};
  OVL_TRY(const CommitResult done, store.commit({.guards = {}, .writes = {write}}));
  static_cast<void>(done);
  return {};
}

bool SuspensionWatch::holds() {
  const auto suspension = read_suspension(directory_);
  if (suspension && !held_) say_line(suspension->words(), Priority::notice);
  if (!suspension && held_) say_line("resumed", Priority::notice);
  held_ = suspension.has_value();
  return held_;
}

void WarningTeller::tell(const std::vector<Finding>& warnings) {
  std::set<std::string> now;
  for (const Finding& warning : warnings) {
    std::string text = fmt::format("warning: {}: {}", warning.subject, warning.message);
    if (!told_.contains(text)) say_line(text, Priority::warning);
    now.insert(std::move(text));
  }
  told_ = std::move(now);
}

namespace {

// Each step of an apply is a sign of life.
Progress signs_of_life(ServiceManager& manager) {
  Progress out;
  out.tell = [&manager](const StepProgress&) {
    manager.wait_for(std::chrono::seconds(90));
    manager.alive();
  };
  return out;
}

void tell_changes(const GlobalOptions& global, const Applied& applied) {
  const PlanCounts counts = count(applied.planned.plan);
  const std::size_t changes =
      counts.create + counts.update + counts.replace + counts.remove + counts.adopt + counts.forget;
  for (const std::string& line : change_lines(applied.planned.plan)) say_line(line);
  if (changes > 0 || global.verbose > 0) {
    say_line(fmt::format("generation {}: {}", applied.serial, changes_text(changes)), Priority::notice);
  }
}

}  // namespace

Result<Applied> apply_unasked(Context& context, const GlobalOptions& global, WarningTeller& warnings,
                              ServiceManager& manager) {
  OVL_TRY(const auto lock, context.lock_host());
  OVL_TRY(const bool other, context.refresh_netns());
  static_cast<void>(other);
  context.world().now = std::time(nullptr);
  const auto approve = [&](const Plan& plan) {
    warnings.tell(plan.warnings);
    return Status();
  };
  OVL_TRY(Applied applied, apply(context.request(), context.world(), approve, signs_of_life(manager)));
  warnings.tell(applied.planned.plan.warnings);
  tell_changes(global, applied);
  manager.ready();
  manager.status(fmt::format("generation {}", applied.serial));
  return applied;
}

}  // namespace ovl
