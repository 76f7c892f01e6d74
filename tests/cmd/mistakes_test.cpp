// Typical mistakes, and what a user is told: place, cause and remedy. One test per file of
// tests/golden/mistakes: "run" is what the user types, in a directory that holds the other sections as files;
// "said" is what the terminal shows then, with DIR for that directory, and the exit code.
#include <gtest/gtest.h>
#include <unistd.h>

#include <regex>

#include "tests/support/program.hpp"
#include "tests/support/txtar.hpp"

namespace ovl::test {

namespace {

const std::filesystem::path kCases = std::filesystem::path(OVL_SOURCE_DIR) / "tests/golden/mistakes";

class Mistakes : public ::testing::TestWithParam<std::filesystem::path> {
 protected:
  void SetUp() override {
    if (geteuid() != 0)
      GTEST_SKIP() << "needs root: the mistakes are made in a network namespace of their own";
    golden_ = load_case(GetParam());
    for (const TxtarSection& section : golden_.sections) {
      if (section.name != "run" && section.name != "said")
        write_file(here_.file(section.name), replaced(section.text, "DIR", here_.path()));
    }
  }

  // What is said, and how it ends.
  [[nodiscard]] std::string said() const {
    const std::string folder = std::filesystem::path(OVL_BINARY).parent_path().string();
    write_file(here_.file(".run"),
               "cd " + here_.path() + " && mkdir home run && export HOME=$PWD/home PATH=" + folder +
                   ":$PATH OVL_STATE_DIR=$PWD/state OVL_RUN_DIR=$PWD/run\n" + golden_.find("run")->text);
    const std::string shell = "timeout -s KILL 60 unshare -n -m sh -c 'ip link set lo up; exec sh \"$0\"' " +
                              here_.file(".run") + " </dev/null 2>&1; echo exit $?";
    // The lock of a host is called after its network namespace, and so is a commit after its time.
    const std::regex number("lock\\.[0-9]+|\\b[0-9a-f]{12}\\b");
    return std::regex_replace(replaced(run_shell(shell).out, here_.path(), "DIR"), number, "NUMBER");
  }

  static std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
      text.replace(at, what.size(), by);
    }
    return text;
  }

 private:
  TemporaryDirectory here_;
  Txtar golden_;
};

}  // namespace

TEST_P(Mistakes, AreToldWithPlaceCauseAndRemedy) {
  const std::string actual = said();
  EXPECT_EQ(actual.find("exit 0\n"), std::string::npos) << "that is no mistake: " << actual;
  expect_section(GetParam(), "said", actual);
}

INSTANTIATE_TEST_SUITE_P(Golden, Mistakes, ::testing::ValuesIn(cases_in(kCases)),
                         [](const auto& one) { return case_name(one.param); });

}  // namespace ovl::test
