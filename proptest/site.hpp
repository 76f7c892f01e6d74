// A whole cluster in memory: a store with faults, and machines that apply as the program does, with a
// fake kernel and a state of their own.
#pragma once

#include <map>
#include <memory>

#include "drivers/fake/fake_kernel.hpp"
#include "drivers/fake/fake_keystore.hpp"
#include "proptest/gen.hpp"
#include "reconcile/pipeline.hpp"
#include "tests/support/process.hpp"

namespace ovl {

class Site {
 public:
  Site();

  // `ovl apply` on one host; the manifest decides (scope all).
  Result<Applied> apply(const Manifest& manifest, const HostName& host);
  // The same, whose user wants it to end when it has asked `asked` times whether to go on.
  Result<Applied> apply_until(std::size_t asked, const Manifest& manifest, const HostName& host);
  // On each host of the manifest; the first failure.
  Status apply_all(const Manifest& manifest);
  // Until no host has anything left to do: what concerns all hosts of a network goes in generations.
  Status settle(const Manifest& manifest);
  Result<Planned> plan(const Manifest& manifest, const HostName& host);

  FakeStore& store() { return *store_; }

  FakeKernel& kernel(const HostName& host) { return machine(host).kernel; }

  // The cluster's tree as it is.
  StoreView view(const Manifest& manifest);
  // As if its disk had been replaced.
  void lose_store();

 private:
  struct Machine {
    FakeKernel kernel;
    std::unique_ptr<State> state;
  };

  Machine& machine(const HostName& host);
  World world(Machine& machine, Keystore& keystore);
  static Request request(const Manifest& manifest, const HostName& host);

  test::TemporaryDirectory directory_;
  std::unique_ptr<FakeStore> store_;
  std::map<HostName, Machine> machines_;
};

}  // namespace ovl
