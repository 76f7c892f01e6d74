// A manifest as bytes, so that what was parsed once need not be parsed again.
#pragma once

#include <string>
#include <string_view>

#include "model/manifest/manifest.hpp"

namespace ovl {

// Of a manifest without diagnostics. The bytes mean something to this build alone.
std::string pack(const Manifest& manifest);

// Every value goes through its validating type again. Errors: corrupt.
Result<Manifest> unpack(std::string_view bytes);

}  // namespace ovl
