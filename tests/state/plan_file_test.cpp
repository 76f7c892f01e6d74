// Saved plans: written whole and privately, read only when they are what they claim to be.
#include "state/plan_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

class PlanFile : public ::testing::Test {
 protected:
  static Value plan(const std::string& text) {
    Value value = Value::object();
    value.set("text", Value(text));
    value.set("list", Value(Value::Array{Value(1), Value(true), Value()}));
    return value;
  }

  Error refused() {
    auto value = read_plan_file(path_);
    if (!value.ok()) return std::move(value).error();
    ADD_FAILURE() << "it was read";
    return {};
  }

  // Names of the files in the directory.
  std::vector<std::string> files() {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
      out.push_back(entry.path().filename().string());
    }
    return out;
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.file("plan.ovl");
};

TEST_F(PlanFile, ComesBackAsItWas) {
  const Value value = plan("Grüße\n\x01");
  must(write_plan_file(path_, value));
  EXPECT_EQ(must(read_plan_file(path_)), value);
  must(write_plan_file(path_, plan("second")));
  EXPECT_EQ(must(read_plan_file(path_)), plan("second"));
  EXPECT_EQ(files(), std::vector<std::string>{"plan.ovl"});
}

TEST_F(PlanFile, MayBeLargerThanARecord) {
  const Value value = plan(std::string(Value::kMaxJson + 1000, 'x'));
  must(write_plan_file(path_, value));
  EXPECT_EQ(must(read_plan_file(path_)), value);
}

TEST_F(PlanFile, IsPrivateUnderAnyUmask) {
  for (const mode_t mask : {0U, 077U}) {
    ::umask(mask);
    must(write_plan_file(path_, plan("x")));
    EXPECT_EQ(mode_of(path_), 0600U);
    ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  }
}

TEST_F(PlanFile, IsWrittenInTheWorkingDirectoryToo) {
  ASSERT_EQ(::chdir(directory_.path().c_str()), 0);
  must(write_plan_file("plan.ovl", plan("x")));
  EXPECT_EQ(must(read_plan_file("plan.ovl")), plan("x"));
}

TEST_F(PlanFile, LinksAreRefusedBothWays) {
  const std::string target = directory_.file("target");
  must(write_plan_file(target, plan("x")));
  ASSERT_EQ(::symlink(target.c_str(), path_.c_str()), 0);
  EXPECT_EQ(refused().code, Errc::io);
  EXPECT_EQ(write_plan_file(path_, plan("y")).error().code, Errc::io);
  EXPECT_EQ(must(read_plan_file(target)), plan("x"));
  EXPECT_EQ(files().size(), 2U);
}

TEST_F(PlanFile, OnlyRegularFilesAreRead) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(refused().code, Errc::io);
  EXPECT_EQ(write_plan_file(path_, plan("y")).error().code, Errc::io);
  path_ = directory_.path();
  EXPECT_EQ(refused().code, Errc::io);
  path_ = "/dev/zero";
  EXPECT_EQ(refused().code, Errc::io);
}

TEST_F(PlanFile, AnAbsentOneIsNotFound) {
  EXPECT_EQ(refused().code, Errc::not_found);
  EXPECT_FALSE(write_plan_file(directory_.file("no/such/plan"), plan("x")).ok());
}

TEST_F(PlanFile, TooLargeIsRefusedUnread) {
  write_file(path_, "{}");
  ASSERT_EQ(::truncate(path_.c_str(), (off_t{64} << 20) + 1), 0);
  EXPECT_EQ(refused().code, Errc::io);
}

TEST_F(PlanFile, WhatIsNoPlanIsCorrupt) {
  for (const char* text :
       {"", "garbage", "{}", "[1]", "{\"format\":\"another\",\"format_version\":1,\"plan\":{}}",
        "{\"format\":\"ovl saved plan\",\"plan\":{}}",
        "{\"format\":\"ovl saved plan\",\"format_version\":0,\"plan\":{}}",
        "{\"format\":\"ovl saved plan\",\"format_version\":\"1\",\"plan\":{}}",
        "{\"format\":\"ovl saved plan\",\"format_version\":1,\"plan\":{}}",
        "{\"format\":\"ovl saved plan\",\"format_version\":2}",
        "{\"format\":\"ovl saved plan\",\"format_version\":2,\"plan\":{}}",
        "{\"format\":\"ovl saved plan\",\"format_version\":1,\"plan\":{}"}) {
    write_file(path_, text);
    const Error error = refused();
    EXPECT_EQ(error.code, Errc::corrupt) << text;
    EXPECT_FALSE(error.hint.empty());
  }
}

