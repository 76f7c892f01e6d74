// Texts of documents as terminals and man pages show them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ovl {

// Without Markdown's backticks, and with "text" for "[text](address)".
std::string plain_text(std::string_view markdown);

// `text` in lines of at most 80 columns, each after `indent` blanks but for the first.
std::string wrapped(std::string_view text, std::size_t indent);

}  // namespace ovl
