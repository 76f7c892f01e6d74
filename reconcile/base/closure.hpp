// A choice of things of which some can't be had without others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace ovl {

class Closure {
 public:
  // needs[i]: what i can't be had without. Nothing is kept yet.
  explicit Closure(std::vector<std::vector<std::size_t>> needs)
      : needs_(std::move(needs)), kept_(needs_.size()) {}

  // With all that it needs.
  void keep(std::size_t first) {
    std::vector<std::size_t> open{first};
    while (!open.empty()) {
      const std::size_t one = open.back();
      open.pop_back();
      if (kept_[one]) continue;
      kept_[one] = true;
      open.insert(open.end(), needs_[one].begin(), needs_[one].end());
    }
  }

  void drop(std::size_t one) { kept_[one] = false; }

  // Drops what lacks something since.
  void settle() {
    while (drop_what_lacks()) {
    }
  }

  [[nodiscard]] bool keeps(std::size_t one) const { return kept_[one]; }

 private:
  bool drop_what_lacks() {
    bool dropped = false;
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      if (!kept_[i] || std::ranges::all_of(needs_[i], [&](std::size_t other) { return kept_[other]; }))
        continue;
      kept_[i] = false;
      dropped = true;
    }
    return dropped;
  }

  std::vector<std::vector<std::size_t>> needs_;
  std::vector<bool> kept_;
};

}  // namespace ovl
