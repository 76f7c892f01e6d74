// What this host says of the keystore and the cluster, where a manifest is somebody else's words: in hooks
// and in sync.
#pragma once

#include "cmd/base/keystore_options.hpp"

namespace ovl {

inline constexpr const char* kHostKeystoreFile = "/etc/ovl/keystore.toml";

// What the host's own file says; its file: references are relative to its folder.
struct HostSide {
  KeystoreAccess access;  // without URL: the file names none, or there is no file
  Label cluster;          // [cluster] name; empty: the file names none
};

// Nothing, when there is no such file. Errors: guard (a file that others can write), manifest (it is
// invalid), io.
Result<HostSide> read_host_side(const std::string& file = kHostKeystoreFile);

// `given` (--keystore and its twins), else the [keystore] of the file, whose own file: references are
// relative to its folder. Errors: guard (neither; a file that others can write), manifest (the file is
// invalid), io.
Result<KeystoreAccess> host_side_access(const KeystoreAccess& given,
                                        const std::string& file = kHostKeystoreFile);

// A manifest from elsewhere may leave the keystore out, or name the very one that this host does. What it
// names is not read, resolved or connected to. Errors: guard, with the place.
Status check_host_side(const KeystoreBlock& block, const Sources& sources, const KeystoreAccess& host);

// "net/ovl.toml:8:7", where a finding about a manifest stands.
std::string place_text(const Place& place, const Sources& sources);

// Beside a revision there is no folder: its file: references have to be absolute. Errors: manifest.
Status check_revision_files(const KeystoreBlock& block);

}  // namespace ovl
