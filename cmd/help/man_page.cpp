// Made from the same tree and words as `ovl help`, at each build: a page that is written by hand tells of the
// options of last year. Every verb has a page of its own, so that `man ovl-plan` is as short as the verb.
#include "cmd/help/man_page.hpp"

#include <fmt/format.h>

#include "cmd/base/exit.hpp"
#include "cmd/base/plain_text.hpp"
#include "cmd/help/command_examples.hpp"
#include "cmd/help/help_words.hpp"
#include "model/manifest/manifest_schema.hpp"

namespace ovl {

namespace {

// roff takes a backslash, and a dot or a quote at the beginning of a line, for its own; a plain "-" is a
// hyphen that can't be copied. A text with a dot at its beginning would be taken for a request and vanish
// without a word (groff(7)).
std::string escaped(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  for (const char c : text) {
    if (c == '\\') {
      // Not two of them: that is an escape which is only put off (groff(7)).
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string head(const std::string& title, const std::string& what, int chapter = 1) {
  // No date: the same source gives the same package.
  return fmt::format(".TH {} {} \"\" \"ovl {}\" \"ovl\"\n.SH NAME\n{} \\- {}\n", escaped(title), chapter,
                     OVL_VERSION, escaped(title), escaped(what));
}

std::string synopsis(const std::string& path, const CommandInfo& command) {
  std::string out = fmt::format(".B {}\n", escaped(path));
  if (!command.options.empty()) out += "[\\fIOPTION\\fR]...\n";
  if (!command.commands.empty()) out += ".I COMMAND\n";
  for (const ArgumentInfo& argument : command.arguments) {
    std::string name = fmt::format("\\fI{}\\fR", escaped(argument.name));
    // Somebody else's command line stands behind "--" only.
    if (argument.rest && argument.least < 2) name = fmt::format("-- {}...", name);
    out += argument.required ? name + "\n" : fmt::format("[{}]\n", name);
  }
  return out;
}

// Descriptions of options are phrases on a terminal and sentences on a page.
std::string sentence(std::string text) {
  if (!text.empty() && !text.ends_with('.')) text += '.';
  return text;
}

std::string option_entry(const OptionInfo& option) {
  std::string names;
  for (const std::string& name : option.names) {
    names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", escaped(name));
  }
  const std::string value =
      option.takes_value ? fmt::format(" \\fI{}\\fR", value_name(option.names.front())) : std::string();
  std::string out = fmt::format(".TP\n{}{}\n{}\n", names, value, escaped(sentence(option.description)));
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

// On every page: who looks for where something is kept does not know which verb's page has it.
std::string files() {
  return ".TP\n.I *.toml\nThe manifest: all of a directory's, see\n.BR ovl.toml (5).\n"
         ".TP\n.I /var/lib/ovl\nWhat this host remembers (--state\\-dir).\n"
         ".TP\n.I /run/netns\nThe names of network namespaces (below --run\\-dir).\n"
         ".TP\n.I /etc/netns\nWhat endpoints resolve names by, see\n.BR ip\\-netns (8).\n"
         ".TP\n.I /etc/ovl/policy.toml\nThis host's own policy, see\n.BR ovl\\-policy (5).\n"
         ".TP\n.I /etc/ovl/keystore.toml\nWhere this host's keystore is, with its references to secrets.\n"
         ".TP\n.I /etc/ovl/netns.toml\nWhich namespaces that exist the records may give to endpoints.\n"
         ".TP\n.IR /etc/ovl/agent.env \", \" /etc/ovl/sync.env\nWhat the services are told.\n";
}

std::string example_text(std::string_view example) {
  return fmt::format(".PP\n.EX\n{}\n.EE\n", escaped(example));
}

std::string examples(const VerbWords& words) {
  std::string out;
  for (const std::string_view example : words.examples) out += example_text(example);
  return out;
}

std::string see_also(const VerbWords& words) {
  std::string out = ".BR ovl (1)";
  std::string_view rest = words.see_also;
  while (!rest.empty()) {
    const std::string_view verb = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), verb.size() + 1));
    out += fmt::format(",\n.BR ovl\\-{} (1)", verb);
  }
  return out + ",\n.BR ovl.toml (5)\n";
}

std::string man_section(std::string_view title, const std::string& text) {
  return text.empty() ? std::string() : fmt::format(".SH {}\n{}", title, text);
}

constexpr const char* kAbout =
    "ovl reads TOML that describes a key\\-value store, hosts, networks and endpoints, compares it with the "
    "store\n"
    "and with the kernel, shows the difference and applies it. Applying twice changes nothing; drift is "
    "found\n"
    "and repaired.\n";

std::string exit_status() {
  struct Code {
    int number;
    std::string_view meaning;
  };

  // The numbers are those that the code answers with, the words are for people: only one of the two can be
  // wrong.
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
      {kExitOwnFailure, "Of exec and lab exec: ovl itself failed. Else theirs is the command's own."},
      {kExitCannotRun, "Of exec and lab exec: the command can't be run."},
      {kExitNoCommand, "Of exec and lab exec: there is no such command."},
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

// In the page of their group: `man ovl-state` has them together, as they are mostly looked for.
std::string nested_commands(const std::string& path, const CommandInfo& group) {
  std::string out;
  for (const CommandInfo& command : group.commands) {
    const std::string name = path + " " + command.name;
    out += fmt::format(".SS {}\n{}.PP\n{}\n", escaped(name), synopsis(name, command),
                       escaped(sentence(command.description)));
    out += arguments_text(command) + options_text(command);
    for (const std::string_view example : command_examples(group.name + " " + command.name))
      out += example_text(example);
  }
  return out;
}

std::string key_entry(const KeySpec& key) {
  std::string out = fmt::format(".TP\n\\fB{}\\fR = \\fI{}\\fR\n{}\n", escaped(key.key),
                                escaped(key.type->text), escaped(sentence(plain_text(key.doc))));
  if (key.required) out += "Required.\n";
  if (!key.required && !key.default_text.empty())
    out += fmt::format("Default: {}.\n", escaped(plain_text(key.default_text)));
  return out + fmt::format("Example: {} = {}\n", escaped(key.key), escaped(key.example));
}

// The words of `ovl explain` and of docs/manifest.md: one text for each key, in the parser's table.
std::string block_entry(const BlockSpec& block) {
  std::string out =
      fmt::format(".SS {}\n{}\n", escaped(block.header), escaped(sentence(plain_text(block.doc))));
  for (const KeySpec& key : block.keys) out += key_entry(key);
  return out;
}

}  // namespace

std::string manifest_page() {
  std::string blocks;
  for (const BlockSpec& block : manifest_blocks()) blocks += block_entry(block);
  return head("ovl.toml", "what a cluster's overlay networks shall be", 5) +
         man_section(
             "DESCRIPTION",
             "A manifest is one file in TOML, or a directory of them whose order makes no difference. Every\n"
             "block may stand in any of the files, each once. What is left out is chosen, recorded in the\n"
             "keystore and kept.\n") +
         man_section("BLOCKS", blocks) +
         man_section(
             "EXAMPLES",
             ".EX\n[cluster]\nname = \"demo\"\n\n[keystore]\nurl = "
             "\"etcd://10.0.0.10:2379\"\n\n[host.n1]\nadvertise = \"eth0\"\n\n[network.my\\-net]\n"
             "subnet = \"10.0.9.0/24\"\n\n[endpoint.web]\nnetwork = \"my\\-net\"\nhost = \"n1\"\n.EE\n") +
         man_section("FILES",
                     ".TP\n.I *.toml\nAll of the directory that one stands in, where no PATH is given.\n"
                     ".TP\n.I ovl.toml\nWhat ovl\\-init(1) writes.\n") +
         man_section("SEE ALSO",
                     ".BR ovl (1),\n.BR ovl\\-validate (1),\n.BR ovl\\-explain (1),\n.BR ovl\\-policy (5)\n");
}

std::string policy_page() {
  return head("ovl-policy", "what a plan may do", 5) +
         man_section(
             "DESCRIPTION",
             "A policy says what a plan may do to a cluster's records. The manifest may have one, and "
             "the host\n"
             "its own in\n.IR /etc/ovl/policy.toml ,\nwhich no manifest overrides. Both hold.\n") +
         man_section("BLOCKS", block_entry(manifest_block("policy"))) +
         man_section("EXAMPLES",
                     ".EX\n[policy]\nmax_destroy = \"25%\"\nprotect = [\"network.front\"]\n.EE\n") +
         man_section("FILES",
                     ".TP\n.I /etc/ovl/policy.toml\nThis host's own, unless \\-\\-policy or OVL_POLICY names "
                     "another.\n") +
         man_section("SEE ALSO", ".BR ovl (1),\n.BR ovl\\-plan (1),\n.BR ovl.toml (5)\n");
}

std::string main_page(const CommandInfo& root) {
  std::string commands;
  for (const CommandInfo& command : root.commands) {
    commands += fmt::format(".TP\n.BR ovl\\-{} (1)\n{}\n", escaped(command.name),
                            escaped(sentence(command.description)));
  }
  return head("ovl", root.description) + man_section("SYNOPSIS", synopsis("ovl", root)) +
         man_section("DESCRIPTION", kAbout) + man_section("COMMANDS", commands) +
         man_section("OPTIONS", options_text(root)) + man_section("ENVIRONMENT", environment()) +
         man_section("EXIT STATUS", exit_status()) + man_section("FILES", files()) +
         man_section("EXAMPLES", example_text("ovl init && ovl validate && ovl plan") +
                                     example_text("ovl apply && ovl status --wait 60s")) +
         man_section("SEE ALSO",
                     ".BR ovl.toml (5),\n.BR ovl\\-policy (5),\n.BR ip\\-netns (8),\n.BR bridge (8)\n");
}

std::string verb_page(const CommandInfo& root, const CommandInfo& verb) {
  const std::string path = "ovl " + verb.name;
  const VerbWords* words = words_of(verb.name);
  // A verb without words has a page all the same; a test says that there is none.
  static constexpr VerbWords kNone{};
  const VerbWords& of = words != nullptr ? *words : kNone;
  return head("ovl-" + verb.name, verb.description) + man_section("SYNOPSIS", synopsis(path, verb)) +
         man_section("DESCRIPTION", fmt::format("{}\n", escaped(of.description))) +
         man_section("ARGUMENTS", arguments_text(verb)) +
         man_section("COMMANDS", nested_commands(path, verb)) + man_section("OPTIONS", options_text(verb)) +
         man_section("GLOBAL OPTIONS", options_text(root)) + man_section("EXIT STATUS", exit_status()) +
         man_section("FILES", files()) + man_section("EXAMPLES", examples(of)) +
         man_section("SEE ALSO", see_also(of));
}

}  // namespace ovl
