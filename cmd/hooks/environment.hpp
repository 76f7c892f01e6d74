// What a hook takes from its environment. Whoever pushes may have a say in the rest of it.
#pragma once

#include <string>
#include <vector>

namespace ovl {

struct HookEnvironment {
  std::string quarantine;                 // GIT_QUARANTINE_PATH; checked by GitRepository::add_quarantine()
  std::string index;                      // GIT_INDEX_FILE; checked by GitRepository::read_index()
  std::vector<std::string> push_options;  // GIT_PUSH_OPTION_0 and on, at most 16
};

// Empties this process's environment, before anything else reads it: no OVL_ twin of an option, no HOME, no
// proxy counts in a hook, only the arguments that it was installed with. What stays are the variables in
// which those arguments say that a secret is (env:NAME).
HookEnvironment take_environment(const std::vector<std::string>& arguments);

}  // namespace ovl
