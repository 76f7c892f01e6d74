// ovl sync with a remote, on a store of its own and without a lab: cluster scope needs no kernel.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "drivers/keystore/keystore.hpp"
#include "tests/cluster/hooks_rig.hpp"
#include "tests/support/process.hpp"

namespace ovl {

namespace {

class Sync : public HooksRig {
 protected:
  void TearDown() override {
    if (!pid_.empty()) shell("kill " + pid_ + "; while [ -e /proc/" + pid_ + "/exe ]; do :; done");
  }

  [[nodiscard]] std::string arguments() const {
    return fmt::format("--state-dir {} sync --repo file://{} --ref main net --scope cluster --keystore {}",
                       file("state"), file("hub.git"), store());
  }

  // Again and again; says what it says into the file "log".
  void start(const std::string& more = "") {
    const Ran ran =
        shell(fmt::format("cd {0} && HOME={0}/none {1} {2} --interval 100ms {3} >log 2>&1 & echo $!",
                          file(""), OVL_BINARY, arguments(), more));
    pid_ = ran.out.substr(0, ran.out.find('\n'));
  }

  // A host of its own, with an address on its loopback, that follows the records alone; tells every round.
  Ran start_host(const std::string& more) {
    test::write_file(
        file("host.sh"),
        fmt::format("ip link set lo up && ip addr add 192.0.2.1/32 dev lo && exec {} -v --state-dir "
                    "{} --run-dir {} sync --scope host --host left --cluster pushed --keystore {} "
                    "{} >{} 2>&1\n",
                    OVL_BINARY, file("state"), file("run"), store(), more, file("log")));
    const Ran ran = shell("cd / && unshare -n -m sh " + file("host.sh") + " & echo started $!");
    pid_ = ran.out.substr(ran.out.find(' ') + 1);
    pid_ = pid_.substr(0, pid_.find('\n'));
    return ran;
  }

  // The host again, which takes records and itself from the repository.
  void start_whole_host(const std::string& more) {
    test::write_file(
        file("host.sh"),
        fmt::format(
            "ip link set lo up && ip addr add 192.0.2.1/32 dev lo && exec {} --state-dir {} --run-dir "
            "{} sync --repo file://{} --ref main net --host left --keystore {} --interval 100ms {} "
            ">{} 2>&1\n",
            OVL_BINARY, file("state"), file("run"), file("hub.git"), store(), more, file("log")));
    const Ran ran =
        shell("cd / && HOME=" + file("none") + " unshare -n -m sh " + file("host.sh") + " & echo $!");
    pid_ = ran.out.substr(0, ran.out.find('\n'));
  }

  // Waits until a verb that reads the store says so, at most half a minute.
  [[nodiscard]] bool shows(const std::string& verb, const std::string& words) const {
    const std::string asked = fmt::format("{} {} --keystore {} --cluster pushed", OVL_BINARY, verb, store());
    return shell(
               fmt::format("cd / && timeout 30 sh -c 'until {} | grep -q \"{}\"; do :; done'", asked, words))
               .code == 0;
  }

  // Waits until the log has said so that many times.
  [[nodiscard]] bool says_often(const std::string& words, int times) const {
    return shell(fmt::format(
                     "touch {1}; timeout 30 bash -c '[ $(grep -m{2} -c \"{0}\" < <(exec tail --pid=$$ -n "
                     "+1 -f {1})) = {2} ]'",
                     words, file("log"), times))
               .code == 0;
  }

  // Waits until the log says so, at most half a minute.
  [[nodiscard]] bool says(const std::string& words) const {
    return shell("timeout 30 bash -c 'grep -qm1 \"" + words + "\" < <(exec tail --pid=$$ -n +1 -f " +
                 file("log") + ")'")
               .code == 0;
  }

  // Waits for the generation; it has the network.
  [[nodiscard]] bool reaches(int generation, const std::string& network) const {
    return says(fmt::format("generation {}:", generation)) && networks().find(network) != std::string::npos;
  }

  [[nodiscard]] std::string log() const { return shell("cat " + file("log")).out; }

