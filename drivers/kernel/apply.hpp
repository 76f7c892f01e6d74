// Performs operations: netlink ones travel in batches per namespace, the others one by one between
// them, so that the order stays.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "drivers/kernel/kernel.hpp"
#include "drivers/kernel/kinds/hosts_file.hpp"
#include "drivers/kernel/space.hpp"

namespace ovl {

struct ApplyContext {
  const NamespaceDirectory& directory;
  Spaces& spaces;
  HostsFiles& files;
  const std::string& proc;
  std::uint64_t& other_writes;   // of namespaces and sysctls
  Failures* failures = nullptr;  // what need not stop the rest
};

// What Kernel::apply() answers.
ApplyOutcome apply_operations(const ApplyContext& context, std::span<const Operation> operations);

}  // namespace ovl
