// ovl fmt on files: what it writes, what it only says, and what it does not touch.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/support/process.hpp"

namespace ovl {

namespace {

class Fmt : public ::testing::Test {
 protected:
  void write(const std::string& text) const { std::ofstream(path()) << text; }

  [[nodiscard]] std::string path() const { return directory_.file("ovl.toml"); }

  [[nodiscard]] std::string text() const {
    std::ifstream file(path());
    return {std::istreambuf_iterator<char>(file), {}};
  }

  [[nodiscard]] int fmt(const std::string& arguments) const {
    const std::string command =
        "cd " + directory_.path() + " && " OVL_BINARY " fmt " + arguments + " >out 2>&1 </dev/null";
    const int status = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  [[nodiscard]] std::string printed() const {
    std::ifstream file(directory_.file("out"));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  test::TemporaryDirectory directory_;
};

constexpr const char* kUntidy = "[cluster] # ours\nname=\"a\"\n";
constexpr const char* kTidy = "[cluster] # ours\nname = \"a\"\n";

}  // namespace

TEST_F(Fmt, ChecksWithoutWriting) {
  write(kUntidy);
  EXPECT_EQ(fmt("--check"), 1);
  EXPECT_EQ(printed(), "ovl.toml\n");
  EXPECT_EQ(text(), kUntidy);
}

TEST_F(Fmt, WritesOnceAndKeepsTheMode) {
  write(kUntidy);
  ASSERT_EQ(::chmod(path().c_str(), 0640), 0);
  EXPECT_EQ(fmt(""), 0);
  EXPECT_EQ(text(), kTidy);

  struct stat about {};

  ASSERT_EQ(::stat(path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0640U);
  EXPECT_EQ(fmt("--check"), 0);
  EXPECT_EQ(printed(), "");
}

// Root tidies up in somebody else's folder.
TEST_F(Fmt, LeavesAFileItsOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  write(kUntidy);
  ASSERT_EQ(::chown(path().c_str(), 65534, 65533), 0);
  ASSERT_EQ(::chmod(path().c_str(), 0640), 0);
  EXPECT_EQ(fmt(""), 0);
  EXPECT_EQ(text(), kTidy);

  struct stat about {};

  ASSERT_EQ(::stat(path().c_str(), &about), 0);
  EXPECT_EQ(about.st_uid, 65534U);
  EXPECT_EQ(about.st_gid, 65533U);
  EXPECT_EQ(about.st_mode & 07777, 0640U);
}

TEST_F(Fmt, WritesWhereALinkLeads) {
  write(kUntidy);
  ASSERT_EQ(::symlink("ovl.toml", directory_.file("link.toml").c_str()), 0);
  EXPECT_EQ(fmt("link.toml"), 0);
  EXPECT_EQ(text(), kTidy);

  struct stat about {};

  ASSERT_EQ(::lstat(directory_.file("link.toml").c_str(), &about), 0);
  EXPECT_TRUE(S_ISLNK(about.st_mode));
}

TEST_F(Fmt, LeavesWhatIsSomebodyElses) {
  write(kUntidy);
  const std::string other = directory_.file("Cargo.toml");
  std::ofstream(other) << "[package]\nname=\"x\"\n";
  EXPECT_EQ(fmt(""), 13);
  EXPECT_EQ(text(), kUntidy);
  EXPECT_NE(printed().find("for ovl.toml alone, name it"), std::string::npos) << printed();
  EXPECT_EQ(fmt("ovl.toml"), 0);
  EXPECT_EQ(text(), kTidy);
  EXPECT_EQ(test::read_file(other), "[package]\nname=\"x\"\n");
}

TEST_F(Fmt, LeavesWhatIsNoToml) {
  write("[cluster\nname=1\n");
  EXPECT_EQ(fmt(""), 13);
  EXPECT_EQ(text(), "[cluster\nname=1\n");
  EXPECT_NE(printed().find("ovl.toml:1"), std::string::npos) << printed();
}

}  // namespace ovl
