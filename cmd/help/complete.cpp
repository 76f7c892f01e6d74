// The shells' scripts know nothing: they hand the line to `ovl __complete` and show what it answers. So the
// three shells offer the same, a new option needs no new script, and all of it can be tested without a shell.
#include "cmd/help/complete.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace ovl {

namespace {

// What kind of word an option's value or an argument is.
struct Values {
  std::vector<std::string> words;
  bool files = false;
  std::string live = {};
};

// By the name that help shows, as that says what kind of word it is; what has a choice of words has it in the
// tree.
const std::map<std::string, Values>& values_by_name() {
  static const std::map<std::string, Values> table{
      {"--scope", {.words = {"all", "cluster", "host"}}},
      {"--host", {.words = {}, .live = "host"}},
      {"--out", {.words = {}, .files = true}},
      {"--events", {.words = {}, .files = true}},
      {"--json-into", {.words = {}, .files = true}},
      {"--policy", {.words = {}, .files = true}},
      {"--state-dir", {.words = {}, .files = true}},
      {"--run-dir", {.words = {}, .files = true}},
      {"--lab", {.words = {}, .files = true}},
      {"PATH", {.words = {}, .files = true}},
      {"PLAN", {.words = {}, .files = true}},
      {"FILE", {.words = {}, .files = true}},
      {"DIR", {.words = {}, .files = true}},
      {"CMD", {.words = {}, .files = true}},
      {"ENDPOINT", {.words = {}, .live = "endpoint"}},
      {"HOST", {.words = {}, .live = "host"}},
      {"SHELL", {.words = {"bash", "zsh", "fish"}}},
      {"HOOK", {.words = {"pre-commit", "pre-push", "pre-receive", "post-receive", "post-merge"}}},
      {"--target", {.words = {}, .live = "address"}},
      {"--exclude", {.words = {}, .live = "address"}},
      {"--replace", {.words = {}, .live = "address"}},
      {"FROM TO", {.words = {}, .live = "address"}},
      {"ADDR", {.words = {}, .live = "state"}},
      {"PREFIX", {.words = {}, .live = "state"}},
      {"--label", {.words = {}, .live = "label"}},
      {"--ref", {.words = {}, .live = "ref"}},
      {"REV REV", {.words = {}, .live = "ref"}},
      {"TARGET", {.words = {}, .live = "ref"}},
      {"BLOCK.KEY", {.words = {}, .live = "key"}},
  };
  return table;
}

// Where the words before the last one lead.
struct Position {
  std::vector<const CommandInfo*> chain;  // from the root to the command that is meant
  std::size_t arguments = 0;              // of the command, that are given
  const OptionInfo* pending = nullptr;    // waits for its value
  bool rest = false;                      // behind "--": somebody else's command line
  const CommandInfo* topic = nullptr;     // of `ovl help`: what its words lead to

  [[nodiscard]] const CommandInfo& command() const { return *chain.back(); }
};

// Options of the verb stand before it or behind: CLI11's fallthrough() takes those of the root anywhere.
const OptionInfo* find_option(const Position& at, const std::string& word) {
  for (const CommandInfo* command : at.chain) {
    if (const OptionInfo* option = command->option(word)) return option;
  }
  return nullptr;
}

// Nothing here is an error: a line that is being typed is mostly wrong.
void step(Position& at, const std::string& word) {
  // bash has "--host=n" as three words.
  if (at.pending != nullptr && word == "=") return;
  if (at.pending != nullptr) {
    at.pending = nullptr;
  } else if (word == "--") {
    at.rest = true;
  } else if (word.starts_with('-')) {
    const OptionInfo* option = find_option(at, word);
    if (option != nullptr && option->takes_value) at.pending = option;
  } else if (const CommandInfo* next = at.command().command(word); next != nullptr && at.arguments == 0) {
    // Once there is an argument, a word that happens to be called like a command is one more argument.
    at.chain.push_back(next);
  } else {
    // Only `ovl help` asks for the topic; it costs nothing for others.
    ++at.arguments;
    const CommandInfo* topic = (at.topic != nullptr ? at.topic : at.chain.front())->command(word);
    if (topic != nullptr) at.topic = topic;
  }
}

// "--host=" of "--host=n", which zsh and fish have as one word; empty: it is none such. The candidates have
// to begin with what the shell takes for the word, so "--host=" stands before each of them.
std::string option_in(Position& at, const std::string& word) {
  const auto end = word.find('=');
  if (at.pending != nullptr || at.rest || !word.starts_with("--") || end == std::string::npos) return {};
  const OptionInfo* option = find_option(at, word.substr(0, end));
  if (option == nullptr || !option->takes_value) return {};
  at.pending = option;
  return word.substr(0, end + 1);
}

class Completer {
 public:
  Completer(std::string begun, std::string before) : begun_(std::move(begun)), before_(std::move(before)) {}

