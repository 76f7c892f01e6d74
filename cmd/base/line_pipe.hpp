// Lines for another program, which may be slow, or gone: whoever writes must not end with it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "model/base/handle.hpp"
#include "model/base/result.hpp"

namespace ovl {

class LinePipe {
 public:
  // How long a reader may leave a pipe full before it is given up.
  static constexpr std::chrono::milliseconds kPatience{5'000};

  // "-" is stdout, /dev/fd/N an open descriptor, else a file, made anew, or a FIFO, whose reader is waited
  // for. SIGPIPE is ignored from then on. Errors: io.
  static Result<LinePipe> open(const std::string& target);

  // Whether it was opened as stdout.
  [[nodiscard]] bool is_stdout() const { return is_stdout_; }

  // text and a line break. After the first failure nothing is written any more.
  void write(std::string_view text);

  // Why nothing is written any more; empty: all was written.
  [[nodiscard]] const std::string& broken() const { return broken_; }

 private:
  LinePipe(UniqueFd file, bool is_stdout) : file_(std::move(file)), is_stdout_(is_stdout) {}

  UniqueFd file_;
  bool is_stdout_;
  std::string broken_;
};

}  // namespace ovl
