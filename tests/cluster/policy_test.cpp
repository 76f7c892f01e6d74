// What policies do not let pass, on a store of its own and without a lab: cluster scope needs no kernel.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>

#include "state/plan_file.hpp"
#include "tests/cluster/lab_rig.hpp"
#include "tests/support/process.hpp"

namespace ovl {

namespace {

// Holds the manifest's [policy] or the host's file; a rule means the same in both.
enum class Holder { manifest, host };

class Policies : public ::testing::TestWithParam<Holder> {
 protected:
  void write(const std::string& blocks) {
    blocks_ = blocks;
    save();
  }

  // The rules of the one who holds them in this test.
  void hold(const std::string& rules) {
    rules_ = rules;
    if (GetParam() == Holder::host) test::write_file(host_file(), "[policy]\n" + rules);
    save();
  }

  [[nodiscard]] std::string host_file() const { return directory_.file("policy.host"); }

  // Never this machine's own policy.
  [[nodiscard]] Ran ovl(const std::string& arguments) const {
    const std::string file = GetParam() == Holder::host && !rules_.empty() ? host_file() : open_file();
    return with(file, arguments);
  }

  [[nodiscard]] Ran with(const std::string& file, const std::string& arguments) const {
    return shell("cd " + directory_.path() + " && " + OVL_BINARY + " " + arguments +
                 " --scope cluster --policy " + file);
  }

  void apply(const std::string& options = "") const {
    const Ran ran = ovl("apply --auto-approve " + options);
    ASSERT_EQ(ran.code, 0) << ran.out;
  }

  // Both verbs say why and end with 12; the plan has all of its changes.
  void refuses(const std::string& why, const std::string& shown) const {
    const Ran planned = ovl("plan");
    EXPECT_EQ(planned.code, 12) << planned.out;
    EXPECT_TRUE(planned.has(why)) << planned.out;
    EXPECT_TRUE(planned.has(shown)) << planned.out;
    EXPECT_TRUE(planned.has(GetParam() == Holder::host ? host_file() : "the manifest's [policy]"))
        << planned.out;
    const Ran applied = ovl("apply --auto-approve");
    EXPECT_EQ(applied.code, 12) << applied.out;
    EXPECT_TRUE(applied.has(why)) << applied.out;
  }

 private:
  [[nodiscard]] std::string open_file() const {
    test::write_file(directory_.file("open.host"), "[policy]\n");
    return directory_.file("open.host");
  }

  void save() const {
    std::ofstream file(directory_.file("ovl.toml"));
    file << "[cluster]\nname = \"held\"\n[keystore]\nurl = \"sqlite://" << directory_.file("keystore.db")
         << "\"\n[host.left]\nadvertise = \"192.0.2.1\"\n[host.right]\nadvertise = \"192.0.2.2\"\n"
         << blocks_;
    if (GetParam() == Holder::manifest && !rules_.empty()) file << "[policy]\n" << rules_;
  }

  std::string blocks_;
  std::string rules_;

 protected:
  test::TemporaryDirectory directory_;
};

class HostPolicy : public Policies {};

class SignedSource : public HostPolicy {
 protected:
  void SetUp() override {
    run("ssh-keygen -q -N '' -C '' -t ed25519 -f key");
    run("printf 'alice@example.org %s' \"$(cat key.pub)\" > allowed_signers");
    hold("require_signed = true\nsigners = \"" + directory_.file("allowed_signers") + "\"\n");
    write("[network.one]\nsubnet = \"10.0.7.0/24\"\n");
    run("git init -q -b main && git add ovl.toml");
  }

  Ran run(const std::string& command) const {
    const Ran ran = shell("cd " + directory_.path() + " && " + command);
    EXPECT_EQ(ran.code, 0) << command << "\n" << ran.out;
    return ran;
  }

