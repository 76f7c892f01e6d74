// A store that lost its cluster, or never had it, and places that remember it or don't. Cluster scope needs
// no kernel, so that there is no lab.
#include <gtest/gtest.h>

#include "tests/cluster/hooks_rig.hpp"

namespace ovl {

namespace {

constexpr const char* kNoTree = "the keystore does not hold it, and this place remembers none";

class LostStore : public HooksRig {
 protected:
  void SetUp() override {
    HooksRig::SetUp();
    write("[network.one]\n[network.two]\n");
    commit("two networks");
  }

  // The manifest's answer to "which network came first" is another one after a loss.
  void write_others() const { write("[network.two]\n[network.zero]\n[network.one]\n"); }

  // The file stays, and so does its revision: as on a server whose keys are gone.
  void lose(const std::string& which = "1") const {
    const Ran ran = shell("sqlite3 " + store_file() +
                          " \"PRAGMA foreign_keys = OFF; DELETE FROM keys WHERE " + which + "\"");
    ASSERT_EQ(ran.code, 0) << ran.out;
  }

  [[nodiscard]] std::string store_file() const { return store().substr(std::string("sqlite://").size()); }

  [[nodiscard]] Ran apply(const std::string& memory, const std::string& options = "") const {
    return ovl("--state-dir " + file(memory) + " apply net --scope cluster --auto-approve --keystore " +
               store() + " " + options);
  }

  void applies(const std::string& memory, const std::string& options = "") const {
    const Ran ran = apply(memory, options);
    ASSERT_EQ(ran.code, 0) << ran.out;
  }

  void refuses(const Ran& ran) const {
    EXPECT_EQ(ran.code, 12) << ran.out;
    EXPECT_TRUE(ran.has(kNoTree)) << ran.out;
    EXPECT_TRUE(ran.has("--new-cluster")) << ran.out;
  }

  [[nodiscard]] std::string endpoints() const {
    return ovl("endpoint ls --no-trunc --state-dir " + file("nowhere") + " --keystore " + store() +
               " --cluster pushed")
        .out;
  }

