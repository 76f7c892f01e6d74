// Parts of ovl in files of their own, loaded on demand: a command that needs no store and no git does not
// pay for their libraries at its start.
#pragma once

#include <string>
#include <string_view>

#include "model/base/result.hpp"

namespace ovl {

// Program and modules are built together: what passes between them is C++.
inline constexpr const char* kModuleBuild = OVL_VERSION " " __VERSION__;

// Loads "ovl-<name>.so" and answers the address of its symbol, whose first member is the `const char*`
// that kModuleBuild was when it was built. A module stays loaded: its threads may outlive what it opened.
// directory: where it is; empty: beside the program (a build tree) or in ../lib/ovl. No environment
// variable has a say: what is loaded here runs as root.
// Errors: unsupported (not installed, kept from this user, can't be loaded, of another build).
Result<const void*> load_module(std::string_view name, const char* symbol, const std::string& directory = {});

}  // namespace ovl
