// A plan as text for people and as JSON for programs.
#pragma once

#include <string>

#include "model/plan/plan.hpp"

namespace ovl {

struct RenderOptions {
  bool colour = false;
  bool show_all = false;        // no folding of long runs
  std::string last_words = {};  // empty: the plan's own; see reconcile/run/closing.hpp
};

// Grouped by cluster, network, endpoint and host, aligned, with reasons; ends with the frozen footer.
std::string plan_text(const Plan& plan, const RenderOptions& options);

// The shape that Terraform's plan readers know (format_version 1.2), with what is ours under "ovl".
// last_words: as in RenderOptions.
Value plan_json(const Plan& plan, const std::string& last_words = {});

}  // namespace ovl
