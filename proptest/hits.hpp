// For laws about what happens in some of their cases only: a fault, a refusal. A law that never met it has
// shown nothing.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstddef>

namespace ovl {

// Counts the cases of one law.
class Hits {
 public:
  // Each case says once whether it met what the law is about.
  void count(bool is_hit) {
    ++cases_;
    hits_ += is_hit ? 1U : 0U;
    RC_CLASSIFY(is_hit, "met");
  }

  // At least one case in `share` did; where few were run, as to reproduce one, that says nothing.
  void expect_one_in(std::size_t share) const {
    constexpr std::size_t kFew = 10;
    if (cases_ < kFew) return;
    EXPECT_GE(hits_ * share, cases_) << hits_ << " of " << cases_ << " cases met it";
  }

 private:
  std::size_t cases_ = 0;
  std::size_t hits_ = 0;
};

}  // namespace ovl
