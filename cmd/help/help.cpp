// What CLI11 says of a wrong line ("The following argument was not expected") names neither what was meant
// nor what there is. So a line that it refuses is walked along once more here, to find the first word at
// fault: CLI11 decides whether a line is right, and this decides alone how it is told.
#include "cmd/help/help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "cmd/base/plain_text.hpp"
#include "cmd/base/style.hpp"
#include "cmd/help/command_examples.hpp"
#include "cmd/help/help_words.hpp"
#include "cmd/help/other_words.hpp"
#include "cmd/session/cli_environment.hpp"
#include "reconcile/words/suggest.hpp"

namespace ovl {

namespace {

// Two blanks and most options with their values; a text of 54 columns is left in a terminal of 80.
constexpr std::size_t kText = 26;  // where descriptions begin

using Chain = std::span<const CommandInfo* const>;

// Wide ones go on behind a backslash, as a shell takes them. An example is there to be copied, so a line that
// is broken for the width has to be one command still.
std::string example_line(std::string_view example) {
  std::string out = "  " + wrapped(example, 6) + "\n";
  for (std::size_t at = 0; (at = out.find("\n      ", at)) != std::string::npos; at += 3)
    out.insert(at, " \\");
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
    // "REV REV" says by its name how often it stands.
    const std::string name = argument.name + (argument.rest && argument.least < 2 ? "..." : "");
    out += argument.required ? " " + name : " [" + name + "]";
  }
  return wrapped(out, 7) + "\n";
}

// The short name stands first, as readers look for that one at the left; most options have none.
std::string name_of(const OptionInfo& option) {
  std::string out =
      option.names.back().size() == 2 && option.names.size() > 1 ? option.names.back() + ", " : "";
  out += option.names.front();
  return option.takes_value ? fmt::format("{} {}", out, value_name(option.names.front())) : out;
}

std::string text_of(const OptionInfo& option) {
  std::string out = option.description;
  // Only those that the parser knows: a word that it does not take can't be listed here.
  if (!option.choices.empty()) out += fmt::format(": {}", fmt::join(option.choices, ", "));
  if (!option.default_value.empty()) out += fmt::format("; default {}", option.default_value);
  // Beside the option and not in a page of its own: who reads what an option does sees what else may have
  // said it.
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
    // Thirty verbs by the alphabet would be a list; by what somebody wants to do they are a way in.
    out += chain_.size() == 1 ? verbs() : section("Commands", commands(here().commands));
    for (const std::string& group : groups()) out += section(group, options(group));
    if (chain_.size() > 1) out += section("Everywhere", global_options());
    return out + folded() + section("Examples", examples());
  }

 private:
  [[nodiscard]] const CommandInfo& here() const { return *chain_.back(); }