  void commit(const std::string& options) const {
    run("git -c user.name=a -c user.email=a@b -c commit.gpgsign=false -c gpg.format=ssh -c user.signingkey=" +
        directory_.file("key") + " commit -qam change " + options);
  }
};

}  // namespace

TEST_P(Policies, LimitRemovals) {
  write("[network.one]\n[network.two]\n");
  hold("max_destroy = 1\n");
  apply();
  write("");
  refuses("2 of its 4 records would be removed", "- network.two");
  EXPECT_EQ(ovl("apply --auto-approve --max-destroy 100%").code, 12) << "the stricter wins";
  EXPECT_EQ(ovl("destroy --auto-approve").code, 12);
  write("[network.one]\n");
  apply();
}

TEST_P(Policies, ProtectRecords) {
  write("[network.one]\n[network.two]\n");
  hold("protect = [\"network.o*\"]\n");
  apply();
  write("[network.two]\n");
  refuses("network.one: it is protected by policy and would be removed", "- network.one");
  write("[network.one]\n");
  apply();
}

TEST_P(Policies, KeepSubnetsInside) {
  hold("subnets = [\"10.9.0.0/16\"]\n");
  write("[network.one]\nsubnet = \"10.8.0.0/24\"\n");
  refuses("network.one: policy does not allow its subnet 10.8.0.0/24", "+ network.one");
  write("[network.one]\n");
  refuses("network.one: policy does not allow its subnet 10.", "+ network.one");
  write("[network.one]\nsubnet = \"10.9.8.0/24\"\n");
  apply();
}

TEST_P(Policies, KeepHostsToTheirNames) {
  hold("hosts = [\"l*\", \"*ght\"]\n");
  write("");
  apply();
  write("[host.other]\nadvertise = \"192.0.2.3\"\n");
  refuses("host.other: policy allows no host of this name", "+ host.other");
}

TEST_P(Policies, KeepVnisInRange) {
  hold("vni = { min = 5000, max = 5999 }\n");
  write("[network.one]\n");
  refuses("network.one: policy does not allow its VNI 10485", "+ network.one");
  write("[network.one]\nvni = 5999\n");
  apply();
}

TEST_P(Policies, ForbidChanges) {
  hold("forbid = [\"remove network\", \"update network.labels\"]\n");
  write("[network.one]\n");
  apply();
  write("[network.one]\nlabels = { a = \"b\" }\n");
  refuses("network.one: policy forbids this change", "~ network.one");
  write("");
  refuses("network.one: policy forbids this change", "- network.one");
  write("[network.one]\ninternal = true\n");
  apply();
}

// Two windows of which one is always shut and one always open: what is three days away is so at midnight too.
TEST_P(Policies, HoldChangesBackOutsideOfTheWindows) {
  write("[network.one]\n");
  const std::string day = shell("date -u -d '+3 days' +%a | tr A-Z a-z").out.substr(0, 3);
  const std::string shut = "\"" + day + "\"";
  hold("windows = [{ days = [" + shut + "], from = \"00:00\", to = \"24:00\" }]\n");
  refuses("its records may not change now", "+ network.one");
  hold("windows = [{ from = \"00:00\", to = \"24:00\" }]\n");
  apply();
  hold("windows = [{ days = [" + shut + "], from = \"00:00\", to = \"24:00\" }]\n");
  apply();  // nothing to change
}

TEST_P(Policies, AskForSignatures) {
  write("[network.one]\n");
  hold("require_signed = true\n");
  refuses("only from a commit that somebody trusted has signed", "+ network.one");
}

INSTANTIATE_TEST_SUITE_P(Held, Policies, ::testing::Values(Holder::manifest, Holder::host),
                         [](const auto& one) { return one.param == Holder::host ? "ByHost" : "ByManifest"; });

// ---- the host's file ------------------------------------------------------------------------------

// Loosening the manifest's own policy in the same push helps nobody.
TEST_P(HostPolicy, HoldsWhateverTheManifestSays) {
  hold("protect = [\"network.*\"]\n");
  write("[network.one]\n");
  apply();
  write("[policy]\nprotect = []\nmax_destroy = \"100%\"\n");
  refuses("network.one: it is protected by policy and would be removed", "- network.one");
}

TEST_P(HostPolicy, HoldsADestroyWithoutAManifest) {
  write("[network.one]\n");
  hold("max_destroy = 1\n");
  apply();
  const std::string where =
      " --keystore sqlite://" + directory_.file("keystore.db") + " --cluster held --scope cluster";
  const Ran held =
      shell("cd / && " + std::string(OVL_BINARY) + " destroy --auto-approve --policy " + host_file() + where);
  EXPECT_EQ(held.code, 12) << held.out;
  EXPECT_TRUE(held.has("3 of its 3 records would be removed")) << held.out;
  hold("max_destroy = 3\n");
  const Ran done =
      shell("cd / && " + std::string(OVL_BINARY) + " destroy --auto-approve --policy " + host_file() + where);
  EXPECT_EQ(done.code, 0) << done.out;
}

TEST_P(HostPolicy, HoldsMovesToo) {
  write("[network.one]\n");
  hold("protect = [\"network.one\"]\n");
  apply();
  const Ran moved = shell("cd " + directory_.path() + " && " + OVL_BINARY +
                          " state mv network.one network.other --auto-approve --policy " + host_file() +
                          " --keystore sqlite://" + directory_.file("keystore.db") + " --cluster held");
  EXPECT_EQ(moved.code, 12) << moved.out;
  EXPECT_TRUE(moved.has("it is protected by policy and would be renamed")) << moved.out;
}

TEST_P(HostPolicy, HoldsASavedPlan) {
  write("[network.one]\n");
  ASSERT_EQ(ovl("plan --out saved.plan").code, 0);
  hold("forbid = [\"create network\"]\n");
  const Ran held =
      shell("cd " + directory_.path() + " && " + OVL_BINARY + " apply saved.plan --policy " + host_file());
  EXPECT_EQ(held.code, 12) << held.out;
  EXPECT_TRUE(held.has("policy forbids this change")) << held.out;
}

TEST_P(HostPolicy, ComesFromTheEnvironmentToo) {
  write("[network.one]\n");
  hold("forbid = [\"create network\"]\n");
  const Ran held = shell("cd " + directory_.path() + " && OVL_POLICY=" + host_file() + " " + OVL_BINARY +
                         " plan --scope cluster");
  EXPECT_EQ(held.code, 12) << held.out;
}

TEST_P(HostPolicy, IsNotForOthersToWrite) {
  write("[network.one]\n");
  hold("max_destroy = 1\n");
  std::filesystem::permissions(host_file(), std::filesystem::perms(0666));
  for (const std::string verb : {"plan", "apply --auto-approve"}) {
    const Ran ran = ovl(verb);
    EXPECT_EQ(ran.code, 12) << ran.out;
    EXPECT_TRUE(ran.has(host_file() + " may be written by others")) << ran.out;
  }
  std::filesystem::permissions(host_file(), std::filesystem::perms(0640));
  apply();
}

TEST_P(HostPolicy, IsRefusedWithAMistakeInIt) {
  write("[network.one]\n");
  hold("max_detroy = 1\n");
  const Ran unknown = ovl("plan");
  EXPECT_EQ(unknown.code, 12) << unknown.out;
  EXPECT_TRUE(unknown.has("policy.host:2:1: error: unknown key \"max_detroy\" in [policy] [unknown-key]"))
      << unknown.out;
  hold("[network.one]\n");
  EXPECT_TRUE(ovl("plan").has("a host's policy holds [policy] and nothing else [policy-file]"));
  test::write_file(host_file(), "");
  EXPECT_TRUE(ovl("plan").has("a host's policy has no [policy] [policy-file]"));
  EXPECT_EQ(ovl("plan").code, 12);
}

TEST_P(HostPolicy, HasToBeThereWhenItIsNamed) {
  write("[network.one]\n");
  const Ran ran = with(host_file() + "-none", "plan");
  EXPECT_EQ(ran.code, 1) << ran.out;
  EXPECT_TRUE(ran.has("there is no " + host_file() + "-none")) << ran.out;
  EXPECT_TRUE(ran.has("leave --policy and OVL_POLICY out")) << ran.out;
}

TEST_P(HostPolicy, NamesWhoMaySign) {
  write("");
  hold("signers = \"/etc/ovl/allowed_signers\"\nkeyring = \"/etc/ovl/keyring.gpg\"\n");
  apply();
  hold("signers = \"allowed_signers\"\n");
  EXPECT_TRUE(ovl("plan").has("this is no absolute path [invalid-value]"));
}

// ---- signed commits -------------------------------------------------------------------------------

TEST_P(SignedSource, IsWhatTheCommitHas) {
  commit("-S");
  write("[network.two]\n");
  const Ran tree = ovl("plan");
  EXPECT_EQ(tree.code, 12) << tree.out;
  EXPECT_TRUE(tree.has("its files were not read from a commit")) << tree.out;
  const Ran applied = ovl("apply --auto-approve --repo . --ref HEAD");
  EXPECT_EQ(applied.code, 0) << applied.out;
  EXPECT_TRUE(applied.has("+ network.one")) << applied.out;
  commit("");
  const Ran unsigned_one = ovl("apply --auto-approve --repo . --ref HEAD");
  EXPECT_EQ(unsigned_one.code, 12) << unsigned_one.out;
  EXPECT_TRUE(unsigned_one.has("the signature is not accepted: there is none")) << unsigned_one.out;
}

TEST_P(SignedSource, AsksForNoDestroy) {
  commit("-S");
  ASSERT_EQ(ovl("apply --auto-approve --repo . --ref HEAD").code, 0);
  const Ran destroyed = ovl("destroy --auto-approve --repo . --ref HEAD");
  EXPECT_EQ(destroyed.code, 12) << destroyed.out;
  EXPECT_TRUE(destroyed.has("no commit asks for this")) << destroyed.out;
}

// Whoever edits a plan can make a new digest.
void edit_with_a_new_digest(const std::string& from, const std::string& to) {
  const auto saved = read_plan_file(from);
  ASSERT_TRUE(saved.ok()) << saved.error().message;
  const std::string text = std::regex_replace(saved.value().json(), std::regex("10[.]0[.]7[.]"), "10.66.7.");
  const auto edited = Value::parse_json(text);
  ASSERT_TRUE(edited.ok()) << edited.error().message;
  ASSERT_TRUE(write_plan_file(to, edited.value()).ok());
}

// A saved plan is a file that may have been edited since.
TEST_P(SignedSource, IsReadAgainForASavedPlan) {
  commit("-S");
  for (const std::string path : {"", ".", "ovl.toml"}) {
    ASSERT_EQ(ovl("plan " + path + " --repo . --ref HEAD --out saved.plan").code, 0) << path;
    run("sed 's/10[.]0[.]7[.]/10.66.7./g' saved.plan > edited.plan");
    const auto apply = [&] {
      return shell("cd " + directory_.path() + " && " + OVL_BINARY + " apply edited.plan --policy " +
                   host_file());
    };
    const Ran torn = apply();
    EXPECT_EQ(torn.code, 1) << path << torn.out;
    EXPECT_TRUE(torn.has("it was changed since it was saved")) << torn.out;
    edit_with_a_new_digest(directory_.file("saved.plan"), directory_.file("edited.plan"));
    const Ran edited = apply();
    EXPECT_EQ(edited.code, 12) << path << edited.out;
    EXPECT_TRUE(edited.has("its files were not read from a commit")) << edited.out;
    const Ran saved =
        shell("cd " + directory_.path() + " && " + OVL_BINARY + " apply saved.plan --policy " + host_file());
    EXPECT_EQ(saved.code, 0) << path << saved.out;
    run("rm -f keystore.db*");
  }
}

INSTANTIATE_TEST_SUITE_P(Held, SignedSource, ::testing::Values(Holder::host),
                         [](const auto&) { return "ByHost"; });

INSTANTIATE_TEST_SUITE_P(Held, HostPolicy, ::testing::Values(Holder::host),
                         [](const auto&) { return "ByHost"; });

}  // namespace ovl
