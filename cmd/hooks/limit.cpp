// A signal handler and not a deadline in each call: what takes long while a push is looked at may be libgit2,
// the parser or a store's library, none of which can be asked to stop. Nothing is held and nothing was
// written by then, so the process can end anywhere.
#include "cmd/hooks/limit.hpp"

#include <fmt/format.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "cmd/base/exit.hpp"

namespace ovl {

namespace {

// Made before any signal can come: a handler may only write. fmt and malloc are not async-signal-safe
// (signal-safety(7)).
std::string over_time;
constexpr std::string_view kInterrupted = "ovl: interrupted: it is refused [interrupted]\n";

void on_end(int signal) {
  const bool is_over = signal == SIGALRM;
  const std::string_view words = is_over ? std::string_view(over_time) : kInterrupted;
  (void)!::write(STDERR_FILENO, words.data(), words.size());
  // Not exit(): destructors and stdio would run inside of whatever was interrupted.
  ::_exit(is_over ? kExitRefused : kExitInterrupted);
}

void end_on(int signal) {
  struct sigaction now {};

  if (::sigaction(signal, nullptr, &now) != 0) return;
  // Who started it with nohup meant that. The alarm is our own, and its being ignored is inherited over
  // exec(2), so that who pushes could turn the limit off.
  if (signal != SIGALRM && now.sa_handler == SIG_IGN) return;

  struct sigaction ours {};

  ours.sa_handler = on_end;
  // One end, with one message.
  ::sigfillset(&ours.sa_mask);
  (void)::sigaction(signal, &ours, nullptr);
}

}  // namespace

void limit_hook(std::chrono::milliseconds time) {
  over_time = fmt::format(
      "ovl: looking at this took longer than {} s, which is what it may take here: it is refused [guard]\n"
      "hint: bring less at once; who installed the hook may give it more: ovl hook install --time-limit\n",
      std::chrono::ceil<std::chrono::seconds>(time).count());
  for (const int signal : {SIGALRM, SIGINT, SIGTERM, SIGHUP}) end_on(signal);
  sigset_t alarm;
  ::sigemptyset(&alarm);
  ::sigaddset(&alarm, SIGALRM);
  (void)::sigprocmask(SIG_UNBLOCK, &alarm, nullptr);  // who pushes may have a say in what is blocked
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  itimerval timer{};
  timer.it_value.tv_sec = seconds.count();
  // ITIMER_REAL counts time that passes, not time of the processor: a store that does not answer costs none
  // of the latter. interrupted() sets it to nothing when something is about to be made.
  timer.it_value.tv_usec = std::chrono::microseconds(time - seconds).count();
  (void)::setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace ovl
