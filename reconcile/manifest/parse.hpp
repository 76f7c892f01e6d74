// Stage "parse": TOML text in, manifest and diagnostics out. Pure: no I/O, no environment.
#pragma once

#include "model/manifest/manifest.hpp"

namespace ovl {

struct Parsed {
  Manifest manifest;        // to be used only when no diagnostic is an error
  Diagnostics diagnostics;  // in order of file, line and column
};

// All errors of all files are found, but for those behind the first syntax error of a file. While a
// file has one, names that no other file defines are not called unknown.
Parsed parse(const Sources& sources);

struct ParsedPolicy {
  Policy policy;            // to be used only when there is no diagnostic
  Diagnostics diagnostics;  // all are errors
};

// A host's own policy: a file that holds [policy] and nothing else.
ParsedPolicy parse_policy(const SourceFile& source);

}  // namespace ovl
