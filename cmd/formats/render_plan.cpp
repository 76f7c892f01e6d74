#include "cmd/formats/render_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cmd/base/describe.hpp"
#include "cmd/base/elements.hpp"
#include "cmd/base/fold.hpp"
#include "cmd/base/output_format.hpp"
#include "cmd/base/style.hpp"
#include "cmd/base/tunnel_step.hpp"
#include "reconcile/run/closing.hpp"

namespace ovl {

namespace {

std::string last_words(const Plan& plan, const std::string& given) {
  return given.empty() ? closing(closing_facts(plan)).words : given;
}

using Changes = std::vector<const ObjectChange*>;

Changes changes_with(const std::vector<ObjectChange>& all, bool drift) {
  Changes out;
  for (const ObjectChange& change : all) {
    if (change.drift == drift) out.push_back(&change);
  }
  return out;
}

class TextRenderer {
 public:
  TextRenderer(const Plan& plan, const RenderOptions& options)
      : plan_(plan), options_(options), style_(options.colour) {}

  std::string run() {
    origin();
    take_over();
    if (!plan_.record_changes.empty()) records();
    count_changed();
    objects(fmt::format("Host {}", plan_.host.text()), changes_with(plan_.object_changes, false));
    objects("Drift, which an apply repairs:", changes_with(plan_.object_changes, true));
    Changes drift;
    for (const ObjectChange& change : plan_.drift) drift.push_back(&change);
    objects("Drift, which an apply would repair:", drift);
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
    if (!plan_.environment.empty()) {
      out_ += style_.dim("Options from the environment: " + environment_text(plan_)) + "\n\n";
    }
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

  // What stands for the rest of a run.
  [[nodiscard]] std::string rest(std::size_t count, std::string_view what = {}) const {
    return style_.dim(fmt::format("... and {} more{} ({})", count, what, kFoldHint));
  }

  void records() {
    heading(fmt::format("Cluster {}", plan_.cluster.text()));
    Fold<std::pair<RecordKind, Action>> fold(options_.show_all);
    for (const RecordChange& change : plan_.record_changes) fold.expect({change.kind, change.action});
    for (const RecordChange& change : plan_.record_changes) {
      if (fold.shows({change.kind, change.action})) record(change);
    }
    fold.for_each_rest([&](const auto& key, std::size_t count) {
      out_ += fmt::format("  {} {} {}\n", symbol(key.second), name_of(key.first), rest(count));
    });
    out_ += "\n";
  }

  void record(const RecordChange& change) {
    out_ += fmt::format("  {} {}  {}\n", symbol(change.action), record_title(change), reason(change.reason));
    out_ += change.action == Action::update ? delta_rows(change) : record_rows(change);
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

  [[nodiscard]] std::string delta_rows(const RecordChange& change) const {
    const std::string step = tunnel_step_text(change);
    Table table;
    if (!step.empty()) table.line(step);
    for (const FieldDelta& field : change.fields) {
      if (!step.empty() && is_of_tunnel_step(field)) continue;
      table.row({field.name, words_of(difference_of(field, options_.show_all))});
    }
    return table.text("      ");
  }

  // How many objects of each namespace change.
  void count_changed() {
    for (const std::vector<ObjectChange>* changes : {&plan_.object_changes, &plan_.drift}) {
      for (const ObjectChange& change : *changes) ++changed_[change.space];
    }
  }

  // What is alike in two namespaces with as many changes of each kind.
  using Shape = std::map<std::pair<std::string_view, Action>, std::size_t>;

  static Shape shape_of(const Changes& changes) {
    Shape shape;
    for (const ObjectChange* change : changes) ++shape[{kind_of(*change), change->action}];
    return shape;
  }

  void objects(const std::string& title, const Changes& all) {
    if (all.empty()) return;
    heading(title);
    std::map<std::uint32_t, Changes> groups;
    for (const ObjectChange* change : all) groups[change->space].push_back(change);
    Fold<Shape> fold(options_.show_all);
    for (const auto& [space, changes] : groups) fold.expect(shape_of(changes));
    for (const auto& [space, changes] : groups) {
      if (fold.shows(shape_of(changes))) group(space, changes);
    }
    fold.for_each_rest([&](const Shape&, std::size_t count) {
      out_ += "  " + rest(count, " namespaces with the same changes") + "\n";
    });
    out_ += "\n";
  }

  [[nodiscard]] static std::string group_title(const NetnsName& space) {
    if (space.empty()) return "the host's own namespace";
    if (space.text().starts_with(kSandboxPrefix)) {
      return fmt::format("network {} (netns {})", space.text().substr(kSandboxPrefix.size()), space.text());
    }
    return fmt::format("netns {}", space.text());
  }

  void group(std::uint32_t space, const Changes& changes) {
    out_ += "  " + group_title(plan_.spaces[space]) + fold_note(space) + "\n";
    Table table;
    Fold<std::pair<std::string_view, Action>> fold(options_.show_all);
    for (const ObjectChange* change : changes) fold.expect({kind_of(*change), change->action});
    for (const ObjectChange* change : changes) {
      if (fold.shows({kind_of(*change), change->action})) row(table, *change);
    }
    fold.for_each_rest([&](const auto& key, std::size_t count) {
      table.line(fmt::format("{}  {}  {}", symbol(key.second), key.first, rest(count)));
    });
    out_ += table.text("    ");
  }

  // How much of the namespace stays as it is.
  [[nodiscard]] std::string fold_note(std::uint32_t space) const {
    const NamespaceObjects* desired = plan_.desired.find(plan_.spaces[space]);
    if (desired == nullptr) return {};
    std::size_t all = desired->netns ? 1 : 0;
    for_each_kind([&](auto member) { all += (desired->*member).size(); });
    const std::size_t changed = changed_.at(space);
    return all > changed ? style_.dim(fmt::format("  ({} unchanged)", all - changed)) : std::string();
  }

  // What has elements that differ has lines of its own below.
  void row(Table& table, const ObjectChange& change) const {
    const ChangeName name = name_of(plan_, change);
    const bool with_fields = change.action == Action::update || change.action == Action::replace;
    std::string detail;
    std::vector<std::string> below;
    if (with_fields) {
      for (const Difference& one : differences_of(change, options_.show_all)) tell(one, detail, below);
    } else {
      detail = summary_of(change.action == Action::remove ? change.before : change.after);
    }
    if (change.reason != Reason::absent || with_fields) {
      detail += (detail.empty() ? "" : "  ") + reason(change.reason);
    }
    table.row({symbol(change.action), name.type, name.index.empty() ? name.name : name.index, detail});
    for (std::string& line : below) table.line("       " + std::move(line));
  }

  static void tell(const Difference& one, std::string& detail, std::vector<std::string>& below) {
    if (one.is_lines()) {
      for (std::string& line : lines_of(one)) below.push_back(std::move(line));
    } else if (one.part.empty()) {
      detail += (detail.empty() ? "" : ", ") + text_of(one);
    } else {
      below.push_back(text_of(one));
    }
  }

  void findings(std::string_view title, const std::vector<Finding>& findings, bool bad) {
    if (findings.empty()) return;
    heading(std::string(title));
    Fold<std::string> fold(options_.show_all);
    for (const Finding& finding : findings) fold.expect(finding.id.text());
    for (const Finding& finding : findings) {
      if (fold.shows(finding.id.text())) tell(finding, bad);
    }
    fold.for_each_rest([&](const std::string& id, std::size_t count) {
      out_ += fmt::format("  {}: {}\n", id, rest(count));
    });
    out_ += "\n";
  }

  void tell(const Finding& finding, bool bad) {
    const std::string line = fmt::format("{}: {}", printable(finding.subject), printable(finding.message));
    out_ += "  " + (bad ? style_.red(line) : style_.yellow(line)) + "\n";
    if (!finding.part.empty()) out_ += "    left as it is: " + printable(finding.part) + "\n";
    if (!finding.hint.empty()) out_ += "    hint: " + printable(finding.hint) + "\n";
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
    Fold<std::string_view> fold(options_.show_all);
    for (const Interruption& one : plan_.interruptions) fold.expect(one.what);
    for (const Interruption& one : plan_.interruptions) {
      if (fold.shows(one.what)) out_ += "  " + text_of(one) + "\n";
    }
    fold.for_each_rest([&](std::string_view what, std::size_t count) {
      out_ += fmt::format("  {}: {}\n", what, rest(count));
    });
    out_ += "\n";
  }

  void waiting() {
    if (plan_.waiting.empty()) return;
    heading("Waiting:");
    Fold<bool> fold(options_.show_all);  // all of them are alike
    for (std::size_t i = 0; i < plan_.waiting.size(); ++i) fold.expect(true);
    for (const std::string& line : plan_.waiting) {
      if (fold.shows(true)) out_ += "  " + printable(line) + "\n";
    }
    fold.for_each_rest([&](bool, std::size_t count) { out_ += "  " + rest(count) + "\n"; });
    out_ += "\n";
  }

  const Plan& plan_;
  const RenderOptions& options_;
  Style style_;
  std::map<std::uint32_t, std::size_t> changed_;  // by namespace
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
    if (change.drift) ovl.set("drift", true);
    Value elements = elements_json(change);
    if (!elements.is_null()) ovl.set("elements", std::move(elements));
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
    if (one.for_good) item.set("for_good", true);
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
  ovl.set("summary", counts_value(plan));
  if (!plan.environment.empty()) ovl.set("environment", encode(plan.environment));
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
