// A signal that kills an apply between two messages leaves a step half done and the cluster locked until a
// lease runs out. One that is only noted leaves a user in front of a program that does not react. So it
// depends on what is held: nothing, and the first signal ends it; something, and the first is a wish for the
// end of the step, the second an order.
#include "cmd/base/interrupt.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string_view>

#include "cmd/base/exit.hpp"

namespace ovl {

namespace {

// What a signal handler may touch: lock-free, and of the whole process as signals are.
std::atomic<bool> somebody_asks = false;
std::atomic<bool> wish_came = false;
std::atomic<int> bell = -1;

constexpr std::string_view kBefore =
    "ovl: interrupted while reading and planning: nothing was changed [interrupted]\n";

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

// As if nobody had listened. Where the default does nothing, for the first process of a container, it ends
// all the same.
[[noreturn]] void end_at_once(int signal) {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, signal);
  // By the signal itself and not by an exit code: a shell tells "killed by SIGINT" from an error, and ends
  // its own script.
  (void)std::signal(signal, SIG_DFL);
  (void)::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  (void)::raise(signal);
  ::_exit(128 + signal);
}

void on_signal(int signal) {
  if (!somebody_asks) {
    // write(2) and _exit(2) are async-signal-safe, stdio and exit() are not (signal-safety(7)).
    (void)!::write(STDERR_FILENO, kBefore.data(), kBefore.size());
    ::_exit(kExitInterrupted);
  }
  if (wish_came.exchange(true)) end_at_once(signal);
  // What is interrupted here may be about to read it.
  const int number = errno;
  const std::uint64_t once = 1;
  (void)!::write(bell, &once, sizeof(once));
  errno = number;
}

void listen_for(int signal) {
  struct sigaction now {};

  // nohup(1) and shells that start something in the background ignore signals for their children, who must
  // not undo it.
  if (::sigaction(signal, nullptr, &now) != 0 || now.sa_handler == SIG_IGN) return;

  struct sigaction ours {};

  // A step that is under way is not disturbed; what waits polls, and is woken by interrupt_fd().
  ours.sa_handler = on_signal;
  ours.sa_flags = SA_RESTART;
  ::sigemptyset(&ours.sa_mask);
  (void)::sigaction(signal, &ours, nullptr);
}

}  // namespace

void listen_for_interrupts() {
  if (bell >= 0) return;
  // A descriptor, as poll(2) hears nothing else without a race: a flag could be set right before it sleeps.
  // It is never read, so that it stays readable for all who wait.
  bell = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  for (const int signal : kSignals) listen_for(signal);
}

bool interrupted() {
  // Who asks is about to hold something. From here on no limit on looking may kill it either.
  if (!somebody_asks.exchange(true)) {
    const itimerval none{};
    (void)::setitimer(ITIMER_REAL, &none, nullptr);
  }
  return wish_came;
}

int interrupt_fd() {
  return bell;
}

void wait_for_interrupt(std::chrono::milliseconds length) {
  pollfd entry{.fd = bell, .events = POLLIN, .revents = 0};
  (void)::poll(&entry, 1, static_cast<int>(length.count()));
}

}  // namespace ovl
