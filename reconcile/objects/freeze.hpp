// One part of a host stops only itself. Parts are the gateway (the host's own namespace, but for the host's
// filter, which guards all of them), each network's sandbox and each endpoint's namespace. A conflict or a
// failure in one freezes it: nothing of it is made, changed or removed, and nothing that needs it elsewhere.
#pragma once

#include <set>
#include <utility>

#include "drivers/kernel/kernel.hpp"
#include "model/plan/plan.hpp"

namespace ovl {

// The part that a namespace is, in words: "the gateway", "network blue", "endpoint web".
std::string part_name(const Plan& plan, const NetnsName& space);

// An endpoint's own namespace, whose root is a tenant.
bool is_tenants(const NetnsName& space);

// A table that guards every network of this host, all but the gateway bridge's own: it is of no part.
bool is_host_filter(const NetnsName& space, const ObjectRef& object);

// What frozen parts cover: their namespaces, and both ends of the pairs that would be made into them.
class FrozenParts {
 public:
  FrozenParts() = default;
  explicit FrozenParts(const Plan& plan);

  // Answers whether it was not frozen before.
  bool add(const NetnsName& space);

  // All that `others` cover, too.
  void add(const FrozenParts& others);

  [[nodiscard]] bool empty() const { return spaces_.empty(); }

  [[nodiscard]] bool cover(const NetnsName& space, const ObjectRef& object) const;

  // Whether a change is left out: of what they cover, and the removal of the host's filter while a network
  // or the gateway stays.
  [[nodiscard]] bool leave(const NetnsName& space, const ObjectRef& before, const ObjectRef& after) const;

  [[nodiscard]] bool contain(const NetnsName& space) const { return spaces_.contains(space); }

  [[nodiscard]] std::vector<NetnsName> spaces() const { return {spaces_.begin(), spaces_.end()}; }

 private:
  using Device = std::pair<NetnsName, IfName>;

  std::set<NetnsName> spaces_;
  std::set<Device> devices_;
  std::vector<std::pair<Device, Device>> pairs_;  // that the plan makes: outer and inner end
};

// Takes the changes of frozen parts out of what the plan makes, into what it leaves: of those that its
// conflicts name, and of `also`.
void freeze(Plan& plan, const FrozenParts& also = {});

// What differs again right after it was made: where a tenant is root that is the tenant's doing, and its part
// is added to `frozen`. One finding for each; what differs elsewhere is nobody's.
std::vector<Finding> blame(const Plan& again, FrozenParts& frozen);

// Keeps an apply going when an operation fails: its part is frozen from there on.
class Freezer : public Failures {
 public:
  explicit Freezer(const Plan& plan) : plan_(plan), parts_(plan) {}

  [[nodiscard]] bool leaves(const Operation& operation) const override;
  bool take(const Operation& failed, const Error& error) override;

  // The first failure of each part, in the order in which they came.
  [[nodiscard]] const std::vector<Finding>& failures() const { return failures_; }

  // What the kernel said, one for each of failures().
  [[nodiscard]] const std::vector<Error>& errors() const { return errors_; }

  [[nodiscard]] const FrozenParts& parts() const { return parts_; }

 private:
  const Plan& plan_;
  FrozenParts parts_;
  std::vector<Finding> failures_;
  std::vector<Error> errors_;
};

}  // namespace ovl
