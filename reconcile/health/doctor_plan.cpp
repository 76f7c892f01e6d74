#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "reconcile/health/doctor_parts.hpp"
#include "reconcile/host/host_status.hpp"
#include "reconcile/words/change_name.hpp"

namespace ovl {

namespace {

constexpr std::size_t kNamedHere = 5;

// What harms no traffic; all other warnings do, or will.
bool is_harmless(const Finding& warning) {
  static constexpr std::array<std::string_view, 3> ids{"dirty-source", "facts-cut", "small-underlay"};
  return std::ranges::find(ids, warning.id.text()) != ids.end();
}

// Of the store's, which are told where that is asked.
bool is_told_of_store(const Finding& warning) {
  static constexpr std::array<std::string_view, 3> ids{"refused-record", "unknown-keys", "keystore-away"};
  return std::ranges::find(ids, warning.id.text()) != ids.end();
}

std::string first_of(const std::vector<std::string>& names, std::size_t count) {
  const auto shown = std::span(names).first(std::min(names.size(), kNamedHere));
  const std::string more = count > shown.size() ? fmt::format(" and {} more", count - shown.size()) : "";
  return fmt::format("{}{}", fmt::join(shown, ", "), more);
}

void add_findings(const Plan& plan, Symptoms& out) {
  for (const std::vector<Finding>* findings : {&plan.refused, &plan.conflicts}) {
    for (const Finding& finding : *findings) {
      const std::string part = finding.part.empty() ? "" : fmt::format("; {} is left as it is", finding.part);
      out.problem(finding.subject, finding.message + part, finding.hint);
    }
  }
  for (const Finding& warning : plan.warnings) {
    if (is_told_of_store(warning)) continue;
    if (is_harmless(warning)) {
      out.note(warning.subject, warning.message, warning.hint);
    } else {
      out.problem(warning.subject, warning.message, warning.hint);
    }
  }
  for (const std::string& line : plan.waiting) out.note("waiting", line, "apply there");
}

// A filter that is gone lets in what it kept out, and says nothing.
void add_tables(const Plan& plan, Symptoms& out) {
  for (const ObjectChange& change : plan.object_changes) {
    const NftTable* wanted = as<NftTable>(change.after);
    if (wanted == nullptr) continue;
    const NetnsName& space = plan.spaces[change.space];
    out.problem("filter",
                fmt::format("table {} {} of {} {}", name_of(wanted->family), wanted->name,
                            space.empty() ? "this host" : "netns " + space.text(),
                            change.action == Action::create ? "is missing" : "is not as it shall be"),
                "ovl apply");
  }
}

void add_records(const Plan& plan, Symptoms& out) {
  std::vector<std::string> names;
  names.reserve(plan.record_changes.size());
  for (const RecordChange& change : plan.record_changes) {
    names.push_back(fmt::format("{} {}", name_of(change.kind), change.name));
  }
  if (names.empty()) return;
  out.problem("manifest",
              fmt::format("{} not as it says: {}",
                          names.size() == 1 ? "1 record is" : fmt::format("{} records are", names.size()),
                          first_of(names, names.size())),
              "ovl plan, then ovl apply");
}

}  // namespace

void examine_plan(const Patient& patient, Symptoms& out) {
  if (patient.host.empty()) return;
  if (patient.planned == nullptr)
    return out.problem("plan", patient.unplanned.message, patient.unplanned.hint);
  if (patient.refused) out.problem("plan", patient.refused->message, patient.refused->hint);
  const Planned& planned = *patient.planned;
  if (!planned.draft.problems.empty()) {
    const Diagnostic& first = planned.draft.problems.front();
    return out.problem("plan", first.message, first.hint);
  }
  const Plan& plan = planned.plan;
  add_findings(plan, out);
  add_records(plan, out);
  add_tables(plan, out);
  const Differing differing = differing_objects(plan);
  if (differing.count > 0) {
    const std::string names = first_of(differing.names, differing.count);
    out.problem("objects",
                differing.count == 1 ? fmt::format("1 object of this host is not as it shall be: {}", names)
                                     : fmt::format("{} objects of this host are not as they shall be: {}",
                                                   differing.count, names),
                "ovl plan, then ovl apply");
  } else if (plan.empty() && plan.refused.empty() && plan.conflicts.empty() && !patient.refused) {
    out.good("plan", "nothing differs from what shall be");
  }
}

}  // namespace ovl
