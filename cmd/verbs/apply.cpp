// ovl apply and ovl destroy: plan, ask, make it so.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <optional>
#include <utility>

#include "cmd/base/ask.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/base/interrupt.hpp"
#include "cmd/base/patient_write.hpp"
#include "cmd/base/progress_line.hpp"
#include "cmd/base/style.hpp"
#include "cmd/formats/event_log.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/keeping.hpp"
#include "cmd/session/left.hpp"
#include "cmd/session/plan_output.hpp"
#include "cmd/session/tell.hpp"
#include "cmd/session/whereabouts.hpp"
#include "cmd/verbs/rollback.hpp"
#include "cmd/verbs/verbs.hpp"
#include "reconcile/run/closing.hpp"

namespace ovl {

namespace {

// For so long a plan is held out to somebody who does not read. An approved plan is told while the locks are
// held: into a pager that nobody pages the write would wait, and every other host's apply with it. Two
// seconds are enough for any reader that reads.
constexpr std::chrono::milliseconds kHeldOut{2'000};

const char* operation_of(const PlanOptions& options) {
  return options.destroy ? "destroy" : "apply";
}

// What an apply has told so far: in the format that was asked for, and as events.
class Telling {
 public:
  Telling(const GlobalOptions& global, const PlanOptions& options, EventLog& events)
      : global_(global), options_(options), events_(events) {}

  Telling(const Telling&) = delete;
  Telling& operator=(const Telling&) = delete;

  // However the apply ends, also with an error, nothing that was to be read is lost.
  ~Telling() { tell_rest(); }

  ManifestFindings manifest;

  [[nodiscard]] bool is_text() const { return format_of(options_) == Format::text; }

  // Where the manifest is to be kept, when anything but text is told.
  [[nodiscard]] ManifestFindings* findings() {
    // Keeping them costs a copy of all sources and of the manifest, which text alone has no use for.
    return is_text() && options_.events.empty() ? nullptr : &manifest;
  }

  // last_words: of the apply, once it is done.
  void plan(const Plan& plan, const std::string& last_words = {}) {
    told_ = true;
    if (is_text()) return print_plan(plan, global_, options_, last_words);
    Report report = report_of(operation_of(options_), options_, manifest, plan);
    report.last_words = last_words;
    std::cout << told(report, format_of(options_));
  }

  // The plan in text, while others wait for the locks that are held: what nobody reads waits, and not they.
  void plan_in_passing(const Plan& plan) {
    told_ = true;
    // write_patiently() writes to the descriptor: what the stream still holds has to be there before it.
    std::cout << std::flush;
    rest_ = write_patiently(STDOUT_FILENO, text_of_plan(plan, global_, options_), kHeldOut);
  }

  // What nobody has read yet.
  void tell_rest() { std::cout << std::exchange(rest_, {}) << std::flush; }

  void event_of(const Plan& plan) {
    if (!options_.events.empty()) events_.plan(report_of(operation_of(options_), options_, manifest, plan));
  }

  // People are told on stderr.
  void error(const Error& error) {
    Report report = report_of(operation_of(options_), options_, manifest);
    report.error = error;
    // One document on stdout: where a plan was told already, an error's document behind it would make both
    // unreadable to a program.
    if (!told_ && !is_text()) std::cout << told(report, format_of(options_));
    // The events carry the error as an event of its own.
    report.error.reset();
    events_.failed(report, error);
  }

  // What was left as it is, after all else was applied.
  void left(const Error& error) {
    events_.failed(report_of(operation_of(options_), options_, manifest), error);
  }

 private:
  const GlobalOptions& global_;
  const PlanOptions& options_;
  EventLog& events_;
  bool told_ = false;
  std::string rest_;
};

// Whether nothing of it is carried out. A conflict without a part is about all of this host. One with a part
// freezes that part, and the rest is applied: an object in one endpoint's way is no reason to leave the
// others broken.
bool stops(const Plan& plan) {
  return !plan.refused.empty() ||
         std::ranges::any_of(plan.conflicts, [](const Finding& conflict) { return conflict.part.empty(); });
}

// Shows the plan and asks. A format that holds one document is printed at the end, or here when the apply
// goes no further.
struct Approval {
  const PlanOptions& options;
  Telling& telling;
  bool is_approved;  // by a saved plan or on the command line

  Status operator()(const Plan& plan) const {
    // First, and before any question: who follows the events sees what somebody is asked about.
    telling.event_of(plan);
    const bool ends_here = stops(plan);
    // At a question nothing is locked (Request::asks), and print_plan() may take as long as its reader. Here
    // the locks are held.
    if (telling.is_text() && is_approved && !ends_here) {
      telling.plan_in_passing(plan);
    } else if (telling.is_text() || ends_here) {
      telling.plan(plan);
    }
    // Before the question too: the file is what a reviewer's tool looks at.
    OVL_CHECK(write_json(plan, options));
    if (is_approved || ends_here) return {};
    if (telling.is_text()) return ask_for_consent();
    return Error{.code = Errc::usage,
                 .message = "nobody is asked in a format for programs; nothing was done",
                 .hint = "apply a saved plan, or say --auto-approve"};
  }
};

std::chrono::milliseconds steady_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
}

// How far it is, on stderr: a line for each step when much is to be said, else one line of a terminal. stdout
// belongs to the plan or to a document. A line that is overwritten is for a terminal alone: in a log of CI it
// would be one line of kilobytes.
class ProgressOnStderr {
 public:
  explicit ProgressOnStderr(const GlobalOptions& global) : every_(global.verbose > 0) {
    if (!every_ && isatty(STDERR_FILENO) == 1 && !in_automation()) line_.emplace(STDERR_FILENO, steady_now);
  }

