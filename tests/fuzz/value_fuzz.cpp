// Records come out of a store that others write to: parsing must survive any bytes, and what it takes
// must print and parse to the same value.
#include <cstdlib>

#include "model/base/value.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = ovl::Value::parse_json({reinterpret_cast<const char*>(data), size});
  if (!parsed.ok()) return 0;
  const auto again = ovl::Value::parse_json(parsed.value().json());
  if (!again.ok() || !(again.value() == parsed.value())) std::abort();
  const auto pretty = ovl::Value::parse_json(parsed.value().pretty_json());
  if (!pretty.ok() || !(pretty.value() == parsed.value())) std::abort();
  return 0;
}
