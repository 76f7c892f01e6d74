// Plans of a branch: saved, they hold for what the branch was; made anywhere by anybody, they are the same.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "state/plan_file.hpp"
#include "tests/cluster/hooks_rig.hpp"
#include "tests/support/everybodys_program.hpp"

namespace ovl {

namespace {

class SavedRevision : public HooksRig {
 protected:
  void SetUp() override {
    HooksRig::SetUp();
    std::filesystem::create_directory(file("shared"));
    write("[network.one]\n[network.two]\n");
    first_ = commit("first");
    ASSERT_EQ(plan_or_apply("apply --auto-approve").code, 0);
    write("[network.one]\nmtu = 1400\n[network.two]\n[network.three]\n");
    second_ = commit("second");
    const Ran planned = plan_or_apply("plan --out " + file("p"));
    ASSERT_EQ(planned.code, 0) << planned.out;
  }

  [[nodiscard]] std::string where() const {
    return " --scope cluster --keystore sqlite://" + file("shared/keystore.db");
  }

  [[nodiscard]] Ran plan_or_apply(const std::string& verb, const std::string& ref = "main") const {
    return ovl(verb + " net --repo " + file("work") + " --ref " + ref + where());
  }

  [[nodiscard]] Ran apply_saved() const {
    return shell("cd / && " + std::string(OVL_BINARY) + " apply " + file("p"));
  }

  [[nodiscard]] Value read_saved() const {
    auto saved = read_plan_file(file("p"));
    EXPECT_TRUE(saved.ok());
    return saved.ok() ? std::move(saved).value() : Value::object();
  }

  [[nodiscard]] std::string records() const {
    return ovl("keystore export --cluster pushed --keystore sqlite://" + file("shared/keystore.db")).out;
  }

  // The plan is stale in these words, and the store is as it was.
  void is_stale(const std::string& words) const {
    const std::string before = records();
    const Ran ran = apply_saved();
    EXPECT_EQ(ran.code, 10) << ran.out;
    EXPECT_TRUE(ran.has(words)) << ran.out;
    EXPECT_EQ(records(), before);
  }

  [[nodiscard]] std::string moved(const std::string& now) const {
    return fmt::format("the saved plan is stale: main has moved since it was made, commit {:.12} -> {:.12}",
                       second_, now);
  }

