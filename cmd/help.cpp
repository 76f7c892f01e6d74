#include "cmd/help.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cmd/help_words.hpp"
#include "reconcile/suggest.hpp"

namespace ovl {

namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kText = 26;  // where descriptions begin

using Chain = std::span<const CommandInfo* const>;

// `text` in lines of at most kColumns, each after `indent` blanks but for the first.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (column > indent && column + 1 + word.size() > kColumns) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

// "  --out FILE              Save the plan", below each other when the name is long.
std::string entry(const std::string& name, std::string_view text) {
  std::string out = "  " + name;
  if (text.empty()) return out + "\n";
  out += out.size() + 2 > kText ? "\n" + std::string(kText, ' ') : std::string(kText - out.size(), ' ');
  return out + wrapped(text, kText) + "\n";
}

std::string called(Chain chain) {
  std::string out;
  for (const CommandInfo* command : chain) out += (out.empty() ? "" : " ") + command->name;
  return out;
}

std::string usage_line(Chain chain) {
  const CommandInfo& command = *chain.back();
  std::string out = "Usage: " + called(chain);
  if (!command.options.empty()) out += " [OPTION]...";
  if (!command.commands.empty()) out += " COMMAND";
  for (const ArgumentInfo& argument : command.arguments) {
    const std::string name = argument.name + (argument.rest ? "..." : "");
    out += argument.required ? " " + name : " [" + name + "]";
  }
  return wrapped(out, 7) + "\n";
}

std::string name_of(const OptionInfo& option) {
  std::string out =
      option.names.back().size() == 2 && option.names.size() > 1 ? option.names.back() + ", " : "";
  out += option.names.front();
  return option.takes_value ? fmt::format("{} {}", out, value_name(option.names.front())) : out;
}

std::string text_of(const OptionInfo& option) {
  std::string out = option.description;
  if (!option.choices.empty()) out += fmt::format(": {}", fmt::join(option.choices, ", "));
  if (!option.default_value.empty()) out += fmt::format("; default {}", option.default_value);
  if (!option.twin.empty()) out += fmt::format(" [{}]", option.twin);
  return out;
}

std::string section(std::string_view title, const std::string& lines) {
  return lines.empty() ? std::string() : fmt::format("\n{}:\n{}", title, lines);
}

class Help {
 public:
  Help(Chain chain, bool all) : chain_(chain), all_(all) {}

  [[nodiscard]] std::string text() const {
    std::string out = wrapped(description(), 0) + "\n\n" + usage_line(chain_);
    out += section("Arguments", arguments());
    out += chain_.size() == 1 ? verbs() : section("Commands", commands(here().commands));
    for (const std::string& group : groups()) out += section(group, options(group));
    if (chain_.size() > 1) out += section("Everywhere", global_options());
    return out + folded() + section("Examples", examples());
  }

 private:
  [[nodiscard]] const CommandInfo& here() const { return *chain_.back(); }

  [[nodiscard]] const VerbWords* words() const {
    return chain_.size() == 2 ? words_of(here().name) : nullptr;
  }

  [[nodiscard]] std::string description() const {
    return words() != nullptr ? std::string(words()->description) : here().description + ".";
  }

  [[nodiscard]] std::string arguments() const {
    std::string out;
    for (const ArgumentInfo& argument : here().arguments) out += entry(argument.name, argument.description);
    return out;
  }

  static std::string commands(std::span<const CommandInfo> list) {
    std::string out;
    for (const CommandInfo& command : list) out += entry(command.name, command.description);
    return out;
  }

  [[nodiscard]] std::string verbs() const {
    std::string out;
    for (const std::string_view group : verb_groups()) {
      std::string lines;
      for (const CommandInfo& command : here().commands) {
        const VerbWords* of = words_of(command.name);
        if (of != nullptr && of->group == group) lines += entry(command.name, command.description);
      }
      out += section(group, lines);
    }
    return out;
  }

  [[nodiscard]] std::vector<std::string> groups() const {
    std::vector<std::string> out;
    for (const OptionInfo& option : here().options) {
      if (std::ranges::find(out, option.group) == out.end()) out.push_back(option.group);
    }
    return out;
  }

  [[nodiscard]] bool is_folded(const OptionInfo& option) const {
    return !all_ && is_rare(option.names.front());
  }

