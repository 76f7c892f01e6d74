// What is read of a git repository, on repositories that git itself made.
#include "drivers/git/repository.hpp"

#include <gtest/gtest.h>

#include "drivers/git/libgit2/libgit2_repository.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

class Repository : public ::testing::Test {
 protected:
  void SetUp() override { git("init -q -b main ."); }

  // Runs git in the repository; nobody's configuration has a say.
  void git(const std::string& arguments) const {
    const std::string command =
        "cd '" + directory_.path() +
        "' && env -i HOME=$PWD/none PATH=$PATH GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b "
        "GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b git " +
        arguments + " >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;  // NOLINT(concurrency-mt-unsafe): one thread
  }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name)) << text;
  }

  void commit(const std::string& name, const std::string& text) const {
    write(name, text);
    git("add -A");
    git("commit -m '" + text + "'");
  }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_.file(name); }

  [[nodiscard]] std::unique_ptr<GitRepository> open() const {
    auto opened = open_libgit2(directory_.path());
    EXPECT_TRUE(opened.ok());
    return std::move(opened).value();
  }

  [[nodiscard]] Checkout checkout(const std::string& name) const {
    auto out = open()->checkout(path(name));
    EXPECT_TRUE(out.ok()) << out.error().message;
    return std::move(out).value();
  }

  TemporaryDirectory directory_;
};

}  // namespace

TEST_F(Repository, SaysWhereAPlaceStands) {
  commit("net/ovl.toml", "first");
  const Checkout first = checkout("net");
  EXPECT_EQ(first.path, "net");
  EXPECT_EQ(first.commit, first.root);
  EXPECT_TRUE(first.tracked);
  EXPECT_FALSE(first.dirty);
  commit("net/ovl.toml", "second");
  const Checkout second = checkout("net/ovl.toml");
  EXPECT_EQ(second.path, "net/ovl.toml");
  EXPECT_EQ(second.root, first.root);
  EXPECT_NE(second.commit, first.commit);
  EXPECT_EQ(checkout(".").path, "");
}

TEST_F(Repository, SeesFilesThatAreNotThoseOfHead) {
  commit("net/ovl.toml", "first");
  write("other/notes", "not asked for");
  EXPECT_FALSE(checkout("net").dirty);
  write("net/more.toml", "untracked");
  EXPECT_TRUE(checkout("net").dirty);
  EXPECT_FALSE(checkout("other").tracked);
  git("add net/more.toml");
  EXPECT_TRUE(checkout("net").dirty);
  git("commit -m more");
  EXPECT_FALSE(checkout("net").dirty);
  write("net/ovl.toml", "changed");
  EXPECT_TRUE(checkout("net").dirty);
}

TEST_F(Repository, KnowsWhatFollowsWhat) {
  commit("ovl.toml", "first");
  const std::string first = checkout(".").commit;
  commit("ovl.toml", "second");
  const std::string second = checkout(".").commit;
  git("checkout -q -b side " + first);
  commit("ovl.toml", "side");
  const std::string side = checkout(".").commit;
  const auto repository = open();
  const auto follows = [&](const std::string& commit, const std::string& ancestor) {
    return repository->follows(commit, ancestor).value();
  };
  EXPECT_TRUE(follows(second, first));
  EXPECT_TRUE(follows(second, second));
  EXPECT_FALSE(follows(first, second));
  EXPECT_FALSE(follows(side, second));
  EXPECT_FALSE(follows(second, std::string(40, 'f')));
  EXPECT_FALSE(follows(second, "no commit"));
}

TEST_F(Repository, AShallowCloneDoesNotKnowItsBeginning) {
  commit("ovl.toml", "first");
  commit("ovl.toml", "second");
  git("clone -q --depth 1 'file://" + directory_.path() + "' shallow");
  auto clone = open_libgit2(path("shallow"));
  ASSERT_TRUE(clone.ok());
  EXPECT_EQ(clone.value()->checkout(path("shallow")).value().root, "");
}

TEST_F(Repository, WithoutACommitIsNotFound) {
  write("ovl.toml", "first");
  const auto out = open()->checkout(path("."));
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().code, Errc::not_found);
}

TEST_F(Repository, IsFoundFromAPlaceInsideAndOnlyThere) {
  commit("net/ovl.toml", "first");
  const auto found = open_repository(path("net/ovl.toml"), OVL_DRIVER_DIR);
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_NE(found.value(), nullptr);
  const TemporaryDirectory elsewhere;
  EXPECT_EQ(open_repository(elsewhere.path(), OVL_DRIVER_DIR).value(), nullptr);
}

TEST_F(Repository, OfSomebodyElseIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give files away";
  commit("ovl.toml", "first");
  ASSERT_EQ(::chown(path(".git").c_str(), 12345, 12345), 0);
  const auto refused = open_repository(path("."), OVL_DRIVER_DIR);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::guard);
}

// Whoever may push tags and not the branch must not say what the branch's name means.
TEST_F(Repository, AShortNameIsABranchsAndNeverATags) {
  commit("ovl.toml", "first");
  git("tag -m x main");
  git("tag v1");
  const std::string first = checkout(".").commit;
  commit("ovl.toml", "second");
  const std::string second = checkout(".").commit;
  git("update-ref refs/heads/tags/v1 " + second);
  git("update-ref refs/tags/" + second + " " + first);
  git("update-ref refs/tags/HEAD " + first);
  git("update-ref refs/tags/" + second.substr(0, 8) + " " + first);
  git("update-ref refs/tags/refs/heads/gone " + first);
  git("update-ref refs/remotes/hub/next " + second);
  git("update-ref refs/tags/hub/next " + first);
  const auto repository = open();
  const auto id = [&](const std::string& name) {
    const auto found = repository->commit(name);
    return found.ok() ? found.value().id : "none: " + found.error().hint;
  };
  for (const char* name : {"main", "heads/main", "refs/heads/main", "main^{commit}", "HEAD", "@", "hub/next",
                           "remotes/hub/next"}) {
    EXPECT_EQ(id(name), second) << name;
  }
  EXPECT_EQ(id(second), second) << "an id, whatever is called so";
  EXPECT_EQ(id(second.substr(0, 8)), second);
  EXPECT_EQ(id(first + "^{commit}"), first);
  for (const char* name : {"tags/main", "refs/tags/main", "tags/v1", "main~1", "HEAD~1", "tags/v1~0"}) {
    EXPECT_EQ(id(name), first) << name;
  }
  EXPECT_EQ(id("v1"), "none: a short name is a branch's; the tag is tags/v1");
  EXPECT_NE(id("refs/heads/gone"), first);
  EXPECT_NE(id(second + "~0"), first);
  EXPECT_TRUE(repository->signature(second).ok());
}

}  // namespace ovl::test
