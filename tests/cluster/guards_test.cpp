// What an apply is refused for, on a store of its own and without a lab: cluster scope needs no kernel.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/cluster/lab_rig.hpp"
#include "tests/support/everybodys_program.hpp"
#include "tests/support/process.hpp"

namespace ovl {

namespace {

constexpr const char* kHosts =
    "[host.left]\nadvertise = \"192.0.2.1\"\n"
    "[host.right]\nadvertise = \"192.0.2.2\"\n";

std::string network(const std::string& name, const std::string& more = "") {
  return "[network." + name + "]\n" + more;
}

class Guards : public ::testing::Test {
 protected:
  // A manifest in the folder `place`, with this in it.
  void write(const std::string& blocks, const std::string& place = "a") const {
    std::filesystem::create_directories(directory_.file(place));
    std::ofstream(directory_.file(place) + "/ovl.toml")
        << "[cluster]\nname = \"guarded\"\n[keystore]\nurl = \"sqlite://" << directory_.file("keystore.db")
        << "\"\n"
        << kHosts << blocks;
  }

  [[nodiscard]] Ran ovl(const std::string& arguments, const std::string& place = "a") const {
    return shell("cd " + directory_.file(place) + " && " + OVL_BINARY + " " + arguments + " --scope cluster");
  }

  [[nodiscard]] std::string history() const {
    return shell("cd " + directory_.file("a") + " && " + OVL_BINARY + " history").out;
  }

  [[nodiscard]] std::string networks() const {
    return shell("cd " + directory_.file("a") + " && " + OVL_BINARY + " network ls").out;
  }

  void apply(const std::string& options = "", const std::string& place = "a") const {
    const Ran ran = ovl("apply --auto-approve " + options, place);
    ASSERT_EQ(ran.code, 0) << ran.out;
  }

  // Both verbs say why, and end with 12.
  void refuses(const std::string& why, const std::string& options = "",
               const std::string& place = "a") const {
    for (const std::string verb : {"plan ", "apply --auto-approve "}) {
      const Ran ran = ovl(verb + options, place);
      EXPECT_EQ(ran.code, 12) << verb << ran.out;
      EXPECT_TRUE(ran.has(why)) << verb << ran.out;
    }
  }

  void git(const std::string& arguments, const std::string& place = "a") const {
    const Ran ran = shell("cd " + directory_.file(place) +
                          " && git -c user.name=a -c user.email=a@b -c commit.gpgsign=false " + arguments);
    ASSERT_EQ(ran.code, 0) << ran.out;
  }

  void commit(const std::string& message) const {
    git("add -A");
    git("commit -qm " + message);
  }

