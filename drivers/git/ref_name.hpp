// Names of branches, tags and commits as people say them.
#pragma once

#include <string>
#include <string_view>

namespace ovl {

// The ref that a name means: "main" is the branch refs/heads/main, whatever tags there are; a tag is named
// as "tags/v1" or "refs/tags/v1". "HEAD", what begins with "refs/" and an object's id stay as they are.
std::string full_ref(std::string_view name);

// 40 hexadecimal digits, or 64 (SHA-256), as git writes them.
bool is_object_id(std::string_view text);

// What a name of `revision` (gitrevisions(7)) begins with, before any ~, ^, : or @{.
std::string_view revision_base(std::string_view revision);

}  // namespace ovl