  [[nodiscard]] std::string options(const std::string& group) const {
    std::string out;
    for (const OptionInfo& option : here().options) {
      if (option.group == group && !is_folded(option)) out += entry(name_of(option), text_of(option));
    }
    return out;
  }

  [[nodiscard]] std::string global_options() const {
    std::string out;
    for (const OptionInfo& option : chain_.front()->options) {
      const bool again = option.has("--help") || option.has("--version");
      if (!again && !is_folded(option)) out += entry(name_of(option), text_of(option));
    }
    return out;
  }

  // What has no line of its own.
  [[nodiscard]] std::string folded() const {
    std::vector<std::string> names;
    for (const CommandInfo* command : {chain_.front(), chain_.back()}) {
      for (const OptionInfo& option : command->options) {
        const bool is_new = std::ranges::find(names, option.names.front()) == names.end();
        if (is_new && is_folded(option)) names.push_back(option.names.front());
      }
    }
    if (names.empty()) return {};
    std::string verb;
    for (const CommandInfo* command : chain_.subspan(1)) verb += " " + command->name;
    return fmt::format(
        "\n{}\n",
        wrapped(fmt::format("Rarely needed: {}; see: ovl help --all{}", fmt::join(names, ", "), verb), 0));
  }

  [[nodiscard]] std::string examples() const {
    if (words() == nullptr) return {};
    std::string out;
    for (const std::string_view example : words()->examples) out += fmt::format("  {}\n", example);
    return out;
  }

  Chain chain_;
  bool all_;
};

std::vector<std::string> names_of(const std::vector<CommandInfo>& commands) {
  std::vector<std::string> out;
  out.reserve(commands.size());
  for (const CommandInfo& command : commands) out.push_back(command.name);
  return out;
}

std::vector<std::string> option_names(Chain chain) {
  std::vector<std::string> out;
  for (const CommandInfo* command : chain) {
    for (const OptionInfo& option : command->options) {
      out.insert(out.end(), option.names.begin(), option.names.end());
    }
  }
  return out;
}

const OptionInfo* find_option(Chain chain, const std::string& name) {
  for (const CommandInfo* command : chain) {
    if (const OptionInfo* found = command->option(name)) return found;
  }
  return nullptr;
}

// What users of Terraform, Docker and iproute2 ask for, and what it is called here.
std::string other_tools_word(const std::string& word) {
  struct Word {
    std::string_view theirs, ours;
  };

  constexpr Word kWords[] = {
      {"refresh", "ovl plan --refresh-only shows what drifted"},
      {"create", "declare it in the manifest, then: ovl apply"},
      {"add", "declare it in the manifest, then: ovl apply"},
      {"rm", "take it out of the manifest, then: ovl apply"},
      {"remove", "take it out of the manifest, then: ovl apply"},
      {"delete", "take it out of the manifest, then: ovl apply"},
      {"connect", "declare an endpoint in the manifest, then: ovl apply"},
      {"disconnect", "take the endpoint out of the manifest, then: ovl apply"},
      {"list", "it is called ls here"},
      {"show", "it is called inspect here"},
      {"ps", "ovl endpoint ls"},
      {"import", "ovl state import takes over what exists; ovl keystore import fills a keystore"},
      {"up", "ovl apply; a whole cluster on this machine: ovl lab up"},
      {"down", "ovl destroy; of a lab: ovl lab down"},
  };
  const auto* const at = std::ranges::find(kWords, word, &Word::theirs);
  return at == std::end(kWords) ? std::string() : std::string(at->ours);
}

Error wrong_verb(Chain chain, const std::string& word) {
  const std::vector<std::string> known = names_of(chain.back()->commands);
  std::string hint = other_tools_word(word);
  if (hint.empty()) hint = suggestion(word, known, fmt::format("one of {}", fmt::join(known, ", ")));
  return Error{.code = Errc::usage,
               .message = fmt::format("{} has no {} \"{}\"", called(chain),
                                      chain.size() == 1 ? "verb" : "command", word),
               .hint = hint};
}

Error wrong_option(Chain chain, const std::string& name) {
  std::string verb;
  for (const CommandInfo* command : chain.subspan(1)) verb += " " + command->name;
  return Error{.code = Errc::usage,
               .message = fmt::format("{} has no option {}", called(chain), name),
               .hint = suggestion(name, option_names(chain), "see them with: ovl help" + verb)};
}

Error wants_command(Chain chain) {
  std::string verb;
  for (const CommandInfo* command : chain.subspan(1)) verb += " " + command->name;
  return Error{.code = Errc::usage,
               .message = fmt::format("{} needs a {}", called(chain), chain.size() == 1 ? "verb" : "command"),
               .hint = chain.size() == 1
                           ? std::string("see them with: ovl help")
                           : fmt::format("one of {}", fmt::join(names_of(chain.back()->commands), ", "))};
}

// A walk along a line, up to its first word that is wrong.
class Walk {
 public:
  explicit Walk(const CommandInfo& root) : chain_{&root} {}

