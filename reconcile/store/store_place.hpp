// Which store a URL means, however it is spelled.
#pragma once

#include <string>

namespace ovl {

// The canonical spelling: ports are said, servers sorted, a file's path without links and dots as far as it
// is there. Text that is no URL stays as it is.
std::string store_place(const std::string& url);

}  // namespace ovl
