// Whether work grows with its input or with the square of it, by the processor's time: a busy machine makes
// no difference.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <string>
#include <string_view>

namespace ovl::test {

// The processor's time that this thread has had, in milliseconds.
inline double processor_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// What each step took. Run again, a step has the shortest of its times.
class Stopwatch {
 public:
  template <class Work>
  auto time(std::string_view step, const Work& work) {
    const double before = processor_ms();
    auto out = work();
    const double took = processor_ms() - before;
    const auto [at, is_new] = took_.try_emplace(std::string(step), took);
    if (!is_new) at->second = std::min(at->second, took);
    return out;
  }

  [[nodiscard]] const std::map<std::string, double>& took() const { return took_; }

 private:
  std::map<std::string, double> took_;
};

inline constexpr std::size_t kMore = 8;

// work(stopwatch, n) for `count` and kMore times as many: no step may take 20 times as long, which leaves
// room for a logarithm and a cold cache; the square of kMore is 64. What takes less than 3 ms for the larger
// one is not judged.
template <class Work>
void expect_in_step(std::size_t count, const Work& work) {
  Stopwatch few;
  for (int i = 0; i < 2; ++i) work(few, count);
  Stopwatch many;
  work(many, count * kMore);
  for (const auto& [step, took] : many.took()) {
    const auto before = few.took().find(step);
    ASSERT_NE(before, few.took().end()) << step;
    EXPECT_LE(took, std::max(20 * before->second, 3.0)) << step << ": " << count << " take " << before->second
                                                        << " ms, " << count * kMore << " " << took << " ms";
  }
}

}  // namespace ovl::test
