#include "drivers/keystore/sqlite/watch.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A writer that is killed between its commit and its ring is heard after this at the latest.
constexpr milliseconds kLookAnyway{1000};

}  // namespace

// ---- SqliteWatch -----------------------------------------------------------------------------

// How a watch wakes for another process's write: every writer touches the database file's times after
// its commit, and inotify tells (IN_ATTRIB). Why not wait for the write to the -wal file: it comes
// before the commit can be seen (the index in shared memory is changed last, and memory tells nobody),
// so a watch that looks then finds nothing and sleeps on. Why not ask PRAGMA data_version again and
// again: that is a clock wait of a few milliseconds for ever.
Result<std::unique_ptr<Watch>> SqliteWatch::open(SqliteKeystoreOptions options, KeySelection what,
                                                 Revision after) {
  std::unique_ptr<SqliteWatch> watch(new SqliteWatch(std::move(options), std::move(what), after));
  OVL_CHECK(watch->connect());
  return std::unique_ptr<Watch>(std::move(watch));
}

Status SqliteWatch::connect() {
  tables_.reset();
  auto tables = SqliteTables::open(options_, sqlite::Access::create);
  if (!tables.ok() && tables.error().code == Errc::privilege) {
    tables = SqliteTables::open(options_, sqlite::Access::read_only);
  }
  if (!tables.ok()) return as_keystore_error(std::move(tables).error());
  tables_.emplace(std::move(tables).value());
  bell_ = UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string& path = tables_->database().path();
  if (!bell_.valid() || ::inotify_add_watch(bell_.get(), path.c_str(), IN_ATTRIB | IN_MOVE_SELF) < 0) {
    const int error = errno;
    return Error{.code = Errc::unreachable,
                 .message = fmt::format("watching {}: {}", path, std::strerror(error)),
                 .hint = error == EMFILE || error == ENOSPC ? "raise the limits in /proc/sys/fs/inotify" : "",
                 .os_errno = error};
  }
  return {};
}

Result<WatchBatch> SqliteWatch::next(milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  for (;;) {
    auto batch = look();
    if (!batch.ok()) return as_keystore_error(std::move(batch).error());
    if (batch.value().reset || !batch.value().events.empty()) return batch;
    OVL_TRY(const bool again, wait(deadline));
    if (!again) return batch;
  }
}

// True: look again. False: the time is up, or a signal came that the caller wants to know of.
Result<bool> SqliteWatch::wait(steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  if (left.count() <= 0) return false;
  auto pause = std::min(left, kLookAnyway);
  auto expiry = tables_->next_expiry();
  if (!expiry.ok()) return as_keystore_error(std::move(expiry).error());
  // One that is over already could not be ended now. The millisecond more makes up for rounding.
  const auto& until = expiry.value();
  if (until && until->count() > 0) pause = std::min(pause, *until + milliseconds{1});

  struct pollfd waiting {
    .fd = bell_.get(), .events = POLLIN, .revents = 0
  };

  const int ready = ::poll(&waiting, 1, static_cast<int>(pause.count()));
  if (ready < 0) return false;
  std::array<char, 4096> drained;
  while (ready > 0 && ::read(bell_.get(), drained.data(), drained.size()) > 0) {
  }
  return true;
}

Result<WatchBatch> SqliteWatch::look() {
  if (!reset_ && !tables_->database().is_in_place()) {
    // Another file took its place: its revisions say nothing about ours.
    reset_ = true;
    OVL_CHECK(connect());
  }
  // When it cannot be written now, whoever writes next ends the sessions.
  if (auto expired = tables_->expire(); !expired.ok() && expired.error().code == Errc::corrupt) {
    return std::move(expired).error();
  }
  OVL_TRY(auto transaction, sqlite::Transaction::begin(tables_->database(), sqlite::Transaction::Kind::read));
  return look_inside();
}

Result<WatchBatch> SqliteWatch::look_inside() {
  OVL_TRY(const auto position, tables_->position());
  WatchBatch batch{.revision = position.revision};
  reset_ = reset_ || after_ < position.trimmed || after_ > position.revision;
  batch.reset = reset_;
  if (reset_ || after_ == position.revision) return batch;
  OVL_TRY(batch.events, tables_->changes_after(after_, what_));
  after_ = position.revision;
  return batch;
}

// ---- SqliteSession ---------------------------------------------------------------------------

Result<std::unique_ptr<Session>> SqliteSession::open(const SqliteKeystoreOptions& options,
                                                     std::chrono::seconds ttl) {
  OVL_TRY(SqliteTables tables, SqliteTables::open(options, sqlite::Access::create));
  std::string id;
  {
    OVL_TRY(auto transaction,
            sqlite::Transaction::begin(tables.database(), sqlite::Transaction::Kind::write));
    OVL_TRY(id, tables.add_session(ttl));
    OVL_CHECK(transaction.commit());
  }
  // A watch that sleeps must learn of the earlier end of its sleep.
  tables.ring();
  return std::unique_ptr<Session>(new SqliteSession(std::move(tables), std::move(id)));
}

SqliteSession::~SqliteSession() {
  if (open_) (void)close();
}

Status SqliteSession::keep_alive() {
  const auto renew = [this]() -> Result<bool> {
    OVL_TRY(auto transaction,
            sqlite::Transaction::begin(tables_.database(), sqlite::Transaction::Kind::write));
    OVL_CHECK(tables_.expire_now());
    OVL_TRY(const bool alive, tables_.renew_session(id_));
    OVL_CHECK(transaction.commit());
    if (!alive) tables_.ring();
    return alive;
  };
  auto alive = renew();
  if (!alive.ok()) return as_keystore_error(std::move(alive).error());
  if (alive.value()) return {};
  open_ = false;
  return Error{.code = Errc::not_found,
               .message = tables_.database().path() + ": the session has ended",
               .hint = "open a new session and write its keys again"};
}

Status SqliteSession::close() {
  if (!open_) return {};
  const auto end = [this]() -> Status {
    OVL_TRY(auto transaction,
            sqlite::Transaction::begin(tables_.database(), sqlite::Transaction::Kind::write));
    OVL_CHECK(tables_.end_session(id_));
    return transaction.commit();
  };
  auto status = end();
  if (!status.ok()) return as_keystore_error(std::move(status).error());
  open_ = false;
  tables_.ring();
  return {};
}

}  // namespace ovl
