// What is kept of manifests that were parsed before, and who may have written it.
#include "cmd/session/manifest_cache.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "reconcile/manifest/parse.hpp"
#include "tests/support/process.hpp"

namespace ovl {

namespace {

Manifest manifest_called(const std::string& name) {
  return parse({{.name = "ovl.toml", .text = "[cluster]\nname = \"" + name + "\"\n"}}).manifest;
}

class Cache : public ::testing::Test {
 protected:
  [[nodiscard]] std::string folder() const { return directory_.file("cache"); }

  [[nodiscard]] std::string only_file() const {
    return std::filesystem::directory_iterator(folder())->path().string();
  }

  test::TemporaryDirectory directory_;
};

}  // namespace

TEST_F(Cache, FindsWhatItKept) {
  const ManifestCache cache(folder());
  EXPECT_FALSE(cache.find("a").has_value());
  cache.keep("a", manifest_called("one"));
  ASSERT_TRUE(cache.find("a").has_value());
  EXPECT_EQ(cache.find("a")->cluster.value.text(), "one");
  EXPECT_FALSE(cache.find("b").has_value());

  struct stat about {};

  ASSERT_EQ(::stat(only_file().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
}

TEST_F(Cache, TakesNothingThatOthersCouldHaveWritten) {
  const ManifestCache cache(folder());
  cache.keep("a", manifest_called("one"));
  ASSERT_EQ(::chmod(folder().c_str(), 0777), 0);
  EXPECT_FALSE(cache.find("a").has_value());
  ASSERT_EQ(::chmod(folder().c_str(), 0700), 0);
  EXPECT_TRUE(cache.find("a").has_value());
  const std::string file = only_file();
  std::filesystem::rename(file, directory_.file("elsewhere"));
  std::filesystem::create_symlink(directory_.file("elsewhere"), file);
  EXPECT_FALSE(cache.find("a").has_value());
}

TEST_F(Cache, TakesNothingThatIsSpoiled) {
  const ManifestCache cache(folder());
  cache.keep("a", manifest_called("one"));
  std::fstream file(only_file(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-1, std::ios::end);
  file.put('\x7f');
  file.close();
  EXPECT_FALSE(cache.find("a").has_value());
  cache.keep("a", manifest_called("two"));
  EXPECT_EQ(cache.find("a")->cluster.value.text(), "two");
}

TEST_F(Cache, KeepsSoManyAndNoMore) {
  const ManifestCache cache(folder());
  for (int i = 0; i < 40; ++i) cache.keep(std::to_string(i), manifest_called("one"));
  const auto files = std::distance(std::filesystem::directory_iterator(folder()), {});
  EXPECT_EQ(files, 16);
}

}  // namespace ovl
