// Which files are the manifest, and what is refused while looking for them.
#include "reconcile/manifest/sources.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace ovl {

namespace {

namespace fs = std::filesystem;

// A folder of its own, in which the test stands.
class SourcesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "ovl-sources-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    before_ = fs::current_path();
    fs::current_path(root_);
  }

  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(root_);
  }

  static void write(const fs::path& path, std::string_view text = "") {
    if (path.has_parent_path()) fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }

  static std::string names(const Result<Sources>& sources) {
    if (!sources.ok()) return sources.error().message;
    std::string out;
    for (const SourceFile& source : sources.value()) out += (out.empty() ? "" : " ") + source.name;
    return out;
  }

  fs::path root_;
  fs::path before_;
};

TEST_F(SourcesTest, DefaultIsEveryTomlFileHereAndNotBelow) {
  write("ovl.toml", "x = 1\n");
  write("b.toml");
  write("a.toml");
  write("notes.txt");
  write("below/c.toml");
  const auto sources = read_sources("");
  ASSERT_EQ(names(sources), "a.toml b.toml ovl.toml");
  EXPECT_EQ(sources.value()[2].text, "x = 1\n");
}

TEST_F(SourcesTest, WhatCanNotBeReadBesideItIsNotLeftOut) {
  write("ovl.toml");
  write("real/x.toml");
  fs::create_symlink("real/x.toml", "more.toml");
  const auto sources = read_sources("");
  ASSERT_EQ(names(sources), "more.toml is a symbolic link");
  EXPECT_TRUE(sources.error().hint.ends_with("for one file alone, name it")) << sources.error().hint;
  EXPECT_EQ(names(read_sources("ovl.toml")), "ovl.toml");
}

TEST_F(SourcesTest, NothingHere) {
  const auto sources = read_sources("");
  ASSERT_FALSE(sources.ok());
  EXPECT_EQ(sources.error().code, Errc::not_found);
  EXPECT_EQ(sources.error().message, "no manifest here: neither ovl.toml nor any other *.toml");
}

TEST_F(SourcesTest, DirectoryIsReadDeepAndSortedBytewise) {
  write("infra/b.toml");
  write("infra/a/z.toml");
  write("infra/a.toml");
  write("infra/B.toml");
  write("infra/.git/x.toml");
  write("infra/.hidden.toml");
  write("infra/a/readme.md");
  EXPECT_EQ(names(read_sources("infra")), "infra/B.toml infra/a.toml infra/a/z.toml infra/b.toml");
  EXPECT_EQ(names(read_sources("infra/")), names(read_sources("infra")));
  fs::current_path("infra");
  EXPECT_EQ(names(read_sources(".")), "B.toml a.toml a/z.toml b.toml");
  EXPECT_EQ(names(read_sources((root_ / "infra/a").string())), (root_ / "infra/a/z.toml").string());
}

TEST_F(SourcesTest, FileOfAnyName) {
  write("manifest.txt", "x");
  EXPECT_EQ(names(read_sources("manifest.txt")), "manifest.txt");
}

TEST_F(SourcesTest, PathThatIsNotThere) {
  const auto sources = read_sources("nowhere");
  ASSERT_FALSE(sources.ok());
  EXPECT_EQ(sources.error().code, Errc::not_found);
  fs::create_directory("empty");
  EXPECT_EQ(names(read_sources("empty")), "there is no *.toml in empty");
}

TEST_F(SourcesTest, LinksAreRefusedBelowADirectory) {
  write("secret", "x");
  write("infra/a.toml");
  fs::create_symlink("../secret", "infra/b.toml");
  EXPECT_EQ(names(read_sources("infra")), "infra/b.toml is a symbolic link");
  fs::remove("infra/b.toml");
  fs::create_directory("elsewhere");
  fs::create_directory_symlink("../elsewhere", "infra/more");
  const auto sources = read_sources("infra");
  EXPECT_EQ(names(sources), "infra/more is a symbolic link");
  EXPECT_EQ(sources.error().code, Errc::manifest);
}

TEST_F(SourcesTest, OtherLinksDoNotMatter) {
  write("infra/a.toml");
  fs::create_symlink("nowhere", "infra/dangling");
  EXPECT_EQ(names(read_sources("infra")), "infra/a.toml");
}

TEST_F(SourcesTest, DefaultIsNoLinkButANamedOneIsFollowed) {
  write("real/x.toml", "x");
  fs::create_symlink("real/x.toml", "ovl.toml");
  EXPECT_EQ(names(read_sources("")), "ovl.toml is a symbolic link");
  EXPECT_EQ(names(read_sources("ovl.toml")), "ovl.toml");
  fs::create_directory_symlink("real", "link");
  EXPECT_EQ(names(read_sources("link")), "link/x.toml");
}

TEST_F(SourcesTest, OnlyPlainFiles) {
  fs::create_directory("infra");
  ASSERT_EQ(mkfifo("infra/a.toml", 0600), 0);
  EXPECT_EQ(names(read_sources("infra")), "infra/a.toml is not a regular file");
}

TEST_F(SourcesTest, FileSizeLimit) {
  write("a.toml", std::string(kMaxSourceBytes, '#'));
  EXPECT_EQ(names(read_sources("a.toml")), "a.toml");
  EXPECT_EQ(read_sources("a.toml").value()[0].text.size(), kMaxSourceBytes);
  write("a.toml", std::string(kMaxSourceBytes + 1, '#'));
  EXPECT_EQ(names(read_sources("a.toml")), "a.toml is larger than 1048576 bytes");
}

TEST_F(SourcesTest, TotalSizeLimit) {
  for (int i = 0; i < 32; ++i)
    write("infra/" + std::to_string(i) + ".toml", std::string(kMaxSourceBytes, '#'));
  EXPECT_TRUE(read_sources("infra").ok());
  write("infra/more.toml", "#");
  EXPECT_EQ(names(read_sources("infra")), "the manifest is larger than 33554432 bytes");
}

TEST_F(SourcesTest, FileCountLimit) {
  for (std::size_t i = 0; i < kMaxSourceFiles; ++i) write("infra/" + std::to_string(i) + ".toml");
  EXPECT_TRUE(read_sources("infra").ok());
  write("infra/more.toml");
  EXPECT_EQ(names(read_sources("infra")), "the manifest has more than 10000 files");
}

TEST_F(SourcesTest, DepthLimit) {
  fs::path deep = "infra";
  for (std::size_t i = 0; i < kMaxSourceDepth; ++i) deep /= "d";
  write(deep / "a.toml");
  EXPECT_TRUE(read_sources("infra").ok());
  write(deep / "d/a.toml");
  EXPECT_EQ(names(read_sources("infra")), (deep / "d").string() + " is more than 16 folders deep");
}

TEST_F(SourcesTest, PathsBesideAFile) {
  EXPECT_EQ(path_beside({.name = "infra/ovl.toml", .text = ""}, "ca.pem"), "infra/ca.pem");
  EXPECT_EQ(path_beside({.name = "ovl.toml", .text = ""}, "ca.pem"), "ca.pem");
  EXPECT_EQ(path_beside({.name = "infra/ovl.toml", .text = ""}, "/etc/ca.pem"), "/etc/ca.pem");
}

}  // namespace

}  // namespace ovl
