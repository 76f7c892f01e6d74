// How plan, apply, destroy and validate tell what they came to, in the format that was asked for.
#pragma once

#include <string>

#include "cmd/base/options.hpp"
#include "cmd/formats/report.hpp"

namespace ovl {

// What --format and --json ask for; --json wins.
Format format_of(const PlanOptions& options);

// The report in every format but text, which has a way of its own. Precondition: format is not text.
std::string told(const Report& report, Format format);

// A report of that verb about that manifest, with the checkout that GITHUB_WORKSPACE or CI_PROJECT_DIR names
// when the user stands in it and the files are from there. `options` may name the cluster over the manifest.
Report report_of(const std::string& verb, const PlanOptions& options, const ManifestFindings& manifest);

// The report of a plan.
Report report_of(const std::string& verb, const PlanOptions& options, const ManifestFindings& manifest,
                 const Plan& plan);

}  // namespace ovl
