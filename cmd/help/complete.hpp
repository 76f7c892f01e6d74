// What may stand at the end of a command line: the engine behind the shells' completion.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cmd/help/command_tree.hpp"

namespace ovl {

struct Candidate {
  std::string text;
  std::string description;

  bool operator==(const Candidate&) const = default;
};

struct Completion {
  std::vector<Candidate> candidates;
  bool files = false;  // the shell's own file names too
  // What is known elsewhere: names in the store ("network", "host", "endpoint", "address"), in this host's
  // "state", of the repository here ("ref") or of the manifest ("key"); empty: nothing.
  std::string live = {};
  std::string begun = {};  // what these begin with
  std::string before =
      {};  // what stands before each of them: "--host=", where a shell takes that for one word
};

// words: what stands behind "ovl", the last one unfinished and maybe empty. Candidates begin with it.
Completion complete(const CommandInfo& root, std::span<const std::string> words);

// The script that a shell sources: bash, zsh or fish; empty for another shell. It asks `ovl __complete`.
std::string completion_script(const std::string& shell);

}  // namespace ovl
