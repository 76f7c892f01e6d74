// Files are read whole, bounded and without waiting; what is no file is not opened.
#include "files/read.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

class ReadTest : public ::testing::Test {
 protected:
  // The errno that a path is refused with.
  static int refused(const std::string& path, const FileLimits& limits = {}) {
    const auto text = read_regular(path, limits);
    if (!text.ok()) {
      EXPECT_EQ(text.error().message.find(path + ": "), 0U) << text.error().message;
      return text.error().os_errno;
    }
    ADD_FAILURE() << path << " was read";
    return 0;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.file("file");
};

TEST_F(ReadTest, AFileIsReadWhole) {
  for (const std::size_t size : {0U, 1U, 16'383U, 16'384U, 16'385U, 1'000'000U}) {
    const std::string text(size, 'x');
    write_file(path_, text);
    EXPECT_EQ(must(read_regular(path_, {})), text);
    EXPECT_EQ(must(read_regular(path_, {.most = size})), text);
  }
}

TEST_F(ReadTest, NoMoreThanTheLimitIsRead) {
  write_file(path_, "12345");
  EXPECT_EQ(refused(path_, {.most = 4}), EFBIG);
  ASSERT_EQ(::truncate(path_.c_str(), off_t{1} << 40), 0);
  EXPECT_EQ(refused(path_), EFBIG);
}

// Their size is told as 0.
TEST_F(ReadTest, FilesOfTheKernelAreReadToTheirEnd) {
  EXPECT_NE(must(read_regular("/proc/self/status", {})).find("Name:"), std::string::npos);
  EXPECT_EQ(read_first_line("/proc/sys/kernel/random/boot_id").size(), 36U);
  EXPECT_EQ(read_first_line("/proc/sys/kernel/nothing"), "");
}

TEST_F(ReadTest, WhatIsNoFileIsNotOpened) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const UniqueFd both(::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ASSERT_EQ(::write(both.get(), "x", 1), 1);
  EXPECT_EQ(refused(path_), ENXIO);
  char byte = 0;
  EXPECT_EQ(::read(both.get(), &byte, 1), 1) << "nobody took it";
  EXPECT_EQ(refused("/dev/zero"), ENXIO);
  EXPECT_EQ(refused("/dev/tty"), ENXIO);
  EXPECT_EQ(refused(directory_.path()), EISDIR);
}

TEST_F(ReadTest, ALinkIsFollowedOnlyWhereTheCallerNamedIt) {
  write_file(directory_.file("target"), "there");
  ASSERT_EQ(::symlink("target", path_.c_str()), 0);
  EXPECT_EQ(must(read_regular(path_, {})), "there");
  EXPECT_EQ(refused(path_, {.links = Links::refuse}), ELOOP);
  ASSERT_EQ(::unlink(directory_.file("target").c_str()), 0);
  EXPECT_EQ(read_regular(path_, {}).error().code, Errc::not_found);
  ASSERT_EQ(::symlink("/dev/zero", directory_.file("target").c_str()), 0);
  EXPECT_EQ(refused(path_), ENXIO);
}

TEST_F(ReadTest, NamesAreSorted) {
  for (const char* name : {"b", "a", ".c"}) write_file(directory_.file(name), "");
  EXPECT_EQ(must(names_in(directory_.path())), (std::vector<std::string>{".c", "a", "b"}));
  EXPECT_EQ(names_in(directory_.file("none")).error().code, Errc::not_found);
  EXPECT_EQ(names_in(directory_.file("a")).error().os_errno, ENOTDIR);
  const UniqueFd open(::open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int again = 0; again < 2; ++again) EXPECT_EQ(must(names_in(open.get(), "it")).size(), 3U);
}

}  // namespace

}  // namespace ovl::test