  // With ids and subnets.
  [[nodiscard]] std::string all() const {
    return ovl("network ls --no-trunc --state-dir " + file("nowhere") + " --keystore " + store() +
               " --cluster pushed")
        .out;
  }
};

}  // namespace

TEST_F(LostStore, IsFilledAgainByWhoeverWroteIt) {
  applies("hub");
  const std::string before = all();
  lose();
  for (const std::string verb : {"network ls", "status", "keystore check"}) {
    const Ran ran =
        ovl("--state-dir " + file("hub") + " " + verb + " --keystore " + store() + " --cluster pushed");
    EXPECT_EQ(ran.code, 12) << ran.out;
    EXPECT_TRUE(ran.has("the keystore has lost it: generation 1 is remembered here")) << ran.out;
  }
  write_others();
  const Ran ran = apply("hub");
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_TRUE(ran.has("the keystore has lost it; it is rebuilt")) << ran.out;
  EXPECT_TRUE(ran.has("Generation 2")) << ran.out;
  write("[network.one]\n[network.two]\n");
  applies("hub");
  EXPECT_EQ(all(), before);
}

// What is remembered hangs on the store, and where earlier versions kept it, on a spelling of its URL.
TEST_F(LostStore, IsFilledAgainHoweverItIsSpelled) {
  applies("hub");
  const std::string before = all();
  ASSERT_EQ(shell("cd " + file("hub/memory") + " && mv * 0123456789abcdef").code, 0);
  for (const std::string spelled : {"/.", "/"}) {
    lose();
    const std::string url = "sqlite://" + spelled + store_file();
    const std::string common = " --keystore " + url + " --cluster pushed";
    EXPECT_TRUE(ovl("--state-dir " + file("hub") + " network ls" + common).has("the keystore has lost it"));
    const Ran ran = ovl("--state-dir " + file("hub") +
                        " apply net --scope cluster --auto-approve --new-cluster --keystore " + url);
    EXPECT_EQ(ran.code, 0) << ran.out;
    EXPECT_TRUE(ran.has("the keystore has lost it; it is rebuilt")) << ran.out;
    EXPECT_EQ(all(), before);
  }
}

// As a pipeline names it, beside its checkout.
TEST_F(LostStore, IsRememberedInAFolderThatIsNamedFromHere) {
  const auto from_here = [&](const std::string& verb) {
    return ovl("--state-dir ../beside " + verb + " --keystore " + store());
  };
  const Ran first = from_here("apply net --scope cluster --auto-approve --new-cluster");
  ASSERT_EQ(first.code, 0) << first.out;
  const std::string before = all();
  lose();
  const Ran listed = from_here("network ls --cluster pushed");
  EXPECT_EQ(listed.code, 12) << listed.out;
  const Ran again = from_here("apply net --scope cluster --auto-approve");
  EXPECT_EQ(again.code, 0) << again.out;
  EXPECT_EQ(all(), before);
}

// Or a lost store would be taken for a new one, with --new-cluster left in a pipeline.
TEST_F(LostStore, IsNotBegunAnewWhereAMemoryCantBeRead) {
  applies("hub");
  const std::string before = all();
  const std::string memory = shell("find " + file("hub") + " -name state.db").out;
  const std::string path = memory.substr(0, memory.find('\n'));
  const std::string spoil = "mv " + path + " " + file("kept") + " && ";
  for (const std::string& by : {spoil + "head -c 5000 /dev/urandom > " + path, spoil + "mkdir " + path,
                                spoil + "ln -s /dev/null " + path}) {
    ASSERT_EQ(shell(by).code, 0);
    lose();
    const Ran ran = apply("hub", "--new-cluster");
    EXPECT_EQ(ran.code, 1) << ran.out;
    EXPECT_TRUE(ran.has("what is remembered here of cluster pushed")) << ran.out;
    const Ran listed =
        ovl("--state-dir " + file("hub") + " network ls --keystore " + store() + " --cluster pushed");
    EXPECT_EQ(listed.code, 12) << listed.out;
    ASSERT_EQ(shell("rm -rf " + path + " && mv " + file("kept") + " " + path).code, 0);
    applies("hub");
    EXPECT_EQ(all(), before);
  }
}

// What looks at the store alone would tell a loss from emptiness by none of these.
TEST_F(LostStore, IsToldByEveryVerbThatReads) {
  applies("hub");
  lose();
  for (const std::string verb : {"graph", "history", "network inspect one", "doctor"}) {
    const Ran ran =
        ovl("--state-dir " + file("hub") + " " + verb + " --keystore " + store() + " --cluster pushed");
    EXPECT_NE(ran.code, 0) << verb << ran.out;
    EXPECT_TRUE(ran.has("the keystore has lost it: generation 1 is remembered here")) << verb << ran.out;
  }
}

// A generation is the whole cluster for all who follow it.
TEST_F(LostStore, IsNotFilledWithAPart) {
  applies("hub");
  const std::string before = all();
  lose();
  const std::string saved = file("saved.plan");
  for (const std::string part : {"--target network.one", "--exclude network.one"}) {
    for (const std::string verb : {"apply net --auto-approve", "plan net", "destroy net --auto-approve"}) {
      const Ran ran = ovl("--state-dir " + file("hub") + " " + verb + " --scope cluster " + part +
                          " --keystore " + store());
      EXPECT_EQ(ran.code, 12) << verb << part << ran.out;
      EXPECT_TRUE(ran.has("apply the whole manifest first")) << verb << part << ran.out;
    }
  }
  applies("hub");
  EXPECT_EQ(all(), before);
}

// What was lost counts as there, be it all or some of it.
TEST_F(LostStore, IsNoWayPastTheGuards) {
  const std::string one = "[network.one]\n";
  write(one + "[network.two]\nprotect = true\n");
  applies("hub");
  for (const std::string which : {"1", "key LIKE '%/networks/%'"}) {
    write(one);
    lose(which);
    const Ran ran = apply("hub");
    EXPECT_EQ(ran.code, 12) << ran.out;
    EXPECT_TRUE(ran.has("network.two: it is protected and would be removed")) << ran.out;
    write(one + "[network.two]\nprotect = true\n");
    applies("hub");
  }
  write("[network.one]\n[network.two]\n[network.three]\n[network.four]\n");
  applies("hub");
  lose();
  write("[network.one]\n");
  const Ran many = apply("hub");
  EXPECT_EQ(many.code, 12) << many.out;
  EXPECT_TRUE(many.has("of its 4 networks would be removed")) << many.out;
  write(
      "[network.one]\n[network.two]\n[network.three]\n[network.four]\n[policy]\nforbid = [\"remove "
      "network\"]\n");
  applies("hub");
  lose();
  write("[network.one]\n[network.two]\n[network.three]\n[policy]\nforbid = [\"remove network\"]\n");
  const Ran forbidden = apply("hub");
  EXPECT_EQ(forbidden.code, 12) << forbidden.out;
  EXPECT_TRUE(forbidden.has("policy forbids this change")) << forbidden.out;
}

// Or whoever remembers it would fill the store again.
TEST_F(LostStore, IsDestroyedForAllWhoRememberIt) {
  applies("hub");
  ASSERT_EQ(shell("cp -a " + file("hub") + " " + file("follower")).code, 0);
  lose();
  const Ran ran =
      ovl("--state-dir " + file("hub") + " destroy net --scope cluster --auto-approve --keystore " + store());
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_TRUE(ran.has("that it is destroyed is written there all the same")) << ran.out;
  const Ran follower =
      ovl("--state-dir " + file("follower") + " status --keystore " + store() + " --cluster pushed");
  EXPECT_EQ(follower.code, 0) << follower.out;
  EXPECT_TRUE(follower.has("generation 2")) << follower.out;
}

TEST_F(LostStore, IsNotTakenForANewOne) {
  applies("hub");
  const std::string before = all();
  lose();
  refuses(apply("elsewhere"));
  refuses(ovl("--state-dir " + file("syncing") + " sync --repo " + file("work") +
              " net --scope cluster --keystore " + store()));
  refuses(ovl("--state-dir " + file("elsewhere") + " plan net --scope cluster --keystore " + store()));
  EXPECT_EQ(shell("ls -A " + file("elsewhere")).code, 2) << "a refused command makes nothing";
  applies("elsewhere", "--new-cluster");
  const Ran hub = apply("hub");
  EXPECT_EQ(hub.code, 0) << hub.out;
  EXPECT_TRUE(hub.has("it was begun anew in the keystore")) << hub.out;
  EXPECT_EQ(all(), before);
  applies("elsewhere");
  EXPECT_EQ(all(), before) << "who followed the other lineage goes along";
}

TEST_F(LostStore, IsFilledByHooksThatRemember) {
  ASSERT_EQ(install("pre-receive post-receive").code, 0);
  const Ran first = push("hub main");
  ASSERT_EQ(first.code, 0) << first.out;
  const std::string before = all();
  lose();
  write("[network.one]\n[network.two]\nlabels = { a = \"b\" }\n");
  commit("a label");
  const Ran second = push("hub main");
  EXPECT_EQ(second.code, 0) << second.out;
  EXPECT_TRUE(second.has("the keystore has lost it")) << second.out;
  EXPECT_EQ(all(), before);
  lose();
  ASSERT_EQ(shell("rm -r " + file("hub.git/ovl/memory")).code, 0);
  write("[network.one]\n[network.two]\n");
  commit("no label");
  const Ran third = push("hub main");
  EXPECT_NE(third.code, 0) << third.out;
  EXPECT_TRUE(third.has(kNoTree)) << third.out;
  ASSERT_EQ(install("--new-cluster pre-receive post-receive").code, 0);
  const Ran told = push("hub main");
  EXPECT_EQ(told.code, 0) << told.out;
}

// The head stays. Whoever remembers that generation puts all back; who does not has the claims.
TEST_F(LostStore, OfPartsIsFilledAgain) {
  write_others();
  applies("hub");
  write("[network.one]\n[network.two]\n[network.zero]\n[endpoint.web]\nnetwork = \"one\"\nhost = \"left\"\n");
  applies("hub");
  write(
      "[network.one]\n[network.two]\n[network.zero]\n[endpoint.aaa]\nnetwork = \"one\"\nhost = \"left\"\n"
      "[endpoint.web]\nnetwork = \"one\"\nhost = \"left\"\n");
  applies("hub");
  const std::string before = all() + endpoints();
  for (const std::string memory : {"hub", "elsewhere"}) {
    lose("key LIKE '%/endpoints/%' OR key LIKE '%/networks/%'");
    for (const std::string verb : {"network ls", "status", "keystore check"}) {
      const Ran ran =
          ovl("--state-dir " + file("nowhere") + " " + verb + " --keystore " + store() + " --cluster pushed");
      EXPECT_NE(ran.code, 0) << ran.out;
      EXPECT_TRUE(ran.has("records")) << ran.out;
    }
    const Ran copied = ovl("keystore export --keystore " + store() + " --cluster pushed");
    EXPECT_EQ(copied.code, 1) << copied.out;
    for (const std::string part :
         {"state mv network.one network.three --cluster pushed",
          "apply net --scope cluster --target network.one", "apply net --scope cluster --refresh-only"}) {
      const Ran ran =
          ovl("--state-dir " + file(memory) + " " + part + " --auto-approve --keystore " + store());
      EXPECT_EQ(ran.code, 12) << part << ran.out;
      EXPECT_TRUE(ran.has("apply the whole manifest first")) << part << ran.out;
    }
    const Ran ran = apply(memory);
    EXPECT_EQ(ran.code, 0) << ran.out;
    EXPECT_TRUE(ran.has("its records are not those of generation")) << ran.out;
    EXPECT_EQ(all() + endpoints(), before) << memory;
    const Ran again = apply(memory);
    EXPECT_TRUE(again.has("No changes")) << again.out;
  }
}

TEST_F(LostStore, ThatIsPutBackFromAnOlderCopyIsSeen) {
  applies("hub");
  const std::string copy = file("copy");
  ASSERT_EQ(shell("sqlite3 " + store_file() + " '.backup " + copy + "'").code, 0);
  write("[network.one]\n[network.two]\n[network.three]\n");
  commit("three networks");
  applies("hub");
  const std::string before = all();
  ASSERT_EQ(
      shell("cp " + copy + " " + store_file() + " && rm -f " + store_file() + "-wal " + store_file() + "-shm")
          .code,
      0);
  const std::string move = "state mv network.one network.four --cluster pushed --auto-approve";
  for (const std::string& verb :
       {std::string("plan net --scope cluster"), std::string("apply net --scope cluster --auto-approve"),
        std::string("rollback HEAD~1 --path net --scope cluster --auto-approve"), move}) {
    const Ran ran = ovl("--state-dir " + file("hub") + " " + verb + " --keystore " + store());
    EXPECT_EQ(ran.code, 12) << ran.out;
    EXPECT_TRUE(ran.has("the keystore was put back from an older copy")) << ran.out;
  }
  const Ran status =
      ovl("--state-dir " + file("hub") + " status --keystore " + store() + " --cluster pushed");
  EXPECT_EQ(status.code, 12) << status.out;
  EXPECT_TRUE(status.has("the keystore holds an older copy, generation 1")) << status.out;
  const Ran checked =
      ovl("--state-dir " + file("hub") + " keystore check --keystore " + store() + " --cluster pushed");
  EXPECT_EQ(checked.code, 12) << checked.out;
  EXPECT_TRUE(checked.has("the keystore holds an older copy, generation 1")) << checked.out;
  EXPECT_EQ(apply("elsewhere", "--restored").code, 12) << "it remembers nothing";
  applies("hub", "--restored");
  EXPECT_EQ(all(), before);
  const Ran again = apply("hub");
  EXPECT_TRUE(again.has("No changes")) << again.out;
}

}  // namespace ovl
