// The block [policy], of a manifest and of a host's own policy file.
#pragma once

#include "model/plan/policy.hpp"
#include "reconcile/toml/reporter.hpp"
#include "reconcile/toml/toml_node.hpp"

namespace ovl {

enum class PolicyHome : std::uint8_t { manifest, host };

// Reads the block's keys into `out`. False when one was refused; what the host alone decides is, in a
// manifest.
bool decode_policy(Reporter& report, PolicyHome home, const TomlMember& block, Policy& out);

}  // namespace ovl
