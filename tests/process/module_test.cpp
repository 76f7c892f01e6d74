// Drivers in files of their own: what is said where one can't be had.
#include "drivers/module/module.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What load_module() says to a user who is not root.
void expect_said_to_others(const std::string& directory, const std::string& message,
                           const std::string& hint) {
  EXPECT_TRUE(child_succeeded(fork_child([&] {
    ASSERT_EQ(::setresuid(65534, 65534, 65534), 0);
    const auto loaded = load_module("some", "symbol", directory);
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().code, Errc::unsupported);
    EXPECT_EQ(loaded.error().message, message);
    EXPECT_THAT(loaded.error().hint, HasSubstr(hint));
  })));
}

}  // namespace

TEST(Module, ThatIsNotThereIsNotInstalled) {
  const TemporaryDirectory directory;
  const auto none = load_module("some", "symbol", directory.path());
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().message, "the some driver is not installed");
  EXPECT_EQ(none.error().hint, "ovl-some.so belongs beside the program or into ../lib/ovl");
}

TEST(Module, ThatIsKeptFromThisUserIsNotCalledMissing) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  const TemporaryDirectory directory;
  const std::string build = directory.file("build");
  const std::string file = build + "/ovl-some.so";
  ASSERT_EQ(::mkdir(build.c_str(), 0755), 0);
  write_file(file, "no library");
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  const std::string start = "the some driver " + file + " can't be read: ";
  expect_said_to_others(build, start + file + " is not open to this user", "let this user read " + file);
  ASSERT_EQ(::chmod(directory.path().c_str(), 0700), 0);
  expect_said_to_others(build, start + directory.path() + " is not open to this user",
                        "let this user enter " + directory.path());
  const auto ours = load_module("some", "symbol", build);
  ASSERT_FALSE(ours.ok());
  EXPECT_THAT(ours.error().message, Not(HasSubstr("can't be read")));
}

}  // namespace ovl::test
