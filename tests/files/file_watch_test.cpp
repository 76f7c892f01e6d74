// A file that is asked for again and again is read again only when it has changed.
#include "files/file_watch.hpp"

#include <filesystem>

#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

TEST(FileWatch, WhatStaysIsNotReadAgain) {
  const TemporaryDirectory directory;
  for (const std::string& path : {std::string("/bin/sh"), directory.file("absent")}) {
    FileWatch watch(path);
    EXPECT_TRUE(watch.may_have_changed()) << path;
    EXPECT_FALSE(watch.may_have_changed()) << path;
  }
}

TEST(FileWatch, EveryChangeIsSeen) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("list");
  FileWatch watch(path);
  EXPECT_TRUE(watch.may_have_changed());
  // Of one size, and within one step of the file system's clock.
  for (const char* const text : {"one", "two", "six"}) {
    write_file(path, text);
    EXPECT_TRUE(watch.may_have_changed()) << text;
  }
  std::filesystem::remove(path);
  EXPECT_TRUE(watch.may_have_changed());
  EXPECT_FALSE(watch.may_have_changed());
  std::filesystem::create_symlink("/bin/sh", path);
  EXPECT_TRUE(watch.may_have_changed());
  EXPECT_FALSE(watch.may_have_changed());
}

}  // namespace

}  // namespace ovl::test
