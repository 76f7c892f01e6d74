#include "cmd/hooks/limit.hpp"

#include <fmt/format.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "cmd/base/exit.hpp"

namespace ovl {

namespace {

// Made before any signal can come: a handler may only write.
std::string over_time;
constexpr std::string_view kInterrupted = "ovl: interrupted: it is refused [interrupted]\n";

void on_end(int signal) {
  const bool is_over = signal == SIGALRM;
  const std::string_view words = is_over ? std::string_view(over_time) : kInterrupted;
  (void)!::write(STDERR_FILENO, words.data(), words.size());
  ::_exit(is_over ? kExitRefused : kExitInterrupted);
}

void end_on(int signal) {
  struct sigaction now {};

  if (::sigaction(signal, nullptr, &now) != 0) return;
  if (signal != SIGALRM && now.sa_handler == SIG_IGN) return;

  struct sigaction ours {};

  ours.sa_handler = on_end;
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
  timer.it_value.tv_usec = std::chrono::microseconds(time - seconds).count();
  (void)::setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace ovl
