// Labs of this machine: started, found, entered, ended. A lab is namespaces that hold each other and
// nothing else of the machine; no process is needed to keep it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/lab/node.hpp"
#include "drivers/lab/run_state.hpp"
#include "model/plan/objects.hpp"

namespace ovl {

class Labs {
 public:
  // root: as "/run/ovl/lab".
  explicit Labs(std::string root) : state_(std::move(root)) {}

  // Called before each step of up(), which must be able to end there without a trace (and, if the
  // process dies there, to be cleaned up by the next up or down).
  using OnStep = std::function<void(std::string_view step)>;

  // Starts the lab of a directory. `network` makes its network, in namespaces named after
  // lab_nodes(plan). Answers false when the same lab is up already; what an interrupted up or down left
  // is removed first. Errors: conflict (another plan's lab is up), privilege, kernel, io.
  Result<bool> up(
      const std::string& directory, const LabPlan& plan, std::span<const Operation> network,
      const OnStep& step = [](std::string_view) {}) const;

  // Ends every process inside and removes the lab. Answers false when there is none.
  [[nodiscard]] Result<bool> down(const std::string& directory) const;

  [[nodiscard]] Result<std::vector<LabEntry>> list() const { return state_.list(); }

  // Processes in each node, in the order of lab_nodes(). One that has unshared counts where its hostname is.
  [[nodiscard]] Result<std::vector<std::size_t>> count_processes(const LabEntry& lab) const;

  // Moves this process, which must have one thread, into a node. Errors: not_found (the lab is not
  // complete), conflict (the node has lost what it had to itself), privilege, io.
  [[nodiscard]] Status enter(const LabEntry& lab, const LabNode& node) const;

 private:
  [[nodiscard]] Status build(const LabEntry& lab, std::span<const Operation> network,
                             const OnStep& step) const;
  [[nodiscard]] Status make_mount_points(const LabPlan& plan) const;
  [[nodiscard]] Status make_shared_files(const LabEntry& lab) const;
  [[nodiscard]] Status build_network(const LabEntry& lab, std::span<const Operation> network) const;
  [[nodiscard]] Status build_node(const LabEntry& lab, const LabNode& node) const;
  [[nodiscard]] Status start_keystore(const LabEntry& lab) const;
  [[nodiscard]] NodePins pins_of(const LabEntry& lab, std::string_view node) const;
  [[nodiscard]] std::vector<SharedFile> shared_files(const LabEntry& lab) const;
  [[nodiscard]] Status remove(const LabEntry& lab) const;
  // The root and the lock when nothing needs them any more; the lock is still held.
  [[nodiscard]] Status tidy() const;

  LabRunState state_;
};

}  // namespace ovl
