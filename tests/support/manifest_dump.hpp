// A manifest as JSON without its places, for comparison.
#pragma once

#include "model/base/value.hpp"
#include "model/manifest/manifest.hpp"

namespace ovl::test {

Value manifest_value(const Manifest& manifest);

}  // namespace ovl::test
