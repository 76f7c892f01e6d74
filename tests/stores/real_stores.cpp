#include "tests/stores/real_stores.hpp"

#include <unistd.h>

namespace ovl::test {

std::string fresh_root() {
  static int count = 0;
  return "ovl/contract-" + std::to_string(getpid()) + "-" + std::to_string(++count) + "/v1/";
}

}  // namespace ovl::test
