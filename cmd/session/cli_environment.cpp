// A variable is set once, somewhere, and counts in every command until somebody finds it. So only what
// describes the place may come from one (which store, who this host is), never what a command does: an
// OVL_DESTROY that was exported for a test would make each plan one of removal. What is taken is named in the
// plan, and what counts for nothing is told.
#include "cmd/session/cli_environment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>

#include <CLI/CLI.hpp>

namespace ovl {

namespace {

// "--host left", "--host=left", "-vv". CLI11 knows from where a value came only inside of its parser, so the
// line is looked at once more.
bool is_called(const CLI::Option& option, const std::string& argument) {
  const std::string word = argument.substr(0, argument.find('='));
  const auto names_it = [&](const std::string& name) { return word == "--" + name; };
  if (std::ranges::any_of(option.get_lnames(), names_it)) return true;
  // "-qv" calls both.
  const bool short_ones = argument.size() > 1 && argument[0] == '-' && argument[1] != '-';
  return short_ones && std::ranges::any_of(option.get_snames(), [&](const std::string& name) {
           return argument.find(name, 1) != std::string::npos;
         });
}

// Behind "--" stands somebody else's line.
bool is_on_line(const CLI::Option& option, const std::vector<std::string>& arguments) {
  const auto end = std::ranges::find(arguments, "--");
  return std::any_of(arguments.begin(), end,
                     [&](const std::string& argument) { return is_called(option, argument); });
}

void look_at(const CLI::Option& option, const std::vector<std::string>& arguments, EnvironmentOfLine& out) {
  // Arguments have no twin.
  if (option.get_positional() || option.get_lnames().empty()) return;
  const std::string& name = option.get_lnames().front();
  const std::string twin = option.get_envname();
  if (name == "help" || name == "version") return;
  if (twin.empty() && has_variable(variable_called_after("--" + name))) out.ignored.push_back("--" + name);
  // The line wins over the variable, which then decided nothing.
  if (!twin.empty() && has_variable(twin) && !is_on_line(option, arguments)) out.taken.push_back(twin);
}

}  // namespace

bool has_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets it
  // An empty one is as none: that is how a shell or a unit file turns a variable off for one command.
  return value != nullptr && *value != '\0';
}

std::string said_by(const std::string& option, const std::string& value) {
  const std::string variable = variable_called_after(option);
  const char* set = std::getenv(variable.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return set != nullptr && set == value ? variable : option;
}

std::string variable_called_after(const std::string& option) {
  std::string out = "OVL_" + option.substr(2);
  for (char& c : out) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

EnvironmentOfLine environment_of(const CLI::App& app, const std::vector<std::string>& arguments) {
  EnvironmentOfLine out;
  for (const CLI::Option* option : app.get_options()) look_at(*option, arguments, out);
  // Of the verb that was called, not of all: what another verb would ignore is no news here.
  for (const CLI::App* verb : app.get_subcommands()) {
    const EnvironmentOfLine below = environment_of(*verb, arguments);
    out.taken.insert(out.taken.end(), below.taken.begin(), below.taken.end());
    out.ignored.insert(out.ignored.end(), below.ignored.begin(), below.ignored.end());
  }
  return out;
}

void tell_ignored(const EnvironmentOfLine& environment) {
  for (const std::string& option : environment.ignored) {
    std::cerr << fmt::format("ovl: {} counts for nothing: what a command does is said with it: {}\n",
                             variable_called_after(option), option);
  }
}

}  // namespace ovl
