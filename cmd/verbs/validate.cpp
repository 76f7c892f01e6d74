// ovl validate: all that can be found out from a manifest alone. It connects to nothing, reads no secret and
// needs no rights, so that hooks, pipelines and editors can run it on anybody's text.
#include "cmd/verbs/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>

#include "cmd/base/error_text.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/base/output_format.hpp"
#include "cmd/session/manifest_source.hpp"
#include "cmd/session/tell.hpp"
#include "reconcile/manifest/covering.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/records/given_addresses.hpp"
#include "reconcile/words/counted.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

std::size_t count_of(const Diagnostics& diagnostics, Severity severity) {
  return static_cast<std::size_t>(std::ranges::count(diagnostics, severity, &Diagnostic::severity));
}

std::string subject(const ValidateOptions& options, const Sources& sources) {
  if (sources.size() == 1) return safe_text(sources.front().name);
  return options.path.empty() ? counted(sources.size(), "file") : safe_text(options.path);
}

// With the counts of what was read: "valid" of a folder in which nothing was found says something else.
void print_verdict(const ValidateOptions& options, const Parsed& parsed, const Sources& sources,
                   std::ostream& out, std::ostream& err) {
  const std::size_t errors = count_of(parsed.diagnostics, Severity::error);
  err << render_all(parsed.diagnostics, sources, options.colour, "\n\n");
  if (errors > 0) {
    err << subject(options, sources) << ": invalid: " << counted(errors, "error") << "\n";
    return;
  }
  out << subject(options, sources) << ": valid: " << counted(parsed.manifest.hosts.size(), "host") << ", "
      << counted(parsed.manifest.networks.size(), "network") << ", "
      << counted(parsed.manifest.endpoints.size(), "endpoint") << "\n";
}

void print_json(const Parsed& parsed, const Sources& sources, std::ostream& out) {
  Value findings = Value::array();
  for (const Diagnostic& diagnostic : parsed.diagnostics)
    findings.push(diagnostic_value(diagnostic, sources));
  Value files = Value::array();
  for (const SourceFile& source : sources) files.push(safe_text(source.name));
  Value verdict = Value::object();
  verdict.set("format_version", kOutputFormat);
  verdict.set("valid", count_of(parsed.diagnostics, Severity::error) == 0);
  verdict.set("files", std::move(files));
  // The same digest that a plan has: a pipeline can tell that what it validated is what is planned.
  verdict.set("digest", parsed.manifest.digest);
  verdict.set("diagnostics", std::move(findings));
  out << verdict.pretty_json() << "\n";
}

Format format_of(const ValidateOptions& options) {
  if (options.json) return Format::json;
  return decode<Format>(Value(options.format)).value();
}

// In the formats for other tools; people read stderr.
void tell(const ManifestFindings& manifest, const std::optional<Error>& error, Format format,
          std::ostream& out) {
  Report report = report_of("validate", PlanOptions{}, manifest);
  report.error = error;
  out << told(report, format);
}

int report_unreadable(const ValidateOptions& options, const Error& error, std::ostream& out,
                      std::ostream& err) {
  // A format for programs has a document for each end, also where there is no manifest at all.
  if (format_of(options) != Format::text) tell({}, error, format_of(options), out);
  err << error_text(error, Style(options.colour));
  return exit_code(error.code);
}

}  // namespace

int validate(const ValidateOptions& options, std::ostream& out, std::ostream& err) {
  // As every verb finds it, so that what validates is what would be applied.
  auto found = find_manifest(PlanOptions{.path = options.path, .repo = options.repo, .ref = options.ref});
  if (!found.ok()) return report_unreadable(options, found.error(), out, err);
  Sources sources = std::move(found.value().files);
  Parsed parsed = parse(sources);
  const bool valid = count_of(parsed.diagnostics, Severity::error) == 0;
  // Warnings need a manifest that makes sense: of one with errors they would be about what somebody is going
  // to correct.
  if (valid) {
    for (Diagnostics& warnings :
         std::array{covering_subnets(parsed.manifest), given_without_subnet(parsed.manifest)}) {
      std::ranges::move(warnings, std::back_inserter(parsed.diagnostics));
    }
  }
  const Format format = format_of(options);
  if (format == Format::json) {
    print_json(parsed, sources, out);
  } else {
    // People read the verdict on stderr where stdout is a document for another program.
    print_verdict(options, parsed, sources, format == Format::text ? out : err, err);
  }
  if (format != Format::text && format != Format::json) {
    tell({std::move(sources), std::move(parsed.manifest), std::move(parsed.diagnostics),
          found.value().revision},
         std::nullopt, format, out);
  }
  return valid ? kExitDone : kExitManifest;
}

}  // namespace ovl
