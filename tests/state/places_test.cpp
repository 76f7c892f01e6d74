// What an apply needs on the disk is looked at before it is needed.
#include "state/places.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/process.hpp"

namespace ovl::test {

TEST(Places, ThatCanBeMadeOrUsedAreNotTold) {
  const TemporaryDirectory directory;
  const std::string state = directory.file("state");
  const std::string run = directory.file("run");
  EXPECT_TRUE(unusable_places(state, run).empty()) << "an apply makes them";
  std::filesystem::create_directories(run + "/ovl");
  std::filesystem::create_directory(directory.file("disk"));
  std::filesystem::create_directory_symlink(directory.file("disk"), state);
  std::filesystem::create_directory_symlink(directory.file("disk"), run + "/netns");
  EXPECT_TRUE(unusable_places(state, run).empty()) << "a link to a folder is one";
}

TEST(Places, WhereSomethingElseStandsAreTold) {
  const TemporaryDirectory directory;
  const std::string state = directory.file("state");
  const std::string run = directory.file("run");
  std::filesystem::create_directories(run);
  std::filesystem::create_directory_symlink(directory.file("nowhere"), state);
  std::filesystem::create_directory_symlink(run, run + "/ovl");
  write_file(run + "/netns", "");
  EXPECT_EQ(unusable_places(state, run),
            (std::vector<std::string>{state + " is a symbolic link to nowhere",
                                      run + "/ovl is a symbolic link", run + "/netns is not a directory"}));
}

}  // namespace ovl::test
