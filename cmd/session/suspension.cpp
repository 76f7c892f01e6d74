// A file and no process and no key in the store: a suspension has to hold while a machine boots, while the
// store is away, and until somebody takes it back.
#include "cmd/session/suspension.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <iostream>
#include <iterator>

#include "cmd/base/exit.hpp"
#include "cmd/base/style.hpp"
#include "cmd/base/write_file.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/machine.hpp"
#include "cmd/trust/ownership.hpp"
#include "drivers/git/repository.hpp"
#include "files/read.hpp"
#include "reconcile/words/time_text.hpp"
#include "state/folders.hpp"

namespace ovl {

namespace {

std::string file_in(const std::string& directory) {
  return directory + "/suspended";
}

// The machine's, or that of one repository that is pushed to.
Result<std::string> directory_of(const GlobalOptions& global, const PlanOptions& options) {
  if (options.repo.empty()) return global.state_directory;
  OVL_TRY(const auto repository, need_repository(options.repo));
  return repository->directory() + "/ovl";
}

// A file that is damaged still says that somebody wanted to be left alone. Going on by mistake undoes his
// work; standing back by mistake costs a line in the status.
Suspension decoded_or_unknown(const std::string& text) {
  Suspension unknown{.who = "somebody"};
  const auto value = Value::parse_json(text);
  if (!value.ok()) return unknown;
  auto known = decode<Suspension>(value.value());
  return known.ok() ? std::move(known).value() : unknown;
}

Result<int> suspend(const GlobalOptions& global, const PlanOptions& options, const std::string& reason) {
  OVL_TRY(const std::string directory, directory_of(global, options));
  move_state_folders(directory);  // one of a cluster called "suspended" may be in the way
  // May be there already; where it can't be made, writing says so.
  ::mkdir(directory.c_str(), 0700);
  const std::int64_t now = std::time(nullptr);
  const Suspension suspension{.who = this_process(now).who, .since = now, .reason = reason};
  OVL_CHECK(write_whole_file(file_in(directory), encode(suspension).json() + "\n", 0600));
  // With sudo the file would be root's alone, and the account's hooks, which are whom it is for, could not
  // read it.
  if (!options.repo.empty()) OVL_CHECK(leave_to_owner(directory.substr(0, directory.rfind('/'))));
  std::cout << "Suspended: what applies by itself here stands back until ovl resume; plan and apply by hand "
               "work.\n";
  return kExitDone;
}

Result<int> resume(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(const std::string directory, directory_of(global, options));
  const std::string file = file_in(directory);
  // What is not suspended is resumed: that is what was asked for.
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
    return Error{.code = Errc::io, .message = fmt::format("{} can't be removed", file), .os_errno = errno};
  }
  std::cout << "Resumed.\n";
  return kExitDone;
}

}  // namespace

std::string Suspension::words() const {
  std::string out = fmt::format("suspended by {}", printable(who));
  if (since > 0) out += fmt::format(" since {}", time_text(since));
  return reason.empty() ? out : fmt::format("{} ({})", out, printable(reason));
}

std::optional<Suspension> read_suspension(const std::string& directory) {
  // Links are refused: another file's content is no suspension, and would be shown to everybody.
  const auto text = read_regular(file_in(directory), {.links = Links::refuse});
  if (text.ok()) return decoded_or_unknown(text.value());
  const Error& error = text.error();
  // A user who may not look into the state is not told. A folder is the state of a cluster that is called
  // "suspended", which earlier versions kept here.
  const bool none =
      error.code == Errc::not_found || error.code == Errc::privilege || error.os_errno == EISDIR;
  return none ? std::nullopt : std::optional(decoded_or_unknown(""));
}

int run_suspend(const GlobalOptions& global, const PlanOptions& options, const std::string& reason) {
  const auto code = suspend(global, options, reason);
  return code.ok() ? code.value() : report_error(code.error());
}

int run_resume(const GlobalOptions& global, const PlanOptions& options) {
  const auto code = resume(global, options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
