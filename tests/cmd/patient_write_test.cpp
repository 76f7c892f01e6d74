// A plan for somebody who does not read keeps nobody waiting.
#include "cmd/base/patient_write.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "model/base/handle.hpp"
#include "tests/support/process.hpp"
#include "tests/support/shell.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    out = UniqueFd(ends[0]);
    in = UniqueFd(ends[1]);
  }

  UniqueFd out, in;
};

TEST(PatientWrite, AnswersWhatNobodyTook) {
  const Pipe pipe;
  const int size = ::fcntl(pipe.in.get(), F_GETPIPE_SZ);
  ASSERT_GE(size, 4096);
  const std::string text(static_cast<std::size_t>(size) + 1000, 'x');
  const std::string rest = write_patiently(pipe.in.get(), text, milliseconds(0));
  EXPECT_GE(rest.size(), 1000U);
  std::string taken(text.size(), '\0');
  EXPECT_EQ(::read(pipe.out.get(), taken.data(), taken.size()),
            static_cast<ssize_t>(text.size() - rest.size()));
  EXPECT_EQ(write_patiently(pipe.in.get(), rest, milliseconds(0)), "");
}

TEST(PatientWrite, WritesAFileAsAWhole) {
  const test::TemporaryDirectory here;
  const UniqueFd file(::open(here.file("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string text(100'000, 'x');
  EXPECT_EQ(write_patiently(file.get(), text, milliseconds(0)), "");
  EXPECT_EQ(test::read_file(here.file("out")), text);
  EXPECT_EQ(write_patiently(-1, "", milliseconds(0)), "");
}

// A pager that stands still, and a plan that is larger than a pipe: the apply is done, and nothing is locked.
TEST(PatientWrite, AnApplyGoesOnWhereItsPlanIsNotRead) {
  const test::TemporaryDirectory here;
  std::ofstream manifest(here.file("ovl.toml"));
  manifest << "[cluster]\nname = \"wide\"\n[keystore]\nurl = \"sqlite://" << here.file("k.db")
           << "\"\n[host.left]\nadvertise = \"192.0.2.1\"\n";
  for (int i = 0; i < 800; ++i) manifest << fmt::format("[network.a-long-name-{}]\n", i);
  manifest.close();
  const std::string ovl = OVL_BINARY " --state-dir " + here.file("state");
  const auto ran =
      test::run_shell("cd " + here.path() + " && export HOME=$PWD && mkfifo plan && (" + ovl +
                      " apply --scope cluster --auto-approve --show-all >plan 2>&1 &) && exec 3<plan && "
                      "timeout 60 sh -c 'until " +
                      ovl + " status | grep -q \"generation 1\" && " + ovl +
                      " lock ls | grep -q Nobody; do :; done' && tail -n 1 <&3");
  EXPECT_TRUE(ran.ok) << ran.out;
  EXPECT_EQ(ran.out,
            "Apply complete: 801 records. Generation 1. Still to apply: left (there: ovl apply --scope "
            "host).\n");
}

}  // namespace

}  // namespace ovl
