#include "cmd/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cmd/error_text.hpp"
#include "cmd/exit.hpp"
#include "cmd/manifest_source.hpp"
#include "cmd/output_format.hpp"
#include "reconcile/diagnostic_text.hpp"
#include "reconcile/parse.hpp"
#include "reconcile/utf8.hpp"

namespace ovl {

namespace {

// Whoever has more findings than this repairs the first ones first.
constexpr std::size_t kMostShown = 100;

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::size_t count_of(const Diagnostics& diagnostics, Severity severity) {
  return static_cast<std::size_t>(std::ranges::count(diagnostics, severity, &Diagnostic::severity));
}

std::string subject(const ValidateOptions& options, const Sources& sources) {
  if (sources.size() == 1) return safe_text(sources.front().name);
  return options.path.empty() ? counted(sources.size(), "file") : safe_text(options.path);
}

void print_findings(const Parsed& parsed, const Sources& sources, bool colour, std::ostream& err) {
  const std::size_t shown = std::min(parsed.diagnostics.size(), kMostShown);
  for (std::size_t i = 0; i < shown; ++i) err << render(parsed.diagnostics[i], sources, colour) << "\n\n";
  if (parsed.diagnostics.size() > shown) err << "... and " << parsed.diagnostics.size() - shown << " more\n";
}

void print_verdict(const ValidateOptions& options, const Parsed& parsed, const Sources& sources,
                   std::ostream& out, std::ostream& err) {
  const std::size_t errors = count_of(parsed.diagnostics, Severity::error);
  print_findings(parsed, sources, options.colour, err);
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
  verdict.set("digest", parsed.manifest.digest);
  verdict.set("diagnostics", std::move(findings));
  out << verdict.pretty_json() << "\n";
}

int report_unreadable(const ValidateOptions& options, const Error& error, std::ostream& err) {
  err << error_text(error, Style(options.colour));
  return exit_code(error.code);
}

}  // namespace

int validate(const ValidateOptions& options, std::ostream& out, std::ostream& err) {
  const auto found =
      find_manifest(PlanOptions{.path = options.path, .repo = options.repo, .ref = options.ref});
  if (!found.ok()) return report_unreadable(options, found.error(), err);
  const Sources& sources = found.value().files;
  const Parsed parsed = parse(sources);
  if (options.json) {
    print_json(parsed, sources, out);
  } else {
    print_verdict(options, parsed, sources, out, err);
  }
  return count_of(parsed.diagnostics, Severity::error) == 0 ? kExitDone : kExitManifest;
}

}  // namespace ovl
