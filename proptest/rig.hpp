// A cluster in memory: one FakeKernel per host, and the pure stages between them.
#pragma once

#include <map>

#include "drivers/fake/fake_kernel.hpp"
#include "model/plan/plan.hpp"
#include "proptest/gen.hpp"

namespace ovl {

class Rig {
 public:
  // What one host would change to become what the records say.
  Plan plan(const Manifest& manifest, const HostName& host);
  // Resolves, and applies on one host. Answers the first failure.
  Status apply(const Manifest& manifest, const HostName& host);
  // On every host of the manifest.
  Status apply_all(const Manifest& manifest);

  FakeKernel& kernel(const HostName& host) { return kernels_[host]; }

  [[nodiscard]] const Records& records() const { return records_; }

 private:
  HostObjects desired(const Manifest& manifest, const HostName& host);

  std::map<HostName, FakeKernel> kernels_;
  Records records_;
};

// The records that a manifest makes of others, which all hosts have realised.
Records drafted(const Manifest& manifest, const Records& before, const Facts& facts);

// What one host must hold under these records.
HostObjects wished(const Manifest& manifest, const HostName& host, const Records& records,
                   const Facts& facts);

// Takes the place of the state: what the kernel's own marks say.
Plan plan_of(FakeKernel& kernel, const Label& cluster, const HostName& host, HostObjects desired);

// Runs a plan's operations; the first failure.
Status run(FakeKernel& kernel, const Plan& plan);

// The objects that are in one of the two alone, or are others in it: "a link.ovl-n0[\"br0\"] {...}".
std::vector<std::string> differences_of(const HostObjects& a, const HostObjects& b);

}  // namespace ovl
