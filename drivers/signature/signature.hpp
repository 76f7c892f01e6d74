// Who signed: signatures of commits and tags, checked with the tools that people sign with. Fails closed:
// whatever is not understood is a refusal.
#pragma once

#include <string>

#include "model/base/result.hpp"

namespace ovl {

// Whose signatures count. Absolute paths outside of the repository, read by read_trusted_file(); an empty
// one: none of that format.
struct Signers {
  std::string allowed_signers;  // OpenSSH's list, see ALLOWED SIGNERS in ssh-keygen(1)
  std::string keyring;          // OpenPGP keys as `gpg --export` writes them, see gpgv(1)
};

struct Signature {
  std::string signer;  // of SSH the principal in the list, of OpenPGP the fingerprint and the user id
  std::string format;  // "ssh" or "openpgp"
};

// Checks that `payload` was signed, in namespace "git", by somebody of `signers`, and that this is so now: a
// key that has expired since does not count. git checks SSH keys at the commit's own time instead; but that
// time is what the signer wrote, and whoever finds an old key could write any.
// `signature` is one block in ASCII armour, at most 64 KiB; "" means that there is none.
// Runs /usr/bin/ssh-keygen or /usr/bin/gpgv, at most 10 seconds each.
// Errors: guard, always, with the cause.
Result<Signature> verify_signature(const std::string& payload, const std::string& signature,
                                   const Signers& signers);

}  // namespace ovl
