// What is given for a file and is none, or has no end, stops no command and brings none down.
#include <gtest/gtest.h>

#include "tests/support/peak_memory.hpp"
#include "tests/support/program.hpp"

namespace ovl::test {

namespace {

// What a command says of a path that is no file. It is ended after 60 s: then it has waited for ever.
std::string code_of(const std::string& arguments) {
  const std::string command =
      "timeout -s KILL 60 " OVL_BINARY " " + arguments + " </dev/null; echo \"code $?\"";
  const std::string out = run_shell(command).out;
  const auto at = out.rfind("code ");
  return at == std::string::npos ? out : out.substr(at + 5, out.find('\n', at) - at - 5) + " of " + out;
}

class Reading : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string made = std::string("cd ") + here_.path() +
                             " && mkfifo fifo && mkdir directory state && ln -s /dev/zero device && "
                             "ln -s fifo link && printf 'name = \"c\"' > plain.toml";
    ASSERT_TRUE(run_shell(made).ok);
    what_ = here_.file(GetParam());
  }

  void expect_refused(const std::string& arguments) const {
    const std::string code = code_of(arguments + " --state-dir " + here_.file("state"));
    EXPECT_TRUE(code.starts_with("1 ") || code.starts_with("12 ") || code.starts_with("13 "))
        << arguments << ": " << code;
  }

  TemporaryDirectory here_;
  std::string what_;
};

TEST_P(Reading, OfWhatIsNoFileEndsInWords) {
  const std::string store = " --cluster c --keystore sqlite://" + here_.file("k.db");
  for (const std::string verb : {"show ", "plan ", "validate ", "fmt "}) expect_refused(verb + what_);
  expect_refused("apply --auto-approve " + what_);
  expect_refused("keystore import " + what_ + store);
  expect_refused("plan --policy " + what_ + " " + here_.file("plain.toml"));
  expect_refused("network ls --cluster c --keystore consul://127.0.0.1:1 --token file:" + what_);
  expect_refused("network ls --cluster c --keystore etcd://127.0.0.1:1 --tls-ca file:" + what_);
}

// A suspension that can't be read holds; the state's own files say what they are.
TEST_P(Reading, OfAStrangeStateEndsInWords) {
  ASSERT_TRUE(run_shell("mv " + what_ + " " + here_.file("state/suspended")).ok);
  const std::string code = code_of("sync --scope host --state-dir " + here_.file("state"));
  EXPECT_TRUE(code.starts_with("0 ") || code.starts_with("1 ") || code.starts_with("12 ")) << code;
}

INSTANTIATE_TEST_SUITE_P(Kinds, Reading, ::testing::Values("fifo", "directory", "device", "link"));

// More than there is memory for: words and an exit code, as for any other error.
TEST(Memory, ItsEndIsSaidInWords) {
  const std::string program = program_without_sanitizers();
  if (program.empty())
    GTEST_SKIP() << "AddressSanitizer needs terabytes of addresses; there is no build/release/ovl";
  const TemporaryDirectory here;
  const std::string out = run_shell("ulimit -v 400000; head -c 900M /dev/zero | " + program +
                                    " keystore import - --cluster c --keystore "
                                    "sqlite://" +
                                    here.file("k.db") + " 2>&1; echo \"code $?\"")
                              .out;
  EXPECT_NE(out.find("code 1\n"), std::string::npos) << out;
  EXPECT_NE(out.find("ovl: out of memory"), std::string::npos) << out;
}

}  // namespace

}  // namespace ovl::test
