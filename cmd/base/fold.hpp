// Long runs of alike lines: the first few are shown, the rest is counted. Whoever asks before he makes text
// makes none that nobody sees.
#pragma once

#include <cstddef>
#include <map>

namespace ovl {

// More than this of one kind are folded, to so many of them.
inline constexpr std::size_t kFoldAbove = 50;
inline constexpr std::size_t kFoldTo = 10;

// How the rest is seen.
inline constexpr const char* kFoldHint = "--show-all shows them";

// Key: what is alike; ordered by <.
template <class Key>
class Fold {
 public:
  explicit Fold(bool show_all) : show_all_(show_all) {}

  // There is one more of them. To be called for all before the first shows().
  void expect(const Key& key) { ++runs_[key].all; }

  // Whether the next one of them is shown.
  [[nodiscard]] bool shows(const Key& key) {
    Run& run = runs_[key];
    if (show_all_ || run.all <= kFoldAbove) return true;
    if (run.shown == kFoldTo) return false;
    ++run.shown;
    return true;
  }

  // f(key, how many were not shown) for each run that is folded, in the keys' order.
  template <class F>
  void for_each_rest(const F& f) const {
    for (const auto& [key, run] : runs_) {
      if (run.shown > 0 && run.all > run.shown) f(key, run.all - run.shown);
    }
  }

 private:
  struct Run {
    std::size_t all = 0;
    std::size_t shown = 0;  // only counted where it is folded
  };

  bool show_all_;
  std::map<Key, Run> runs_;
};

}  // namespace ovl