  Completion run(const Position& at) {
    // Behind "--" stands another program's line: names of files are all that can be offered there.
    if (at.rest) {
      out_.files = true;
    } else if (at.pending != nullptr) {
      for (const std::string& word : at.pending->choices) add(word, {});
      // Behind its own choices, which a name that is asked for at run time does not have.
      add_values(at.pending->names.front(), {});
    } else if (begun_.starts_with('-')) {
      add_options(at);
    } else {
      for (const CommandInfo& command : at.command().commands) add(command.name, command.description);
      add_argument(at);
    }
    out_.begun = begun_;
    out_.before = before_;
    return std::move(out_);
  }

 private:
  void add(const std::string& text, const std::string& description) {
    // Filtered here and not by the shells: the description behind a tab is no part of the word, which bash
    // does not know.
    if (text.starts_with(begun_))
      out_.candidates.push_back(Candidate{.text = before_ + text, .description = description});
  }

  void add_options(const Position& at) {
    // The verb's own first, then what every verb has.
    for (auto command = at.chain.rbegin(); command != at.chain.rend(); ++command) {
      for (const OptionInfo& option : (*command)->options) add(option.names.front(), option.description);
    }
  }

  void add_argument(const Position& at) {
    const auto& arguments = at.command().arguments;
    if (arguments.empty()) return;
    const bool rest = arguments.back().rest;
    if (at.arguments >= arguments.size() && !rest) return;
    const std::string& name = arguments[std::min(at.arguments, arguments.size() - 1)].name;
    // `ovl help keystore ` goes on with the commands of keystore.
    if (name == "VERB") {
      const CommandInfo& topic = at.topic != nullptr ? *at.topic : *at.chain.front();
      for (const CommandInfo& command : topic.commands) add(command.name, {});
    }
    // NAME is that of the group: ovl network inspect NAME.
    add_values(name, at.chain.size() > 1 ? at.chain[at.chain.size() - 2]->name : std::string());
  }

  void add_values(const std::string& name, const std::string& group) {
    if (name == "NAME") {
      out_.live = group;
      return;
    }
    const auto found = values_by_name().find(name);
    // A word of somebody's own (a duration, a reason): nothing can be offered.
    if (found == values_by_name().end()) return;
    for (const std::string& word : found->second.words) add(word, {});
    out_.files = out_.files || found->second.files;
    out_.live = found->second.live;
  }

  std::string begun_;
  std::string before_;
  Completion out_;
};

// IFS of a tab cuts the descriptions off, which bash can't show. stderr goes nowhere: a warning in the middle
// of a line that somebody types helps nobody.
constexpr const char* kBash = R"(# bash completion for ovl
_ovl() {
  local line
  COMPREPLY=()
  while IFS=$'\t' read -r line _; do
    if [ "$line" = ":files" ]; then
      compopt -o default
    else
      COMPREPLY+=("$line")
    fi
  done < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _ovl ovl
)";

// A colon ends the candidate for _describe, so those in it are escaped. The script works both sourced and as
// a file in $fpath, where zsh calls it under the name of its function.
constexpr const char* kZsh = R"(#compdef ovl
_ovl() {
  local line files=0
  local -a candidates
  while IFS= read -r line; do
    if [[ $line == ":files" ]]; then
      files=1
    else
      candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    fi
  done < <("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( ${#candidates} )) && _describe ovl candidates
  (( files )) && _files
}
if [[ $funcstack[1] == _ovl ]]; then
  _ovl "$@"
else
  compdef _ovl ovl
fi
)";

// -f keeps fish from offering files everywhere; where they belong they are asked for.
constexpr const char* kFish = R"(# fish completion for ovl
function __ovl_complete
  set -l words (commandline -opc)
  for line in ($words[1] __complete -- $words[2..-1] (commandline -ct) 2>/dev/null)
    if test "$line" = ":files"
      __fish_complete_path (commandline -ct)
    else
      printf '%s\n' $line
    end
  end
end
complete -c ovl -f -a '(__ovl_complete)'
)";

}  // namespace

Completion complete(const CommandInfo& root, std::span<const std::string> words) {
  Position at{.chain = {&root}};
  const std::size_t done = words.empty() ? 0 : words.size() - 1;
  // From the left, as a shell hands over the words: what the last one may be depends on all before it.
  for (const std::string& word : words.first(done)) step(at, word);
  // The word that is being typed, which may be empty: after a blank the shells send it as such.
  std::string last = words.empty() ? std::string() : words.back();
  // bash has just split "--host=": nothing of the value is there yet.
  if (at.pending != nullptr && last == "=") last.clear();
  std::string before = option_in(at, last);
  std::string begun = last.substr(before.size());
  return Completer(std::move(begun), std::move(before)).run(at);
}

std::string completion_script(const std::string& shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return {};
}

}  // namespace ovl