  test::TemporaryDirectory directory_;
};

}  // namespace

TEST_F(Guards, MostRecordsAreNotRemovedByMistake) {
  write(network("one") + network("two") + network("three"));
  apply();
  std::ofstream(directory_.file("a") + "/ovl.toml")
      << "[cluster]\nname = \"guarded\"\n[keystore]\nurl = \"sqlite://" << directory_.file("keystore.db")
      << "\"\n[host.left]\nadvertise = \"192.0.2.1\"\n[network.one]\n";
  refuses("3 of its 5 records would be removed, at most 50% may be");
  EXPECT_TRUE(ovl("plan").has("- network.three")) << "the plan is complete";
  refuses("3 of its 5 records would be removed, at most 2 may be", "--max-destroy 2");
  EXPECT_EQ(ovl("plan --max-destroy many").code, 1);
  apply("--max-destroy 67%");
  EXPECT_EQ(ovl("destroy --auto-approve --max-destroy 1").code, 12);
  EXPECT_EQ(ovl("destroy --auto-approve").code, 0);
}

// Many endpoints don't hide that all networks, or all hosts, of another kind go.
TEST_F(Guards, MostRecordsOfOneKindAreNotRemovedByMistake) {
  std::string endpoints;
  for (int i = 0; i < 12; ++i) {
    endpoints += fmt::format("[endpoint.e{}]\nnetwork = \"one\"\nhost = \"left\"\n", i);
  }
  write(network("one") + network("two") + network("three") + endpoints);
  apply();
  write(network("one") + endpoints);
  refuses("2 of its 3 networks would be removed, at most 50% may be");
  refuses("2 of its 3 networks would be removed, at most 60% may be", "--max-destroy 60%");
  EXPECT_TRUE(ovl("plan").has("--max-destroy 2")) << "the remedy works";
  apply("--max-destroy 2");
  write(network("one"));
  refuses("12 of its 15 records would be removed, at most 50% may be");
  write(network("one") + endpoints.substr(0, endpoints.find("[endpoint.e5]")));
  refuses("7 of its 12 endpoints would be removed, at most 50% may be");
}

// A CI runner's user, with nothing but a store that it may write.
TEST_F(Guards, ClusterScopeNeedsNoRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  write(network("one") + "[endpoint.web]\nnetwork = \"one\"\nhost = \"left\"\n");
  ASSERT_EQ(shell("chown -R 65534:65534 " + directory_.path()).code, 0);
  const test::EverybodysProgram program;
  const std::string nobody = "cd " + directory_.file("a") +
                             " && setpriv --reuid 65534 --regid 65534 --clear-groups " + program.path() + " ";
  const Ran applied = shell(nobody + "apply --auto-approve --scope cluster");
  EXPECT_EQ(applied.code, 0) << applied.out;
  EXPECT_TRUE(applied.has("Generation 1")) << applied.out;
  const Ran again = shell(nobody + "plan --detailed-exitcode --scope cluster");
  EXPECT_EQ(again.code, 0) << again.out;
}

TEST_F(Guards, ProtectionOutlivesItsBlock) {
  write(network("one", "protect = true\n") + network("two"));
  apply();
  write(network("two"));
  refuses("network.one: it is protected and would be removed");
  EXPECT_TRUE(ovl("plan").has("Plan: records: 1 to remove."));
  EXPECT_EQ(ovl("destroy --auto-approve").code, 12);
  write(network("one") + network("two"));
  apply();
  write(network("two"));
  apply();
}

TEST_F(Guards, ThePlanIsReadByPeopleAndPrograms) {
  write(network("one"));
  const Ran planned = ovl("plan --json-into plan.json");
  EXPECT_TRUE(planned.has("+ network.one")) << planned.out;
  const auto json = [&] { return shell("cat " + directory_.file("a/plan.json")).out; };
  EXPECT_NE(json().find("\"address\": \"network.one\""), std::string::npos) << json();
  apply("--json-into plan.json");
  EXPECT_NE(json().find("\"actions\": [\n"), std::string::npos) << json();
  apply("--json-into plan.json");
  EXPECT_NE(json().find("\"resource_changes\": []"), std::string::npos) << json();
  EXPECT_EQ(ovl("plan --json-into none/plan.json").code, 1);
}

TEST_F(Guards, WhatCanNotBeChosenIsShownWithItsPlace) {
  write(network("one", "subnet = \"10.0.9.0/30\"\n") +
        "[endpoint.a]\nhost = \"left\"\nnetwork = \"one\"\n"
        "[endpoint.b]\nhost = \"left\"\nnetwork = \"one\"\n");
  for (const std::string verb : {"plan", "apply --auto-approve"}) {
    const Ran ran = ovl(verb);
    EXPECT_EQ(ran.code, 13) << ran.out;
    EXPECT_TRUE(
        ran.has("ovl.toml:16:11: error: network \"one\" has no free address for endpoint \"b\" "
                "[subnet-full]\n   16 | network = \"one\"\n"))
        << ran.out;
  }
}

TEST_F(Guards, AStaleCheckoutUndoesNothing) {
  write(network("one"));
  git("init -q -b main .");
  commit("one");
  apply();
  write(network("one") + network("two"));
  const Ran dirty = ovl("plan");
  EXPECT_TRUE(dirty.has("its files are not those of commit")) << dirty.out;
  commit("two");
  apply();
  git("checkout -q HEAD~1");
  refuses("does not descend from");
  apply("--allow-rollback");
  EXPECT_EQ(networks().find("two"), std::string::npos);
  git("checkout -q main");
  apply();
  EXPECT_NE(networks().find("two"), std::string::npos);
}

TEST_F(Guards, AnotherSourceDoesNotTakeOver) {
  write(network("one"));
  git("init -q -b main .");
  commit("one");
  apply();
  write(network("two"), "b");
  refuses("the records of cluster guarded come from git:", "", "b");
  git("init -q -b main .", "b");
  shell("cd " + directory_.file("b") + " && git add -A && git -c user.name=b -c user.email=b@b commit -qm b");
  refuses("the records of cluster guarded come from git:", "", "b");
  apply("--allow-rollback", "b");
  refuses("come from git:");
}

// A squash, as of a button "squash and merge": main gets the very same files by a commit of its own.
TEST_F(Guards, TheSameFilesOfAnotherCommitUndoNothing) {
  write(network("one"));
  git("init -q -b main .");
  commit("one");
  apply();
  git("checkout -qb feature");
  write(network("one") + network("two"));
  commit("two");
  apply();
  git("checkout -q main");
  git("merge -q --squash feature");
  git("commit -qm squashed");
  const Ran planned = ovl("plan --detailed-exitcode");
  EXPECT_EQ(planned.code, 0) << planned.out;
  apply();
  EXPECT_NE(history().find("squashed"), std::string::npos) << history();
  const std::string before = history();
  apply();
  EXPECT_EQ(history(), before) << "it was taken already";
  write(network("one") + network("two") + network("three"));
  commit("three");
  apply();
  git("checkout -q feature");
  refuses("does not descend from");
}

// What was squashed may have commits behind it when it is looked at again; the same for a branch put on top
// of another one.
TEST_F(Guards, WhatComesAfterTheSameFilesIsTaken) {
  write(network("one"));
  git("init -q -b main .");
  commit("one");
  git("checkout -qb feature");
  write(network("one") + network("two"));
  commit("two");
  apply();
  git("checkout -q main");
  git("commit -q --allow-empty -m other");
  git("cherry-pick feature");
  write(network("one") + network("two") + network("three"));
  commit("three");
  apply();
  EXPECT_NE(networks().find("three"), std::string::npos);
  write(network("one") + network("two"));
  commit("back");
  apply();
  git("checkout -q HEAD~1");
  refuses("does not descend from");
  git("checkout -q HEAD~1");
  EXPECT_EQ(ovl("plan --detailed-exitcode").code, 0) << "older, and the very same files";
  apply();
  git("checkout -q main~1");
  refuses("does not descend from");
}

TEST_F(Guards, ACommitThatIsNotHereIsUndoneByNobody) {
  write(network("one"));
  git("init -q -b main .");
  commit("one");
  git("clone -q a b", "");
  git("clone -q a stale", "");
  git("checkout -qb feature");
  write(network("one") + network("two"));
  commit("two");
  apply();
  refuses("and that one is not in this repository", "", "stale");
  write(network("one") + network("two"), "b");
  git("commit -qam squashed", "b");
  EXPECT_EQ(ovl("plan --detailed-exitcode", "b").code, 0);
  apply("", "b");
  write(network("one") + network("two") + network("three"), "b");
  git("commit -qam more", "b");
  apply("", "b");
  EXPECT_NE(networks().find("three"), std::string::npos);
}

TEST_F(Guards, FilesBecomeARepositorysWhenThatIsSaid) {
  write(network("one"));
  apply();
  git("init -q -b main .");
  commit("one");
  refuses("the records of cluster guarded come from dir:guarded, not from git:");
  refuses("where the keystore can be reached: ovl apply --take-over");
  const Ran planned = ovl("plan --take-over --detailed-exitcode --out p");
  EXPECT_EQ(planned.code, 2) << planned.out;
  EXPECT_TRUE(planned.has("Source of cluster guarded\n  ~ dir:guarded -> git:")) << planned.out;
  const std::string here = "cd " + directory_.file("a") + " && " + OVL_BINARY;
  EXPECT_TRUE(shell(here + " show p").has("~ dir:guarded -> git:"));
  EXPECT_EQ(shell(here + " apply p").code, 0);
  EXPECT_EQ(ovl("plan --detailed-exitcode").code, 0);
  EXPECT_EQ(ovl("plan --take-over --detailed-exitcode").code, 0) << "it is its source already";
  write(network("one") + network("two"));
  commit("two");
  apply();
  git("clone -q --depth 1 file://$PWD/../a ../shallow");
  refuses("hint: this clone is shallow and does not know where its history begins: git fetch --unshallow",
          "--take-over", "shallow");
  git("checkout -q HEAD~1");
  refuses("does not descend from", "--take-over");
  write(network("one") + network("two"), "b");
  refuses("come from git:", "", "b");
  apply("--take-over", "b");
  EXPECT_EQ(ovl("plan --detailed-exitcode", "b").code, 0);
  EXPECT_EQ(ovl("apply --take-over --auto-approve --scope host").code, 1);
}

// It was applied, and the next one is measured by it, although no record is another.
TEST_F(Guards, WhatIsAllowedOnceIsNotAskedForAgain) {
  write(network("one"));
  git("init -q -b main .");
  commit("one");
  apply();
  write(network("one") + network("two"));
  commit("two");
  apply();
  git("checkout -qb side HEAD~1");
  write("# side\n" + network("one") + network("two"));
  commit("side");
  refuses("does not descend from");
  apply("--allow-rollback");
  EXPECT_EQ(ovl("plan").code, 0);
}

}  // namespace ovl
