#include "cmd/render_plan.hpp"

#include <fmt/format.h>

#include <map>

#include "cmd/describe.hpp"
#include "cmd/output_format.hpp"
#include "cmd/style.hpp"
#include "reconcile/closing.hpp"

namespace ovl {

namespace {

std::string last_words(const Plan& plan, const std::string& given) {
  return given.empty() ? closing(closing_facts(plan)).words : given;
}

// More changes than this of one kind and action in one group become one line.
constexpr std::size_t kFoldAbove = 20;

class TextRenderer {
 public:
  TextRenderer(const Plan& plan, const RenderOptions& options)
      : plan_(plan), options_(options), style_(options.colour) {}

  std::string run() {
    origin();
    take_over();
    if (!plan_.record_changes.empty()) records();
    if (!plan_.object_changes.empty())
      objects(fmt::format("Host {}", plan_.host.text()), plan_.object_changes);
    if (!plan_.drift.empty()) objects("Drift, which an apply would repair:", plan_.drift);
    interruptions();
    findings("Refused:", plan_.refused, true);
    conflicts();
    findings("Warnings:", plan_.warnings, false);
    waiting();
    out_ += printable(last_words(plan_, options_.last_words)) + "\n";
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::string symbol(Action action) const {
    switch (action) {
      case Action::create: return style_.green("+");
      case Action::update: return style_.yellow("~");
      case Action::replace: return style_.red("-") + "/" + style_.green("+");
      case Action::remove: return style_.red("-");
      case Action::adopt: return style_.green("=");
      case Action::forget: return style_.yellow(".");
    }
    return "?";
  }

  [[nodiscard]] std::string reason(Reason reason) const {
    return style_.dim(fmt::format("({})", words_for(reason)));
  }

  // Whose words these are. Nothing to tell of a plain folder.
  void origin() {
    const Origin& from = plan_.origin;
    if (from.commit.empty()) return;
    out_ += style_.dim(fmt::format("Commit {:.12} by {}{}", printable(from.commit), printable(from.author),
                                   from.path.empty() ? "" : fmt::format(", {}/", printable(from.path)))) +
            "\n\n";
  }

  // Whose words count from now on.
  void take_over() {
    if (plan_.former_source.empty()) return;
    heading(fmt::format("Source of cluster {}", plan_.cluster.text()));
    out_ += fmt::format("  {} {} -> {}\n\n", symbol(Action::update), printable(plan_.former_source),
                        printable(plan_.origin.source));
  }

  void heading(const std::string& text) { out_ += style_.bold(text) + "\n"; }

  void records() {
    heading(fmt::format("Cluster {}", plan_.cluster.text()));
    for (const RecordChange& change : plan_.record_changes) {
      out_ +=
          fmt::format("  {} {}  {}\n", symbol(change.action), record_title(change), reason(change.reason));
      out_ += change.action == Action::update ? delta_rows(change.fields, "      ") : record_rows(change);
    }
    out_ += "\n";
  }

  static std::string record_title(const RecordChange& change) {
    std::string address = name_of(change).address();
    if (change.previous.empty()) return address;
    return fmt::format("{} -> {}", name_of(change.kind, change.previous).address(), address);
  }

  // The members of a new record; the generated id says nothing to a reviewer.
  [[nodiscard]] std::string record_rows(const RecordChange& change) const {
    if (change.action != Action::create || change.after.as_object() == nullptr) return {};
    Table table;
    for (const auto& [name, value] : *change.after.as_object()) {
      const bool shown = name != "id" && name != "chosen" && name != "name" && name != "network";
      if (!shown || (value.as_bool() != nullptr && !*value.as_bool())) continue;
      table.row({name, text_of(value) + (was_chosen(change.after, name) ? style_.dim(" (chosen)") : "")});
    }
    return table.text("      ");
  }

  static bool was_chosen(const Value& record, const std::string& name) {
    const Value* chosen = record.find("chosen");
    if (chosen == nullptr || chosen->as_array() == nullptr) return false;
    for (const Value& word : *chosen->as_array()) {
      if (word == Value(name)) return true;
    }
    return false;
  }

  [[nodiscard]] std::string delta_rows(const std::vector<FieldDelta>& fields, std::string_view indent) const {
    Table table;
    for (const FieldDelta& field : fields) {
      table.row({field.name, fmt::format("{} -> {}", text_of(field.before), text_of(field.after))});
    }
    return table.text(indent);
  }

  void objects(const std::string& title, const std::vector<ObjectChange>& all) {
    heading(title);
    std::map<std::uint32_t, std::vector<const ObjectChange*>> groups;
    for (const ObjectChange& change : all) groups[change.space].push_back(&change);
    for (const auto& [space, changes] : groups) group(plan_.spaces[space], changes);
    out_ += "\n";
  }

  [[nodiscard]] static std::string group_title(const NetnsName& space) {
    if (space.empty()) return "the host's own namespace";
    if (space.text().starts_with(kSandboxPrefix)) {
      return fmt::format("network {} (netns {})", space.text().substr(kSandboxPrefix.size()), space.text());
    }
    return fmt::format("netns {}", space.text());
  }

  void group(const NetnsName& space, const std::vector<const ObjectChange*>& changes) {
    out_ += "  " + group_title(space) + fold_note(space, changes.size()) + "\n";
    Table table;
    std::map<std::pair<std::string, Action>, std::size_t> totals;
    for (const ObjectChange* change : changes) ++totals[{name_of(plan_, *change).type, change->action}];
    std::map<std::pair<std::string, Action>, std::size_t> shown;
    for (const ObjectChange* change : changes) {
      const ChangeName name = name_of(plan_, *change);
      const auto key = std::pair(name.type, change->action);
      if (!options_.show_all && totals[key] > kFoldAbove && shown[key]++ >= kFoldAbove / 2) continue;
      row(table, *change, name);
    }
    for (const auto& [key, count] : shown) {
      if (count > kFoldAbove / 2) {
        table.row({symbol(key.second), key.first,
                   style_.dim(fmt::format("... and {} more", count - kFoldAbove / 2))});
      }
    }
    out_ += table.text("    ");
  }

  // How much of the namespace stays as it is.
  [[nodiscard]] std::string fold_note(const NetnsName& space, std::size_t changed) const {
    const NamespaceObjects* desired = plan_.desired.find(space);
    if (desired == nullptr) return {};
    std::size_t all = desired->netns ? 1 : 0;
    for_each_kind([&](auto member) { all += (desired->*member).size(); });
    return all > changed ? style_.dim(fmt::format("  ({} unchanged)", all - changed)) : std::string();
  }

  void row(Table& table, const ObjectChange& change, const ChangeName& name) const {
    const bool with_fields = change.action == Action::update || change.action == Action::replace;
    std::string detail = with_fields
                             ? fields_text(change)
                             : summary_of(change.action == Action::remove ? change.before : change.after);
    if (change.reason != Reason::absent || with_fields) {
      detail += (detail.empty() ? "" : "  ") + reason(change.reason);
    }
    table.row({symbol(change.action), name.type, name.index.empty() ? name.name : name.index, detail});
  }

  [[nodiscard]] static std::string fields_text(const ObjectChange& change) {
    std::string out;
    for (const FieldDelta& field : fields_of(change)) {
      if (!out.empty()) out += ", ";
      out += fmt::format("{}: {} -> {}", field.name, text_of(field.before), text_of(field.after));
    }
    return out;
  }

  void findings(std::string_view title, const std::vector<Finding>& findings, bool bad) {
    if (findings.empty()) return;
    heading(std::string(title));
    for (const Finding& finding : findings) {
      const std::string line = fmt::format("{}: {}", printable(finding.subject), printable(finding.message));
      out_ += "  " + (bad ? style_.red(line) : style_.yellow(line)) + "\n";
      if (!finding.part.empty()) out_ += "    left as it is: " + printable(finding.part) + "\n";
      if (!finding.hint.empty()) out_ += "    hint: " + printable(finding.hint) + "\n";
    }
    out_ += "\n";
  }

  void conflicts() {
    std::vector<Finding> whole;
    std::vector<Finding> parts;
    for (const Finding& conflict : plan_.conflicts)
      (conflict.part.empty() ? whole : parts).push_back(conflict);
    findings("Conflicts, to be solved first:", whole, true);
    findings("Conflicts, each of which leaves a part of this host as it is:", parts, true);
  }

  void interruptions() {
    if (plan_.interruptions.empty()) return;
    heading("Interruptions:");
    for (const Interruption& one : plan_.interruptions) out_ += "  " + text_of(one) + "\n";
    out_ += "\n";
  }

  void waiting() {
    if (plan_.waiting.empty()) return;
    heading("Waiting:");
    for (const std::string& line : plan_.waiting) out_ += "  " + printable(line) + "\n";
    out_ += "\n";
  }

  const Plan& plan_;
  const RenderOptions& options_;
  Style style_;
  std::string out_;
};

Value actions_json(Action action) {
  Value out = Value::array();
  switch (action) {
    case Action::create: out.push("create"); break;
    case Action::update: out.push("update"); break;
    case Action::remove: out.push("delete"); break;
    case Action::replace:
      out.push("delete");
      out.push("create");
      break;
    case Action::adopt: out.push("no-op"); break;
    case Action::forget: out.push("forget"); break;
  }
  return out;
}

Value change_json(const ChangeName& name, Action action, Reason reason, Value before, Value after,
                  Value ovl) {
  Value change = Value::object();
  change.set("actions", actions_json(action));
  change.set("before", std::move(before));
  change.set("after", std::move(after));
  change.set("after_unknown", Value::object());
  if (action == Action::adopt) {
    Value importing = Value::object();
    importing.set("id", name.address());
    change.set("importing", std::move(importing));
  }
  Value out = Value::object();
  out.set("address", name.address());
  out.set("mode", "managed");
  out.set("type", name.type);
  out.set("name", name.name);
  if (!name.index.empty()) out.set("index", name.index);
  out.set("provider_name", "ovl");
  out.set("action_reason", Value(ovl::name_of(reason)));
  out.set("change", std::move(change));
  out.set("ovl", std::move(ovl));
  return out;
}

Value record_json(const RecordChange& change) {
  Value ovl = Value::object();
  ovl.set("scope", "cluster");
  Value out =
      change_json(name_of(change), change.action, change.reason, change.before, change.after, std::move(ovl));
  if (!change.previous.empty()) {
    out.set("previous_address", name_of(change.kind, change.previous).address());
  }
  return out;
}

void add_objects(Value& out, const Plan& plan, const std::vector<ObjectChange>& changes) {
  for (const ObjectChange& change : changes) {
    Value ovl = Value::object();
    ovl.set("scope", "host");
    ovl.set("host", plan.host.text());
    ovl.set("netns", plan.spaces[change.space].text());
    const bool removing = change.action == Action::remove;
    out.push(change_json(name_of(plan, change), change.action, change.reason, value_of(change.before),
                         removing ? Value() : value_of(change.after), std::move(ovl)));
  }
}

Value changes_json(const Plan& plan) {
  Value out = Value::array();
  for (const RecordChange& change : plan.record_changes) out.push(record_json(change));
  add_objects(out, plan, plan.object_changes);
  return out;
}

Value drift_json(const Plan& plan) {
  Value out = Value::array();
  add_objects(out, plan, plan.drift);
  return out;
}

Value interruptions_json(const Plan& plan) {
  Value out = Value::array();
  for (const Interruption& one : plan.interruptions) {
    Value item = Value::object();
    item.set("subject", one.subject);
    item.set("what", one.what);
    item.set("milliseconds", encode(one.milliseconds));
    item.set("until", encode(one.until));
    if (one.others) item.set("others", true);
    out.push(std::move(item));
  }
  return out;
}

}  // namespace

std::string plan_text(const Plan& plan, const RenderOptions& options) {
  return TextRenderer(plan, options).run();
}

Value plan_json(const Plan& plan, const std::string& last_words) {
  Value ovl = Value::object();
  ovl.set("scope", Value(name_of(plan.scope)));
  ovl.set("cluster", plan.cluster.text());
  ovl.set("host", plan.host.text());
  ovl.set("source", plan.origin.source);
  ovl.set("former_source", plan.former_source);
  ovl.set("commit", plan.origin.commit);
  ovl.set("author", plan.origin.author);
  ovl.set("path", plan.origin.path);
  ovl.set("digest", plan.origin.digest);
  ovl.set("partial", plan.partial);
  ovl.set("refresh_only", plan.refresh_only);
  ovl.set("summary", counts_value(count(plan)));
  ovl.set("interruptions", interruptions_json(plan));
  ovl.set("refused", value_of(plan.refused));
  ovl.set("conflicts", value_of(plan.conflicts));
  ovl.set("warnings", value_of(plan.warnings));
  Value waiting = Value::array();
  for (const std::string& line : plan.waiting) waiting.push(line);
  ovl.set("waiting", std::move(waiting));
  const Closing end = closing(closing_facts(plan));
  ovl.set("destroy", plan.destroy);
  ovl.set("undone", encode(plan.undone));
  ovl.set("settled", end.is_settled);
  ovl.set("closing", last_words.empty() ? end.words : last_words);
  Value out = Value::object();
  out.set("format_version", kPlanFormat);
  out.set("terraform_version", kPlanTerraform);
  out.set("resource_changes", changes_json(plan));
  if (plan.refresh_only) out.set("resource_drift", drift_json(plan));
  out.set("ovl", std::move(ovl));
  return out;
}

}  // namespace ovl
