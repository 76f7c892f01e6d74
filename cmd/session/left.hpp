// Parts of this host that an apply has left as they are.
#pragma once

#include <optional>

#include "model/plan/plan.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

// What an apply ends with that is done but for these; at least one.
Error error_of_left(const std::vector<Finding>& left);

// What an apply of a host alone ends with when the last good records stand for refused ones; none: they
// don't.
std::optional<Error> error_of_refused(const Plan& plan, const StoreView& view);

// Says so while applies go on by themselves: the same once.
class LeftTeller {
 public:
  void tell(const std::vector<Finding>& left);

 private:
  std::string told_;
};

}  // namespace ovl
