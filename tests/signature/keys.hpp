// Keys of tests, made by the tools that people use.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "drivers/signature/signature.hpp"
#include "tests/support/process.hpp"
#include "tests/support/shell.hpp"

namespace ovl::test {

inline const std::string kPayload = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\nA message\n";

class Signatures : public ::testing::Test {
 protected:
  void SetUp() override { write_file(path("payload"), kPayload); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_.file(name); }

  // Runs it in the test's folder and answers what it printed.
  std::string run(const std::string& command) const {
    const Ran ran = run_shell("cd " + directory_.path() + " && " + command);
    EXPECT_TRUE(ran.ok) << command << "\n" << ran.out;
    return ran.out;
  }

  // The refusal's text; "" when it was accepted.
  [[nodiscard]] std::string refusal(const std::string& payload, const std::string& signature) const {
    const auto verified = verify_signature(payload, signature, signers_);
    if (verified.ok()) return {};
    EXPECT_EQ(verified.error().code, Errc::guard);
    EXPECT_NE(verified.error().hint, "");
    return verified.error().message;
  }

  TemporaryDirectory directory_;
  Signers signers_{path("allowed_signers"), path("keyring.gpg")};
};

class SshSignatures : public Signatures {
 protected:
  void SetUp() override {
    Signatures::SetUp();
    make_key("alice", "-t ed25519");
    allow("alice@example.org " + public_key("alice"));
  }

  void make_key(const std::string& name, const std::string& type) const {
    run("ssh-keygen -q -N '' -C '' -f " + name + " " + type);
  }

  [[nodiscard]] std::string public_key(const std::string& name) const {
    return read_file(path(name + ".pub"));
  }

  void allow(const std::string& list) const { write_file(path("allowed_signers"), list); }

  [[nodiscard]] std::string sign(const std::string& key, const std::string& space = "git") const {
    run("rm -f payload.sig && ssh-keygen -q -Y sign -n " + space + " -f " + key + " payload 2>&1");
    return read_file(path("payload.sig"));
  }
};

class OpenPgpSignatures : public Signatures {
 protected:
  void SetUp() override {
    Signatures::SetUp();
    run("mkdir -m 700 home");
    gpg("--quick-generate-key 'Alice <alice@example.org>' ed25519 sign never");
    export_keys("alice@example.org");
  }

  // The agent would outlive the test.
  void TearDown() override { run("gpgconf --homedir home --kill all"); }

  std::string gpg(const std::string& arguments) const {
    return run("gpg --homedir home --batch --quiet --no-tty --pinentry-mode loopback --passphrase '' " +
               arguments);
  }

  void export_keys(const std::string& who) const { gpg("--output keyring.gpg --yes --export " + who); }

  [[nodiscard]] std::string sign(const std::string& arguments = "-u alice@example.org") const {
    gpg("--armor --yes --output payload.asc " + arguments + " --detach-sign payload");
    return read_file(path("payload.asc"));
  }

  [[nodiscard]] std::string fingerprint() const {
    const std::string listing = gpg("--with-colons --list-keys alice@example.org");
    const std::size_t line = listing.find("\nfpr:");
    return listing.substr(listing.find_first_not_of("fpr:\n", line), 40);
  }
};

}  // namespace ovl::test
