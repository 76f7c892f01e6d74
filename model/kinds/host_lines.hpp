// The lines of hosts files: a network's are the same in the files of all of its endpoints, and made once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/base/fields.hpp"

namespace ovl {

// Lines, as parts that several files may have in common. A copy shares them.
class HostLines {
 public:
  // Whole lines, each with its end. Never changed once it is shared.
  struct Part {
    std::string text;
    std::size_t lines = 0;

    // One more, given without its end.
    void add(std::string_view line);
  };

  HostLines() = default;
  HostLines(std::initializer_list<std::string_view> lines);
  explicit HostLines(Part part);

  void add(std::shared_ptr<const Part> part);
  void add_line(std::string_view line);

  // How many lines, and how many bytes with their ends.
  [[nodiscard]] std::size_t size() const { return lines_; }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  [[nodiscard]] bool empty() const { return lines_ == 0; }

  [[nodiscard]] const std::vector<std::shared_ptr<const Part>>& parts() const { return parts_; }

  // f(line) for each, without its end.
  template <class F>
  void for_each(const F& f) const {
    for (const auto& part : parts_) {
      std::string_view rest = part->text;
      while (!rest.empty()) {
        const auto end = rest.find('\n');
        f(rest.substr(0, end));
        rest.remove_prefix(std::min(end, rest.size() - 1) + 1);
      }
    }
  }

  // The same lines, in whichever parts.
  bool operator==(const HostLines& other) const;

 private:
  std::vector<std::shared_ptr<const Part>> parts_;  // none is empty
  std::size_t lines_ = 0;
  std::size_t bytes_ = 0;
};

// As an array of strings.
Value encode(const HostLines& lines);

template <>
struct Decoder<HostLines> {
  static Result<HostLines> from(const Value& value);
};

template <>
inline constexpr bool kMayBeAbsent<HostLines> = true;

}  // namespace ovl