 private:
  std::string pid_;
};

constexpr const char* kOne = "[network.one]\n";

}  // namespace

TEST_F(Sync, OnceFetchesPlansAndApplies) {
  write(kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  const Ran first = ovl(arguments() + " --detailed-exitcode");
  EXPECT_EQ(first.code, 2) << first.out;
  EXPECT_TRUE(first.has("Apply complete: 3 records. Generation 1.")) << first.out;
  const Ran again = ovl(arguments() + " --detailed-exitcode");
  EXPECT_EQ(again.code, 0) << again.out;
}

TEST_F(Sync, FollowsTheRemote) {
  write(kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  start();
  EXPECT_TRUE(reaches(1, "one")) << log();
  write(std::string(kOne) + "[network.two]\n");
  commit("two");
  ASSERT_EQ(push().code, 0);
  EXPECT_TRUE(reaches(2, "two")) << log();
}

// git runs what the mirror's configuration says.
TEST_F(Sync, NobodyElseWritesItsMirror) {
  write("[network.one]\n");
  commit("one");
  ASSERT_EQ(push().code, 0);
  const Ran ran = shell("umask 0; cd / && " OVL_BINARY " " + arguments() + " --new-cluster");
  ASSERT_EQ(ran.code, 0) << ran.out;
  EXPECT_EQ(shell("find " + file("state") + " ! -type l -perm /022").out, "");
}

TEST_F(Sync, SaysThatTheKeystoreHadLostIt) {
  write(kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  start();
  ASSERT_TRUE(reaches(1, "one")) << log();
  const std::string store_file = store().substr(std::string("sqlite://").size());
  const Ran lost =
      shell("sqlite3 -cmd '.timeout 5000' " + store_file + " 'PRAGMA foreign_keys = OFF; DELETE FROM keys'");
  ASSERT_EQ(lost.code, 0) << lost.out;
  EXPECT_TRUE(says("the keystore has lost it; it is rebuilt")) << log();
  EXPECT_TRUE(reaches(2, "one")) << log();
}

// Where a forge lets people push tags who may not push the branch.
// A git that was killed leaves half a mirror, or a lock; a disk that was full leaves empty files.
TEST_F(Sync, AMirrorThatWasCutOffIsMadeAnew) {
  write("[network.n0]\n");
  commit("0");
  ASSERT_EQ(push().code, 0);
  ASSERT_EQ(ovl(arguments() + " --new-cluster").code, 0);
  const std::string found = shell("ls -d " + file("state/sync/") + "*.git").out;
  const std::string mirror = found.substr(0, found.find('\n'));
  int number = 0;
  for (const std::string& spoil :
       {"touch " + mirror + "/refs/ovl/fetched.lock", ": > " + mirror + "/HEAD", "rm -r " + mirror + "/refs",
        ": > " + mirror + "/refs/ovl/fetched", "rm -r " + mirror + "/objects",
        "rm -r " + mirror + " && touch " + mirror}) {
    ASSERT_EQ(shell(spoil).code, 0);
    const std::string network = fmt::format("n{}", ++number);
    write("[network.n0]\n[network." + network + "]\n");
    commit(network);
    ASSERT_EQ(push().code, 0);
    const Ran ran = ovl(arguments() + " --max-destroy 100%");
    EXPECT_EQ(ran.code, 0) << spoil << ran.out;
    EXPECT_NE(networks().find(network), std::string::npos) << spoil;
  }
}

TEST_F(Sync, FollowsTheBranchAndNotATagOfItsName) {
  write(kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  ASSERT_EQ(git("checkout -q -b side").code, 0);
  write("[network.evil]\n");
  commit("evil");
  ASSERT_EQ(git("tag main && git push -q hub refs/tags/main").code, 0);
  const Ran ran = ovl(arguments());
  EXPECT_TRUE(ran.has("+ network.one")) << ran.out;
  EXPECT_EQ(networks().find("evil"), std::string::npos);
  const Ran plan =
      ovl("plan --repo " + file("hub.git") + " --ref main net --scope cluster --keystore " + store());
  EXPECT_EQ(plan.out.find("evil"), std::string::npos) << plan.out;
}

// The host's policy, and who may sign, count as they are now, not as they were when sync began.
TEST_F(Sync, TheHostsPolicyCountsFromTheNextRound) {
  write(kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  test::write_file(file("policy.toml"), "[policy]\n");
  start("--policy " + file("policy.toml"));
  ASSERT_TRUE(reaches(1, "one")) << log();
  test::write_file(file("new.toml"), "[policy]\nrequire_signed = true\n");
  std::filesystem::rename(file("new.toml"), file("policy.toml"));
  ASSERT_EQ(ovl("destroy net --target network.one --scope cluster --auto-approve --keystore " + store()).code,
            0);
  EXPECT_TRUE(says("somebody trusted has signed")) << log();
  EXPECT_EQ(networks().find("one"), std::string::npos);
}

TEST_F(Sync, TheKeystoresSecretsAreReadAgain) {
  write(kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  test::write_file(file("token"), "secret\n");
  std::filesystem::permissions(file("token"), std::filesystem::perms(0600));
  start("--token file:" + file("token"));
  ASSERT_TRUE(reaches(1, "one")) << log();
  std::filesystem::permissions(file("token"), std::filesystem::perms(0644));
  EXPECT_TRUE(says("is readable by others")) << log();
}

// What follows the records on a host has no name to remember. Nothing fails in any round, so that none comes
// later than the one before, and the host's presence lasts.
TEST_F(Sync, AHostFollowsTheRecordsRoundAfterRound) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  std::filesystem::create_directories(file("run"));
  const std::string apply = "apply net --scope cluster --auto-approve --keystore " + store();
  write(kOne);
  ASSERT_EQ(ovl(apply).code, 0);
  ASSERT_TRUE(start_host("--interval 50ms").has("started"));
  ASSERT_TRUE(says_often("generation 1: No changes.", 5)) << log();
  const Ran hosts = ovl("host ls --keystore " + store() + " --cluster pushed");
  EXPECT_TRUE(hosts.has("present")) << hosts.out;
  write(std::string(kOne) + "[network.two]\n");
  ASSERT_EQ(ovl(apply).code, 0);
  ASSERT_TRUE(says_often("generation 2: No changes.", 5)) << log();
  EXPECT_EQ(shell("grep -vE 'ovl: generation|nft_table' " + file("log")).out,
            "ovl: following the cluster's records\novl: connected to " + store() + "\n");
}

// Present is who lives, whatever its last apply came to; what it fails at is for the others to see.
TEST_F(Sync, AHostThatFailsIsPresentAndSaysAtWhat) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  std::filesystem::create_directories(file("run"));
  write(kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  start_whole_host("--heartbeat 100ms --ttl 2s");
  ASSERT_TRUE(reaches(1, "one")) << log();
  EXPECT_TRUE(shows("status", "left   up to date .* present$"));

  // Somebody takes its key away.
  auto keystore = open_keystore({.url = store()});
  ASSERT_TRUE(keystore.ok()) << keystore.error().message;
  const std::string key = "ovl/pushed/v1/presence/left";
  ASSERT_TRUE(keystore.value()->commit({.guards = {}, .writes = {{.key = key, .value = {}}}}).ok());
  EXPECT_TRUE(shows("host ls", "left .* present "));

  write("[network.two]\nsubnet = 5\n");
  const std::string broken = commit("broken");
  ASSERT_EQ(push().code, 0);
  ASSERT_TRUE(says("the manifest is invalid")) << log();
  const std::string failed =
      "failed: commit " + broken.substr(0, 12) + ": the manifest is invalid: net/ovl.toml:";
  EXPECT_TRUE(shows("status", "left   " + failed + ".* present$")) << log();
  const Ran waited = ovl("status --wait 0s --cluster pushed --keystore " + store());
  EXPECT_EQ(waited.code, 1) << waited.out;
  EXPECT_TRUE(waited.has("left (" + failed)) << waited.out;

  const std::string suspension = "--state-dir " + file("state");
  ASSERT_EQ(ovl(suspension + " suspend --reason upgrade").code, 0);
  EXPECT_TRUE(shows("status", "left   .* suspended by .*upgrade"));
  ASSERT_EQ(ovl(suspension + " resume").code, 0);
  write(std::string(kOne) + "[network.two]\n");
  commit("mended");
  ASSERT_EQ(push().code, 0);
  EXPECT_TRUE(reaches(2, "two")) << log();
  EXPECT_TRUE(shows("status", "left   up to date .* present$"));
}

// It has applied what a post-receive was kept from, and says so.
TEST_F(Sync, MakesGoodWhatAHookWasKeptFrom) {
  ASSERT_EQ(install("post-receive").code, 0);
  write(kOne);
  commit("one");
  ASSERT_EQ(ovl("suspend --repo " + file("hub.git")).code, 0);
  ASSERT_EQ(push().code, 0);
  const std::string status = "hook status --repo " + file("hub.git");
  EXPECT_TRUE(ovl(status).has("was taken and never applied: suspended by"));
  const Ran ran = ovl(arguments());
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_TRUE(ran.has("was taken there and never applied; it is now")) << ran.out;
  EXPECT_FALSE(ovl(status).has("never applied"));
}

// What can't be applied is told once, and the next revision is not kept waiting.
TEST_F(Sync, ANewRevisionOvertakesAFailingOne) {
  write("[network.one]\nprotect = true\n");
  commit("one");
  ASSERT_EQ(push().code, 0);
  start();
  ASSERT_TRUE(reaches(1, "one")) << log();
  write("");
  commit("without");
  ASSERT_EQ(push().code, 0);
  ASSERT_TRUE(says("it is protected and would be removed")) << log();
  write("[network.one]\nprotect = true\n[network.two]\n");
  commit("with");
  ASSERT_EQ(push().code, 0);
  EXPECT_TRUE(reaches(2, "two")) << log();
  write("[network.two]\nsubnet = 5\n");
  commit("broken");
  ASSERT_EQ(push().code, 0);
  ASSERT_TRUE(says("the manifest is invalid")) << log();
  write("[network.one]\nprotect = true\n[network.two]\n[network.three]\n");
  commit("mended");
  ASSERT_EQ(push().code, 0);
  EXPECT_TRUE(reaches(3, "three")) << log();
}

TEST_F(Sync, AForcePushBackIsNotFollowed) {
  write(kOne);
  commit("one");
  write(std::string(kOne) + "[network.two]\n");
  commit("two");
  ASSERT_EQ(push().code, 0);
  start();
  ASSERT_TRUE(reaches(1, "two")) << log();
  ASSERT_EQ(push("-f hub HEAD~1:main").code, 0);
  EXPECT_TRUE(says("does not descend from")) << log();
  EXPECT_NE(networks().find("two"), std::string::npos);
}

TEST_F(Sync, StandsBackWhileSuspended) {
  write(kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  start();
  ASSERT_TRUE(reaches(1, "one")) << log();
  const std::string state = "--state-dir " + file("state") + " ";
  ASSERT_EQ(ovl(state + "suspend --reason maintenance").code, 0);
  ASSERT_TRUE(says("suspended by .*maintenance")) << log();
  EXPECT_TRUE(
      ovl(state + "status --keystore " + store() + " --cluster pushed").has("this host is suspended by"));
  write(std::string(kOne) + "[network.two]\n");
  commit("two");
  ASSERT_EQ(push().code, 0);
  EXPECT_TRUE(ovl(arguments()).has("suspended by")) << "once, too";
  EXPECT_EQ(networks().find("two"), std::string::npos);
  ASSERT_EQ(ovl(state + "resume").code, 0);
  EXPECT_TRUE(reaches(2, "two")) << log();
}

// Whoever went back by hand is not undone by what applies by itself.
TEST_F(Sync, ARollbackStands) {
  write(kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  start();
  ASSERT_TRUE(reaches(1, "one")) << log();
  write(std::string(kOne) + "[network.two]\n");
  commit("two");
  ASSERT_EQ(push().code, 0);
  ASSERT_TRUE(reaches(2, "two")) << log();
  const Ran back = ovl("rollback --path net --scope cluster --auto-approve --keystore " + store());
  EXPECT_EQ(back.code, 0) << back.out;
  EXPECT_TRUE(back.has("Generation 3")) << back.out;
  EXPECT_TRUE(says("and gone back from")) << log();
  EXPECT_EQ(networks().find("two"), std::string::npos);
  write(std::string(kOne) + "[network.three]\n");
  commit("three");
  ASSERT_EQ(push().code, 0);
  EXPECT_TRUE(reaches(4, "three")) << log();
}

TEST_F(Sync, RollbackKnowsGenerationsAndRevisions) {
  const std::string common = " --path net --scope cluster --auto-approve --keystore " + store();
  const std::string apply = "apply net --ref HEAD --scope cluster --auto-approve --keystore " + store();
  write(kOne);
  commit("one");
  ASSERT_EQ(ovl(apply).code, 0);
  const Ran none = ovl("rollback" + common);
  EXPECT_EQ(none.code, 1) << none.out;
  EXPECT_TRUE(none.has("no generation of another commit")) << none.out;
  write(std::string(kOne) + "[network.two]\n");
  commit("two");
  ASSERT_EQ(ovl(apply).code, 0);
  EXPECT_TRUE(ovl("rollback 1" + common).has("Generation 3"));
  EXPECT_EQ(networks().find("two"), std::string::npos);
  EXPECT_TRUE(ovl("rollback HEAD" + common).has("Generation 4"));
  EXPECT_NE(networks().find("two"), std::string::npos);
  EXPECT_TRUE(ovl("rollback 9" + common).has("generation 9 is not kept"));
  const Ran silent = ovl("rollback 1 --path net --scope cluster --keystore " + store());
  EXPECT_NE(silent.code, 0) << "never without a yes";
  const Ran history = ovl("history --keystore " + store() + " --cluster pushed --ref HEAD~1");
  EXPECT_TRUE(history.has("Ann <ann@example.org>  one")) << history.out;
  EXPECT_FALSE(history.has("  two  ")) << history.out;
  // The generation knows its folder.
  const Ran by_folder =
      ovl("rollback 1 --cluster pushed --scope cluster --auto-approve --keystore " + store());
  EXPECT_TRUE(by_folder.has("Generation 5")) << by_folder.out;
  EXPECT_EQ(networks().find("two"), std::string::npos);
}

TEST_F(Sync, RemotesThatAreNotThereOrNotAllowed) {
  const Ran gone =
      ovl(fmt::format("--state-dir {} sync --repo file://{}/nowhere --scope cluster --keystore {}",
                      file("state"), file(""), store()));
  EXPECT_EQ(gone.code, 16) << gone.out;
  EXPECT_TRUE(gone.has("fetching file://")) << gone.out;
  for (const char* url : {"ext::sh -c touch% x", "git://127.0.0.1/x", "http://127.0.0.1/x", "-u:x"}) {
    const Ran ran = ovl(fmt::format("--state-dir {} sync --repo '{}' --scope cluster --keystore {}",
                                    file("state"), url, store()));
    EXPECT_EQ(ran.code, 1) << url << ran.out;
  }
  EXPECT_FALSE(std::filesystem::exists(file("work/x")));
}

TEST_F(Sync, WhatAMergeWouldChange) {
  write("[network.one]\nmtu = 1400\n");
  commit("one");
  ASSERT_EQ(git("checkout -q -b feature").code, 0);
  write("[network.one]\nmtu = 1300\n[network.two]\n[endpoint.web]\nnetwork = \"one\"\nhost = \"left\"\n");
  commit("feature");
  const Ran diff = ovl("diff main feature --path net");
  EXPECT_EQ(diff.code, 0) << diff.out;
  EXPECT_TRUE(diff.has("mtu  1400 -> 1300")) << diff.out;
  const Ran comment = ovl("diff main feature --path net --format markdown");
  EXPECT_TRUE(comment.has("<!-- ovl diff pushed -->\n")) << comment.out;
  const Ran counts = ovl("diff main feature --path net --format gitlab");
  EXPECT_EQ(counts.out, "{\"create\":2,\"update\":1,\"delete\":0}\n");
  EXPECT_TRUE(ovl("diff main feature --path net --format json").has("\"resource_changes\""));
  EXPECT_TRUE(diff.has("+ network.two")) << diff.out;
  EXPECT_EQ(ovl("diff main feature --path net --detailed-exitcode").code, 2);
  EXPECT_EQ(ovl("diff main main --path net --detailed-exitcode").code, 0);
  const Ran host = ovl("diff main feature --path net --host left");
  EXPECT_TRUE(host.has("Host left")) << host.out;
  EXPECT_TRUE(host.has("netns web")) << host.out;
  EXPECT_FALSE(std::filesystem::exists(file("keystore.db"))) << "nothing is asked, nothing is made";
  // With a store its choices are those that the store knows.
  ASSERT_EQ(ovl("apply net --ref main --scope cluster --auto-approve --keystore " + store()).code, 0);
  EXPECT_EQ(ovl("diff main feature --path net --keystore " + store()).code, 0);
  EXPECT_EQ(ovl("diff main nowhere --path net").code, 1);
}

TEST_F(Sync, TheLineThatSetAValueIsKnown) {
  write("[network.one]\nmtu = 1400\n");
  const std::string first = commit("one");
  write("[network.one]\nmtu = 1400\nport = 4790\n");
  const std::string second = commit("two");
  const std::string apply = "apply net --ref HEAD --scope cluster --auto-approve --keystore " + store();
  ASSERT_EQ(ovl(apply).code, 0);
  const std::string script =
      " | python3 -c 'import json, sys\nfor d in json.load(sys.stdin)[\"declared\"]: print(d[\"key\"], "
      "d[\"line\"], d.get(\"commit\"))'";
  for (const std::string where : {"net", "net --ref HEAD"}) {
    const Ran known = ovl("network inspect --json one " + where + " --keystore " + store() + script);
    EXPECT_TRUE(known.has("mtu 8 " + first)) << known.out;
    EXPECT_TRUE(known.has("port 9 " + second)) << known.out;
  }
  write("[network.one]\nmtu = 1300\nport = 4790\n");
  const Ran edited = ovl("network inspect --json one net --keystore " + store() + script);
  EXPECT_TRUE(edited.has("mtu 8 None")) << edited.out;
}

}  // namespace ovl
