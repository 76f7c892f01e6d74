// docs/changes.md: what a change does, from the field tables of the kinds.
#pragma once

#include <string>

namespace ovl {

std::string changes_markdown();

}  // namespace ovl
