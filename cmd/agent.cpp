// ovl agent: keeps this host as the records say, from change to change, until it is told to end. What a
// store that can't be reached costs is time: nothing is removed meanwhile.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <iostream>

#include "cmd/context.hpp"
#include "cmd/exit.hpp"
#include "cmd/style.hpp"
#include "cmd/verbs.hpp"
#include "model/handle.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Waits grow from the first to the second while the store can't be reached.
constexpr milliseconds kFirstRetry{500};
constexpr milliseconds kLastRetry{15'000};
// One look at the stop signal at least this often.
constexpr milliseconds kGlance{500};

// SIGTERM and SIGINT as something to ask for: an apply in progress is finished first. Made before a
// driver starts threads, which inherit the mask.
class StopSignal {
 public:
  StopSignal() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    fd_ = UniqueFd(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  }

  // Sleeps until it arrives or the time is over.
  void wait(milliseconds length) const {
    pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, static_cast<int>(length.count()));
  }

  bool arrived() {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) arrived_ = true;
    return arrived_;
  }

 private:
  UniqueFd fd_;
  bool arrived_ = false;
};

void say(const std::string& text) {
  std::cerr << "ovl: " << printable(text) << "\n" << std::flush;
}

class Agent {
 public:
  Agent(Context& context, const GlobalOptions& global, StopSignal& stop, milliseconds heartbeat,
        std::chrono::seconds ttl)
      : context_(context),
        global_(global),
        stop_(stop),
        heartbeat_(heartbeat),
        ttl_(ttl),
        layout_(context.request().cluster) {}

  void run() {
    milliseconds retry = kFirstRetry;
    while (!stop_.arrived()) {
      const Status status = round();
      if (status.ok()) {
        retry = kFirstRetry;
        continue;
      }
      say(status.error().message);
      presence_.reset();
      stop_.wait(retry);
      retry = std::min(retry * 2, kLastRetry);
    }
  }

 private:
  // Applies, then waits for something to change.
  Status round() {
    OVL_CHECK(be_present());
    OVL_TRY(const Snapshot before, keystore().read(layout_.head()));
    OVL_CHECK(apply_once());
    OVL_TRY(const auto watch, keystore().watch(layout_.root(), before.revision));
    while (!stop_.arrived()) {
      OVL_CHECK(be_present());
      OVL_TRY(const WatchBatch batch, watch->next(kGlance));
      if (batch.reset || std::ranges::any_of(batch.events, [this](const auto& e) { return concerns_us(e); }))
        break;
    }
    return {};
  }

  // Another generation, or another host's facts: an MTU, a VTEP. Not what hosts report.
  [[nodiscard]] bool concerns_us(const WatchEvent& event) const {
    const bool of_others = event.key.starts_with(layout_.root() + "facts/") &&
                           event.key != layout_.facts(context_.request().host);
    return event.key == layout_.head() || of_others;
  }

  Status apply_once() {
    OVL_TRY(const auto lock, context_.lock_host());
    context_.world().now = std::time(nullptr);
    const auto approve = [](const Plan&) { return Status(); };
    const auto applied = apply(context_.request(), context_.world(), approve, Progress());
    if (!applied.ok()) return applied.error();
    const PlanCounts counts = count(applied.value().planned.plan);
    const std::size_t changes = counts.create + counts.update + counts.replace + counts.remove;
    if (changes > 0 || global_.verbose > 0) {
      say(fmt::format("generation {}: {} changes", applied.value().serial, changes));
    }
    return {};
  }

  Status be_present() {
    const auto now = steady_clock::now();
    if (presence_ && now - last_beat_ < heartbeat_) return {};
    last_beat_ = now;
    if (presence_ && presence_->keep_alive().ok()) return {};
    OVL_TRY(presence_, keystore().open_session(ttl_));
    const Write write{.key = layout_.presence(context_.request().host),
                      .value = encode(context_.world().holder).json(),
                      .session = presence_->id()};
    OVL_TRY(const CommitResult done, keystore().commit({.guards = {}, .writes = {write}}));
    static_cast<void>(done);
    return {};
  }

  Keystore& keystore() { return *context_.world().keystore; }

  Context& context_;
  const GlobalOptions& global_;
  StopSignal& stop_;
  milliseconds heartbeat_;
  std::chrono::seconds ttl_;
  StoreLayout layout_;
  std::unique_ptr<Session> presence_;
  steady_clock::time_point last_beat_;
};

Result<int> agent(const GlobalOptions& global, const PlanOptions& given, const AgentOptions& options) {
  OVL_TRY(const milliseconds heartbeat, parse_duration(options.heartbeat));
  OVL_TRY(const milliseconds ttl, parse_duration(options.ttl));
  if (heartbeat.count() <= 0 || ttl < heartbeat * 2) {
    return Error{.code = Errc::usage,
                 .message = "--ttl must be at least twice --heartbeat",
                 .hint = "leave both out: 20s and 60s"};
  }
  StopSignal stop;
  PlanOptions plan = given;
  plan.scope = "host";
  OVL_TRY(Context context, Context::open(global, plan, {.manifest = false, .writable = true}));
  Agent(context, global, stop, heartbeat, std::chrono::ceil<std::chrono::seconds>(ttl)).run();
  say("told to end");
  return kExitDone;
}

}  // namespace

int run_agent(const GlobalOptions& global, const PlanOptions& options, const AgentOptions& agent_options) {
  auto code = agent(global, options, agent_options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
