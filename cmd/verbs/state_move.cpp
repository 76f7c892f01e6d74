// ovl state mv: a record gets another name in the keystore, and keeps everything else.
#include <fmt/format.h>

#include <iostream>

#include "cmd/base/ask.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/base/interrupt.hpp"
#include "cmd/session/plan_output.hpp"
#include "cmd/verbs/state_verbs.hpp"

namespace ovl {

namespace {

// A move that changes nothing names something that is not there, or a name that is taken.
Status check_move(const Plan& plan, const std::string& from, const std::string& to) {
  if (!plan.record_changes.empty()) return {};
  // Not silently done: who mistypes a name would believe that it was moved.
  return Error{.code = Errc::not_found,
               .message = fmt::format("there is no {} that could become {}", from, to),
               .hint = fmt::format("see the records with: ovl plan; {} must not be there yet", to)};
}

Result<int> move_record(const GlobalOptions& global, const PlanOptions& given, const std::string& from,
                        const std::string& to) {
  OVL_TRY(Move move, parse_move(from, to));
  PlanOptions options = given;
  // Only the record's name changes. Hosts follow it as they follow any record, and objects keep the ids that
  // they are named after.
  options.scope = "cluster";
  listen_for_interrupts();
  OVL_TRY(Context context,
          // With the memory, as for an apply: a move into an older copy of the store would be written on top
          // of it, past the guard that --restored is for.
          Context::open(
              global, options,
              {.manifest = false, .identity = false, .memory = true, .policy = true, .writable = true}));
  Request request = context.request();
  // The manifest here still has the old name. With it the same apply would undo the move.
  request.manifest = nullptr;
  request.moves.push_back(std::move(move));
  request.asks = !options.auto_approve;
  SeenPlan seen;
  request.check = [&](const Planned& planned) -> Status {
    OVL_CHECK(check_move(planned.plan, from, to));
    return request.asks ? seen.look(planned) : Status();
  };
  const auto approve = [&](const Plan& plan) -> Status {
    print_plan(plan, global, options);
    return options.auto_approve ? Status() : ask_for_consent();
  };
  OVL_TRY(const Applied applied, apply(request, context.world(), approve, Progress{}));
  if (!options.json) {
    std::cout << fmt::format(
        "Moved. Generation {}. Call it {} in the manifest too, or the next apply undoes it.\n",
        applied.serial, to);
  }
  return kExitDone;
}

}  // namespace

int run_state_mv(const GlobalOptions& global, const PlanOptions& options,
                 const std::vector<std::string>& names) {
  const auto code = move_record(global, options, names.front(), names.back());
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
