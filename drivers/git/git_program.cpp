#include "drivers/git/git_program.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace ovl {

std::vector<std::string> git_environment(std::span<const char* const> passed) {
  std::vector<std::string> out{"PATH=/usr/bin:/bin", "LC_ALL=C"};
  for (const char* name : passed) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (value != nullptr) out.push_back(fmt::format("{}={}", name, value));
  }
  return out;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

}  // namespace ovl
