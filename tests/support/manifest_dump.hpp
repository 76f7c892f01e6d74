// A manifest as JSON without its places, for comparison.
#pragma once

#include "model/manifest.hpp"
#include "model/value.hpp"

namespace ovl::test {

Value manifest_value(const Manifest& manifest);

}  // namespace ovl::test
