// SSH signatures, made by ssh-keygen.
#include <gmock/gmock.h>

#include "drivers/signature/formats.hpp"
#include "tests/signature/keys.hpp"

namespace ovl::test {

namespace {

using ::testing::HasSubstr;

}  // namespace

TEST_F(SshSignatures, AcceptsEachKindOfKey) {
  for (const std::string type : {"ed25519", "rsa -b 3072", "ecdsa"}) {
    const std::string name = type.substr(0, type.find(' ')) + "-key";
    make_key(name, "-t " + type);
    allow("# who may\n\nbob@example.org,carol@example.org " + public_key(name));
    const Signature good = must(verify_signature(kPayload, sign(name), signers_));
    EXPECT_EQ(good.signer, "bob@example.org");
    EXPECT_EQ(good.format, "ssh");
  }
}

TEST_F(SshSignatures, RefusesWhatWasChanged) {
  const std::string signature = sign("alice");
  EXPECT_EQ(refusal(kPayload, signature), "");
  EXPECT_THAT(refusal(kPayload + "x", signature), HasSubstr("what was signed is not what is here"));
  EXPECT_THAT(refusal("", signature), HasSubstr("what was signed is not what is here"));
  // Each character of the signature in turn, but those of the armour.
  const std::size_t first = signature.find('\n') + 1;
  const std::size_t last = signature.rfind('\n', signature.size() - 2);
  for (std::size_t at = first; at < last; at += 7) {
    if (signature[at] == '\n') continue;
    std::string changed = signature;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_NE(refusal(kPayload, changed), "") << at;
  }
}

TEST_F(SshSignatures, RefusesAnotherNamespace) {
  EXPECT_THAT(refusal(kPayload, sign("alice", "file")), HasSubstr("for something else than git"));
  allow("alice@example.org namespaces=\"file\" " + public_key("alice"));
  EXPECT_THAT(refusal(kPayload, sign("alice")), HasSubstr("does not allow its key for git"));
}

TEST_F(SshSignatures, RefusesAKeyThatIsNotInTheList) {
  make_key("mallory", "-t ed25519");
  EXPECT_THAT(refusal(kPayload, sign("mallory")), HasSubstr("its key is not in the list"));
  // Taking a key off the list revokes it.
  allow("mallory@example.org " + public_key("mallory"));
  EXPECT_THAT(refusal(kPayload, sign("alice")), HasSubstr("its key is not in the list"));
}

TEST_F(SshSignatures, RefusesAKeyOutOfItsTime) {
  allow("alice@example.org valid-before=\"20200101\" " + public_key("alice"));
  EXPECT_THAT(refusal(kPayload, sign("alice")), HasSubstr("expired in the list (valid-before)"));
  allow("alice@example.org valid-after=\"20900101\" " + public_key("alice"));
  EXPECT_THAT(refusal(kPayload, sign("alice")), HasSubstr("not valid yet in the list (valid-after)"));
  allow("alice@example.org valid-after=\"20200101\",valid-before=\"20900101\" " + public_key("alice"));
  EXPECT_EQ(refusal(kPayload, sign("alice")), "");
}

TEST_F(SshSignatures, TakesTheLineThatIsValid) {
  allow("old@example.org valid-before=\"20200101\" " + public_key("alice") + "new@example.org " +
        public_key("alice"));
  EXPECT_EQ(must(verify_signature(kPayload, sign("alice"), signers_)).signer, "new@example.org");
}

TEST_F(SshSignatures, RefusesAListOfNobody) {
  allow("");
  EXPECT_THAT(refusal(kPayload, sign("alice")), HasSubstr("names nobody"));
  allow("# nobody yet\n\n  # still\n");
  EXPECT_THAT(refusal(kPayload, sign("alice")), HasSubstr("names nobody"));
  allow(std::string("\0\1garbage\n", 10));
  EXPECT_THAT(refusal(kPayload, sign("alice")), HasSubstr("not in the list"));
}

TEST_F(SshSignatures, RefusesAListOthersMayWrite) {
  const std::string signature = sign("alice");
  run("chmod 664 allowed_signers");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("allowed_signers may be written by others"));
  run("chmod 602 allowed_signers");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("allowed_signers may be written by others"));
  run("chmod 644 allowed_signers && chmod 770 .");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr(directory_.path() + " may be written by others"));
  run("chmod 755 .");
  EXPECT_EQ(refusal(kPayload, signature), "");
}

TEST_F(SshSignatures, RefusesAListOfSomebodyElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  const std::string signature = sign("alice");
  run("chown 65534 allowed_signers");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("allowed_signers belongs to user 65534"));
  run("chown 0 allowed_signers && chown 65534 .");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("belongs to user 65534"));
}

TEST_F(SshSignatures, RefusesAListThatIsNoFile) {
  const std::string signature = sign("alice");
  run("mv allowed_signers real && ln -s real allowed_signers");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("symbolic link"));
  run("rm allowed_signers && mkfifo -m 600 allowed_signers");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("is no regular file"));
  run("rm allowed_signers");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("there is no " + path("allowed_signers")));
  run("ln -s . loop && mv real allowed_signers");
  signers_.allowed_signers = path("loop/allowed_signers");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("symbolic link"));
  signers_.allowed_signers = "allowed_signers";
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("is no absolute path"));
}

TEST_F(SshSignatures, NeedsItsOwnList) {
  signers_.allowed_signers.clear();
  EXPECT_THAT(refusal(kPayload, sign("alice")), HasSubstr("an SSH signature, and no signers"));
}

TEST_F(SshSignatures, RefusesMoreThanOneBlock) {
  const std::string signature = sign("alice");
  for (const std::string& changed :
       {signature + "x", signature + signature, signature + "\nand more\n", "\n" + signature,
        signature.substr(0, signature.size() / 2), std::string("-----BEGIN SSH SIGNATURE-----\n"),
        signature + std::string("\0", 1)}) {
    EXPECT_NE(refusal(kPayload, changed), "") << changed;
  }
  EXPECT_EQ(refusal(kPayload, signature + "\n"), "");
}

TEST_F(SshSignatures, RefusesWhatIsNoSignature) {
  EXPECT_THAT(refusal(kPayload, ""), HasSubstr("there is none"));
  EXPECT_THAT(refusal(kPayload, "trust me"), HasSubstr("neither SSH's nor OpenPGP's"));
  std::string garbage;
  for (std::size_t i = 0; i < 1 << 20; ++i) garbage += static_cast<char>(i * 131 % 256);
  EXPECT_THAT(refusal(kPayload, garbage), HasSubstr("larger than 64 KiB"));
  EXPECT_NE(refusal(kPayload, "-----BEGIN SSH SIGNATURE-----\n" + garbage.substr(0, 60'000) +
                                  "\n-----END SSH SIGNATURE-----\n"),
            "");
  EXPECT_NE(refusal(kPayload, "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"), "");
}

TEST(Verifiers, AreRefusedWhenTheyCannotRun) {
  const TemporaryDirectory directory;
  const auto missing = run_verifier({.arguments = {directory.file("none/gpgv")}}, "gpgv");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Errc::guard);
  EXPECT_EQ(missing.error().hint, "apt-get install gpgv");
  const auto slow = run_verifier(
      {.arguments = {"/bin/sleep", "1000"}, .timeout = std::chrono::milliseconds(50)}, "coreutils");
  ASSERT_FALSE(slow.ok());
  EXPECT_EQ(slow.error().code, Errc::guard);
  EXPECT_THAT(slow.error().message, HasSubstr("took longer than 50 ms"));
}

}  // namespace ovl::test
