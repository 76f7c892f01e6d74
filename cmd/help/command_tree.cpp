// Help, man pages, completion and the words for a wrong line need the options as data, and CLI11 has them as
// what it needs to parse. They are taken out once, here, so that nothing else knows its types and no second
// list of options exists.
#include "cmd/help/command_tree.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>

namespace ovl {

namespace {

// What CLI11 says of an option that takes one of several words: "TEXT:{all,cluster,host}". CLI11 keeps the
// words of IsMember() inside a validator, which has no way to ask for them; its text has them.
std::vector<std::string> choices_of(const std::string& type) {
  std::vector<std::string> out;
  const auto begin = type.find('{');
  const auto end = type.find('}', begin);
  // An option that takes any word.
  if (begin == std::string::npos || end == std::string::npos) return out;
  for (std::size_t at = begin + 1; at <= end;) {
    const std::size_t stop = std::min(type.find(',', at), end);
    out.push_back(type.substr(at, stop - at));
    at = stop + 1;
  }
  return out;
}

OptionInfo option_info(const CLI::Option& option) {
  OptionInfo out{.description = option.get_description(),
                 .twin = option.get_envname(),
                 // Only of options with capture_default_str(): others have a default that would say nothing,
                 // such as an empty text.
                 .default_value = option.get_default_str(),
                 // A flag expects none.
                 .takes_value = option.get_items_expected_max() > 0,
                 .choices = choices_of(option.get_type_name()),
                 .group = option.get_group(),
                 .required = option.get_required()};
  for (const CLI::Option* other : option.get_excludes()) out.excludes.push_back(other->get_name());
  for (const std::string& name : option.get_lnames()) out.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
  return out;
}

ArgumentInfo argument_info(const CLI::Option& option) {
  return ArgumentInfo{.name = option.get_name(true),
                      .description = option.get_description(),
                      .required = option.get_required(),
                      .rest = option.get_items_expected_max() > 1,
                      .choices = choices_of(option.get_type_name()),
                      // One at least: where an argument is said at all it is a word.
                      .least = static_cast<std::size_t>(std::max(1, option.get_items_expected_min()))};
}

}  // namespace

bool OptionInfo::has(const std::string& name) const {
  return std::ranges::find(names, name) != names.end();
}

const CommandInfo* CommandInfo::command(const std::string& called) const {
  const auto at = std::ranges::find(commands, called, &CommandInfo::name);
  return at != commands.end() ? &*at : nullptr;
}

const OptionInfo* CommandInfo::option(const std::string& called) const {
  const auto at = std::ranges::find_if(options, [&](const OptionInfo& one) { return one.has(called); });
  return at != options.end() ? &*at : nullptr;
}

CommandInfo describe(const CLI::App& app) {
  CommandInfo out{.name = app.get_name(), .description = app.get_description()};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      out.arguments.push_back(argument_info(*option));
    } else {
      out.options.push_back(option_info(*option));
    }
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    // CLI11 hides what has no group; what it hides is completed and documented by nobody.
    if (!command->get_group().empty()) out.commands.push_back(describe(*command));
  }
  return out;
}

}  // namespace ovl
