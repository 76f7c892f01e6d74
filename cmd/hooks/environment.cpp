#include "cmd/hooks/environment.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <string_view>

namespace ovl {

namespace {

constexpr std::size_t kMostPushOptions = 16;

std::string variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): the process has one thread
  return value != nullptr ? std::string(value) : std::string();
}

std::vector<std::string> push_options() {
  std::vector<std::string> out;
  while (out.size() < kMostPushOptions) {
    const std::string option = variable(fmt::format("GIT_PUSH_OPTION_{}", out.size()));
    if (option.empty()) break;
    out.push_back(option);
  }
  return out;
}

// The values of the variables that arguments refer to.
std::map<std::string, std::string> referred(const std::vector<std::string>& arguments) {
  constexpr std::string_view lead = "env:";
  std::map<std::string, std::string> out;
  for (const std::string& argument : arguments) {
    if (!argument.starts_with(lead)) continue;
    const std::string name = argument.substr(lead.size());
    const std::string value = variable(name);
    if (!value.empty()) out.emplace(name, value);
  }
  return out;
}

}  // namespace

HookEnvironment take_environment(const std::vector<std::string>& arguments) {
  HookEnvironment out{.quarantine = variable("GIT_QUARANTINE_PATH"),
                      .index = variable("GIT_INDEX_FILE"),
                      .push_options = push_options()};
  const auto kept = referred(arguments);
  ::clearenv();
  for (const auto& [name, value] : kept) ::setenv(name.c_str(), value.c_str(), 1);
  return out;
}

}  // namespace ovl
