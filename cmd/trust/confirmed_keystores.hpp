// The keystores, with what they are shown, that the caller has confirmed at a terminal: asked once,
// remembered.
#pragma once

#include <string>

#include "cmd/base/keystore_options.hpp"

namespace ovl {

class ConfirmedKeystores {
 public:
  // A file of our user's alone: root's is in the state directory, others' below XDG_STATE_HOME or HOME.
  explicit ConfirmedKeystores(const std::string& state_directory);

  // The same address with the same references. Nothing counts in a file that others could have written.
  [[nodiscard]] bool has(const KeystoreAccess& access) const;

  // Asks on stderr, takes only "yes", and remembers it. `place`: where the words stand.
  // Errors: interrupted (another answer).
  Status ask(const KeystoreAccess& access, const std::string& place) const;

 private:
  [[nodiscard]] Status remember(const KeystoreAccess& access) const;

  std::string file_;  // empty: nowhere
};

// Somebody sits there and can be asked.
bool is_at_terminal();

}  // namespace ovl