  std::optional<Error> step(const std::string& word) {
    if (rest_) return argument(word);
    if (word == "--") {
      rest_ = true;
      return std::nullopt;
    }
    if (pending_ != nullptr) {
      pending_ = nullptr;
      return std::nullopt;
    }
    if (word.starts_with('-') && word.size() > 1) return option(word);
    if (chain_.back()->commands.empty()) return argument(word);
    const CommandInfo* next = chain_.back()->command(word);
    if (next == nullptr) return wrong_verb(chain_, word);
    chain_.push_back(next);
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Error> end() const {
    if (pending_ != nullptr) {
      return Error{.code = Errc::usage,
                   .message = fmt::format("{} needs a {}", pending_->names.front(),
                                          value_name(pending_->names.front())),
                   .hint = pending_->description};
    }
    if (!chain_.back()->commands.empty()) return wants_command(chain_);
    const auto& arguments = chain_.back()->arguments;
    if (given_ < arguments.size() && arguments[given_].required) {
      return Error{.code = Errc::usage,
                   .message = fmt::format("{} needs {}", called(chain_), arguments[given_].name),
                   .hint = arguments[given_].description};
    }
    return std::nullopt;
  }

  [[nodiscard]] Chain chain() const { return chain_; }

 private:
  std::optional<Error> option(const std::string& word) {
    const bool is_long = word.starts_with("--");
    const std::string name = is_long ? word.substr(0, word.find('=')) : word.substr(0, 2);
    const OptionInfo* found = find_option(chain_, name);
    if (found == nullptr) return wrong_option(chain_, name);
    if (found->takes_value && word.size() == name.size()) pending_ = found;
    return std::nullopt;
  }

  std::optional<Error> argument(const std::string& word) {
    const auto& arguments = chain_.back()->arguments;
    const bool takes = given_ < arguments.size() || (!arguments.empty() && arguments.back().rest);
    ++given_;
    if (takes) return std::nullopt;
    return Error{.code = Errc::usage,
                 .message = fmt::format("{} has no use for \"{}\"", called(chain_), word),
                 .hint = usage_line(chain_).substr(0, usage_line(chain_).size() - 1)};
  }

  std::vector<const CommandInfo*> chain_;
  const OptionInfo* pending_ = nullptr;
  std::size_t given_ = 0;
  bool rest_ = false;  // behind "--": somebody else's command line
};

}  // namespace

std::vector<const CommandInfo*> chain_of(const CommandInfo& root, std::span<const std::string> words) {
  Walk walk(root);
  for (const std::string& word : words) {
    if (walk.step(word)) break;
  }
  return {walk.chain().begin(), walk.chain().end()};
}

std::string help_text(std::span<const CommandInfo* const> chain, bool all) {
  return Help(chain, all).text();
}

Error misuse(const CommandInfo& root, std::span<const std::string> words, const std::string& otherwise) {
  Walk walk(root);
  for (const std::string& word : words) {
    if (auto wrong = walk.step(word)) return *std::move(wrong);
  }
  if (auto wrong = walk.end()) return *std::move(wrong);
  return Error{.code = Errc::usage, .message = otherwise, .hint = "see: ovl help"};
}

Result<std::string> help_for(const CommandInfo& root, const std::vector<std::string>& words, bool all) {
  std::vector<const CommandInfo*> chain{&root};
  for (const std::string& word : words) {
    const CommandInfo* next = chain.back()->command(word);
    if (next == nullptr) return wrong_verb(chain, word);
    chain.push_back(next);
  }
  return help_text(chain, all);
}

}  // namespace ovl
