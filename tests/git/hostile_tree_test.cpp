// Whoever pushes decides every byte of a tree. Of what stands there either the honest files are read, all of
// them as they are, or nothing. OVL_HOSTILE_COUNT=N: as many random trees.
#include <gtest/gtest.h>
#include <sys/inotify.h>

#include <ctime>
#include <filesystem>

#include "drivers/git/git_program_repository.hpp"
#include "drivers/git/libgit2/libgit2_repository.hpp"
#include "reconcile/manifest/sources.hpp"
#include "reconcile/store/revision.hpp"
#include "reconcile/words/utf8.hpp"
#include "tests/git/hostile_trees.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

// Seconds of this process's own work, whoever else is at work; without optimisation and with sanitizers all
// takes several times as long as it does for people. What is not bounded takes half a minute and more.
#ifdef __SANITIZE_ADDRESS__
constexpr double kMostSeconds = 12;
#else
constexpr double kMostSeconds = 4;
#endif

double seconds_worked() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

unsigned case_count() {
  const char* text = std::getenv("OVL_HOSTILE_COUNT");  // NOLINT(concurrency-mt-unsafe): one thread
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : 2000;
}

// Hears who opens anything in a folder.
class Listener {
 public:
  explicit Listener(const std::string& folder) : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    ::inotify_add_watch(fd_, folder.c_str(), IN_OPEN | IN_ACCESS);
  }

  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  ~Listener() { ::close(fd_); }

  [[nodiscard]] bool heard() const {
    std::array<char, 4096> events{};
    return ::read(fd_, events.data(), events.size()) > 0;
  }

 private:
  int fd_;
};

class HostileTree : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(std::system(("git init -q --bare " + repository()).c_str()), 0);  // NOLINT: one thread
    std::filesystem::create_directory(directory_.file("outside"));
    write_file(directory_.file("outside/secret.toml"), "[cluster]\nname = \"secret\"\n");
    writer_ = std::make_unique<ObjectWriter>(repository());
  }

  [[nodiscard]] std::string repository() const { return directory_.file("r.git"); }

  // Reads, in bounded time; words of a refusal are safe to show.
  [[nodiscard]] Result<RevisionManifest> read(const std::string& commit, const std::string& path) const {
    const auto opened = open_(repository());
    EXPECT_TRUE(opened.ok());
    const double begin = seconds_worked();
    auto out = read_revision(*opened.value(), commit, path);
    EXPECT_LT(seconds_worked() - begin, kMostSeconds) << path;
    if (!out.ok()) check_refusal(out.error());
    return out;
  }

  static void check_refusal(const Error& error) {
    const bool right =
        error.code == Errc::manifest || error.code == Errc::not_found || error.code == Errc::io;
    EXPECT_TRUE(right) << error.message;
    EXPECT_EQ(error.message, safe_text(error.message));
    EXPECT_NE(error.message, "");
  }

  // The law.
  void check(const NodePtr& top, const std::string& path) const {
    const auto expected = expected_files(top, path);
    const auto found = read(writer_->commit(top), path);
    ASSERT_EQ(found.ok(), expected.has_value()) << (found.ok() ? "read" : found.error().message);
    if (!expected) return;
    FilesByName files;
    for (const SourceFile& file : found.value().files) files[file.name] = file.text;
    EXPECT_EQ(files, *expected);
  }

  [[nodiscard]] std::string refusal(const NodePtr& top, const std::string& path = ".") const {
    const auto found = read(writer_->commit(top), path);
    return found.ok() ? "" : found.error().message;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<ObjectWriter> writer_;
  Result<std::unique_ptr<GitRepository>> (*open_)(const std::string& top) = open_libgit2;
};

Entry file(const std::string& name, const std::string& text = "# x\n") {
  return {"100644", {name, Fate::manifest}, blob(text)};
}

Entry folder(const std::string& name, NodePtr node) {
  return {"40000", {name, Fate::plain}, std::move(node)};
}

Entry link(const std::string& name, const std::string& target) {
  return {"120000", {name, Fate::plain}, blob(target)};
}

NodePtr nested(std::size_t levels) {
  NodePtr out = tree({file("a.toml")});
  for (; levels > 0; --levels) out = tree({folder("d", out)});
  return out;
}

}  // namespace

