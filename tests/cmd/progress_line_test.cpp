// The line on a terminal, on a pseudo terminal with a clock of the test's.
#include "cmd/base/progress_line.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "cmd/base/style.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

class Terminal {
 public:
  Terminal() {
    int outer = -1;
    int inner = -1;
    EXPECT_EQ(::openpty(&outer, &inner, nullptr, nullptr, nullptr), 0);
    outer_ = UniqueFd(outer);
    inner_ = UniqueFd(inner);
    EXPECT_EQ(::fcntl(outer, F_SETFL, O_NONBLOCK), 0);
  }

  [[nodiscard]] int fd() const { return inner_.get(); }

  // What was drawn since it was asked last.
  [[nodiscard]] std::string drawn() const {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(outer_.get(), buffer.data(), buffer.size());
    return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
  }

 private:
  UniqueFd outer_;
  UniqueFd inner_;
};

StepProgress at(std::size_t done, std::size_t total) {
  return {.phase = StepProgress::Phase::progress, .step = "create links", .done = done, .total = total};
}

}  // namespace

TEST(ProgressLine, IsRewrittenAfterASecondAndErasedAtTheEnd) {
  const Terminal terminal;
  std::chrono::milliseconds now{5'000};
  {
    ProgressLine line(terminal.fd(), [&] { return now; });
    line.tell(at(0, 400));
    now += std::chrono::milliseconds(999);
    line.tell(at(100, 400));
    EXPECT_EQ(terminal.drawn(), "") << "a short apply draws nothing";
    now += std::chrono::milliseconds(1);
    line.tell(at(200, 400));
    EXPECT_EQ(terminal.drawn(), "\r\x1b[Kovl: create links 200/400, 1 s");
    now += std::chrono::milliseconds(99);
    line.tell(at(300, 400));
    EXPECT_EQ(terminal.drawn(), "") << "ten times a second at most";
    now += std::chrono::milliseconds(2'000);
    line.tell({.phase = StepProgress::Phase::start, .step = "verify", .done = 0, .total = 0});
    EXPECT_EQ(terminal.drawn(), "\r\x1b[Kovl: verify, 3 s");
  }
  EXPECT_EQ(terminal.drawn(), "\r\x1b[K");
}

TEST(ProgressLine, OfAShortApplyLeavesNoTrace) {
  const Terminal terminal;
  {
    ProgressLine line(terminal.fd(), [] { return std::chrono::milliseconds(7); });
    line.tell(at(0, 1));
    line.tell(at(1, 1));
  }
  EXPECT_EQ(terminal.drawn(), "");
}

TEST(Automation, IsSaidByTwoVariables) {
  const auto with = [](const char* automation, const char* ci) {
    ::unsetenv("OVL_IN_AUTOMATION");
    ::unsetenv("CI");
    if (automation != nullptr) ::setenv("OVL_IN_AUTOMATION", automation, 1);
    if (ci != nullptr) ::setenv("CI", ci, 1);
    return in_automation();
  };
  EXPECT_FALSE(with(nullptr, nullptr));
  EXPECT_FALSE(with("", "false"));
  EXPECT_TRUE(with("1", nullptr));
  EXPECT_TRUE(with(nullptr, "true"));
  ::unsetenv("CI");
}

}  // namespace ovl
