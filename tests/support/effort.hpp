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

// For laws of which one case is dozens of applies: whether the push has had its cases, counted in `cases`.
inline bool is_enough(int& cases) {
  constexpr int kCases = 7;
  return !soaks() && ++cases > kCases;
}

}  // namespace ovl::test