TEST_F(HostileTree, GivesItsHonestFilesOrNothing) {
  const Listener outside(directory_.file("outside"));
  unsigned answered = 0;
  unsigned refused = 0;
  for (unsigned seed = 0; seed < case_count(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const NodePtr top = random_tree(random, std::array{0U, 2U, 5U, 15U, 40U}[seed % 5]);
    for (const std::string path : {"", ".", "net", "net/a.toml", "lib/net"}) {
      SCOPED_TRACE("path \"" + path + "\"");
      check(top, path);
      if (HasFailure()) return;
      (expected_files(top, path) ? answered : refused) += 1;
    }
  }
  EXPECT_GT(answered, case_count() / 2) << "of the trees too few are honest to prove anything";
  EXPECT_GT(refused, case_count() / 2);
  EXPECT_FALSE(outside.heard());
}

TEST_F(HostileTree, WithOneHostileNameIsRefusedWhereverItStands) {
  for (const HostileName& name : kHostileNames) {
    for (const char* mode : {"100644", "120000", "160000"}) {
      SCOPED_TRACE(safe_text(name.text) + " " + mode);
      const NodePtr inner = tree({{mode, name, blob("x")}, file("z.toml")});
      check(tree({folder("net", inner), file("ovl.toml")}), ".");
      check(tree({{mode, name, blob("x")}, file("ovl.toml")}), "");
      check(tree({{mode, name, blob("x")}, file("a.toml")}), "");
      check(tree({{"40000", name, inner}, file("a.toml")}), ".");
    }
  }
}

TEST_F(HostileTree, LeadsNowhereThroughItsLinks) {
  const Listener outside(directory_.file("outside"));
  for (const std::string& target : {directory_.file("outside/secret.toml"), directory_.file("outside"),
                                    std::string("../outside/secret.toml"), std::string("../../outside"),
                                    std::string("a.toml"), std::string(5000, 'x')}) {
    EXPECT_TRUE(refusal(tree({file("ovl.toml"), link("a.toml", target)})).find("a.toml is a symbolic link") ==
                0);
    EXPECT_EQ(refusal(tree({link("ovl.toml", target), file("a.toml")}), ""), "ovl.toml is a symbolic link");
    EXPECT_EQ(refusal(tree({link("net", target), file("a.toml")}), "net"), "net is a symbolic link");
  }
  EXPECT_EQ(refusal(tree({link("self", "."), file("a.toml")})), "self is a symbolic link");
  EXPECT_EQ(refusal(tree({folder("net", tree({link("up", "..")})), file("a.toml")}), "net"),
            "net/up is a symbolic link");
  EXPECT_EQ(refusal(tree({link("README", "self"), link("self", "README"), file("a.toml")})), "");
  EXPECT_EQ(refusal(tree({{"120755", {"a.toml", Fate::manifest}, blob("x")}})),
            "a.toml: the tree has an entry of a mode that git does not write");
  EXPECT_FALSE(outside.heard());
  EXPECT_NE(read_file(directory_.file("outside/secret.toml")), "");
  EXPECT_TRUE(outside.heard()) << "else it would have heard nothing of the others either";
}

// Who reads what libgit2 can't is no way past what it refuses.
TEST_F(HostileTree, IsNoOtherToTheGitProgram) {
  constexpr unsigned cases = 30;
  const NodePtr one = tree({file("a.toml")});
  const std::vector<NodePtr> told{
      tree({file("ovl.toml"), link("a.toml", "../outside")}),
      tree({link("self", "."), file("a.toml")}),
      tree({link("README", "self"), link("self", "README"), file("a.toml")}),
      tree({link("far", "../outside"), link("near", "net"), folder("net", one), file("a.toml")}),
      tree({{"120755", {"a.toml", Fate::manifest}, blob("x")}}),
      tree({file("a.toml", "1"), file("a.toml", "2")}),
      tree({file("net", "x"), file("net.toml"), folder("net", one)}),
      tree({file("z.toml"), file("a.toml")}, false),
      tree({{"160000", {"sub", Fate::plain}, blob("x")}, file("a.toml")}),
      nested(20)};
  std::vector<std::string> expected;
  for (const NodePtr& top : told) expected.push_back(refusal(top));
  open_ = open_git_program;
  for (std::size_t i = 0; i < told.size(); ++i) EXPECT_EQ(refusal(told[i]), expected[i]) << i;
  for (unsigned seed = 0; seed < cases; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const NodePtr top = random_tree(random, std::array{0U, 2U, 5U, 15U, 40U}[seed % 5]);
    for (const std::string path : {"", ".", "net/a.toml"}) {
      SCOPED_TRACE("path \"" + path + "\"");
      check(top, path);
    }
  }
}

TEST_F(HostileTree, MeansTheSameToAllWhoLook) {
  const NodePtr one = tree({file("a.toml")});
  const NodePtr other = tree({file("b.toml")});
  EXPECT_EQ(refusal(tree({file("a.toml", "1"), file("a.toml", "2")})), "a.toml: the tree has a name twice");
  EXPECT_EQ(refusal(tree({folder("net", one), folder("net", other)})), "net: the tree has a name twice");
  EXPECT_EQ(refusal(tree({folder("net", one), folder("net", other)}), "net"),
            "net: the tree has a name twice");
  EXPECT_EQ(refusal(tree({file("net", "x"), file("net.toml"), folder("net", one)})),
            "net: the tree has a name twice");
  EXPECT_EQ(refusal(tree({file("z.toml"), file("ovl.toml"), file("a.toml")}, false), ""),
            "ovl.toml: the tree has names out of order");
}

TEST_F(HostileTree, IsReadUpToItsLimitsAndNotBeyond) {
  const std::string most(kMaxSourceBytes, '#');
  EXPECT_EQ(refusal(tree({file("a.toml", most)})), "");
  EXPECT_EQ(refusal(tree({file("a.toml", most + "#")})), "a.toml is larger than 1048576 bytes");
  std::vector<Entry> large;
  for (int i = 0; i < 32; ++i) large.push_back(file("l" + std::to_string(i) + ".toml", most));
  EXPECT_EQ(refusal(tree(large)), "");
  large.push_back(file("m.toml", "#"));
  EXPECT_EQ(refusal(tree(large)), "the manifest is larger than 33554432 bytes");
  std::vector<Entry> many;
  const NodePtr same = blob("# x\n");
  for (std::size_t i = 0; i < kMaxSourceFiles; ++i) {
    many.push_back({"100644", {std::to_string(i) + ".toml", Fate::manifest}, same});
  }
  EXPECT_EQ(refusal(tree(many)), "");
  many.push_back(file("more.toml"));
  EXPECT_EQ(refusal(tree(many)), "the manifest has more than 10000 files");
  EXPECT_EQ(refusal(nested(16)), "");
  EXPECT_NE(refusal(nested(17)).find("is more than 16 folders deep"), std::string::npos);
  EXPECT_NE(refusal(nested(5000)).find("is more than 16 folders deep"), std::string::npos);
}

TEST_F(HostileTree, EndsHoweverLargeItPretendsToBe) {
  NodePtr bomb = tree({file("note", "x")});
  for (int level = 0; level < 10; ++level) {
    std::vector<Entry> entries;
    for (int i = 0; i < 10; ++i) entries.push_back(folder("f" + std::to_string(i), bomb));
    bomb = tree(std::move(entries));
  }
  EXPECT_NE(refusal(bomb).find("the tree has more than 200000 entries"), std::string::npos);
  EXPECT_EQ(refusal(tree({folder(".hidden", bomb), file("a.toml")})), "") << "nobody looks there";
  EXPECT_EQ(refusal(tree({folder("bomb", bomb), file("ovl.toml")}), ""), "");
}

// A link costs some thirty bytes, and where it leads to may be two thousand folders away.
TEST_F(HostileTree, EndsHoweverFarItsLinksLead) {
  std::string way = ".d";
  for (int level = 0; level < 2000; ++level) way += "/d";
  std::vector<Entry> entries{folder(".d", nested(2001)), file("a.toml")};
  const NodePtr target = blob(way + "/nothing");
  for (int i = 0; i < 50'000; ++i)
    entries.push_back({"120000", {"l" + std::to_string(i), Fate::plain}, target});
  const std::string why = refusal(tree(std::move(entries)));
  EXPECT_NE(why.find("the tree has more than 200000 entries"), std::string::npos) << why;
}

// Each of those links would have a tree of five megabytes parsed.
TEST_F(HostileTree, EndsHoweverLargeTheFoldersBehindItsLinks) {
  std::vector<Entry> many;
  const NodePtr same = blob("x");
  for (int i = 0; i < 100'000; ++i) many.push_back({"100644", {"n" + std::to_string(i), Fate::plain}, same});
  std::vector<Entry> entries{folder(".big", tree(std::move(many))), file("a.toml")};
  const NodePtr target = blob(".big/nothing");
  for (int i = 0; i < 3000; ++i)
    entries.push_back({"120000", {"l" + std::to_string(i), Fate::plain}, target});
  const std::string why = refusal(tree(entries));
  EXPECT_NE(why.find("the tree has more than 200000 entries"), std::string::npos) << why;
  entries.resize(50);
  EXPECT_EQ(refusal(tree(entries)), "") << "few links are honest";
}

}  // namespace ovl::test
