// Commits that git itself signed, read by libgit2 and verified.
#include <gtest/gtest.h>

#include "drivers/git/libgit2/libgit2_repository.hpp"
#include "drivers/signature/signature.hpp"
#include "tests/support/process.hpp"
#include "tests/support/shell.hpp"

namespace ovl::test {

namespace {

class SignedCommits : public ::testing::Test {
 protected:
  void SetUp() override {
    run("ssh-keygen -q -N '' -C '' -t ed25519 -f key");
    run("printf 'alice@example.org %s' \"$(cat key.pub)\" > allowed_signers");
    run("git init -q -b main repository");
  }

  std::string run(const std::string& command) const {
    const Ran ran = run_shell("cd '" + directory_.path() + "' && " + command);
    EXPECT_TRUE(ran.ok) << command << "\n" << ran.out;
    return ran.out;
  }

  // Answers the commit.
  [[nodiscard]] std::string commit(const std::string& options) const {
    const std::string git = "env -i HOME=" + directory_.file("none") +
                            " PATH=$PATH git -C repository -c user.name=a -c user.email=a@b "
                            "-c gpg.format=ssh -c user.signingkey=" +
                            directory_.file("key") + " ";
    run(git + "commit -q --allow-empty -m 'A message\n\nin two parts' " + options);
    return run(git + "rev-parse HEAD").substr(0, 40);
  }

  [[nodiscard]] Result<CommitSignature> read(const std::string& commit) const {
    return must(open_libgit2(directory_.file("repository")))->signature(commit);
  }

  TemporaryDirectory directory_;
};

}  // namespace

TEST_F(SignedCommits, AreVerifiedAsGitSignedThem) {
  const CommitSignature found = must(read(commit("-S")));
  const Signers signers{.allowed_signers = directory_.file("allowed_signers"), .keyring = {}};
  EXPECT_EQ(must(verify_signature(found.payload, found.signature, signers)).signer, "alice@example.org");
  EXPECT_FALSE(verify_signature(found.payload + "\n", found.signature, signers).ok());
}

TEST_F(SignedCommits, WithoutASignatureHaveNone) {
  EXPECT_EQ(must(read(commit(""))).signature, "");
}

TEST_F(SignedCommits, ThatAreNotHereAreNotFound) {
  const auto found = read(std::string(40, 'f'));
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, Errc::not_found);
}

}  // namespace ovl::test
