// The file under a database: where it is, how it is made, and what is refused before SQLite sees it.
// Knows nothing of SQLite.
#pragma once

#include <string>

#include "model/base/result.hpp"

namespace ovl::sqlite {

// Makes the missing directories of path, each 0700. Errors: io, privilege.
Status make_directories(const std::string& path);

// The path with its folder's symbolic links resolved; what it names need not be there. Errors: not_found (no
// such folder), io, privilege.
Result<std::string> in_real_folder(const std::string& path);

// Makes sure that path is a regular file on a local file system and answers its path with the
// directory's symbolic links resolved. create: makes it (0600) and its directories (0700) when absent.
// Errors: not_found (absent and not to be created), io (a link, a directory, a device; a file that
// everybody may write), unsupported (network file system), privilege.
Result<std::string> prepare_file(const std::string& path, bool create);

// An empty file (0600) at path, whatever was there. Errors: io, privilege.
Status make_empty_file(const std::string& path);

// Gives a written file its name, in place of what had it: durable when it returns. Errors: io, privilege.
Status publish_file(const std::string& written, const std::string& name);

}  // namespace ovl::sqlite
