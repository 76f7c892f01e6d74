// The stamp of a state: a random word that is in the state and in a file that no reboot survives. Where the
// two are not the same, the state may be older than what the kernel has.
#pragma once

#include <string>

#include "state/state.hpp"

namespace ovl {

// Of this state for this network namespace. Empty: there is no place for it.
Result<std::string> stamp_file(const StateOptions& options);

Result<std::string> new_stamp();

// Empty: there is none.
std::string read_stamp(const std::string& file);
// Errors: io, privilege.
Status write_stamp(const std::string& file, const std::string& stamp);
void remove_stamp(const std::string& file);

}  // namespace ovl