  void tell(const StepProgress& now) {
    if (every_ && now.phase == StepProgress::Phase::start) {
      std::cerr << fmt::format("ovl: {}: {} operations\n", now.step, now.total);
    }
    if (line_) line_->tell(now);
  }

  void end() { line_.reset(); }

 private:
  bool every_;
  std::optional<ProgressLine> line_;
};

Result<int> finish(const Applied& applied, const Closing& end, const GlobalOptions& global,
                   const PlanOptions& options, Telling& telling) {
  telling.event_of(applied.planned.plan);
  // The text of an empty plan is little more than its last words, and these are known only here.
  if (!telling.is_text() || applied.planned.plan.empty()) {
    telling.plan(applied.planned.plan, end.words);
    OVL_CHECK(write_json(applied.planned.plan, options, end.words));
  } else {
    std::cout << printable(end.words) << "\n";
  }
  if (global.verbose > 0) std::cerr << fmt::format("ovl: {} writes to the kernel\n", applied.writes);
  if (!applied.left.empty()) {
    const Error error = error_of_left(applied.left);
    telling.left(error);
    return report_error(error);
  }
  if (const auto error = error_of_refused(applied.planned.plan, applied.planned.cluster.view)) {
    return report_error(*error);
  }
  // 2 although the apply went well: other hosts have yet to apply, and a script that asks for it wants to
  // know that the change is not through.
  return options.detailed_exitcode && !end.is_settled ? kExitChanges : kExitDone;
}

Error invalid_manifest() {
  return Error{.code = Errc::manifest, .message = "not all values could be chosen; nothing was done"};
}

// What a saved plan was asked for stays; how it is told, what this host holds it to, and what it says of the
// keystore, is said with the apply. Nothing that decides what is done: what the plan was approved for can't
// be widened by an option beside it. Only new_cluster may be added: it lets a cluster begin, and loosens no
// guard of one that is there.
void keep_telling(const PlanOptions& given, PlanOptions& options) {
  // The secrets' references of the command line are the host's own word; those in the plan's file were in
  // other hands. Context compares the addresses.
  options.keystore = given.keystore;
  options.json = given.json;
  options.format = given.format;
  options.json_into = given.json_into;
  options.events = given.events;
  options.detailed_exitcode = given.detailed_exitcode;
  options.lock_timeout = given.lock_timeout;
  options.timeout = given.timeout;
  options.policy = given.policy;
  options.show_all = given.show_all;
  options.environment = given.environment;
  options.new_cluster = options.new_cluster || given.new_cluster;
}

// How an apply came out.
struct Outcome {
  int code = kExitDone;
  ApplyResult result = ApplyResult::failed;
  std::int64_t generation = 0;
  std::string words = {};
};

Result<Outcome> apply_verb(const GlobalOptions& global, const PlanOptions& options, const SavedPlan* saved,
                           Telling& telling, EventLog& events) {
  // What is ours here is known without the store. So a host can leave a cluster whose store is gone for good.
  const bool alone = options.scope == "host" && options.destroy;
  const Context::Needs needs{
      .manifest = options.scope != "host" && !options.destroy && options.generation == 0,
      .keystore = !alone,
      .source = true,
      .policy = true,
      .writable = true,
      .findings = telling.findings()};
  OVL_TRY(Context context,
          Context::open(global, options, needs, saved != nullptr ? &saved->manifest : nullptr));
  if (saved != nullptr) OVL_CHECK(check_made_for(global, context, saved->options.host));
  // A person may want the commit again that was gone back from; a sync or a hook would bring it back within
  // seconds of every rollback.
  if (options.by_itself) OVL_CHECK(check_rolled_back(context));
  Request request = context.request();
  // A saved plan was looked at where it was made. It is checked to be the same under the locks, not shown
  // again.
  request.asks = saved == nullptr && !options.auto_approve && telling.is_text();
  std::optional<HostLock> lock;
  // apply() calls it after the question, not before: whoever thinks at a prompt holds no lock.
  request.lock_host = [&] { return context.lock_host_for(lock); };
  Records records;
  if (options.generation > 0) {
    OVL_TRY(records, go_back_to(options.generation, context, request));
    request.records = &records;
  }
  SeenPlan seen;
  // Called for the plan that is shown and again for the one that is made under the locks. SeenPlan compares
  // the second with the first, so nobody is made to agree to something else than what is done.
  request.check = [&](const Planned& planned) -> Status {
    if (print_problems(planned, context.sources())) {
      telling.manifest.diagnostics = planned.draft.problems;
      return invalid_manifest();
    }
    if (request.asks) return seen.look(planned);
    return saved != nullptr ? check_fresh(*saved, planned) : Status();
  };
  const Approval approval{options, telling, saved != nullptr || options.auto_approve};
  ProgressOnStderr shown(global);
  const Progress progress{[&](const StepProgress& now) {
    shown.tell(now);
    events.step(now);
  }};
  OVL_TRY(const Applied applied, apply(request, context.world(), approval, progress));
  // The line of progress is taken off before anything else is written to the terminal.
  shown.end();
  // All is written and verified; from here on things are only told, and a reader may be slow.
  lock.reset();
  telling.tell_rest();
  const Closing end = closing(closing_facts(applied.planned.plan, applied.serial, applied.left));
  OVL_TRY(const int code, finish(applied, end, global, options, telling));
  const bool changed = !applied.planned.plan.empty();
  return Outcome{.code = code,
                 .result = changed ? ApplyResult::applied : ApplyResult::unchanged,
                 .generation = applied.serial,
                 .words = end.words};
}

// A document on stdout and events on stdout are no two documents.
Status check_outputs(const PlanOptions& options, const EventLog& events) {
  if (!events.took_stdout() || format_of(options) == Format::text) return {};
  return Error{.code = Errc::usage,
               .message = "stdout can't have both the events and the plan in a format for programs",
               .hint = "write one of them into a file: --events FILE, --json-into FILE"};
}

Result<Outcome> run(const GlobalOptions& global, const PlanOptions& options,
                    const std::optional<SavedPlan>& saved, EventLog& events) {
  Telling telling(global, options, events);
  OVL_CHECK(check_outputs(options, events));
  auto outcome = apply_verb(global, options, saved ? &*saved : nullptr, telling, events);
  if (!outcome.ok()) telling.error(outcome.error());
  return outcome;
}

// Tells how it ended, last of all. A summary is told for every outcome: who reads events takes a stream
// without one for a program that died.
ApplyEnd conclude(const Result<Outcome>& outcome, EventLog& events) {
  const int code = outcome.ok() ? outcome.value().code : report_error(outcome.error());
  const Outcome ended = outcome.ok() ? outcome.value() : Outcome{};
  events.summary(ended.result, ended.generation, code, ended.words);
  // An apply does not fail because nobody listens: what is done is done.
  if (!events.broken().empty()) {
    std::cerr << fmt::format("ovl: not all events were told: {}\n", events.broken());
  }
  return {.code = code, .is_applied = outcome.ok()};
}

// Nobody may be looking here when it was not asked for. Where the store is what fails, it can't be told.
void tell_others(const GlobalOptions& global, const PlanOptions& options, const Error& error) {
  if (!lasts(error.code) || options.scope == "cluster") return;
  const auto here = HostInStore::as_it_was(global, options);
  const std::string commit = options.repo.empty() ? std::string() : options.ref;
  if (here.ok()) static_cast<void>(here.value().tell_failure(commit, error).ok());
}

// Whether who says which host this is, says the one that the plan was made for. Before the plan is opened as
// one of this host: here only two words are compared. Which host this machine really is is asked of its state
// and records later, in check_made_for().
bool is_for(const std::string& host, const SavedPlan& saved) {
  return host.empty() || saved.options.host.empty() || host == saved.options.host;
}

Error made_for_another(const std::string& host, const SavedPlan& saved) {
  return Error{.code = Errc::guard,
               .message = fmt::format("this plan was made for host {}, this is {}", saved.options.host, host),
               .hint = fmt::format("apply it on {}, or plan here: ovl plan --out FILE; nothing was done",
                                   saved.options.host)};
}

}  // namespace

ApplyEnd apply_to_end(const GlobalOptions& global, const PlanOptions& given) {
  listen_for_interrupts();
  // First of all, as it may move stdout away from what is printed later, and so that every failure after it
  // is an event.
  auto events = EventLog::open(given.events, operation_of(given));
  if (!events.ok()) return {.code = report_error(events.error())};
  std::optional<SavedPlan> saved;
  PlanOptions options = given;
  if (is_saved_plan(given.path)) {
    auto loaded = load_plan(given.path);
    if (loaded.ok() && !is_for(given.host, loaded.value()))
      loaded = made_for_another(given.host, loaded.value());
    if (!loaded.ok()) {
      Telling(global, options, events.value()).error(loaded.error());
      return conclude(std::move(loaded).error(), events.value());
    }
    saved = std::move(loaded).value();
    // What the plan was made with, not what stands on the command line now: the options are planned with
    // again and the result is compared with what was saved.
    options = saved->options;
    keep_telling(given, options);
  }
  const auto outcome = run(global, options, saved, events.value());
  if (options.by_itself && !outcome.ok()) tell_others(global, options, outcome.error());
  return conclude(outcome, events.value());
}

int run_apply(const GlobalOptions& global, const PlanOptions& options) {
  return apply_to_end(global, options).code;
}

}  // namespace ovl
