// Finds and reads the manifest's files. The only I/O on the way from text to manifest.
#pragma once

#include <string>
#include <string_view>

#include "model/manifest/manifest.hpp"
#include "reconcile/toml/toml_guard.hpp"

namespace ovl {

// Limits of a manifest, wherever its files come from.
inline constexpr std::size_t kMaxSourceFiles = 10'000;
inline constexpr std::size_t kMaxSourceBytes = kMaxFileBytes;      // of one file
inline constexpr std::size_t kMaxTotalBytes = 32 * kMaxFileBytes;  // of all files
inline constexpr std::size_t kMaxSourceDepth = 16;                 // of folders below the named one

// Reads the file `path`, or all *.toml below the directory `path`, sorted by name; an empty path
// stands for all *.toml here, without what is below. Below a directory, names that begin with a dot are
// skipped and symbolic links refused: a manifest must not reach out of its tree. Errors: not_found (no such
// path, or no *.toml there), io, manifest (a link, a limit).
Result<Sources> read_sources(const std::string& path);

// SHA-256 over the names and contents of all files, as 64 hexadecimal digits. The folder that all
// files share is left out of the names, so that it doesn't matter how the path was given.
std::string digest_of(const Sources& sources);

// How a path that stands in a source file is to be opened: relative to the file's folder.
std::string path_beside(const SourceFile& source, const std::string& path);

}  // namespace ovl
