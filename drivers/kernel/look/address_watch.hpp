// Tells when addresses of this host change, without asking for them again and again.
#pragma once

#include "model/base/handle.hpp"
#include "model/base/result.hpp"

namespace ovl {

class AddressWatch {
 public:
  // Of the calling thread's network namespace, from now on. Errors: io, privilege.
  static Result<AddressWatch> open();

  // Whether any address came, changed or went since it was asked last. Never waits.
  bool has_changed();

 private:
  explicit AddressWatch(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace ovl
