#include "cmd/man_page.hpp"

#include <fmt/format.h>

#include "cmd/exit.hpp"

namespace ovl {

namespace {

// roff takes a backslash, and a dot or a quote at the beginning of a line, for its own; a plain "-" is a
// hyphen that can't be copied.
std::string escaped(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string head(const std::string& title, const std::string& what) {
  return fmt::format(".TH {} 1 \"\" \"ovl {}\" \"ovl\"\n.SH NAME\n{} \\- {}\n", escaped(title), OVL_VERSION,
                     escaped(title), escaped(what));
}

std::string synopsis(const std::string& path, const CommandInfo& command) {
  std::string out = fmt::format(".B {}\n", escaped(path));
  if (!command.options.empty()) out += "[\\fIOPTION\\fR]...\n";
  if (!command.commands.empty()) out += ".I COMMAND\n";
  for (const ArgumentInfo& argument : command.arguments) {
    std::string name = fmt::format("\\fI{}\\fR", escaped(argument.name));
    if (argument.rest) name = fmt::format("-- {}...", name);
    out += argument.required ? name + "\n" : fmt::format("[{}]\n", name);
  }
  return out;
}

std::string sentence(std::string text) {
  if (!text.empty() && !text.ends_with('.')) text += '.';
  return text;
}

std::string option_entry(const OptionInfo& option) {
  std::string names;
  for (const std::string& name : option.names) {
    names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", escaped(name));
  }
  std::string out = fmt::format(".TP\n{}{}\n{}\n", names, option.takes_value ? " \\fIVALUE\\fR" : "",
                                escaped(sentence(option.description)));
  std::string choices;
  for (const std::string& choice : option.choices) choices += (choices.empty() ? "" : ", ") + choice;
  if (!choices.empty()) out += fmt::format("One of {}.\n", escaped(choices));
  if (!option.default_value.empty()) out += fmt::format("Default: {}.\n", escaped(option.default_value));
  if (!option.twin.empty()) out += fmt::format("Environment: {}.\n", escaped(option.twin));
  return out;
}

std::string options_text(const CommandInfo& command) {
  std::string out;
  for (const OptionInfo& option : command.options) out += option_entry(option);
  return out;
}

std::string arguments_text(const CommandInfo& command) {
  std::string out;
  for (const ArgumentInfo& argument : command.arguments) {
    out += fmt::format(".TP\n.I {}\n{}\n", escaped(argument.name), escaped(sentence(argument.description)));
  }
  return out;
}

std::string section(std::string_view title, const std::string& text) {
  return text.empty() ? std::string() : fmt::format(".SH {}\n{}", title, text);
}

std::string exit_status() {
  struct Code {
    int number;
    std::string_view meaning;
  };

  constexpr Code kCodes[] = {
      {kExitDone, "Done, or nothing to do."},
      {kExitError, "An error, also of usage."},
      {kExitChanges, "Changes, with --detailed-exitcode."},
      {kExitStale, "The plan is stale."},
      {kExitLocked, "Somebody holds the lock."},
      {kExitRefused, "Refused by a guard, or a plan with conflicts."},
      {kExitManifest, "The manifest is invalid."},
      {kExitUnreachable, "The keystore does not answer."},
      {kExitPrivilege, "It needs privileges."},
      {kExitNotVerified, "What was applied does not read back as planned."},
      {kExitInterrupted, "Interrupted."},
  };
  std::string out;
  for (const Code& code : kCodes) out += fmt::format(".TP\n.B {}\n{}\n", code.number, escaped(code.meaning));
  return out;
}

std::string environment() {
  return ".TP\n.B NO_COLOR\nNo colours.\n"
         ".TP\n.B CLICOLOR_FORCE\nColours also where there is no terminal.\n"
         ".TP\n.BR OVL_IN_AUTOMATION \", \" CI=true\n"
         "No line of progress on a terminal, no hints about what to do next.\n"
         ".TP\n.BR GITHUB_WORKSPACE \", \" CI_PROJECT_DIR\n"
         "The checkout from which files are named, when one stands in it.\n";
}

std::string nested_commands(const std::string& path, const CommandInfo& group) {
  std::string out;
  for (const CommandInfo& command : group.commands) {
    const std::string name = path + " " + command.name;
    out += fmt::format(".SS {}\n{}.PP\n{}\n", escaped(name), synopsis(name, command),
                       escaped(sentence(command.description)));
    out += arguments_text(command) + options_text(command);
  }
  return out;
}

}  // namespace

std::string main_page(const CommandInfo& root) {
  std::string commands;
  for (const CommandInfo& command : root.commands) {
    commands += fmt::format(".TP\n.BR ovl\\-{} (1)\n{}\n", escaped(command.name),
                            escaped(sentence(command.description)));
  }
  return head("ovl", root.description) + section("SYNOPSIS", synopsis("ovl", root)) +
         section("COMMANDS", commands) + section("OPTIONS", options_text(root)) +
         section("ENVIRONMENT", environment()) + section("EXIT STATUS", exit_status());
}

std::string verb_page(const CommandInfo& root, const CommandInfo& verb) {
  const std::string path = "ovl " + verb.name;
  return head("ovl-" + verb.name, verb.description) + section("SYNOPSIS", synopsis(path, verb)) +
         section("ARGUMENTS", arguments_text(verb)) + section("COMMANDS", nested_commands(path, verb)) +
         section("OPTIONS", options_text(verb)) + section("GLOBAL OPTIONS", options_text(root)) +
         section("EXIT STATUS", exit_status()) + section("SEE ALSO", ".BR ovl (1)\n");
}

}  // namespace ovl
