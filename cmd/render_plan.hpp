// A plan as text for people and as JSON for programs.
#pragma once

#include <string>

#include "model/plan.hpp"

namespace ovl {

struct RenderOptions {
  bool colour = false;
  bool show_all = false;  // no folding of long runs
};

// Grouped by cluster, network, endpoint and host, aligned, with reasons; ends with the frozen footer.
std::string plan_text(const Plan& plan, const RenderOptions& options);

// The footer: "Plan: A to create, ..." or "No changes. ...".
std::string plan_footer(const Plan& plan);

// The shape that Terraform's plan readers know (format_version 1.2), with what is ours under "ovl".
Value plan_json(const Plan& plan);

}  // namespace ovl
