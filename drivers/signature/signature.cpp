#include "drivers/signature/signature.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "drivers/signature/formats.hpp"
#include "files/trusted_file.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMostSignature = 64 << 10;
constexpr std::size_t kMostList = 16 << 20;

constexpr std::string_view kSshBegin = "-----BEGIN SSH SIGNATURE-----\n";
constexpr std::string_view kSshEnd = "\n-----END SSH SIGNATURE-----";
constexpr std::string_view kPgpBegin = "-----BEGIN PGP SIGNATURE-----\n";
constexpr std::string_view kPgpEnd = "\n-----END PGP SIGNATURE-----";

constexpr const char* kSignHint =
    "sign it with a key of the host's list: git commit -S (gpg.format ssh or openpgp)";

// One block and nothing else: no tool has to decide which of two it takes, or what to do with what follows.
bool is_one_block(std::string_view text, std::string_view begin, std::string_view end) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (text.size() < begin.size() + end.size() || !text.ends_with(end)) return false;
  const std::string_view body = text.substr(begin.size(), text.size() - begin.size() - end.size());
  const bool plain = std::all_of(body.begin(), body.end(),
                                 [](char c) { return c == '\n' || c == '\r' || (c >= ' ' && c <= '~'); });
  return plain && body.find("-----") == std::string_view::npos;
}

Status check_block(std::string_view signature, std::string_view begin, std::string_view end) {
  if (is_one_block(signature, begin, end)) return {};
  return refuse_signature("it is more, or less, than one block in ASCII armour", kSignHint);
}

// `name`: the setting that has the path.
Result<std::string> read_list(const std::string& path, std::string_view name, std::string_view format) {
  if (path.empty()) {
    return refuse_signature(fmt::format("it is {}, and no {} says whose count", format, name),
                            fmt::format("set {} in the host's policy", name));
  }
  auto list = read_trusted_file(path, kMostList);
  if (!list.ok()) {
    const std::string& hint = list.error().hint;
    return refuse_signature(list.error().message,
                            hint.empty() ? "put the keys of those who may sign there" : hint);
  }
  return list;
}

// A line that is neither empty nor a comment.
bool names_somebody(std::string_view list) {
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find('\n', at), list.size());
    const std::size_t text = list.find_first_not_of(" \t\r", at);
    if (text < end && list[text] != '#') return true;
    at = end + 1;
  }
  return false;
}

Error nobody(const std::string& path) {
  return refuse_signature(path + " names nobody", "put the keys of those who may sign into it");
}

}  // namespace

Error refuse_signature(std::string_view why, std::string hint) {
  return {.code = Errc::guard,
          .message = fmt::format("the signature is not accepted: {}", why),
          .hint = std::move(hint)};
}

Result<ProcessOutput> run_verifier(ProcessCommand command, std::string_view package) {
  // No HOME: nobody's configuration has a say.
  command.environment = {"LC_ALL=C", "HOME=/nonexistent"};
  auto output = run_process(command);
  if (output.ok()) return output;
  const bool missing = output.error().code == Errc::not_found;
  return refuse_signature(output.error().message,
                          missing ? fmt::format("apt-get install {}", package) : std::string("try again"));
}

Result<Signature> verify_signature(const std::string& payload, const std::string& signature,
                                   const Signers& signers) {
  if (signature.empty()) return refuse_signature("there is none", kSignHint);
  if (signature.size() > kMostSignature) {
    return refuse_signature(fmt::format("it is larger than {} KiB", kMostSignature >> 10U), kSignHint);
  }
  if (signature.starts_with(kSshBegin)) {
    OVL_CHECK(check_block(signature, kSshBegin, kSshEnd));
    OVL_TRY(const std::string list, read_list(signers.allowed_signers, "signers", "an SSH signature"));
    if (!names_somebody(list)) return nobody(signers.allowed_signers);
    return verify_ssh(payload, signature, list);
  }
  if (signature.starts_with(kPgpBegin)) {
    OVL_CHECK(check_block(signature, kPgpBegin, kPgpEnd));
    OVL_TRY(const std::string keys, read_list(signers.keyring, "keyring", "an OpenPGP signature"));
    if (keys.empty()) return nobody(signers.keyring);
    return verify_openpgp(payload, signature, keys);
  }
  return refuse_signature("it is neither SSH's nor OpenPGP's", kSignHint);
}

}  // namespace ovl
