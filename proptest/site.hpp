// A whole cluster in memory: a store with faults, and machines that apply as the program does, with a
// fake kernel and a state of their own.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "drivers/fake/fake_kernel.hpp"
#include "drivers/fake/fake_keystore.hpp"
#include "proptest/gen.hpp"
#include "reconcile/cluster/transfer.hpp"
#include "reconcile/run/apply.hpp"
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
  // As each host's agent does.
  Status follow_all(const Manifest& manifest);
  // Until no host has anything left to do: what concerns all hosts of a network goes in generations.
  Status settle(const Manifest& manifest);
  Result<Planned> plan(const Manifest& manifest, const HostName& host);
  // `ovl apply --restored`, and `ovl apply --scope host`.
  Result<Applied> restore(const Manifest& manifest, const HostName& host);
  Result<Applied> follow(const Manifest& manifest, const HostName& host);

  FakeStore& store() { return *store_; }

  FakeKernel& kernel(const HostName& host) { return machine(host).kernel; }

  // `ovl destroy`, of all that there is.
  Result<Applied> destroy(const Manifest& manifest, const HostName& host);

  // The cluster's tree as it is.
  StoreView view(const Manifest& manifest);
  // As if its disk had been replaced.
  void lose_store();

  // As a copy that was made, and put back: revisions begin anew, sessions are gone.
  // Whether a copy can be made of it.
  [[nodiscard]] bool copies(const Manifest& manifest) {
    return dump_cluster(*store_->connect(), manifest.cluster.value).ok();
  }

  [[nodiscard]] Dump copy_store(const Manifest& manifest);
  void put_back(const Dump& copy);
  // As if the host's disk had been replaced: its kernel goes on.
  void lose_memory(const HostName& host);
  // The host's disk takes no write from the nth on (counting from 0, from here), or that one alone does not.
  void fail_disk(const HostName& host, std::size_t nth, bool lasting);
  void mend_disk(const HostName& host);

  // How many writes the host's state was asked for since.
  std::size_t disk_writes(const HostName& host) { return machine(host).disk->writes; }

 private:
  struct Disk {
    std::size_t writes = 0;
    std::optional<std::size_t> fails_at = {};
    bool lasting = false;
  };

  struct Machine {
    FakeKernel kernel;
    std::shared_ptr<Disk> disk = std::make_shared<Disk>();  // the state asks it, too
    std::unique_ptr<State> state;
  };

  Machine& machine(const HostName& host);
  World world(Machine& machine, Keystore& keystore);
  static Request request(const Manifest& manifest, const HostName& host);
  Result<Applied> run(const Request& request);
  Result<Applied> run_until(std::size_t asked, const Request& request);
  State open_state(const HostName& host, const std::shared_ptr<Disk>& disk);
  static Status write_to(Disk& disk);

  test::TemporaryDirectory directory_;
  std::unique_ptr<FakeStore> store_;
  std::map<HostName, Machine> machines_;
  int lives_ = 0;  // of states
};

}  // namespace ovl
