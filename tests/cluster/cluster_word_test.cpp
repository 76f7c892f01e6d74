// What applies by itself keeps the cluster's name: a push or a commit that changes it is refused before
// anything is read or written under the other name. Under it all would be made anew, past `protect` and every
// guard.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "tests/cluster/hooks_rig.hpp"

namespace ovl {

namespace {

constexpr const char* kKept = "[network.one]\nprotect = true\n";

class ClusterWord : public HooksRig {
 protected:
  // The clone's manifest as it is, under another name.
  void rename(const std::string& from, const std::string& to) const {
    ASSERT_EQ(
        shell(fmt::format("sed -i 's/name = \"{}\"/name = \"{}\"/' {}", from, to, file("work/net/ovl.toml")))
            .code,
        0);
  }

  // Pushes a first manifest; what is installed takes it.
  void push_first() const {
    write(kKept);
    commit("one");
    const Ran first = push();
    ASSERT_EQ(first.code, 0) << first.out;
  }

  void is_refused(const Ran& ran, const std::string& name) const {
    EXPECT_TRUE(
        ran.has(fmt::format("net/ovl.toml:2:8: the manifest calls the cluster \"{}\", and what is "
                            "followed here is \"pushed\"",
                            name)))
        << ran.out;
    EXPECT_TRUE(ran.has("ovl hook install --cluster " + name)) << ran.out;
    EXPECT_EQ(tree_of(name), 0U);
  }

