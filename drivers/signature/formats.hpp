// The two formats of signatures, each behind one function. For signature.cpp.
#pragma once

#include <string>

#include "drivers/process/run.hpp"
#include "drivers/signature/signature.hpp"

namespace ovl {

// Content of the lists, already read and not empty.
Result<Signature> verify_ssh(const std::string& payload, const std::string& signature,
                             const std::string& allowed_signers);

Result<Signature> verify_openpgp(const std::string& payload, const std::string& signature,
                                 const std::string& keyring);

// "the signature is not accepted: <why>"; code guard.
Error refuse_signature(std::string_view why, std::string hint);

// Runs a tool; that it can't be run is a refusal, too. `package` is Debian's that has it.
Result<ProcessOutput> run_verifier(ProcessCommand command, std::string_view package);

}  // namespace ovl
