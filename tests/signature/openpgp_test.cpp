// OpenPGP signatures, made by gpg.
#include <gmock/gmock.h>

#include "tests/signature/keys.hpp"

namespace ovl::test {

namespace {

using ::testing::HasSubstr;

}  // namespace

TEST_F(OpenPgpSignatures, AcceptsAGoodOne) {
  const Signature good = must(verify_signature(kPayload, sign(), signers_));
  EXPECT_EQ(good.signer, fingerprint() + " Alice <alice@example.org>");
  EXPECT_EQ(good.format, "openpgp");
  gpg("--quick-generate-key 'Bob <bob@example.org>' rsa3072 sign never");
  export_keys("");
  EXPECT_THAT(must(verify_signature(kPayload, sign("-u bob@example.org"), signers_)).signer,
              HasSubstr(" Bob <bob@example.org>"));
}

TEST_F(OpenPgpSignatures, RefusesWhatWasChanged) {
  const std::string signature = sign();
  EXPECT_THAT(refusal(kPayload + "x", signature), HasSubstr("what was signed is not what is here"));
  const std::size_t first = signature.find("\n\n") + 2;
  const std::size_t last = signature.rfind('\n', signature.size() - 2);
  for (std::size_t at = first; at < last; at += 11) {
    if (signature[at] == '\n') continue;
    std::string changed = signature;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_NE(refusal(kPayload, changed), "") << at;
  }
}

TEST_F(OpenPgpSignatures, RefusesAKeyThatIsNotInTheKeyring) {
  gpg("--quick-generate-key 'Bob <bob@example.org>' ed25519 sign never");
  EXPECT_THAT(refusal(kPayload, sign("-u bob@example.org")), HasSubstr("its key is not in the keyring"));
  // One good signature does not carry another along.
  EXPECT_THAT(refusal(kPayload, sign("-u alice@example.org -u bob@example.org")),
              HasSubstr("its key is not in the keyring"));
  export_keys("");
  EXPECT_THAT(refusal(kPayload, sign("-u alice@example.org -u bob@example.org")),
              HasSubstr("gpgv does not verify it"));
}

// Made, used and over long ago: gpg is told another time.
TEST_F(OpenPgpSignatures, RefusesAnExpiredKey) {
  gpg("--faked-system-time 20200101T000000! --quick-generate-key 'Old <old@example.org>' ed25519 sign 2d");
  export_keys("old@example.org");
  const std::string signature = sign("--faked-system-time 20200102T000000! -u old@example.org");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("its key has expired"));
}

TEST_F(OpenPgpSignatures, RefusesAnExpiredSignature) {
  gpg("--faked-system-time 20200101T000000! --quick-generate-key 'Old <old@example.org>' ed25519 sign never");
  export_keys("old@example.org");
  const std::string then = "--faked-system-time 20200102T000000! -u old@example.org ";
  EXPECT_EQ(refusal(kPayload, sign(then)), "") << "the same, and not for a time";
  EXPECT_THAT(refusal(kPayload, sign(then + "--default-sig-expire 1d")), HasSubstr("it has expired itself"));
}

TEST_F(OpenPgpSignatures, RefusesARevokedKey) {
  const std::string signature = sign();
  run("sed 's/^:-----/-----/' home/openpgp-revocs.d/*.rev > revocation");
  gpg("--import revocation");
  export_keys("alice@example.org");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("its key was revoked"));
}

TEST_F(OpenPgpSignatures, RefusesWeakDigests) {
  EXPECT_THAT(refusal(kPayload, sign("-u alice@example.org --digest-algo SHA1")), HasSubstr("too weak"));
  gpg("--quick-generate-key 'Bob <bob@example.org>' rsa3072 sign never");
  export_keys("");
  EXPECT_THAT(refusal(kPayload, sign("-u bob@example.org --digest-algo RIPEMD160")), HasSubstr("too weak"));
  EXPECT_EQ(refusal(kPayload, sign("-u bob@example.org --digest-algo SHA512")), "");
}

TEST_F(OpenPgpSignatures, RefusesAMessageThatCarriesItsOwnText) {
  gpg("--armor --output message --sign payload");
  EXPECT_THAT(refusal(kPayload, read_file(path("message"))), HasSubstr("neither SSH's nor OpenPGP's"));
  std::string disguised = read_file(path("message"));
  for (std::size_t at = 0; (at = disguised.find("PGP MESSAGE")) != std::string::npos;) {
    disguised.replace(at, 11, "PGP SIGNATURE");
  }
  EXPECT_NE(refusal(kPayload, disguised), "");
}

TEST_F(OpenPgpSignatures, RefusesKeyringsThatAreNone) {
  const std::string signature = sign();
  write_file(path("keyring.gpg"), "");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("names nobody"));
  write_file(path("keyring.gpg"), "garbage\n");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("not in the keyring"));
  run("rm keyring.gpg");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("there is no "));
  export_keys("alice@example.org");
  run("chmod 666 keyring.gpg");
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("may be written by others"));
  signers_.keyring.clear();
  EXPECT_THAT(refusal(kPayload, signature), HasSubstr("an OpenPGP signature, and no keyring"));
}

TEST_F(OpenPgpSignatures, RefusesMoreThanOneBlock) {
  const std::string signature = sign();
  for (const std::string& changed :
       {signature + "x", signature + signature, signature.substr(0, signature.size() / 2)}) {
    EXPECT_NE(refusal(kPayload, changed), "") << changed;
  }
  EXPECT_EQ(refusal(kPayload, signature + "\n"), "");
}

}  // namespace ovl::test
