// How a keystore is reached: its URL and references to its secrets, from the manifest, the command line
// or what this host's last apply left; and the options that the references lead to.
#pragma once

#include <array>
#include <string>

#include "drivers/keystore/keystore.hpp"
#include "model/base/fields.hpp"
#include "model/manifest/manifest.hpp"
#include "reconcile/manifest/sources.hpp"
#include "reconcile/objects/filters.hpp"

namespace ovl {

// Holds no secret, so it may be kept: each reference is "env:NAME", "file:PATH" or empty.
struct KeystoreAccess {
  std::string url;
  std::string token, user, password;
  std::string ca, cert, key;  // of TLS; "file:PATH" alone
  bool allow_plaintext = false;

  static constexpr auto fields() {
    return std::tuple{
        setting("url", &KeystoreAccess::url),   setting("token", &KeystoreAccess::token),
        setting("user", &KeystoreAccess::user), setting("password", &KeystoreAccess::password),
        setting("ca", &KeystoreAccess::ca),     setting("cert", &KeystoreAccess::cert),
        setting("key", &KeystoreAccess::key),   setting("allow_plaintext", &KeystoreAccess::allow_plaintext)};
  }

  bool operator==(const KeystoreAccess&) const = default;
};

inline constexpr std::array kKeystoreReferences{&KeystoreAccess::token,    &KeystoreAccess::user,
                                                &KeystoreAccess::password, &KeystoreAccess::ca,
                                                &KeystoreAccess::cert,     &KeystoreAccess::key};

bool has_references(const KeystoreAccess& access);

// Whether `stated` has a reference that `known` has not, or has otherwise.
bool has_other_references(const KeystoreAccess& stated, const KeystoreAccess& known);

// Relative file: references, as of the command line, begin where we stand.
KeystoreAccess with_absolute_files(KeystoreAccess access);

// The manifest's [keystore]; its files are relative to the folder of the file in `sources` that
// declares it, here absolute.
KeystoreAccess access_of(const KeystoreBlock& block, const Sources& sources);

// What `over` says in place of what `base` says, member by member; the URL stays that of `base`.
KeystoreAccess overlay(KeystoreAccess base, const KeystoreAccess& over);

// The servers of a keystore's URL with all their ports, for the gateways' fences: that of the URL, and those
// by which such servers speak to each other. A host name gives ports alone: what it means may differ from one
// host and moment to the next.
Result<std::vector<KeystoreAddress>> server_addresses(const std::string& url);

// Reads the secrets. They go into the options and nowhere else: with one, this process leaves no core file
// and can't be looked into by others of its user (PR_SET_DUMPABLE).
// Errors: usage (no such environment variable, no reference), io (no such file), guard (a secret file
// that others can read).
Result<KeystoreOptions> keystore_options(const KeystoreAccess& access);

// Tells options apart, by the secrets themselves and by when the TLS files were written; says none of them.
std::string digest_of_access(const KeystoreOptions& options);

// Takes the variables that hold secrets out of this process's environment, for the program that takes its
// place.
void forget_secret_variables(const KeystoreAccess& access);

// The same of all variables that a manifest's text refers to, whatever else is wrong with it.
void forget_variables_in(std::string_view manifest);

}  // namespace ovl
