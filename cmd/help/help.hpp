// Help for terminals, made from the command tree: 80 columns, verbs in groups, rare options folded.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cmd/help/command_tree.hpp"
#include "model/base/result.hpp"

namespace ovl {

// The commands that the words of a line lead to, the root first; what is no command ends it.
std::vector<const CommandInfo*> chain_of(const CommandInfo& root, std::span<const std::string> words);

// How the last of the chain is called, what it does, its options. all: rare options have their lines, too.
std::string help_text(std::span<const CommandInfo* const> chain, bool all);

// Why a line is not understood, with the word at fault and what may have been meant. words: behind "ovl".
// otherwise: what is said of a line at which no word is wrong by itself.
Error misuse(const CommandInfo& root, std::span<const std::string> words, const std::string& otherwise);

// `ovl help VERB...`. Errors: usage, for a verb that there is not.
Result<std::string> help_for(const CommandInfo& root, const std::vector<std::string>& words, bool all);

}  // namespace ovl
