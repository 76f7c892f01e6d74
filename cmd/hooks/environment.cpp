// A hook inherits the environment of whoever pushes, as far as sshd's AcceptEnv, the shell and git let it
// through: GIT_DIR, HOME, proxies, OVL_ twins of options. Each of them could make the hook look at another
// repository, store or policy. So nothing is sorted out: what is needed is taken by name, all else is gone
// before any option is parsed.
#include "cmd/hooks/environment.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <string_view>

namespace ovl {

namespace {

// Without a bound, whoever pushes chooses how long this loop runs.
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

// The values of the variables that arguments refer to. Who installed the hook named them in its script
// (--token env:NAME): they are the host's words, and their values come from the account's own set-up. A push
// can't add one to the arguments.
std::map<std::string, std::string> referred(const std::vector<std::string>& arguments) {
  constexpr std::string_view lead = "env:";
  std::map<std::string, std::string> out;
  for (const std::string& argument : arguments) {
    if (!argument.starts_with(lead)) continue;
    const std::string name = argument.substr(lead.size());
    const std::string value = variable(name);
    // An empty one is left out, and is told as missing when it is read.
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
  // Not unset one by one: what a list of names forgets stays.
  ::clearenv();
  for (const auto& [name, value] : kept) ::setenv(name.c_str(), value.c_str(), 1);
  return out;
}

}  // namespace ovl
