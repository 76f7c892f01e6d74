// The command line as plain values, read off the parser's own tree: what completion, man pages and their
// tests are made of.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ovl {

struct OptionInfo {
  std::vector<std::string> names;  // "--verbose", "-v"; the long ones first
  std::string description;
  std::string twin;           // environment variable; empty: none
  std::string default_value;  // empty: none
  bool takes_value = false;
  std::vector<std::string> choices = {};  // the values that it takes; empty: any
  std::string group = "Options";          // the heading that it stands under
  bool required = false;
  std::vector<std::string> excludes = {};  // options that it can't be said with

  [[nodiscard]] bool has(const std::string& name) const;
};

struct ArgumentInfo {
  std::string name;  // "ENDPOINT"
  std::string description;
  bool required = false;
  bool rest = false;                      // takes everything that follows
  std::vector<std::string> choices = {};  // the words that it takes; empty: any
  std::size_t least = 1;                  // how many words it takes at least, where it takes any
};

struct CommandInfo {
  std::string name;
  std::string description;
  std::vector<OptionInfo> options;
  std::vector<ArgumentInfo> arguments;
  std::vector<CommandInfo> commands;  // without hidden ones

  [[nodiscard]] const CommandInfo* command(const std::string& called) const;
  [[nodiscard]] const OptionInfo* option(const std::string& called) const;
};

CommandInfo describe(const CLI::App& app);

}  // namespace ovl