// The digest is over all of it: no byte is another, is missing or is too much.
TEST_F(PlanFile, AnEditedOneIsCorrupt) {
  must(write_plan_file(path_, plan("x")));
  const std::string text = read_file(path_);
  const auto refused_as = [&](const std::string& edited) {
    write_file(path_, edited);
    EXPECT_NE(refused().code, Errc::io) << edited;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = static_cast<char>(other[i] ^ 1);
    refused_as(other);
    refused_as(text.substr(0, i) + " " + text.substr(i));
    refused_as(text.substr(0, i) + text.substr(i + 1));
  }
  refused_as(text + " ");
  write_file(path_, text);
  EXPECT_EQ(must(read_plan_file(path_)), plan("x"));
}

TEST_F(PlanFile, WhatOthersMayWriteIsRefused) {
  must(write_plan_file(path_, plan("x")));
  for (const mode_t mode : {0620U, 0602U, 0666U}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    EXPECT_EQ(refused().code, Errc::guard);
  }
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  EXPECT_EQ(must(read_plan_file(path_)), plan("x"));
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0777), 0);
  EXPECT_EQ(refused().code, Errc::guard) << "anybody may put another in its place";
  ASSERT_EQ(::chmod(directory_.path().c_str(), 01777), 0);
  EXPECT_EQ(must(read_plan_file(path_)), plan("x"));
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  for (const mode_t mode : {01777U, 0755U}) {
    ASSERT_EQ(::chmod(directory_.path().c_str(), mode), 0);
    ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
    EXPECT_EQ(refused().code, Errc::guard) << "it is somebody else's";
    ASSERT_EQ(::chown(path_.c_str(), 0, 0), 0);
    EXPECT_EQ(must(read_plan_file(path_)), plan("x"));
  }
}

// Whoever may write a folder on the way puts another one in its place.
TEST_F(PlanFile, InAFolderThatIsNotOnesOwnIsRefused) {
  const std::string above = directory_.file("above");
  const std::string folder = above + "/below";
  std::filesystem::create_directories(folder);
  path_ = folder + "/plan.ovl";
  must(write_plan_file(path_, plan("x")));
  for (const std::string& place : {folder, above}) {
    for (const mode_t mode : {0775U, 0777U}) {
      ASSERT_EQ(::chmod(place.c_str(), mode), 0);
      const Error error = refused();
      EXPECT_EQ(error.code, Errc::guard) << place;
      EXPECT_EQ(error.hint, "chmod go-w " + place);
    }
    ASSERT_EQ(::chmod(place.c_str(), 0755), 0);
    EXPECT_EQ(must(read_plan_file(path_)), plan("x"));
    if (::geteuid() != 0) continue;
    ASSERT_EQ(::chown(place.c_str(), 65534, 65534), 0);
    EXPECT_EQ(refused().code, Errc::guard) << place;
    ASSERT_EQ(::chown(place.c_str(), 0, 0), 0);
  }
  ASSERT_EQ(::symlink(folder.c_str(), directory_.file("link").c_str()), 0);
  path_ = directory_.file("link") + "/plan.ovl";
  EXPECT_EQ(must(read_plan_file(path_)), plan("x")) << "it is the real way that counts";
}

TEST_F(PlanFile, ANewerFormatIsRefusedInWords) {
  write_file(path_, "{\"format\":\"ovl saved plan\",\"format_version\":4,\"something\":\"else\"}");
  const Error error = refused();
  EXPECT_EQ(error.code, Errc::unsupported);
  EXPECT_NE(error.message.find("newer ovl (format 4"), std::string::npos) << error.message;
}

// A reader at any moment sees the old plan or the new one.
TEST_F(PlanFile, IsReplacedAtOnce) {
  must(write_plan_file(path_, plan(std::string(200'000, '0'))));
  const pid_t child = fork_child([&] {
    for (int i = 0; i < 60; ++i)
      must(write_plan_file(path_, plan(std::string(200'000, i % 2 == 0 ? '1' : '0'))));
  });
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    const Value value = must(read_plan_file(path_));
    const std::string text = *value.find("text")->as_string();
    ASSERT_EQ(text.size(), 200'000U);
    ASSERT_EQ(text.find_first_not_of(text[0]), std::string::npos);
  }
  EXPECT_EQ(status, 0);
}

}  // namespace

}  // namespace ovl::test
