// Whose words a keystore's address and its secrets are. A manifest's words never choose both a secret and who
// receives it: what it refers to is resolved for an address that the host's side has named, or after the
// person at the terminal has confirmed that very address with those very references.
#pragma once

#include <string>
#include <vector>

#include "cmd/base/keystore_options.hpp"

namespace ovl {

// What is said of the keystore, by whom.
struct KeystoreWords {
  KeystoreAccess given;     // on the command line, or in its twins in the environment
  KeystoreAccess file;      // in /etc/ovl/keystore.toml
  KeystoreAccess bound;     // at the last apply of this cluster here
  KeystoreAccess stated;    // in the manifest or the saved plan
  bool own_files = false;   // `stated` stands in plain files that are the caller's alone; see are_own_files()
  bool automation = false;  // nobody watches
};

struct ChosenAccess {
  KeystoreAccess access;
  bool is_named = false;      // the host's side has named the address
  bool is_confirmed = false;  // it may be used; else only once somebody has confirmed it
};

// The one place that decides. Pure.
ChosenAccess choose_access(const KeystoreWords& words);

// Whether every server of one URL is one of the other's, in the same kind of store, below the same prefix.
bool names_no_other_store(const std::string& url, const std::string& known);

// What is refused, with the host's side's remedy. `place`: where it is stated.
Error unconfirmed_access(const ChosenAccess& chosen, const std::string& place);

// Whether there are some, and these plain files and their folders belong to our user and nobody else may
// write there, or put other folders in their place.
bool are_own_files(const std::vector<std::string>& files);

// CI, or what says that a script reads.
bool is_automation();

}  // namespace ovl
