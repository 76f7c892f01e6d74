// A host that asks for signatures, and what those who push to it see.
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/cluster/hooks_rig.hpp"

namespace ovl {

namespace {

class SignedPush : public HooksRig {
 protected:
  void SetUp() override {
    HooksRig::SetUp();
    for (const char* name : {"alice", "mallory"}) make_key(name);
    test::write_file(file("policy.toml"), fmt::format("[policy]\nrequire_signed = true\nsigners = \"{}\"\n"
                                                      "keyring = \"{}\"\n",
                                                      file("allowed_signers"), file("keyring.gpg")));
    allow("alice@example.org " + public_key("alice"));
    test::write_file(file("keyring.gpg"), "");
    const Ran installed = install("--policy " + file("policy.toml") + " pre-receive post-receive");
    ASSERT_EQ(installed.code, 0) << installed.out;
  }

  void TearDown() override {
    // The agent would outlive the test.
    if (test::exists(file("gnupg"))) run("gpgconf --homedir gnupg --kill all");
  }

  std::string run(const std::string& command) const {
    const Ran ran = shell("cd " + file("") + " && " + command);
    EXPECT_EQ(ran.code, 0) << command << "\n" << ran.out;
    return ran.out;
  }

  void make_key(const std::string& name) const { run("ssh-keygen -q -N '' -C '' -t ed25519 -f " + name); }

  [[nodiscard]] std::string public_key(const std::string& name) const {
    return test::read_file(file(name + ".pub"));
  }

  void allow(const std::string& list) const { test::write_file(file("allowed_signers"), list); }

  // Commits net/ovl.toml with these blocks, signed with an SSH key; answers the commit.
  [[nodiscard]] std::string sign(const std::string& key, const std::string& blocks) const {
    write(blocks);
    return signed_commit("-c gpg.format=ssh -c user.signingkey=" + file(key));
  }

  [[nodiscard]] std::string signed_commit(const std::string& settings) const {
    EXPECT_EQ(git("add -A").code, 0);
    const Ran made = git(settings + " commit -qS -m change");
    EXPECT_EQ(made.code, 0) << made.out;
    return git("rev-parse HEAD").out.substr(0, 40);
  }

  void make_gpg() const {
    run("mkdir -m 700 gnupg");
    test::write_file(file("gpg"),
                     "#!/bin/sh\nexec gpg --homedir " + file("gnupg") +
                         " --batch --quiet --no-tty --pinentry-mode loopback --passphrase '' \"$@\"\n");
    ASSERT_EQ(::chmod(file("gpg").c_str(), 0755), 0);
  }

  // A commit object of these bytes.
  [[nodiscard]] std::string rewritten(const std::string& edit) const {
    const Ran ran = git("cat-file commit HEAD | " + edit + " | git hash-object -t commit -w --stdin");
    EXPECT_EQ(ran.code, 0) << ran.out;
    return ran.out.substr(0, 40);
  }

  // The push is not taken, and nothing of it is applied.
  void refuses(const std::string& commit, const std::string& why) const {
    const Ran ran = push("-f hub " + commit + ":refs/heads/main");
    EXPECT_NE(ran.code, 0) << ran.out;
    EXPECT_TRUE(ran.has("only from a commit that somebody trusted has signed")) << ran.out;
    EXPECT_TRUE(ran.has(why)) << ran.out;
    EXPECT_TRUE(ran.has(file("policy.toml"))) << "whose policy it is: " << ran.out;
    EXPECT_TRUE(ran.has("+ network.one")) << "the plan is complete: " << ran.out;
    EXPECT_TRUE(ran.has("pre-receive hook declined")) << ran.out;
    EXPECT_EQ(networks().find("one"), std::string::npos);
  }

