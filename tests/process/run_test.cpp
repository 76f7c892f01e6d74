// Other programs, run to their end.
#include "drivers/process/run.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>

#include "model/base/handle.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

using ::testing::HasSubstr;

ProcessCommand shell(const std::string& script) {
  return {.arguments = {"/bin/sh", "-c", script}};
}

}  // namespace

TEST(RunProcess, GivesInputAndCollectsBothOutputs) {
  ProcessCommand command = shell("cat; echo wrong >&2; exit 3");
  command.input = std::string(300'000, 'x');
  const ProcessOutput output = must(run_process(command));
  EXPECT_EQ(output.status, 3);
  EXPECT_EQ(output.out, command.input);
  EXPECT_EQ(output.err, "wrong\n");
}

TEST(RunProcess, PassesOnNothingOfOurs) {
  ::setenv("OVL_SECRET", "x", 1);  // NOLINT(concurrency-mt-unsafe): one thread
  const UniqueFd ours(::dup(0));   // not closed by an exec
  ProcessCommand command{.arguments = {"/usr/bin/env"}, .environment = {"LC_ALL=C"}};
  EXPECT_EQ(must(run_process(command)).out, "LC_ALL=C\n");
  command.arguments = {"/bin/ls", "/proc/self/fd"};
  // The last is the listing itself.
  EXPECT_EQ(must(run_process(command)).out, "0\n1\n2\n3\n");
  command.arguments = {"/bin/pwd"};
  EXPECT_EQ(must(run_process(command)).out, "/\n");
}

TEST(RunProcess, SetsSignalsBack) {
  ::signal(SIGTERM, SIG_IGN);
  const ProcessOutput output = must(run_process(shell("kill -TERM $$; echo alive")));
  ::signal(SIGTERM, SIG_DFL);
  EXPECT_EQ(output.status, 128 + SIGTERM);
  EXPECT_EQ(output.out, "");
}

TEST(RunProcess, GivesFilesByPath) {
  ProcessCommand command{.arguments = {"/bin/cat", process_file(1), process_file(0)},
                         .files = {"first", "second"}};
  EXPECT_EQ(must(run_process(command)).out, "secondfirst");
}

TEST(RunProcess, LooksNothingUp) {
  const TemporaryDirectory directory;
  write_file(directory.file("file"), "no folder");
  for (const char* name : {"none", "none/program", "file/program"}) {
    const auto none = run_process({.arguments = {directory.file(name)}});
    ASSERT_FALSE(none.ok());
    EXPECT_EQ(none.error().code, Errc::not_found) << none.error().message;
  }
  EXPECT_FALSE(run_process({.arguments = {"sh", "-c", "true"}}).ok());
}

// What it started goes with it: the reader of the pipe sees its end only when all writers have gone.
TEST(RunProcess, EndsWhatTakesTooLong) {
  const TemporaryDirectory directory;
  const std::string pipe = directory.file("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const UniqueFd reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK));
  ProcessCommand command = shell("exec 9>" + pipe + "; /bin/sleep 1000 & wait");
  command.timeout = std::chrono::milliseconds(300);
  const auto late = run_process(command);
  ASSERT_FALSE(late.ok());
  EXPECT_THAT(late.error().message, HasSubstr("/bin/sh took longer than 300 ms"));
  pollfd event{reader.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&event, 1, 10'000), 1);
  EXPECT_NE(event.revents & POLLHUP, 0);
}

TEST(RunProcess, EndsWhatPrintsTooMuch) {
  ProcessCommand command{.arguments = {"/usr/bin/yes"}};
  const auto flood = run_process(command);
  ASSERT_FALSE(flood.ok());
  EXPECT_THAT(flood.error().message, HasSubstr("/usr/bin/yes printed more than 1048576 bytes"));
}

TEST(RunProcess, DoesNotWaitForWhatIsLeftBehind) {
  ProcessCommand command = shell("/bin/sleep 1000 & echo $!");
  const ProcessOutput output = must(run_process(command));
  EXPECT_EQ(output.status, 0);
  EXPECT_EQ(::kill(std::stoi(output.out), SIGKILL), 0);
}

TEST(RunProcess, EndsWhenItIsTold) {
  std::array<int, 2> bell{};
  ASSERT_EQ(::pipe(bell.data()), 0);
  ASSERT_EQ(::write(bell[1], "x", 1), 1);
  ProcessCommand command = shell("sleep 600");
  command.timeout = std::chrono::minutes(5);
  command.stop_fd = bell[0];
  const auto ran = run_process(command);
  ASSERT_FALSE(ran.ok());
  EXPECT_EQ(ran.error().code, Errc::interrupted);
  for (const int fd : bell) ::close(fd);
}

}  // namespace ovl::test
