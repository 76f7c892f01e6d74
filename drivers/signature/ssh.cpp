// SSH signatures, by ssh-keygen -Y; its exit code and its one sentence must both say that it is good.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "drivers/signature/formats.hpp"

namespace ovl {

namespace {

constexpr const char* kSshKeygen = "/usr/bin/ssh-keygen";

Result<ProcessOutput> ssh_keygen(std::vector<std::string> arguments, const std::string& payload,
                                 const std::string& list, const std::string& signature) {
  arguments.insert(arguments.begin(), {kSshKeygen, "-Y"});
  arguments.insert(arguments.end(), {"-f", process_file(0), "-s", process_file(1)});
  return run_verifier({.arguments = std::move(arguments), .input = payload, .files = {list, signature}},
                      "openssh-client");
}

struct Complaint {
  std::string_view said;
  std::string_view cause;
  std::string_view remedy;
};

// What ssh-keygen (9.2) says when it refuses; the words choose ours, nothing else.
constexpr std::array<Complaint, 5> kComplaints{{
    {"key has expired", "its key has expired in the list (valid-before)",
     "sign with another key, or let the list's line last longer"},
    {"not yet valid", "its key is not valid yet in the list (valid-after)",
     "wait, or begin the list's line earlier"},
    {"not permitted for use in signature namespace", "the list does not allow its key for git (namespaces)",
     "sign with another key, or add git to the line's namespaces"},
    {"namespace does not match", "it was made for something else than git",
     "sign with git itself: git commit -S"},
    {"incorrect signature", "what was signed is not what is here", "sign it again, and ask who changed it"},
}};

Error ssh_refusal(const ProcessOutput& output, std::string_view otherwise, std::string_view remedy) {
  for (const Complaint& complaint : kComplaints) {
    if (output.err.find(complaint.said) == std::string::npos) continue;
    return refuse_signature(complaint.cause, std::string(complaint.remedy));
  }
  return refuse_signature(otherwise, std::string(remedy));
}

std::vector<std::string> principals_in(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

// The list names principals by key first, since a signature names none; then one of them must verify.
Result<Signature> verify_ssh(const std::string& payload, const std::string& signature,
                             const std::string& allowed_signers) {
  OVL_TRY(const ProcessOutput found, ssh_keygen({"find-principals"}, {}, allowed_signers, signature));
  const std::vector<std::string> principals = principals_in(found.out);
  ProcessOutput last = found;
  if (found.status != 0 || principals.empty()) {
    return ssh_refusal(found, "its key is not in the list, or it is damaged",
                       "sign with a key of the list, or add the key to it");
  }
  for (const std::string& principal : principals) {
    OVL_TRY(last, ssh_keygen({"verify", "-n", "git", "-I", principal}, payload, allowed_signers, signature));
    const std::string good = fmt::format("Good \"git\" signature for {} with ", principal);
    if (last.status == 0 && last.out.starts_with(good)) return Signature{principal, "ssh"};
  }
  return ssh_refusal(last, "ssh-keygen does not verify it", "sign it again with a key of the list");
}

}  // namespace ovl