  std::string first_;
  std::string second_;
};

}  // namespace

TEST_F(SavedRevision, IsAppliedWhileItsBranchStays) {
  ASSERT_EQ(git("branch other HEAD~1").code, 0);
  write("[network.uncommitted]\n");
  const Ran ran = apply_saved();
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_TRUE(ran.has("Apply complete: 2 records.")) << ran.out;
  EXPECT_EQ(apply_saved().code, 10) << "once";
}

TEST_F(SavedRevision, IsStaleWhenItsBranchHasMoved) {
  write("[network.one]\nmtu = 1300\n[network.two]\n");
  const std::string third = commit("third");
  is_stale(moved(third));
  ASSERT_EQ(git("reset -q --hard " + first_).code, 0);
  is_stale(moved(first_));
  ASSERT_EQ(git("checkout -q --detach && git branch -q -D main").code, 0);
  is_stale(moved("gone"));
  ASSERT_EQ(git("branch main " + second_).code, 0);
  EXPECT_EQ(apply_saved().code, 0) << "it is back where it was";
}

// Whoever edits a plan can make a new digest: what is shown is what is applied, or nothing is.
TEST_F(SavedRevision, AnEditedOneIsNotAppliedAsWhatItShows) {
  const Value saved = read_saved();
  const auto edited = [&](const std::function<void(Value&, Value&)>& edit) {
    Value plan = saved;
    Value inner = *plan.find("plan");
    Value ovl = *inner.find("ovl");
    edit(inner, ovl);
    inner.set("ovl", std::move(ovl));
    plan.set("plan", std::move(inner));
    ASSERT_TRUE(write_plan_file(file("p"), plan).ok());
  };
  // A word less: it is no plan that ovl has made.
  edited([](Value& plan, Value&) { plan.set("resource_changes", Value::array()); });
  EXPECT_EQ(ovl("show " + file("p")).code, 1);
  EXPECT_EQ(apply_saved().code, 1);
  // What hangs together is shown, and is not what an apply would do now.
  edited([](Value& plan, Value& ovl) {
    plan.set("resource_changes", Value::array());
    Value none = *ovl.find("summary");
    for (const char* action : {"create", "update"}) none.set(action, Value(0));
    none.set("records", *none.find("objects"));
    ovl.set("summary", std::move(none));
    ovl.set("settled", Value(true));
    ovl.set("closing", Value("No changes. Still to apply: left, right (there: ovl apply --scope host)."));
  });
  EXPECT_TRUE(ovl("show " + file("p")).has("No changes.")) << ovl("show " + file("p")).out;
  is_stale("the saved plan is stale: ");
  edited([](Value&, Value& ovl) { ovl.set("author", Value("Somebody Else <else@example.org>")); });
  EXPECT_TRUE(ovl("show " + file("p")).has("by Somebody Else"));
  is_stale("the saved plan is stale: what it says of \"author\"");
  // Text that nobody rendered is shown to nobody.
  Value more = saved;
  more.set("text", Value("No changes.\n"));
  ASSERT_TRUE(write_plan_file(file("p"), more).ok());
  EXPECT_TRUE(ovl("show " + file("p")).has("unknown member \"text\""));
  EXPECT_EQ(apply_saved().code, 1);
  edited([](Value&, Value&) {});
  const Ran shown = ovl("show " + file("p"));
  EXPECT_TRUE(shown.has("+ network.three")) << shown.out;
  EXPECT_TRUE(shown.has("Plan: records: 1 to create, 1 to update.")) << shown.out;
  EXPECT_EQ(apply_saved().code, 0);
}

TEST_F(SavedRevision, IsStaleWhenARecordHasChanged) {
  // With the store's own tools.
  const Ran edited = shell(
      "python3 -c 'import sqlite3\n"
      "with sqlite3.connect(\"" +
      file("shared/keystore.db") +
      "\") as store:\n"
      "  store.execute(\"update meta set revision = revision + 1\")\n"
      "  done = store.execute(\"update keys set modified = (select revision from meta) "
      "where key like \\\"%/networks/one\\\"\")\n"
      "  assert done.rowcount == 1'");
  ASSERT_EQ(edited.code, 0) << edited.out;
  is_stale("the saved plan is stale: record networks/one has moved since it was made");
  ASSERT_EQ(plan_or_apply("plan --out " + file("p")).code, 0);
  const Ran renamed =
      ovl("state mv network.two network.six --auto-approve --cluster pushed --keystore sqlite://" +
          file("shared/keystore.db"));
  ASSERT_EQ(renamed.code, 0) << renamed.out;
  is_stale("the saved plan is stale: record networks/six has moved since it was made");
}

// Where others went on from the same commit neither is the other's successor.
TEST_F(SavedRevision, DoesNotUndoWhatOthersApplied) {
  ASSERT_EQ(git("checkout -q -b side " + first_).code, 0);
  write("[network.one]\nlabels = { by = \"side\" }\n[network.two]\n");
  commit("side");
  ASSERT_EQ(plan_or_apply("apply --auto-approve", "side").code, 0);
  const std::string before = records();
  const Ran ran = apply_saved();
  EXPECT_EQ(ran.code, 12) << ran.out;
  EXPECT_TRUE(ran.has("does not descend from")) << ran.out;
  EXPECT_EQ(records(), before);
}

TEST_F(SavedRevision, IsTheSameWhereverItWasCloned) {
  for (const std::string place : {"near", "far/away/from here"}) {
    ASSERT_EQ(git("clone -q " + file("work") + " '" + file(place) + "'").code, 0);
  }
  for (const std::string form : {"", "--json", "--format markdown", "--show-all"}) {
    const auto plan = [&](const std::string& place, const std::string& before) {
      return shell("cd / && " + before + OVL_BINARY + " plan net --repo '" + file(place) + "' --ref main " +
                   form + where());
    };
    const Ran near = plan("near", "");
    EXPECT_EQ(near.code, 0) << near.out;
    EXPECT_TRUE(near.has("three")) << near.out;
    EXPECT_EQ(plan("far/away/from here", "").out, near.out) << form;
    EXPECT_EQ(
        plan("near", "env HOME=" + file("elsewhere") + " USER=x LOGNAME=x TZ=Asia/Tokyo LC_ALL=C.UTF-8 ").out,
        near.out);
    EXPECT_EQ(plan("work", "").out, near.out) << form;
  }
}

TEST_F(SavedRevision, IsTheSameForAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to be somebody else";
  ASSERT_EQ(git("clone -q " + file("work") + " " + file("theirs")).code, 0);
  ASSERT_EQ(
      shell("cd " + file("") + " && chmod 755 . && chmod 777 shared && chown -R 65534:65534 theirs").code, 0);
  const std::string become = "setpriv --reuid 65534 --regid 65534 --clear-groups ";
  const test::EverybodysProgram program;
  for (const std::string form : {"", "--json"}) {
    const std::string options =
        " --ref main --scope cluster --keystore sqlite://" + file("shared/none.db") + " " + form;
    const Ran ours =
        shell("cd / && " + std::string(OVL_BINARY) + " plan net --repo " + file("work") + options);
    const Ran theirs =
        shell("cd / && " + become + program.path() + " plan net --repo " + file("theirs") + options);
    EXPECT_EQ(theirs.code, 0) << theirs.out;
    EXPECT_EQ(theirs.out, ours.out);
    EXPECT_TRUE(ours.has("three")) << ours.out;
  }
}

}  // namespace ovl
