#include "cmd/rollback.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>

#include "cmd/interrupt.hpp"
#include "cmd/style.hpp"
#include "cmd/verbs.hpp"
#include "reconcile/history.hpp"
#include "reconcile/time_text.hpp"

namespace ovl {

namespace {

// A number of at most nine digits is a generation; what begins a commit's id is longer or has letters.
std::optional<std::int64_t> serial_in(const std::string& text) {
  std::int64_t serial = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), serial);
  if (error != std::errc{} || end != text.data() + text.size() || text.size() > 9) return std::nullopt;
  return serial;
}

Error no_generation(const std::string& message) {
  return Error{.code = Errc::not_found, .message = message, .hint = "see what there is: ovl history"};
}

Result<std::string> commit_of_generation(const History& history, std::int64_t serial) {
  const auto found = std::ranges::find(history.generations, serial, &GenerationRecord::serial);
  if (found == history.generations.end())
    return no_generation(fmt::format("generation {} is not kept", serial));
  if (!found->commit.empty()) return found->commit;
  return no_generation(
      fmt::format("generation {} came from a plain folder: its manifest is not kept", serial));
}

// The newest generation of another commit than the newest.
Result<std::string> commit_before(const History& history) {
  if (history.generations.empty()) return no_generation("there is no generation yet");
  const std::string& now = history.generations.front().commit;
  const auto found = std::ranges::find_if(history.generations, [&](const GenerationRecord& generation) {
    return !generation.commit.empty() && generation.commit != now;
  });
  if (found != history.generations.end()) return found->commit;
  return no_generation("there is no generation of another commit to go back to");
}

Result<History> history_of(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  return read_history(*context.world().keystore, StoreLayout(context.request().cluster));
}

Result<Commit> target_commit(const GlobalOptions& global, const PlanOptions& options,
                             const std::string& target) {
  OVL_TRY(const auto repository, repository_of(options));
  const auto serial = serial_in(target);
  if (!target.empty() && !serial) return repository->commit(target);
  OVL_TRY(const History history, history_of(global, options));
  OVL_TRY(const std::string commit, serial ? commit_of_generation(history, *serial) : commit_before(history));
  return repository->commit(commit);
}

Result<int> rollback(const GlobalOptions& global, const PlanOptions& options, const std::string& target) {
  listen_for_interrupts();
  OVL_TRY(const Commit commit, target_commit(global, options, target));
  std::cerr
      << fmt::format("Back to commit {:.12} of {}: {}\n", commit.id, time_text(commit.when),
                     printable(commit.subject))
      << "The branch stays where it is: revert there too, or the next apply by hand goes forward again.\n";
  PlanOptions back = options;
  back.ref = commit.id;
  back.goes_back = true;
  return run_apply(global, back);
}

}  // namespace

int run_rollback(const GlobalOptions& global, const PlanOptions& options, const std::string& target) {
  const auto code = rollback(global, options, target);
  return code.ok() ? code.value() : report_error(code.error());
}

Status check_rolled_back(Context& context) {
  const Request& request = context.request();
  const std::string& commit = request.origin.commit;
  if (commit.empty() || request.scope == Scope::host || request.allow_rollback) return {};
  OVL_TRY(const History history, read_history(*context.world().keystore, StoreLayout(request.cluster)));
  if (history.generations.empty() || history.generations.front().commit == commit) return {};
  const auto applied = std::ranges::find(history.generations, commit, &GenerationRecord::commit);
  if (applied == history.generations.end()) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("commit {:.12} was applied as generation {} and gone back from", commit,
                                      applied->serial),
               .hint = "push a commit after it, such as git revert makes, or apply it by hand"};
}

}  // namespace ovl
