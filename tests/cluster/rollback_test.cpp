// Going back without git: a generation keeps its records.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/cluster/lab_rig.hpp"
#include "tests/support/process.hpp"

namespace ovl {

namespace {

class Rollback : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(directory_.file("elsewhere")); }

  void write(const std::string& blocks) const {
    std::filesystem::create_directories(directory_.file("a"));
    std::ofstream(directory_.file("a/ovl.toml"))
        << "[cluster]\nname = \"kept\"\n[keystore]\nurl = \"" << store() << "\"\n"
        << "[host.left]\nadvertise = \"192.0.2.1\"\n[host.right]\nadvertise = \"192.0.2.2\"\n"
        << blocks;
  }

  [[nodiscard]] std::string store() const { return "sqlite://" + directory_.file("keystore.db"); }

  [[nodiscard]] Ran run(const std::string& arguments, const std::string& place) const {
    return shell("cd " + directory_.file(place) + " && HOME=" + directory_.path() + " " + OVL_BINARY + " " +
                 arguments);
  }

  void apply(const std::string& options = "") const {
    const Ran ran = run("apply --auto-approve --scope cluster " + options, "a");
    ASSERT_EQ(ran.code, 0) << ran.out;
  }

  // Where there is no manifest, and no repository.
  [[nodiscard]] Ran back(const std::string& target = "") const {
    return run("rollback " + target + " --auto-approve --scope cluster --cluster kept --keystore " + store(),
               "elsewhere");
  }

  // The records as the store has them.
  [[nodiscard]] std::string records() const {
    const Ran ran = shell("sqlite3 " + directory_.file("keystore.db") +
                          " \"select key, cast(value as text) from keys where key glob '*/v1/hosts/*' or key "
                          "glob '*/v1/networks/*' or key glob '*/v1/endpoints/*' order by key\"");
    EXPECT_NE(ran.out, "");
    return ran.out;
  }

  test::TemporaryDirectory directory_;
};

constexpr const char* kOne =
    "[network.one]\n[endpoint.web]\nnetwork = \"one\"\nhost = \"left\"\naliases = [\"www\"]\n";
constexpr const char* kOther =
    "[network.one]\nmtu = 1300\n[network.two]\n[endpoint.db]\nnetwork = \"two\"\nhost = \"right\"\n"
    "[endpoint.more]\nnetwork = \"one\"\nhost = \"right\"\n";

}  // namespace

TEST_F(Rollback, OfPlainFilesPutsTheRecordsBack) {
  write(kOne);
  apply();
  const std::string first = records();
  EXPECT_TRUE(back().has("no generation of another commit, or with other records"));
  write(kOther);
  apply("--max-destroy 50");
  const std::string second = records();
  ASSERT_NE(second, first);
  const Ran undone = back("--max-destroy 50");
  EXPECT_EQ(undone.code, 0) << undone.out;
  EXPECT_TRUE(undone.has("Back to the records of generation 1 of")) << undone.out;
  EXPECT_TRUE(undone.has("Generation 3.")) << undone.out;
  EXPECT_EQ(records(), first) << "with the same ids, VNIs and addresses";
  EXPECT_EQ(back("2 --max-destroy 50").code, 0);
  EXPECT_EQ(records(), second);
  EXPECT_EQ(back("3 --max-destroy 50").code, 0);
  EXPECT_EQ(records(), first);
  EXPECT_TRUE(back("9").has("generation 9 is not kept"));
  EXPECT_EQ(run("plan --detailed-exitcode --scope cluster", "a").code, 2) << "the manifest goes forward";
  write(std::string(kOne) + "[network.kept]\nprotect = true\n");
  apply();
  const Ran guarded = back("1");
  EXPECT_EQ(guarded.code, 12) << guarded.out;
  EXPECT_TRUE(guarded.has("network.kept: it is protected")) << guarded.out;
}

TEST_F(Rollback, OfCommitsNeedsNoRepository) {
  const auto commit = [&](const std::string& blocks) {
    write(blocks);
    ASSERT_EQ(shell("cd " + directory_.file("a") +
                    " && git init -q -b main . && git add -A && git -c "
                    "user.name=a -c user.email=a@b commit -qm x")
                  .code,
              0);
    apply();
  };
  commit(kOne);
  const std::string first = records();
  commit(std::string(kOne) + "[network.two]\n");
  EXPECT_EQ(back().code, 0);
  EXPECT_EQ(records(), first);
  const std::string begin = shell("git -C " + directory_.file("a") + " rev-parse HEAD~1").out.substr(0, 12);
  const Ran history = run("history --cluster kept --keystore " + store(), "elsewhere");
  EXPECT_NE(history.out.find(begin, history.out.find(begin) + 1), std::string::npos)
      << "it is of that commit again: " << history.out;
  apply();
  EXPECT_NE(records(), first) << "by hand it goes forward";
}

// What was kept is edited, or gone: then nothing is done.
TEST_F(Rollback, ToWhatIsNotKeptWholeIsRefused) {
  write(kOne);
  apply();
  write(kOther);
  apply("--max-destroy 50");
  const std::string before = records();
  const std::string file = directory_.file("keystore.db");
  ASSERT_EQ(shell("sqlite3 " + file +
                  " \"update keys set value = cast(replace(cast(value as text), "
                  "'www', 'wwx') as blob) where key like "
                  "'%/past/%'\"")
                .code,
            0);
  const Ran edited = back("1");
  EXPECT_EQ(edited.code, 1) << edited.out;
  EXPECT_TRUE(edited.has("does not lead back to it")) << edited.out;
  ASSERT_EQ(shell("sqlite3 " + file + " \"delete from keys where key like '%/past/%'\"").code, 0);
  EXPECT_TRUE(back("1").has("the records of generation 1 are not kept")) << back("1").out;
  EXPECT_EQ(records(), before);
}

}  // namespace ovl
