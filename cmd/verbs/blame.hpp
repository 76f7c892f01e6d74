// Which line of which file set a value, and which commit that line comes from.
#pragma once

#include "cmd/session/context.hpp"
#include "model/base/value.hpp"

namespace ovl {

// An array of {key, file, line, commit, author, when}, one for each value that the manifest sets of
// [kind.NAME]. Without the last three: the file is in no repository, or is not as its commit has it. The
// context was opened with Needs::source.
Value blame_json(const Context& context, const std::string& kind, const std::string& name);

}  // namespace ovl
