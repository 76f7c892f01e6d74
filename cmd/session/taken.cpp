#include "cmd/session/taken.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <sstream>

#include "cmd/base/write_file.hpp"
#include "drivers/git/fetch.hpp"
#include "drivers/git/ref_name.hpp"
#include "files/read.hpp"
#include "reconcile/words/time_text.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

// Longer than a push takes from pre-receive to the branch, whatever hooks stand between.
constexpr std::int64_t kDay = 86'400;
// Bytes: a commit, and a few options of a push.
constexpr std::size_t kMostNote = 65'536;

std::string folder_of_notes(const std::string& repository) {
  return repository + "/ovl/taken";
}

// One file for each commit, so that two pushes at once don't share one, and a note is dropped by itself.
std::string note_of(const std::string& repository, const std::string& commit) {
  return fmt::format("{}/{}", folder_of_notes(repository), commit);
}

std::optional<std::int64_t> age_of(const std::string& file) {
  struct stat about {};

  if (::lstat(file.c_str(), &about) != 0) return std::nullopt;
  return std::time(nullptr) - about.st_mtime;
}

std::vector<std::string> note_lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out.push_back(line);
  return out;
}

std::optional<TakenPush> read_note(const std::string& repository, const std::string& commit) {
  const std::string note = note_of(repository, commit);
  const auto age = age_of(note);
  if (!age) return std::nullopt;
  const auto text = read_regular(note, {.most = kMostNote, .links = Links::refuse});
  std::vector<std::string> lines = note_lines(text.ok() ? text.value() : std::string());
  // A damaged note still says that its commit was taken: the branch has it, and only what was before it is
  // not known.
  const bool known = !lines.empty() && is_object_id(lines.front());
  TakenPush out{
      .commit = commit, .before = std::string(kNoCommit), .since = std::time(nullptr) - *age, .options = {}};
  if (!known) return out;
  out.before = lines.front();
  out.options.assign(lines.begin() + 1, lines.end());
  return out;
}

std::vector<std::string> noted_commits(const std::string& repository) {
  std::vector<std::string> out;
  const auto names = names_in(folder_of_notes(repository));
  if (!names.ok()) return {};
  // Half-written files have other names, and so has what somebody else put there.
  std::ranges::copy_if(names.value(), std::back_inserter(out), is_object_id);
  return out;
}

Status make_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return Error{.code = Errc::io, .message = fmt::format("{} can't be made", folder), .os_errno = errno};
}

}  // namespace

std::string TakenPush::words() const {
  return fmt::format("commit {:.12}, pushed {}", commit, time_text(since));
}

Status make_taken_folder(const std::string& repository) {
  OVL_CHECK(make_folder(repository + "/ovl"));
  return make_folder(folder_of_notes(repository));
}

// git takes no option with a line's end in it (git-push(1), --push-option).
Status note_taken(const std::string& repository, const RefUpdate& update,
                  const std::vector<std::string>& options) {
  std::error_code error;
  if (!fs::is_directory(folder_of_notes(repository), error)) return {};
  // write_whole_file() syncs it: a note that a power cut takes away was not worth taking.
  const std::string text = fmt::format("{}\n{}", update.before, fmt::join(options, "\n"));
  return write_whole_file(note_of(repository, update.after), text, 0600);
}

std::optional<TakenPush> find_taken(GitRepository& repository, const std::string& branch) {
  const auto tip = repository.commit(branch);
  // Only the branch's tip: whatever is noted beside it was overtaken or refused.
  return tip.ok() ? read_note(repository.directory(), tip.value().id) : std::nullopt;
}

std::optional<TakenPush> made_good(const std::string& place, const std::string& commit) {
  // A remote elsewhere has its notes on that machine, for its own hooks.
  constexpr std::string_view lead = "file://";
  const std::string folder = place.starts_with(lead) ? place.substr(lead.size()) : place;
  if (folder.empty() || is_remote(folder)) return std::nullopt;
  const auto repository = open_repository(folder);
  if (!repository.ok() || !repository.value()) return std::nullopt;
  // Read before it is dropped, as it is told.
  auto taken = read_note(repository.value()->directory(), commit);
  drop_taken(*repository.value(), commit);
  return taken;
}

void drop_taken(GitRepository& repository, const std::string& commit) {
  for (const std::string& noted : noted_commits(repository.directory())) {
    const std::string note = note_of(repository.directory(), noted);
    // An applied commit has all that it comes after.
    const auto covered = repository.follows(commit, noted);
    // git drops what it refused, with its quarantine. A commit that is not there yet may be on its way, hence
    // the day.
    const bool refused = age_of(note).value_or(0) > kDay && !repository.commit(noted).ok();
    std::error_code error;
    if (refused || (covered.ok() && covered.value())) fs::remove(note, error);
  }
}

}  // namespace ovl