  // Keys of a cluster's tree in the store; its names are in no other value.
  [[nodiscard]] std::size_t tree_of(const std::string& name) const {
    const Ran ran = shell(fmt::format("strings -a {0} {0}-wal 2>/dev/null | grep -c 'ovl/{1}/v1'; true",
                                      file("keystore.db"), name));
    return std::stoul(ran.out);
  }
};

}  // namespace

TEST_F(ClusterWord, OfAHookIsThatOfTheFirstPushThatItApplied) {
  ASSERT_EQ(install("pre-receive post-receive").code, 0);
  push_first();
  EXPECT_GT(tree_of("pushed"), 0U) << "the control: a tree is seen where there is one";
  EXPECT_EQ(test::read_file(file("hub.git/ovl/cluster")), "pushed\n");
  rename("pushed", "second");
  commit("renamed");
  const Ran renamed = push();
  EXPECT_NE(renamed.code, 0);
  is_refused(renamed, "second");
  ASSERT_EQ(git("reset -q --hard HEAD~1").code, 0);
  write("[network.two]\n");
  rename("pushed", "third");
  commit("renamed, and without what is protected");
  is_refused(push(), "third");
  ASSERT_EQ(install("--cluster third pre-receive post-receive").code, 0);
  EXPECT_EQ(push().code, 0) << "whoever installs the hook may say so";
  EXPECT_GT(tree_of("third"), 0U);
  EXPECT_EQ(test::read_file(file("hub.git/ovl/cluster")), "third\n");
}

TEST_F(ClusterWord, OfPreReceiveAloneIsThatOfTheBranch) {
  ASSERT_EQ(install("pre-receive").code, 0);
  push_first();
  rename("pushed", "second");
  commit("renamed");
  const Ran renamed = push();
  EXPECT_NE(renamed.code, 0);
  EXPECT_TRUE(renamed.has("what is followed here is \"pushed\"")) << renamed.out;
}

TEST_F(ClusterWord, OfPostReceiveAloneHoldsToo) {
  ASSERT_EQ(install("post-receive").code, 0);
  push_first();
  for (const char* name : {"second", "third"}) {
    write("[network.two]\n");
    rename("pushed", name);
    commit(name);
    is_refused(push(), name);
  }
}

TEST_F(ClusterWord, OfAHookIsTakenFromTheManifestThatIsThere) {
  push_first();
  const Ran installed = install("pre-receive post-receive");
  EXPECT_TRUE(installed.has("Cluster pushed, as the manifest says now; the hooks keep it.")) << installed.out;
  rename("pushed", "second");
  commit("renamed");
  EXPECT_NE(push().code, 0);
  EXPECT_FALSE(test::exists(file("keystore.db"))) << "refused before the store is opened";
}

TEST_F(ClusterWord, OfAMergeIsTheHooks) {
  push_first();
  ASSERT_EQ(shell("git clone -q " + file("hub.git") + " " + file("host")).code, 0);
  ASSERT_EQ(shell("cd " + file("host") + " && " + OVL_BINARY + " hook install --path net --scope cluster " +
                  "--auto-approve --keystore " + store() + " post-merge")
                .code,
            0);
  write(std::string(kKept) + "[network.two]\n");
  commit("two");
  ASSERT_EQ(push().code, 0);
  ASSERT_EQ(git("pull -q", "host").code, 0);
  EXPECT_NE(networks().find("two"), std::string::npos);
  rename("pushed", "second");
  commit("renamed");
  ASSERT_EQ(push().code, 0);
  is_refused(git("pull -q", "host"), "second");
}

TEST_F(ClusterWord, OfSyncIsWhatItAppliedFirst) {
  push_first();
  const std::string sync =
      fmt::format("--state-dir {} sync --repo file://{} --ref main net --scope cluster --keystore {}",
                  file("state"), file("hub.git"), store());
  ASSERT_EQ(ovl(sync).code, 0);
  rename("pushed", "second");
  commit("renamed");
  ASSERT_EQ(push().code, 0);
  const Ran once = ovl(sync);
  EXPECT_EQ(once.code, 12) << once.out;
  is_refused(once, "second");
  const Ran again = ovl(sync + " --interval 50ms >" + file("log") +
                        " 2>&1 & timeout 30 bash -c 'grep -qm1 hint: "
                        "< <(exec tail --pid=$$ -n +1 -f " +
                        file("log") + ")'; kill $!; wait $!; cat " + file("log"));
  is_refused(again, "second");
  const Ran meant = ovl(sync + " --cluster second");
  EXPECT_EQ(meant.code, 0) << meant.out;
  EXPECT_GT(tree_of("second"), 0U);
  EXPECT_EQ(ovl(sync).code, 0) << "and holds from now on";
}

// A folder of files is followed like a repository.
TEST_F(ClusterWord, OfSyncWithoutARepositoryHoldsToo) {
  write(kKept);
  const std::string sync =
      fmt::format("--state-dir {} sync net --scope cluster --keystore {}", file("state"), store());
  ASSERT_EQ(ovl(sync).code, 0);
  rename("pushed", "second");
  const Ran renamed = ovl(sync);
  EXPECT_EQ(renamed.code, 12) << renamed.out;
  is_refused(renamed, "second");
}

// However the first apply ends: the name is kept before anything is written under it. Here it can't be.
TEST_F(ClusterWord, OfSyncIsKeptBeforeAnythingIsWritten) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  write(kKept);
  std::filesystem::create_directories(file("state/sync"));
  const std::string sync =
      fmt::format("--state-dir {} sync net --scope cluster --keystore {}", file("state"), store());
  const Ran ran = shell(
      fmt::format("cd {0} && unshare -m sh -c 'mount --bind {1} {1} && mount -o remount,bind,ro {1} && exec "
                  "{2} {3}'",
                  file("work"), file("state/sync"), OVL_BINARY, sync));
  EXPECT_NE(ran.code, 0) << ran.out;
  EXPECT_TRUE(ran.has("can't be written")) << ran.out;
  EXPECT_EQ(networks().find("one"), std::string::npos) << ran.out;
  test::write_file(file("policy.toml"), "[policy]\nforbid = [\"create network\"]\n");
  EXPECT_EQ(ovl(sync + " --policy " + file("policy.toml")).code, 12);
  EXPECT_EQ(shell("ls " + file("state/sync")).out, "") << "what is refused binds nobody";
}

TEST_F(ClusterWord, OfAnAgentIsWhatItsHostFollows) {
  write(kKept);
  std::filesystem::create_directories(file("run"));
  const auto alone = [this](const std::string& verb) {
    return shell(
        fmt::format("unshare -n -m sh -c 'ip link set lo up && ip addr add 192.0.2.1/32 dev lo && exec "
                    "{} --state-dir {} --run-dir {} {} {} --host left --keystore {}'",
                    OVL_BINARY, file("state"), file("run"), verb, file("work/net"), store()));
  };
  const Ran applied = alone("apply --auto-approve");
  ASSERT_EQ(applied.code, 0) << applied.out;
  rename("pushed", "second");
  const Ran agent = alone("agent");
  EXPECT_EQ(agent.code, 12) << agent.out;
  is_refused(agent, "second");
  const Ran sync = alone("sync --scope host");
  EXPECT_EQ(sync.code, 12) << sync.out;
  is_refused(sync, "second");
}

}  // namespace ovl
