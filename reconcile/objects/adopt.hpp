// What exists, is not ours, and may be taken over: because a record says adopt = "if-equal", or because
// somebody asks for it by address.
#pragma once

#include <string>
#include <vector>

#include "model/plan/objects.hpp"
#include "model/records/records.hpp"
#include "reconcile/words/change_name.hpp"

namespace ovl {

class Adoption {
 public:
  // Nothing may be.
  Adoption() = default;

  // asked: addresses of records or objects. A namespace that an endpoint found is taken over only under its
  // own address: with the endpoint it would be removed. Errors: usage (no address), not_found (`desired`
  // has nothing of that address).
  static Result<Adoption> of(const HostObjects& desired, const Records& records, const HostName& host,
                             const std::vector<std::string>& asked);

  [[nodiscard]] bool allows(const NetnsName& space, const ObjectRef& object) const;
  // Adds to `wanted` the links that may be taken over, so that what stands on them is read.
  void add_links(const HostObjects& desired, HostObjects& wanted) const;

 private:
  std::vector<std::string> addresses_;  // of objects, sorted
};

// The fields of `mask` as people read them: "mtu is 1400, wanted 1450; up is false, wanted true".
std::string differences(const ObjectRef& want, const ObjectRef& have, FieldMask mask);

}  // namespace ovl
