// ovl history: the cluster's generations. ovl lock ls|break: who is writing, and taking it from them.
#include "reconcile/cluster/history.hpp"

#include <fmt/format.h>

#include <charconv>
#include <iostream>
#include <map>

#include "cmd/base/describe.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/base/output_format.hpp"
#include "cmd/base/style.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/loss.hpp"
#include "cmd/verbs/verbs.hpp"
#include "reconcile/words/time_text.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

std::string commit_text(const GenerationRecord& generation) {
  return generation.commit.empty() ? "-" : printable(generation.commit.substr(0, 12));
}

using Commits = std::map<std::string, Commit>;  // by id

// What a repository at hand says of the generations' commits; a commit that it has not stays without words. A
// clone that has not fetched yet, or a shallow one, is no reason to show no history.
Commits commits_of(GitRepository* repository, const History& history) {
  Commits out;
  for (const GenerationRecord& generation : history.generations) {
    if (repository == nullptr || generation.commit.empty() || out.contains(generation.commit)) continue;
    auto commit = repository->commit(generation.commit);
    if (commit.ok()) out.emplace(generation.commit, std::move(commit).value());
  }
  return out;
}

// Everything that comes from the store or from a repository goes through printable(): who may write either
// would otherwise write escape sequences to the terminal of whoever looks.
std::string history_text(const History& history, const Commits& commits) {
  Table table;
  table.row({"GENERATION", "WHEN", "WHO", "COMMIT", "AUTHOR", "SUBJECT", "SOURCE"});
  for (const GenerationRecord& generation : history.generations) {
    const auto commit = commits.find(generation.commit);
    const bool known = commit != commits.end();
    table.row({std::to_string(generation.serial), time_text(generation.when), printable(generation.who),
               commit_text(generation), known ? printable(commit->second.author) : "-",
               known ? printable(commit->second.subject) : "-", printable(generation.source)});
  }
  std::string out = table.text("");
  // A generation that can't be read leaves a gap, which would look like one that never was.
  for (const Finding& finding : history.refused) {
    out += fmt::format("refused record {}: {}\n", printable(finding.subject), printable(finding.message));
  }
  return out;
}

// The record as it stands in the store, and beside it what only a repository knows: a program can tell which
// is which by the schema.
Value history_json(const History& history, const Commits& commits) {
  Value out = Value::object();
  out.set("format_version", kOutputFormat);
  Value generations = Value::array();
  for (const GenerationRecord& generation : history.generations) {
    Value item = encode(generation);
    const auto commit = commits.find(generation.commit);
    if (commit != commits.end()) {
      item.set("author", safe_text(commit->second.author));
      item.set("subject", safe_text(commit->second.subject));
    }
    generations.push(std::move(item));
  }
  out.set("generations", std::move(generations));
  out.set("refused", value_of(history.refused));
  return out;
}

Result<Context> open_store(const GlobalOptions& global, const PlanOptions& options) {
  return Context::open(global, options, {.manifest = false, .host = false});
}

// Where everything is named, the revision's manifest is not needed to find the store. A repository that is at
// hand for its commits' words need not have this cluster's manifest, or one that is valid.
PlanOptions options_for_store(PlanOptions options) {
  if (options.keystore.url.empty() || options.cluster.empty()) return options;
  options.repo.clear();
  options.ref.clear();
  return options;
}

// Those of one revision, when somebody asks for it.
Status keep_revision(GitRepository* repository, const PlanOptions& options, History& history) {
  if (options.ref.empty() || repository == nullptr) return {};
  OVL_TRY(const Commit wanted, repository->commit(options.ref));
  // By the commit that the revision is now, and not by its name: generations know ids alone.
  std::erase_if(history.generations, [&](const auto& generation) { return generation.commit != wanted.id; });
  return {};
}

Result<int> history(const GlobalOptions& global, const PlanOptions& options) {
  // May be none: who stands in no repository is told the generations without authors and subjects.
  OVL_TRY(const auto repository, open_repository(options.repo));
  OVL_TRY(Context context, open_store(global, options_for_store(options)));
  OVL_TRY(History known, read_history(*context.world().keystore, StoreLayout(context.request().cluster)));
  OVL_CHECK(keep_revision(repository.get(), options, known));
  const Commits commits = commits_of(repository.get(), known);
  std::cout << (options.json ? history_json(known, commits).pretty_json() + "\n"
                             : history_text(known, commits));
  // After the history was told. A loss is an error, but what the store still knows is what somebody needs
  // then.
  OVL_TRY(const StoreView view,
          read_store(*context.world().keystore, StoreLayout(context.request().cluster)));
  OVL_CHECK(tell_loss(global, options, context, view));
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

// A list, although there is one at most: a program that asks "is it locked" asks for its length, and a second
// kind of lock would change no form.
Value lock_json(const std::optional<HeldLock>& lock) {
  Value locks = Value::array();
  if (lock) {
    Value item = lock->holder ? encode(*lock->holder) : Value::object();
    // As text: a revision has 64 bits, and programs read numbers of JSON as doubles (RFC 8259, 6).
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

// The id says which life of the lock is meant. Somebody may have given it back and another one taken it since
// it was looked up, and that one is not to be broken.
Result<int> lock_break(const GlobalOptions& global, const PlanOptions& options, const std::string& id) {
  OVL_TRY(const Revision wanted, parse_id(id));
  OVL_TRY(Context context, open_store(global, options));
  OVL_CHECK(break_lock(*context.world().keystore, StoreLayout(context.request().cluster), wanted));
  // Its life is a guard of each of the holder's writes, so they end here and don't go on behind it.
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
