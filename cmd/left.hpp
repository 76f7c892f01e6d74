// Parts of this host that an apply has left as they are.
#pragma once

#include "model/plan.hpp"

namespace ovl {

// What an apply ends with that is done but for these; at least one.
Error error_of_left(const std::vector<Finding>& left);

// Says so while applies go on by themselves: the same once.
class LeftTeller {
 public:
  void tell(const std::vector<Finding>& left);

 private:
  std::string told_;
};

}  // namespace ovl
