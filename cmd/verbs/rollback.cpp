// ovl rollback: going back is going forward. What was wanted then is applied anew, as a generation of its
// own, with the plan, the question and the guards of any apply: the store's history is never rewound, so
// hosts follow it as they follow every change, and going back can itself be gone back from.
#include "cmd/verbs/rollback.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <optional>

#include "cmd/base/interrupt.hpp"
#include "cmd/base/style.hpp"
#include "cmd/verbs/verbs.hpp"
#include "reconcile/cluster/history.hpp"
#include "reconcile/cluster/past_records.hpp"
#include "reconcile/words/time_text.hpp"

namespace ovl {

namespace {

// A number of at most nine digits is a generation; what begins a commit's id is longer or has letters. An id
// that is abbreviated to nine digits and no letter is taken for a generation too, and has to be given longer.
std::optional<std::int64_t> serial_in(const std::string& text) {
  std::int64_t serial = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), serial);
  if (error != std::errc{} || end != text.data() + text.size() || text.size() > 9) return std::nullopt;
  return serial;
}

Error no_generation(const std::string& message) {
  return Error{.code = Errc::not_found, .message = message, .hint = "see what there is: ovl history"};
}

// What is gone back to: a commit where its manifest is at hand, else the records that a generation keeps.
struct Target {
  std::optional<Commit> commit;
  GenerationRecord generation;
  std::string repository;  // where the commit is
};

// "net" of "git:FIRST:net", as a generation keeps it. Also the folder may have a colon, so only the first two
// count.
std::string folder_in(const std::string& source) {
  const auto first = source.find(':');
  const auto second = first == std::string::npos ? first : source.find(':', first + 1);
  return source.starts_with("git:") && second != std::string::npos ? source.substr(second + 1)
                                                                   : std::string();
}

Target target_of(GitRepository* repository, const GenerationRecord& generation) {
  Target out{.commit = {}, .generation = generation, .repository = {}};
  if (repository == nullptr || generation.commit.empty()) return out;
  // A repository that has not this commit is another one, or a shallow clone: what the generation keeps goes
  // in its place.
  auto commit = repository->commit(generation.commit);
  if (!commit.ok()) return out;
  out.commit = std::move(commit).value();
  out.repository = repository->directory();
  return out;
}

Result<GenerationRecord> generation_in(const History& history, std::int64_t serial) {
  const auto found = std::ranges::find(history.generations, serial, &GenerationRecord::serial);
  if (found != history.generations.end()) return *found;
  return no_generation(fmt::format("generation {} is not kept", serial));
}

// The newest generation of another commit than the newest, or of other records where it is of none.
Result<GenerationRecord> generation_before(const History& history) {
  if (history.generations.empty()) return no_generation("there is no generation yet");
  const GenerationRecord& now = history.generations.front();
  const auto found = std::ranges::find_if(history.generations, [&](const GenerationRecord& generation) {
    // By digest: a generation that only says that the same files are another commit's by now is not one to go
    // back to.
    return generation.digest != now.digest && (now.commit.empty() || generation.commit != now.commit);
  });
  if (found != history.generations.end()) return *found;
  return no_generation("there is no generation of another commit, or with other records, to go back to");
}

Result<History> history_of(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  return read_history(*context.world().keystore, StoreLayout(context.request().cluster));
}

Result<Target> find_target(const GlobalOptions& global, const PlanOptions& options,
                           const std::string& target) {
  const auto serial = serial_in(target);
  // A revision needs no store to be found: what is asked is the repository, and the apply opens the store.
  if (!target.empty() && !serial) {
    OVL_TRY(const auto repository, repository_of(options));
    OVL_TRY(Commit commit, repository->commit(target));
    return Target{.commit = std::move(commit), .generation = {}, .repository = {}};
  }
  OVL_TRY(const auto repository, open_repository(options.repo));
  OVL_TRY(const History history, history_of(global, options));
  OVL_TRY(const GenerationRecord generation,
          serial ? generation_in(history, *serial) : generation_before(history));
  return target_of(repository.get(), generation);
}

Result<int> rollback(const GlobalOptions& global, const PlanOptions& options, const std::string& target) {
  listen_for_interrupts();
  OVL_TRY(const Target to, find_target(global, options, target));
  PlanOptions back = options;
  // Lets the older commit pass the guard of descent, and no more: who may be followed, protect, --max-destroy
  // and policy hold as for any apply.
  back.goes_back = true;
  if (to.commit) {
    std::cerr
        << fmt::format("Back to commit {:.12} of {}: {}\n", to.commit->id, time_text(to.commit->when),
                       printable(to.commit->subject))
        << "The branch stays where it is: revert there too, or the next apply by hand goes forward again.\n";
    // The id and not what was typed: a branch may move before the apply reads it.
    back.ref = to.commit->id;
    const std::string folder = folder_in(to.generation.source);
    // The manifest lay in this folder then. Who stands at the root would find none, or another cluster's.
    if (back.path.empty() && !folder.empty()) {
      back.repo = to.repository;
      back.path = folder;
    }
  } else {
    std::cerr << fmt::format("Back to the records of generation {} of {}, by {}\n", to.generation.serial,
                             time_text(to.generation.when), printable(to.generation.who))
              << "The manifest stays as it is: change it too, or its next apply goes forward again.\n";
    back.generation = to.generation.serial;
  }
  return run_apply(global, back);
}

}  // namespace

int run_rollback(const GlobalOptions& global, const PlanOptions& options, const std::string& target) {
  const auto code = rollback(global, options, target);
  return code.ok() ? code.value() : report_error(code.error());
}

Result<Records> go_back_to(std::int64_t serial, Context& context, Request& request) {
  const StoreLayout layout(request.cluster);
  OVL_TRY(const StoreView view, read_store(*context.world().keystore, layout));
  OVL_TRY(Records records, records_of_generation(*context.world().keystore, layout, view, serial));
  const GenerationRecord& generation = view.generations.at(serial);
  request.manifest = nullptr;
  // Those of the generation that is gone back to: the head has to say what the records are of, or the next
  // apply of the manifest is measured against the wrong commit.
  request.origin = Origin{.source = generation.source, .commit = generation.commit};
  // No repository stands behind these records, so there is nothing to ask whether it descends.
  request.descent = {};
  request.dirty = false;
  request.shallow = false;
  // Records of the past are not what the caller wrote by hand: for namespaces that exist the host's list is
  // asked.
  request.own_words = false;
  return records;
}

Status check_rolled_back(Context& context) {
  const Request& request = context.request();
  const std::string& commit = request.origin.commit;
  // A host follows what the records say, wherever they have come from.
  if (commit.empty() || request.scope == Scope::host || request.allow_rollback) return {};
  OVL_TRY(const History history, read_history(*context.world().keystore, StoreLayout(request.cluster)));
  // What is applied now is no commit that was gone back from, however often it was applied before.
  if (history.generations.empty() || history.generations.front().commit == commit) return {};
  const auto applied = std::ranges::find(history.generations, commit, &GenerationRecord::commit);
  if (applied == history.generations.end()) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("commit {:.12} was applied as generation {} and gone back from", commit,
                                      applied->serial),
               .hint = "push a commit after it, such as git revert makes, or apply it by hand"};
}

}  // namespace ovl