  void takes(const std::string& commit, const std::string& network) const {
    const Ran ran = push("hub " + commit + ":refs/heads/main");
    EXPECT_EQ(ran.code, 0) << ran.out;
    EXPECT_TRUE(ran.has("Apply complete")) << ran.out;
    EXPECT_NE(networks().find(network), std::string::npos);
  }
};

constexpr const char* kOne = "[network.one]\n";

}  // namespace

TEST_F(SignedPush, IsTakenFromWhoeverMaySign) {
  takes(sign("alice", kOne), "one");
  make_gpg();
  run("./gpg --quick-generate-key 'Bob <bob@example.org>' ed25519 sign never 2>&1");
  run("./gpg --export bob@example.org > keyring.gpg");
  write("[network.one]\n[network.two]\n");
  takes(
      signed_commit("-c gpg.format=openpgp -c user.signingkey=bob@example.org -c gpg.program=" + file("gpg")),
      "two");
}

TEST_F(SignedPush, WithoutASignatureIsRefused) {
  write(kOne);
  refuses(commit("unsigned"), "the signature is not accepted: there is none");
}

TEST_F(SignedPush, ByNobodyKnownIsRefused) {
  refuses(sign("mallory", kOne),
          "the signature is not accepted: its key is not in the list, or it is damaged");
}

// What the push itself says about who may sign, anywhere and in any form.
TEST_F(SignedPush, NamesNoSignersOfItsOwn) {
  const std::string list = "mallory@example.org " + public_key("mallory");
  for (const std::string name :
       {"allowed_signers", ".ssh/allowed_signers", "net/allowed_signers", "etc/policy.toml"}) {
    std::filesystem::create_directories(std::filesystem::path(file("work/" + name)).parent_path());
    test::write_file(file("work/" + name), list);
  }
  refuses(sign("mallory", "[network.one]\n[policy]\nrequire_signed = false\n"), "its key is not in the list");
  write("[network.one]\n[policy]\nsigners = \"" + file("work/allowed_signers") + "\"\n");
  const Ran named =
      push("-f hub " + signed_commit("-c gpg.format=ssh -c user.signingkey=" + file("mallory")) +
           ":refs/heads/main");
  EXPECT_NE(named.code, 0) << named.out;
  EXPECT_TRUE(named.has("net/ovl.toml:9:1: error:")) << named.out;
  EXPECT_EQ(networks().find("one"), std::string::npos);
}

TEST_F(SignedPush, IsWhatWasSigned) {
  static_cast<void>(sign("alice", kOne));
  const std::string why = "the signature is not accepted: what was signed is not what is here";
  refuses(rewritten("sed 's/^change$/another change/'"), why);
  refuses(rewritten("sed 's/^author Ann/author Eve/'"), why);
  // The signature over an empty manifest, moved to another tree.
  const std::string tree = git("rev-parse HEAD^{tree}").out.substr(0, 40);
  ASSERT_EQ(git("checkout -q --orphan other").code, 0);
  static_cast<void>(sign("alice", ""));
  refuses(rewritten("sed 's/^tree .*/tree " + tree + "/'"), why);
  // Two signatures, of which one is good.
  refuses(rewritten("sed 's/^ -----END SSH SIGNATURE-----/&\\n -----BEGIN SSH SIGNATURE-----\\n "
                    "x\\n&/;s/^tree .*/tree " +
                    tree + "/'"),
          "it is more, or less, than one block in ASCII armour");
}

TEST_F(SignedPush, ByAKeyThatHasExpiredIsRefused) {
  allow("alice@example.org valid-before=\"20200101\" " + public_key("alice"));
  refuses(sign("alice", kOne),
          "the signature is not accepted: its key has expired in the list (valid-before)");
  make_gpg();
  const std::string then = "--faked-system-time 20200101T000000 ";
  run("./gpg " + then + "--quick-generate-key 'Bob <bob@example.org>' ed25519 sign 30d 2>&1");
  run("./gpg " + then + "--export --export-options no-export-clean bob@example.org > keyring.gpg");
  run("sed -i 's/ --batch/ --faked-system-time 20200102T000000 --batch/' gpg");
  write("[network.one]\n[network.two]\n");
  refuses(
      signed_commit("-c gpg.format=openpgp -c user.signingkey=bob@example.org -c gpg.program=" + file("gpg")),
      "the signature is not accepted: its key has expired");
}

TEST_F(SignedPush, ForSomethingElseIsRefused) {
  static_cast<void>(sign("alice", kOne));
  test::write_file(file("sign"),
                   "#!/bin/sh\nsed '/^gpgsig /,/^ -----END/d' > $0.text\n"
                   "ssh-keygen -q -Y sign -n file -f " +
                       file("alice") +
                       " $0.text >&2\n"
                       "sed '/^$/,$d' $0.text\nprintf 'gpgsig '\n"
                       "sed '2,$s/^/ /' $0.text.sig\nsed -n '/^$/,$p' $0.text\n");
  ASSERT_EQ(::chmod(file("sign").c_str(), 0755), 0);
  refuses(rewritten(file("sign")), "the signature is not accepted: it was made for something else than git");
  allow("alice@example.org namespaces=\"file\" " + public_key("alice"));
  refuses("main", "the signature is not accepted: the list does not allow its key for git (namespaces)");
}

TEST_F(SignedPush, IsNotTakenBack) {
  const std::string first = sign("alice", "[network.first]\n");
  takes(first, "first");
  takes(sign("alice", "[network.second]\n"), "second");
  const Ran back = push("-f hub " + first + ":refs/heads/main");
  EXPECT_NE(back.code, 0) << back.out;
  EXPECT_TRUE(back.has("does not descend from")) << back.out;
  EXPECT_TRUE(back.has("pre-receive hook declined")) << back.out;
  EXPECT_NE(networks().find("second"), std::string::npos);
  EXPECT_EQ(networks().find("first"), std::string::npos);
}

}  // namespace ovl
