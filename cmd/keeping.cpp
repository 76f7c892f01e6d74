#include "cmd/keeping.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <ctime>
#include <iostream>

#include "cmd/style.hpp"
#include "cmd/suspension.hpp"

namespace ovl {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

StopSignal::StopSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  fd_ = UniqueFd(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
}

void StopSignal::wait(milliseconds length) const {
  pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  ::poll(&entry, 1, static_cast<int>(length.count()));
}

bool StopSignal::arrived() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) arrived_ = true;
  return arrived_;
}

Status Presence::keep(Context& context) {
  const auto now = steady_clock::now();
  if (session_ && now - last_ < heartbeat_) return {};
  last_ = now;
  if (session_ && session_->keep_alive().ok()) return {};
  Keystore& store = *context.world().keystore;
  OVL_TRY(session_, store.open_session(ttl_));
  const StoreLayout layout(context.request().cluster);
  const Write write{.key = layout.presence(context.request().host),
                    .value = encode(context.world().holder).json(),
                    .session = session_->id()};
  OVL_TRY(const CommitResult done, store.commit({.guards = {}, .writes = {write}}));
  static_cast<void>(done);
  return {};
}

bool SuspensionWatch::holds() {
  const auto suspension = read_suspension(directory_);
  if (suspension && !held_) say_line(suspension->words());
  if (!suspension && held_) say_line("resumed");
  held_ = suspension.has_value();
  return held_;
}

void say_line(const std::string& text) {
  std::cerr << "ovl: " << printable(text) << "\n" << std::flush;
}

Result<Applied> apply_unasked(Context& context, const GlobalOptions& global) {
  OVL_TRY(const auto lock, context.lock_host());
  context.world().now = std::time(nullptr);
  const auto approve = [](const Plan&) { return Status(); };
  OVL_TRY(Applied applied, apply(context.request(), context.world(), approve, Progress()));
  const PlanCounts counts = count(applied.planned.plan);
  const std::size_t changes = counts.create + counts.update + counts.replace + counts.remove;
  if (changes > 0 || global.verbose > 0) {
    say_line(fmt::format("generation {}: {} changes", applied.serial, changes));
  }
  return applied;
}

}  // namespace ovl
