// What a person has confirmed once, so that it need not be asked at each command. It is kept by content,
// address and all references together, and never by the manifest's path: who may write that file could else
// change what was agreed to.
#include "cmd/trust/confirmed_keystores.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "cmd/base/style.hpp"
#include "cmd/base/write_file.hpp"
#include "drivers/keystore/url.hpp"
#include "files/trusted_file.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20U;

std::string folder_in(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  // Relative paths are to be ignored (XDG Base Directory Specification): they would be those of the folder
  // one stands in, which may be a stranger's.
  return value != nullptr && *value == '/' ? std::string(value) : std::string();
}

std::string file_for(const std::string& state_directory) {
  constexpr const char* kName = "/confirmed-keystores";
  std::error_code error;
  // Not by HOME: sudo may keep that of the user, whose file would then decide about root's secrets.
  if (::geteuid() == 0) return std::filesystem::absolute(state_directory, error).string() + kName;
  const std::string state = folder_in("XDG_STATE_HOME");
  if (!state.empty()) return state + "/ovl" + kName;
  const std::string home = folder_in("HOME");
  return home.empty() ? home : home + "/.local/state/ovl" + kName;
}

// One line; the address as it is written canonically. Canonically, so that another spelling of the same
// address is not asked for again.
std::string line_of(const KeystoreAccess& access) {
  KeystoreAccess canonical = access;
  // One that can't be parsed is compared as it stands, and is refused when it is opened.
  const auto url = parse_keystore_url(access.url);
  if (url.ok()) canonical.url = url.value().text();
  // JSON escapes line ends, so that a line is one whole confirmation, whatever a path has in it.
  return encode(canonical).json();
}

// All that is resolved is shown, and who would get it. References, not secrets: nothing has been read yet.
std::string question(const KeystoreAccess& access, const std::string& place) {
  std::string out =
      fmt::format("{}: a keystore that this host has not named would get what these name:\n  {}\n", place,
                  printable(access.url));
  const auto add = [&](std::string_view what, const std::string& reference) {
    if (!reference.empty()) out += fmt::format("    {:<12}{}\n", what, printable(reference));
  };
  add("token", access.token);
  add("user", access.user);
  add("password", access.password);
  add("CA", access.ca);
  add("certificate", access.cert);
  add("key", access.key);
  if (access.allow_plaintext) out += "    without TLS\n";
  return out + "Is that meant? Only \"yes\" is taken as consent, and remembered: ";
}

}  // namespace

ConfirmedKeystores::ConfirmedKeystores(const std::string& state_directory)
    : file_(file_for(state_directory)) {}

bool ConfirmedKeystores::has(const KeystoreAccess& access) const {
  if (file_.empty()) return false;
  // A file that others may write is as none: it is asked again, and nothing is taken from it.
  const auto text = read_trusted_file(file_, kMostBytes);
  if (!text.ok()) return false;
  std::istringstream lines(text.value());
  const std::string wanted = line_of(access);
  for (std::string line; std::getline(lines, line);) {
    if (line == wanted) return true;
  }
  return false;
}

Status ConfirmedKeystores::ask(const KeystoreAccess& access, const std::string& place) const {
  // On stderr: stdout may be a document, and a question in it would be answered by nobody.
  std::cerr << question(access, place) << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer != "yes") {
    return Error{.code = Errc::interrupted, .message = "the keystore was not confirmed; nothing was done"};
  }
  const Status remembered = remember(access);
  // Remembered or not, it was answered: this command goes on, and the next one asks again.
  if (!remembered.ok())
    std::cerr << fmt::format("ovl: not remembered: {}\n", printable(remembered.error().message));
  return {};
}

Status ConfirmedKeystores::remember(const KeystoreAccess& access) const {
  if (file_.empty()) return Error{.code = Errc::io, .message = "there is no HOME"};
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(file_).parent_path(), error);
  // Half, so that has() can read what is written here. A file that is not ours alone is not added to: what
  // others have put into it would be confirmed with ours.
  auto before = read_trusted_file(file_, kMostBytes / 2);
  if (!before.ok() && before.error().code != Errc::not_found) return std::move(before).error();
  const std::string kept = before.ok() ? std::move(before).value() : std::string();
  return write_whole_file(file_, kept + line_of(access) + "\n", 0600);
}

bool is_at_terminal() {
  // Where the question is read and where the answer comes from: with one of them elsewhere nobody has seen
  // what he answers.
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
}

}  // namespace ovl