  [[nodiscard]] const VerbWords* words() const {
    // Verbs have sentences; a command of a group says enough with its line.
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

  // In the order in which the options were added, which is that of their weight.
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
      // Each verb has --help itself, and a version is not a verb's.
      const bool again = option.has("--help") || option.has("--version");
      if (!again && !is_folded(option)) out += entry(name_of(option), text_of(option));
    }
    return out;
  }

  // What has no line of its own. Named all the same: who looks for --tls-ca in the help of a verb has to find
  // the word.
  [[nodiscard]] std::string folded() const {
    std::vector<std::string> names;
    // The root and the verb itself: a group has no options of its own.
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
    std::string out;
    if (words() != nullptr) {
      for (const std::string_view example : words()->examples) out += example_line(example);
    }
    for (const std::string_view example : command_examples(called(chain_.subspan(1))))
      out += example_line(example);
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

// Of the whole chain, as an option of the program may be mistyped behind the verb.
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

std::string verb_words(Chain chain) {
  std::string out;
  for (const CommandInfo* command : chain.subspan(1)) out += " " + command->name;
  return out;
}

Error wrong_verb(Chain chain, const std::string& word) {
  const std::vector<std::string> known = names_of(chain.back()->commands);
  // Before the likeness of letters, which knows nothing of what somebody means by a word.
  std::string hint = verb_of_other_tools(chain, word);
  const std::string all = chain.size() == 1 ? std::string("see them with: ovl help")
                                            : fmt::format("one of {}", fmt::join(known, ", "));
  if (hint.empty()) hint = suggestion(word, known, all);
  return Error{.code = Errc::usage,
               .message = fmt::format("{} has no {} \"{}\"", called(chain),
                                      chain.size() == 1 ? "verb" : "command", word),
               .hint = hint};
}

// "-target", as Terraform writes it, is one word.
Error wrong_option(Chain chain, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  // Of two characters it is a short option and nothing else.
  const std::string long_name = name.starts_with("--") || name.size() == 2 ? name : "-" + name;
  const std::vector<std::string> known = option_names(chain);
  std::string hint;
  // Only for a word that ovl does not have itself: "-target" is just spelt otherwise.
  if (std::ranges::find(known, long_name) == known.end()) hint = option_of_other_tools(chain, long_name);
  if (hint.empty()) hint = suggestion(long_name, known, "see them with: ovl help" + verb_words(chain));
  return Error{.code = Errc::usage,
               .message = fmt::format("{} has no option {}", called(chain), name),
               .hint = std::move(hint)};
}

Error no_choice(const std::string& what, const std::string& word, const std::vector<std::string>& choices) {
  return Error{.code = Errc::usage,
               .message = fmt::format("{} can't be \"{}\"", what, word),
               .hint = suggestion(word, choices, fmt::format("one of {}", fmt::join(choices, ", ")))};
}

Error needs_value(const OptionInfo& option) {
  const std::string& name = option.names.front();
  return Error{.code = Errc::usage,
               .message = fmt::format("{} needs a {}", name, value_name(name)),
               .hint = option.description};
}

Error wants_command(Chain chain) {
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

  // In the order in which CLI11 takes a word, so that both mean the same by it.
  std::optional<Error> step(const std::string& word) {
    // Behind "--" everything is an argument, also what begins with a dash.
    if (rest_) return argument(word);
    if (word == "--") {
      rest_ = true;
      return std::nullopt;
    }
    if (pending_ != nullptr) {
      const OptionInfo& option = *std::exchange(pending_, nullptr);
      return value(option, word);
    }
    // "-" alone is an argument: stdin.
    if (word.starts_with('-') && word.size() > 1) return option(word);
    if (chain_.back()->commands.empty()) return argument(word);
    const CommandInfo* next = chain_.back()->command(word);
    // A command of a group has to be one of those: a group takes no other arguments.
    if (next == nullptr) return wrong_verb(chain_, word);
    chain_.push_back(next);
    return std::nullopt;
  }

  // What is missing is told last, when each word by itself was right.
  [[nodiscard]] std::optional<Error> end() const {
    if (pending_ != nullptr) return needs_value(*pending_);
    if (!chain_.back()->commands.empty()) return wants_command(chain_);
    if (auto error = missing_argument()) return error;
    return missing_option();
  }

  [[nodiscard]] Chain chain() const { return chain_; }

 private:
  std::optional<Error> option(const std::string& word) {
    const bool is_long = word.starts_with("--");
    // "-vv" is twice -v, and "-lzone=a" is -l with a value: a short option ends after its letter.
    const std::string name = is_long ? word.substr(0, word.find('=')) : word.substr(0, 2);
    const OptionInfo* found = find_option(chain_, name);
    if (found == nullptr || is_long_with_one_dash(word)) return wrong_option(chain_, word);
    // At the second of the two, as that is the word that should not be there.
    if (auto error = excluded(*found)) return error;
    said_.push_back(found);
    // Else the value is in the word: "--host=n1", or "-lzone=a" of a short one.
    if (found->takes_value && word.size() == name.size()) pending_ = found;
    if (found->takes_value && word == name + "=") return needs_value(*found);
    if (found->takes_value && is_long && word.size() > name.size())
      return value(*found, word.substr(name.size() + 1));
    return std::nullopt;
  }

  // "-host" is no "-h" of somebody who also asks for o, s and t. CLI11 would take the letters for one short
  // option each and complain of the first one that there is not.
  [[nodiscard]] bool is_long_with_one_dash(const std::string& word) const {
    const std::string name = "-" + word.substr(0, word.find('='));
    return !word.starts_with("--") && word.size() > 2 && find_option(chain_, name) != nullptr;
  }

  static std::optional<Error> value(const OptionInfo& option, const std::string& word) {
    const bool fits =
        option.choices.empty() || std::ranges::find(option.choices, word) != option.choices.end();
    if (fits) return std::nullopt;
    return no_choice(option.names.front(), word, option.choices);
  }

  [[nodiscard]] std::optional<Error> excluded(const OptionInfo& option) const {
    for (const OptionInfo* other : said_) {
      const auto has_it = [&](const std::string& name) { return other->has(name); };
      if (std::ranges::none_of(option.excludes, has_it)) continue;
      return Error{
          .code = Errc::usage,
          .message = fmt::format("{} and {} exclude each other", other->names.front(), option.names.front()),
          .hint = "leave one of them out"};
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Error> missing_argument() const {
    const auto& arguments = chain_.back()->arguments;
    std::size_t before = 0;
    for (const ArgumentInfo& argument : arguments) {
      // Arguments are filled from the left, so the first that is short of words is the one that is missing.
      before += argument.least;
      if (!argument.required || given_ >= before) continue;
      const bool some = given_ + argument.least > before;
      return Error{.code = Errc::usage,
                   .message = fmt::format("{} needs {}{}", called(chain_), argument.name,
                                          some ? ", and there is one only" : ""),
                   .hint = argument.description};
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Error> missing_option() const {
    for (const OptionInfo& option : chain_.back()->options) {
      const bool said = std::ranges::find(said_, &option) != said_.end();
      // A variable says it as well as the line does.
      if (!option.required || said || (!option.twin.empty() && has_variable(option.twin))) continue;
      return Error{.code = Errc::usage,
                   .message = fmt::format("{} needs {} {}", called(chain_), option.names.front(),
                                          value_name(option.names.front())),
                   .hint = option.description};
    }
    return std::nullopt;
  }

  std::optional<Error> argument(const std::string& word) {
    const auto& arguments = chain_.back()->arguments;
    const bool takes = given_ < arguments.size() || (!arguments.empty() && arguments.back().rest);
    // Also where it is one too many: the count is of words, not of arguments.
    ++given_;
    if (takes && given_ <= arguments.size()) {
      const ArgumentInfo& at = arguments[given_ - 1];
      const bool fits = at.choices.empty() || std::ranges::find(at.choices, word) != at.choices.end();
      if (!fits) return no_choice(at.name, word, at.choices);
    }
    if (takes) return std::nullopt;
    return Error{.code = Errc::usage,
                 .message = fmt::format("{} has no use for \"{}\"", called(chain_), word),
                 .hint = usage_line(chain_).substr(0, usage_line(chain_).size() - 1)};
  }

  std::vector<const CommandInfo*> chain_;
  const OptionInfo* pending_ = nullptr;
  std::vector<const OptionInfo*> said_;
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

namespace {

// A flag of the environment is a number, or yes or no.
bool is_flag(std::string_view value) {
  constexpr std::string_view kFlagWords[] = {"true", "false", "yes", "no", "on", "off", "enable", "disable"};
  // OVL_VERBOSE=2 is as if -v was said twice.
  const bool number = std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
  return number || std::ranges::find(kFlagWords, value) != std::end(kFlagWords);
}

// A variable that is no value of its flag. CLI11's own message of a flag's variable names the flag, which is
// not on the line, and so nobody finds it.
std::optional<Error> wrong_variable(Chain chain) {
  for (const CommandInfo* command : chain) {
    for (const OptionInfo& option : command->options) {
      if (option.twin.empty() || option.takes_value) continue;
      const char* value = std::getenv(option.twin.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets it
      if (value == nullptr || is_flag(value)) continue;
      return Error{.code = Errc::usage,
                   .message = fmt::format("{} can't be \"{}\"", option.twin, printable(value)),
                   .hint = "set it to 1, or leave it out"};
    }
  }
  return std::nullopt;
}

}  // namespace

Error misuse(const CommandInfo& root, std::span<const std::string> words, const std::string& otherwise) {
  Walk walk(root);
  for (const std::string& word : words) {
    if (auto wrong = walk.step(word)) return *std::move(wrong);
  }
  if (auto wrong = walk.end()) return *std::move(wrong);
  // Last, as the environment is where somebody looks last: every word of the line was right.
  if (auto wrong = wrong_variable(walk.chain())) return *std::move(wrong);
  // What the walk has no words for, in CLI11's own: better those than none.
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
