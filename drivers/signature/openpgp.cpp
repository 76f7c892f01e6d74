// OpenPGP signatures, by gpgv. Its exit code is 0 for keys that have expired or were revoked, too: its status
// lines decide (doc/DETAILS of GnuPG).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "drivers/signature/formats.hpp"

namespace ovl {

namespace {

constexpr const char* kGpgv = "/usr/bin/gpgv";
constexpr std::string_view kStatusPrefix = "[GNUPG:] ";

using Words = std::vector<std::string_view>;

Words words_of(std::string_view line) {
  Words out;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    if (end > at) out.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// The status lines, each as its words; the keyword is the first.
std::vector<Words> status_of(std::string_view text) {
  std::vector<Words> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.starts_with(kStatusPrefix)) out.push_back(words_of(line.substr(kStatusPrefix.size())));
    if (!out.empty() && out.back().empty()) out.pop_back();
    at = end + 1;
  }
  return out;
}

const Words* find_status(const std::vector<Words>& status, std::string_view keyword) {
  const auto found =
      std::find_if(status.begin(), status.end(), [&](const Words& words) { return words[0] == keyword; });
  return found == status.end() ? nullptr : &*found;
}

struct StatusRefusal {
  std::string_view keyword;
  std::string_view cause;
  std::string_view remedy;
};

// Each is a refusal, whatever else is said.
constexpr std::array<StatusRefusal, 6> kStatusRefusals{{
    {"BADSIG", "what was signed is not what is here", "sign it again, and ask who changed it"},
    {"REVKEYSIG", "its key was revoked", "sign with another key"},
    {"EXPKEYSIG", "its key has expired", "sign with another key, or renew it and export it again"},
    {"EXPSIG", "it has expired itself", "sign it again"},
    {"NO_PUBKEY", "its key is not in the keyring",
     "sign with a key of the keyring, or add it: gpg --export KEY >> FILE"},
    {"ERRSIG", "it can't be checked: an algorithm that is unknown or too weak, such as SHA-1",
     "sign with SHA-256 or better"},
}};

// SHA-256, SHA-384, SHA-512: RFC 4880, 9.4.
bool is_strong(std::string_view hash) {
  return hash == "8" || hash == "9" || hash == "10";
}

// VALIDSIG <fingerprint> <date> <time> <expires> <version> <reserved> <key's algorithm> <hash> <class>
// <primary>
Result<Signature> accepted(const Words& valid, const Words& good) {
  constexpr std::size_t kHash = 8;
  constexpr std::size_t kClass = 9;
  if (valid.size() <= kClass || !is_strong(valid[kHash])) {
    return refuse_signature("its digest is too weak", "sign with SHA-256 or better");
  }
  // 00: of a binary document, which is what git makes.
  if (valid[kClass] != "00") {
    return refuse_signature("it signs something else than a document", "sign with git itself: git commit -S");
  }
  std::string signer(valid[1]);
  for (std::size_t word = 2; word < good.size(); ++word) signer += fmt::format(" {}", good[word]);
  return Signature{std::move(signer), "openpgp"};
}

}  // namespace

Result<Signature> verify_openpgp(const std::string& payload, const std::string& signature,
                                 const std::string& keyring) {
  OVL_TRY(const ProcessOutput output,
          run_verifier({.arguments = {kGpgv, "--homedir", "/nonexistent", "--status-fd", "1", "--weak-digest",
                                      "SHA1", "--keyring", process_file(0), "--", process_file(1), "-"},
                        .input = payload,
                        .files = {keyring, signature}},
                       "gpgv"));
  const std::vector<Words> status = status_of(output.out);
  for (const StatusRefusal& refusal : kStatusRefusals) {
    if (find_status(status, refusal.keyword) == nullptr) continue;
    return refuse_signature(refusal.cause, std::string(refusal.remedy));
  }
  const auto signatures =
      std::count_if(status.begin(), status.end(), [](const Words& words) { return words[0] == "NEWSIG"; });
  const Words* good = find_status(status, "GOODSIG");
  const Words* valid = find_status(status, "VALIDSIG");
  if (output.status != 0 || signatures != 1 || good == nullptr || valid == nullptr) {
    return refuse_signature("gpgv does not verify it", "sign it again with a key of the keyring");
  }
  return accepted(*valid, *good);
}

}  // namespace ovl
