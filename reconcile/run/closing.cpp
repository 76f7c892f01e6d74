#include "reconcile/run/closing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "reconcile/host/host_status.hpp"
#include "reconcile/words/counted.hpp"

namespace ovl {

namespace {

// More names than this on one line say no more.
constexpr std::size_t kMostNames = 10;

std::string listed(const std::vector<std::string>& names) {
  const std::size_t shown = std::min(names.size(), kMostNames);
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(shown);
  std::string out = fmt::format("{}", fmt::join(names.begin(), end, ", "));
  return shown < names.size() ? fmt::format("{} and {} more", out, names.size() - shown) : out;
}

std::string nonzero_text(const PlanCounts& counts) {
  std::string out;
  const auto add_count = [&](std::size_t count, std::string_view what) {
    if (count > 0) out += fmt::format("{}{} to {}", out.empty() ? "" : ", ", count, what);
  };
  add_count(counts.create, "create");
  add_count(counts.update, "update");
  add_count(counts.replace, "replace");
  add_count(counts.remove, "remove");
  add_count(counts.adopt, "adopt");
  add_count(counts.forget, "forget");
  return out;
}

void add_counts(std::string& out, const std::string& what, const PlanCounts& counts) {
  const std::string text = nonzero_text(counts);
  if (!text.empty()) out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", what, text);
}

// "Plan: records: 2 to create; objects on n1: 3 to create; drift on n1: 1 to update."
std::string counts_text(const ClosingFacts& facts) {
  std::string out;
  add_counts(out, "records", facts.parts.records);
  add_counts(out, "objects on " + facts.host, facts.parts.objects);
  add_counts(out, "drift on " + facts.host, facts.parts.drift);
  if (facts.takes_source) out += fmt::format("{}the source: 1 to take over", out.empty() ? "" : "; ");
  return fmt::format("Plan: {}.", out.empty() ? "0 changes" : out);
}

bool has_host(const ClosingFacts& facts) {
  return facts.scope != Scope::cluster;
}

std::string done_text(const ClosingFacts& facts) {
  std::string out = fmt::format("{} complete{}:", facts.destroy ? "Destroy" : "Apply",
                                has_host(facts) ? " on " + facts.host : std::string());
  if (facts.scope != Scope::host || facts.records > 0) out += " " + counted(facts.records, "record");
  if (facts.scope == Scope::all || (facts.scope == Scope::host && facts.records > 0)) out += ",";
  if (has_host(facts)) out += " " + counted(facts.objects, "object");
  out += ".";
  const std::size_t adopted = facts.parts.records.adopt + facts.parts.objects.adopt + facts.parts.drift.adopt;
  if (adopted > 0) out += fmt::format(" {} taken over.", adopted);
  if (*facts.done > 0) out += fmt::format(" Generation {}.", *facts.done);
  return out;
}

// What keeps "no changes" from being the whole truth about this host.
std::string not_known(const ClosingFacts& facts) {
  std::string out;
  if (facts.undone.host_not_looked_at) out += " This host was not looked at.";
  if (facts.undone.away) out += " The store can't be reached: this host is as it was told last.";
  if (facts.undone.refused > 0) {
    out += fmt::format(" What this host had before stands for {}.",
                       counted(static_cast<std::size_t>(facts.undone.refused), "refused record"));
  }
  if (facts.undone.unsaid) {
    out += fmt::format(" This host has yet to report it (here: ovl apply{}).",
                       facts.scope == Scope::host ? " --scope host" : "");
  }
  return out;
}

std::string not_made(const ClosingFacts& facts) {
  if (facts.left.empty()) return {};
  return fmt::format(" Left as {}: {}.", facts.left.size() == 1 ? "it is" : "they are", listed(facts.left));
}

// What concerns the others. Whoever selects has asked for no more than that.
std::string still_to_come(const ClosingFacts& facts) {
  std::string out;
  if (facts.partial) return out;
  if (facts.undone.address_untold) {
    out += " The other hosts know another address of this one: apply the manifest (ovl apply).";
  }
  if (!facts.waiting.empty()) out += fmt::format(" Waiting for other hosts: {}.", listed(facts.waiting));
  if (!facts.undone.behind.empty()) {
    out += fmt::format(" Still to apply: {} (there: ovl apply --scope host).", listed(facts.undone.behind));
  }
  if (!facts.undone.lost.empty()) {
    out += fmt::format(" Lost, and not waited for: {}.", listed(facts.undone.lost));
  }
  return out;
}

std::string_view all_is_well(const ClosingFacts& facts) {
  if (facts.partial) return " What was selected is as it should be.";
  if (facts.destroy) return " There is nothing to remove.";
  return facts.scope == Scope::host ? " This host matches the records."
                                    : " The cluster matches the manifest.";
}

std::string words_of_look(const ClosingFacts& facts) {
  const std::string unknown = not_known(facts);
  if (facts.drift > 0) {
    const bool one = facts.drift == 1;
    return fmt::format("Refresh only: {} {} and {}.{}", counted(facts.drift, "object"),
                       one ? "differs" : "differ", one ? "stays as it is" : "stay as they are", unknown);
  }
  return "No changes." + (unknown.empty() ? " This host is as the records say." : unknown);
}

bool changes_nothing(const ClosingFacts& facts) {
  return facts.records == 0 && facts.objects == 0 && !facts.takes_source;
}

std::string words_of_plan(const ClosingFacts& facts) {
  const std::string refused = facts.refused ? " An apply is refused." : "";
  // Of what is left the changes are not counted.
  if (!changes_nothing(facts) || facts.refused || !facts.left.empty()) {
    return counts_text(facts) + not_known(facts) + not_made(facts) + refused;
  }
  const std::string rest = not_known(facts) + still_to_come(facts);
  if (rest.empty() || facts.partial) return fmt::format("No changes.{}{}", all_is_well(facts), rest);
  return (facts.undone.host_not_looked_at ? "No changes of the records." : "No changes.") + rest;
}

bool is_settled(const ClosingFacts& facts) {
  if (facts.refused || !facts.left.empty() || facts.undone.refused > 0) return false;
  if (facts.refresh_only) return facts.drift == 0;
  if (facts.undone.address_untold && !facts.partial) return false;
  return changes_nothing(facts) && !facts.undone.unsaid && (facts.partial || facts.waiting.empty());
}

// "network.blue: its change of VNI, until ...": what is before the colon.
std::string subject_of(const std::string& line) {
  return line.substr(0, line.find(": "));
}

// Of what goes in steps the step is told too.
std::vector<std::string> waiting_in(const Plan& plan) {
  std::set<std::string> out(plan.undone.steps.begin(), plan.undone.steps.end());
  for (const std::string& line : plan.waiting) {
    const std::string subject = subject_of(line);
    const bool known = std::ranges::any_of(
        plan.undone.steps, [&](const std::string& step) { return step.starts_with(subject + " ("); });
    if (!known) out.insert(subject);
  }
  return {out.begin(), out.end()};
}

std::vector<std::string> parts_of(const std::vector<Finding>& findings) {
  std::set<std::string> parts;
  for (const Finding& finding : findings) {
    if (!finding.part.empty()) parts.insert(finding.part);
  }
  return {parts.begin(), parts.end()};
}

}  // namespace

Closing closing(const ClosingFacts& facts) {
  Closing out{.words = {}, .is_settled = is_settled(facts)};
  if (facts.refresh_only) {
    out.words = words_of_look(facts);
  } else if (facts.done) {
    out.words = done_text(facts) + not_made(facts) + still_to_come(facts);
  } else {
    out.words = words_of_plan(facts);
  }
  return out;
}

ClosingFacts closing_facts(const Plan& plan) {
  const auto whole = [](const Finding& conflict) { return conflict.part.empty(); };
  return {.scope = plan.scope,
          .destroy = plan.destroy,
          .partial = plan.partial,
          .refresh_only = plan.refresh_only,
          .takes_source = !plan.former_source.empty(),
          .refused = !plan.refused.empty() || std::ranges::any_of(plan.conflicts, whole),
          .done = {},
          .host = plan.host.text(),
          .parts = count_parts(plan),
          .records = plan.record_changes.size(),
          .objects = plan.object_changes.size(),
          .drift = plan.refresh_only ? differing_objects(plan).count : 0,
          .left = parts_of(plan.conflicts),
          .waiting = waiting_in(plan),
          .undone = plan.undone};
}

ClosingFacts closing_facts(const Plan& plan, std::int64_t generation, const std::vector<Finding>& left) {
  ClosingFacts out = closing_facts(plan);
  out.left = parts_of(left);
  if (!plan.empty()) out.done = generation;
  return out;
}

}  // namespace ovl
