// Names in a git tree. libgit2 hands over what the tree says, and a tree can be made to say anything.
#pragma once

#include <string_view>

namespace ovl {

// Why an entry's name is refused: it would mean something else to a file system or a terminal than a name
// in its folder. Empty: it is not. Takes ".git" in all the spellings that git's own fsck knows
// (fsck.c, verify_dotgit: HFS+ drops some code points, NTFS trailing dots, blanks and streams).
std::string_view why_refused(std::string_view name);

// Whether it is a manifest's file: *.toml, not beginning with a dot.
bool is_manifest_file(std::string_view name);

}  // namespace ovl
