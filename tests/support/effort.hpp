// How much a test tries. A push has time for a smoke of everything; `make acceptance` and `make soak` take
// all of it.
#pragma once

#include <cstdlib>
#include <string_view>

namespace ovl::test {

// OVL_SOAK=1.
inline bool soaks() {
  const char* soak = std::getenv("OVL_SOAK");  // NOLINT(concurrency-mt-unsafe): nobody sets it meanwhile
  return soak != nullptr && std::string_view(soak) == "1";
}

inline int effort(int all, int some) {
  return soaks() ? all : some;
}

}  // namespace ovl::test
