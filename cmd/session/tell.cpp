// A CI service shows a finding at the line that it names, if the file is named as the service knows it. That
// is the one thing here that depends on where ovl runs; the formats themselves are pure functions of a
// report.
#include "cmd/session/tell.hpp"

#include <cstdlib>
#include <filesystem>

#include "cmd/formats/formats.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

// The checkout that a CI service speaks of, as a real path; empty when the user does not stand in it. A
// service names files of its annotations from the checkout's root, whatever folder the job stands in; one
// that is named otherwise lands on no line.
fs::path checkout_around(const fs::path& here) {
  for (const char* name : {"GITHUB_WORKSPACE", "CI_PROJECT_DIR"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::error_code error;
    // Runners mount the workspace by links, and the current folder is a real path.
    fs::path root = fs::canonical(value, error);
    const fs::path below = here.lexically_relative(root);
    if (!error && !below.empty() && *below.begin() != "..") return root;
  }
  return {};
}

void find_checkout(Report& report) {
  std::error_code error;
  const fs::path here = fs::current_path(error);
  const fs::path root = checkout_around(here);
  if (error || root.empty()) return;
  report.checkout = root.string() + "/";
  const fs::path below = here.lexically_relative(root);
  if (below != ".") report.folder = below.string() + "/";
}

}  // namespace

Format format_of(const PlanOptions& options) {
  if (options.json) return Format::json;
  // The command line has let only known words through.
  return decode<Format>(Value(options.format)).value();
}

std::string told(const Report& report, Format format) {
  switch (format) {
    case Format::text:
    case Format::json: return json_of(report);
    case Format::markdown: return markdown_of(report);
    case Format::github: return github_of(report);
    case Format::sarif: return sarif_of(report);
    case Format::junit: return junit_of(report);
    case Format::gitlab: return gitlab_of(report);
  }
  return {};
}

Report report_of(const std::string& verb, const PlanOptions& options, const ManifestFindings& manifest) {
  Report report{.verb = verb,
                .cluster = manifest.manifest.cluster.value.text(),
                .manifest = manifest,
                .error = {},
                .checkout = {},
                .folder = {},
                .show_all = options.show_all};
  const auto named = Label::parse(options.cluster);
  // --cluster stands over the manifest's, here as for the plan. One that is no name is told by who opens the
  // context.
  if (named.ok()) report.cluster = named.value().text();
  // A revision's files are named from its root already.
  if (!manifest.revision) find_checkout(report);
  return report;
}

Report report_of(const std::string& verb, const PlanOptions& options, const ManifestFindings& manifest,
                 const Plan& plan) {
  Report report = report_of(verb, options, manifest);
  // What was really planned, also where the name came from the host.
  report.cluster = plan.cluster.text();
  report.plan = &plan;
  return report;
}

}  // namespace ovl
