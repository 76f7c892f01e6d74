// What a command line takes from the environment. Only options that describe the place have a variable; what
// a command does is said with the command.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ovl {

struct EnvironmentOfLine {
  std::vector<std::string> taken;  // variables that options of the chosen verb were taken from
  std::vector<std::string>
      ignored;  // options that a variable is called after, and that take none: "--destroy"
};

// app: parsed. arguments: of the line, without the program's name.
EnvironmentOfLine environment_of(const CLI::App& app, const std::vector<std::string>& arguments);

// Whether it is set to anything.
bool has_variable(const std::string& name);

// Where an option's value was said: "OVL_TIMEOUT" when that variable has it, else the option, "--timeout".
std::string said_by(const std::string& option, const std::string& value);

// "OVL_LOCK_TIMEOUT" of "--lock-timeout".
std::string variable_called_after(const std::string& option);

// Says on stderr that those count for nothing.
void tell_ignored(const EnvironmentOfLine& environment);

}  // namespace ovl
