// ovl history: the cluster's generations. ovl lock ls|break: who is writing, and taking it from them.
#include "reconcile/history.hpp"

#include <fmt/format.h>

#include <charconv>
#include <iostream>

#include "cmd/context.hpp"
#include "cmd/describe.hpp"
#include "cmd/exit.hpp"
#include "cmd/output_format.hpp"
#include "cmd/style.hpp"
#include "cmd/verbs.hpp"
#include "reconcile/time_text.hpp"

namespace ovl {

namespace {

std::string commit_text(const GenerationRecord& generation) {
  return generation.commit.empty() ? "-" : printable(generation.commit.substr(0, 12));
}

std::string history_text(const History& history) {
  Table table;
  table.row({"GENERATION", "WHEN", "WHO", "COMMIT", "SOURCE"});
  for (const GenerationRecord& generation : history.generations) {
    table.row({std::to_string(generation.serial), time_text(generation.when), printable(generation.who),
               commit_text(generation), printable(generation.source)});
  }
  std::string out = table.text("");
  for (const Finding& finding : history.refused) {
    out += fmt::format("refused record {}: {}\n", printable(finding.subject), printable(finding.message));
  }
  return out;
}

Value history_json(const History& history) {
  Value out = Value::object();
  out.set("format_version", kOutputFormat);
  Value generations = Value::array();
  for (const GenerationRecord& generation : history.generations) generations.push(encode(generation));
  out.set("generations", std::move(generations));
  out.set("refused", value_of(history.refused));
  return out;
}

Result<Context> open_store(const GlobalOptions& global, const PlanOptions& options) {
  return Context::open(global, options, {.manifest = false, .host = false});
}

Result<int> history(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context, open_store(global, options));
  OVL_TRY(const History known,
          read_history(*context.world().keystore, StoreLayout(context.request().cluster)));
  std::cout << (options.json ? history_json(known).pretty_json() + "\n" : history_text(known));
  return kExitDone;
}

std::string lock_text(const HeldLock& lock) {
  Table table;
  table.row({"LOCK ID", "WHO", "HOST", "PID", "SINCE"});
  const StoreLock::Holder holder = lock.holder.value_or(StoreLock::Holder{.who = "unknown", .host = "-"});
  table.row({std::to_string(lock.id), printable(holder.who), printable(holder.host),
             std::to_string(holder.pid), time_text(holder.since)});
  return table.text("");
}

Value lock_json(const std::optional<HeldLock>& lock) {
  Value locks = Value::array();
  if (lock) {
    Value item = lock->holder ? encode(*lock->holder) : Value::object();
    item.set("id", std::to_string(lock->id));
    locks.push(std::move(item));
  }
  Value out = Value::object();
  out.set("format_version", kOutputFormat);
  out.set("locks", std::move(locks));
  return out;
}

Result<int> lock_ls(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context, open_store(global, options));
  OVL_TRY(const auto lock, read_lock(*context.world().keystore, StoreLayout(context.request().cluster)));
  if (options.json) {
    std::cout << lock_json(lock).pretty_json() << "\n";
  } else {
    std::cout << (lock ? lock_text(*lock) : std::string("Nobody holds the cluster's lock.\n"));
  }
  return kExitDone;
}

Result<Revision> parse_id(const std::string& text) {
  Revision id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error == std::errc{} && end == text.data() + text.size()) return id;
  return Error{.code = Errc::usage,
               .message = fmt::format("\"{}\" is no lock's id", printable(text)),
               .hint = "see it with: ovl lock ls"};
}

Result<int> lock_break(const GlobalOptions& global, const PlanOptions& options, const std::string& id) {
  OVL_TRY(const Revision wanted, parse_id(id));
  OVL_TRY(Context context, open_store(global, options));
  OVL_CHECK(break_lock(*context.world().keystore, StoreLayout(context.request().cluster), wanted));
  std::cout << "The lock is broken; what its holder still writes is refused.\n";
  return kExitDone;
}

}  // namespace

int run_history(const GlobalOptions& global, const PlanOptions& options) {
  auto code = history(global, options);
  return code.ok() ? code.value() : report_error(code.error());
}

int run_lock_ls(const GlobalOptions& global, const PlanOptions& options) {
  auto code = lock_ls(global, options);
  return code.ok() ? code.value() : report_error(code.error());
}

int run_lock_break(const GlobalOptions& global, const PlanOptions& options, const std::string& id) {
  auto code = lock_break(global, options, id);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
