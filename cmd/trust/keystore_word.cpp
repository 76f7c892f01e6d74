// The attack that this file stands against: somebody writes `url = "etcd://evil"` and `token =
// "env:OVL_TOKEN"` into a manifest that root comes across, in a folder, a branch, a merge request or at a
// TAB, and the next command sends root's token there. An address alone is harmless and so is a reference
// alone; only who has said both may bring them together.
#include "cmd/trust/keystore_word.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "cmd/base/style.hpp"
#include "cmd/trust/host_side.hpp"
#include "drivers/keystore/url.hpp"
#include "files/trusted_file.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

ChosenAccess by_host(KeystoreAccess access) {
  return ChosenAccess{.access = std::move(access), .is_named = true, .is_confirmed = true};
}

// A URL alone names who receives; which secrets it gets its user's own files may say. Not where nobody
// watches: what CI has checked out is in files of its user's, and somebody else's words.
bool may_fill_in(const KeystoreWords& words, const KeystoreAccess& host) {
  return words.own_files && !words.automation && !has_references(host) &&
         names_no_other_store(words.stated.url, host.url);
}

// Whether to speak without TLS stays the host's word.
KeystoreAccess filled_in(KeystoreAccess host, const KeystoreAccess& stated) {
  const bool plaintext = host.allow_plaintext;
  host = overlay(std::move(host), stated);
  host.allow_plaintext = plaintext;
  return host;
}

ChosenAccess by_command_line(const KeystoreWords& words) {
  return by_host(may_fill_in(words, words.given) ? filled_in(words.given, words.stated) : words.given);
}

// The last apply knows which store this cluster is in; the file may have said more of it since.
const KeystoreAccess& by_host_alone(const KeystoreWords& words) {
  // A file that names another store than the last apply does not count here: it may be the store of another
  // cluster.
  const bool file_says_more =
      words.bound.url.empty() || names_no_other_store(words.bound.url, words.file.url);
  return file_says_more && !words.file.url.empty() ? words.file : words.bound;
}

// Where there is no secret, there is nothing that plain transport could give away.
KeystoreAccess spoken_to(KeystoreAccess known, const KeystoreAccess& stated) {
  if (!has_references(known)) known.allow_plaintext = known.allow_plaintext || stated.allow_plaintext;
  return known;
}

// With the command line's references over it: a secret that the host gives beside an address of the
// manifest's is sent there too, so it makes the address one to be confirmed.
ChosenAccess stranger(const KeystoreWords& words) {
  ChosenAccess out{.access = overlay(words.stated, words.given)};
  // Without any there is nothing to lose but a connection: a first look at a manifest with a plain store
  // works without a question.
  out.is_confirmed = !has_references(out.access);
  return out;
}

// What GitHub, GitLab and most others set; "false" is how some turn it off.
bool is_ci() {
  const char* value = std::getenv("CI");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value != nullptr && *value != '\0' && std::string_view(value) != "false";
}

// lstat(2), as the path is canonical: a link here would be one that was put in place meanwhile.
bool is_own(const fs::path& path) {
  struct stat about {};

  return ::lstat(path.c_str(), &about) == 0 && about.st_uid == ::geteuid() && !may_others_write(about);
}

// A folder above, through which the way leads. Root's or ours, and with /tmp's sticky bit also writable by
// all: who may rename a folder on the way could put another one in its place, with another manifest.
bool is_trusted_way(const fs::path& path) {
  struct stat about {};

  return ::lstat(path.c_str(), &about) == 0 && others_word(about).empty();
}

bool is_own_file(const std::string& name) {
  std::error_code error;
  // Where the links lead, as that is what was read. Who may write the folder of a link decides nothing then:
  // the file that counts is checked itself.
  const fs::path file = fs::canonical(name, error);
  if (error || !is_own(file) || !is_own(file.parent_path())) return false;
  for (fs::path way = file.parent_path(); way.has_relative_path(); way = way.parent_path()) {
    if (!is_trusted_way(way.parent_path())) return false;
  }
  return true;
}

}  // namespace

ChosenAccess choose_access(const KeystoreWords& words) {
  // Which verb comes here from which place, and what it gets: "Verbs and places" in docs/security.md.
  if (!words.given.url.empty()) return by_command_line(words);
  if (words.stated.url.empty()) return by_host(overlay(by_host_alone(words), words.given));
  bool is_named = false;
  // The file first: an administrator has written it on purpose, and the last apply only remembers.
  for (const KeystoreAccess* host : {&words.file, &words.bound}) {
    if (!names_no_other_store(words.stated.url, host->url)) continue;
    is_named = true;
    const KeystoreAccess known = overlay(*host, words.given);
    // The manifest repeats what the host has said, or less: then it is the host's word, with the host's
    // references.
    if (!has_other_references(words.stated, known)) return by_host(spoken_to(known, words.stated));
  }
  // Only by the file: what the last apply remembers is an address with its references, and filling others in
  // would be another pair than was agreed to.
  const KeystoreAccess known = overlay(words.file, words.given);
  if (may_fill_in(words, known)) return by_host(filled_in(known, words.stated));
  ChosenAccess out = stranger(words);
  out.is_named = is_named;
  return out;
}

bool names_no_other_store(const std::string& url, const std::string& known) {
  const auto one = parse_keystore_url(url);
  const auto other = parse_keystore_url(known);
  if (!one.ok() || !other.ok()) return false;
  const auto is_known = [&](const StoreServer& server) {
    return std::ranges::find(other.value().servers, server) != other.value().servers.end();
  };
  // Compared with the known one's servers replaced: kind, prefix and whatever a URL gets later have to be
  // equal, without being named here.
  KeystoreUrl same = other.value();
  same.servers = one.value().servers;
  return one.value() == same && std::ranges::all_of(same.servers, is_known);
}

Error unconfirmed_access(const ChosenAccess& chosen, const std::string& place) {
  // Where nothing secret is named, the address itself is what nobody has said here.
  if (!chosen.is_named && !has_references(chosen.access)) {
    return Error{.code = Errc::guard,
                 .message = fmt::format("{}: a keystore that this host has not named: {}", place,
                                        printable(chosen.access.url)),
                 .hint = fmt::format("say on the host's side what is meant: --keystore URL, OVL_KEYSTORE, or "
                                     "[keystore] in {}; a host that has applied by hand knows it",
                                     kHostKeystoreFile)};
  }
  // The address that the host itself has named is not repeated: only its references are in question.
  const std::string what =
      chosen.is_named ? "secrets or files for the keystore that this host has not named"
                      : fmt::format("secrets or files for a keystore that this host has not named: {}",
                                    printable(chosen.access.url));
  return Error{
      .code = Errc::guard,
      .message = fmt::format("{}: {}", place, what),
      .hint = fmt::format("say on the host's side what is meant: --keystore URL with --token and its "
                          "like (OVL_KEYSTORE, OVL_TOKEN), or [keystore] in {}; in files of your "
                          "own, at a terminal and without --auto-approve, you are asked once",
                          kHostKeystoreFile)};
}

bool are_own_files(const std::vector<std::string>& files) {
  // Each of them, as the words may come from any: a folder of ours with one file of a stranger's is not ours.
  // No file at all is a revision, which has been in other hands.
  return !files.empty() && std::ranges::all_of(files, is_own_file);
}

bool is_automation() {
  return in_automation() || is_ci();
}

}  // namespace ovl
