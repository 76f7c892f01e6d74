// A plan that was shown, saved or agreed to is carried out only if planning again comes to the same. What is
// compared are the records' revisions and all that the plan shows, so that whatever would be done otherwise
// is caught, whichever way it came: a record, the kernel, a policy, another build. Other hosts' facts and
// status move all the time, and make no plan stale as long as nothing in it changes.
#include "cmd/session/plan_output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <initializer_list>
#include <iostream>
#include <map>

#include "cmd/base/describe.hpp"
#include "cmd/base/style.hpp"
#include "cmd/formats/decode_plan.hpp"
#include "cmd/formats/render_plan.hpp"
#include "cmd/session/machine.hpp"
#include "cmd/session/tell.hpp"
#include "files/read.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/records/diff_records.hpp"
#include "state/plan_file.hpp"

namespace ovl {

namespace {

// Of the records alone: facts and status of other hosts may move without making a plan stale.
bool is_record_key(const std::string& key) {
  return key.find("/hosts/") != std::string::npos || key.find("/networks/") != std::string::npos ||
         key.find("/endpoints/") != std::string::npos;
}

// What a plan rests on in the store: lineage, serial, and each record's revision. Revisions and not values: a
// record that was changed and changed back was somebody's work in between.
Value store_fingerprint(const Planned& planned) {
  Value out = Value::object();
  if (planned.cluster.view.head) {
    out.set("lineage", planned.cluster.view.head->lineage);
    out.set("serial", planned.cluster.view.head->serial);
  }
  Value records = Value::object();
  for (const auto& [key, revision] : planned.cluster.view.revisions) {
    if (is_record_key(key)) records.set(key, static_cast<std::int64_t>(revision));
  }
  out.set("records", std::move(records));
  return out;
}

// Whole, so that a plan can be applied where neither folder nor repository is, and says by itself what it was
// made from.
Value sources_json(const Sources& sources) {
  Value out = Value::array();
  for (const SourceFile& source : sources) {
    Value item = Value::object();
    item.set("name", source.name);
    item.set("text", source.text);
    out.push(std::move(item));
  }
  return out;
}

Value texts_json(const std::vector<std::string>& texts) {
  Value out = Value::array();
  for (const std::string& text : texts) out.push(text);
  return out;
}

// What was asked for: it is asked for again when the plan is made anew to be compared. What the command line
// that applies it says itself is not in here: see keep_telling() in cmd/verbs/apply.cpp.
Value options_json(const PlanOptions& options) {
  Value out = Value::object();
  out.set("scope", options.scope);
  out.set("destroy", options.destroy);
  out.set("refresh_only", options.refresh_only);
  out.set("allow_rollback", options.allow_rollback);
  out.set("take_over", options.take_over);
  out.set("new_cluster", options.new_cluster);
  out.set("restored", options.restored);
  out.set("max_destroy", options.max_destroy);
  out.set("targets", texts_json(options.targets));
  out.set("excludes", texts_json(options.excludes));
  out.set("replaces", texts_json(options.replaces));
  return out;
}

// A member that nobody reads would be shown to nobody. A plan that ovl show renders and a person approves has
// to be all that an apply goes by.
Status check_members(const Value& value, std::initializer_list<std::string_view> known) {
  const Value::Object* members = value.as_object();
  if (members == nullptr) return Error{.code = Errc::corrupt, .message = "the saved plan is no object"};
  for (const auto& [name, item] : *members) {
    if (std::ranges::find(known, name) != known.end()) continue;
    return Error{.code = Errc::corrupt,
                 .message = fmt::format("the saved plan has an unknown member \"{}\"", printable(name))};
  }
  return {};
}

// Each is required: one that is missing in a plan of another build would get a default that nobody has
// approved.
template <class T>
Status read_member(const Value& value, std::string_view name, T& out) {
  const Value* found = value.find(name);
  if (found == nullptr) {
    return Error{.code = Errc::corrupt, .message = fmt::format("the saved plan has no \"{}\"", name)};
  }
  OVL_TRY(out, decode<T>(*found));
  return {};
}

Status read_options(const Value& value, PlanOptions& options) {
  OVL_CHECK(
      check_members(value, {"scope", "destroy", "refresh_only", "allow_rollback", "take_over", "new_cluster",
                            "restored", "max_destroy", "targets", "excludes", "replaces"}));
  OVL_CHECK(read_member(value, "scope", options.scope));
  OVL_CHECK(read_member(value, "destroy", options.destroy));
  OVL_CHECK(read_member(value, "refresh_only", options.refresh_only));
  OVL_CHECK(read_member(value, "allow_rollback", options.allow_rollback));
  OVL_CHECK(read_member(value, "take_over", options.take_over));
  OVL_CHECK(read_member(value, "new_cluster", options.new_cluster));
  OVL_CHECK(read_member(value, "restored", options.restored));
  OVL_CHECK(read_member(value, "max_destroy", options.max_destroy));
  OVL_CHECK(read_member(value, "targets", options.targets));
  OVL_CHECK(read_member(value, "excludes", options.excludes));
  return read_member(value, "replaces", options.replaces);
}

Result<std::string> text_at(const Value& value, std::string_view name) {
  std::string out;
  OVL_CHECK(read_member(value, name, out));
  return out;
}

Result<const Value*> value_at(const Value& value, std::string_view name) {
  const Value* found = value.find(name);
  if (found != nullptr) return found;
  return Error{.code = Errc::corrupt, .message = fmt::format("the saved plan has no \"{}\"", name)};
}

// As the manifest's files are: they are parsed and judged anew when the plan is applied.
Result<Sources> sources_of(const Value& value) {
  Sources sources;
  OVL_TRY(const Value* items, value_at(value, "sources"));
  if (items->as_array() == nullptr) return wrong_type("a list of sources");
  for (const Value& item : *items->as_array()) {
    OVL_CHECK(check_members(item, {"name", "text"}));
    SourceFile source;
    OVL_TRY(source.name, text_at(item, "name"));
    OVL_TRY(source.text, text_at(item, "text"));
    sources.push_back(std::move(source));
  }
  return sources;
}

// The first change that is in one plan and not, or not the same, in the other. By address: the order of a
// plan is fixed, but where one change is gone all later ones would seem to have moved.
std::string first_moved(const Value& before, const Value& now) {
  const auto changes = [](const Value& plan) {
    std::map<std::string, std::string> out;
    // Drift too: an apply repairs it, and so it is a part of what was approved.
    for (const char* list : {"resource_changes", "resource_drift"}) {
      const Value* items = plan.find(list);
      if (items == nullptr || items->as_array() == nullptr) continue;
      for (const Value& item : *items->as_array()) {
        const Value* address = item.find("address");
        if (address != nullptr && address->as_string() != nullptr)
          out.emplace(*address->as_string(), item.json());
      }
    }
    return out;
  };
  const auto old_changes = changes(before);
  const auto new_changes = changes(now);
  for (const auto& [address, text] : old_changes) {
    const auto at = new_changes.find(address);
    if (at == new_changes.end() || at->second != text) return address;
  }
  for (const auto& [address, text] : new_changes) {
    // Also what came in the meantime was never shown.
    if (!old_changes.contains(address)) return address;
  }
  return {};
}

// What is shown beside the changes. What others report meanwhile moves none of it, what is refused now is
// refused in its own words, and who applies has an environment of his own.
std::string first_moved_word(const Value& before, const Value& now) {
  const Value none = Value::object();
  const Value* old_words = before.find("ovl");
  const Value* new_words = now.find("ovl");
  const auto moved =
      delta_of(old_words != nullptr ? *old_words : none, new_words != nullptr ? *new_words : none);
  constexpr std::array<std::string_view, 5> kOfOthers{"environment", "refused", "undone", "settled",
                                                      "closing"};
  const auto at = std::ranges::find_if(moved, [&](const FieldDelta& delta) {
    return std::ranges::find(kOfOthers, delta.name) == kOfOthers.end();
  });
  return at == moved.end() ? std::string() : fmt::format("what it says of \"{}\"", at->name);
}

// "record networks/my-net", "the cluster's head" or nothing.
std::string first_moved_record(const Value& before, const Value& now) {
  const auto revisions = [](const Value& store) {
    const Value* records = store.find("records");
    return records != nullptr ? *records : Value::object();
  };
  for (const FieldDelta& delta : delta_of(revisions(before), revisions(now))) {
    // Without the tree's name, which every key has.
    return "record " + delta.name.substr(delta.name.find("/v1/") + 4);
  }
  // Lineage and serial, when no record has moved.
  for (const FieldDelta& delta : delta_of(before, now)) {
    return fmt::format("the cluster's {} ({} -> {})", delta.name, text_of(delta.before),
                       text_of(delta.after));
  }
  return {};
}

// Two texts for one thing: who applies a file can plan anew, who was asked can only say it again.
Error stale(const std::string& what) {
  return Error{.code = Errc::stale,
               .message = fmt::format("the saved plan is stale: {} has moved since it was made", what),
               .hint = "plan again; nothing was done"};
}

Error stale_answer(const std::string& what) {
  return Error{
      .code = Errc::stale,
      .message = fmt::format("the plan is stale: {} has moved since it was shown; nothing was done", what),
      .hint = "say it again, and look at the plan as it is now"};
}

}  // namespace

// On stderr, as all that is about the manifest: stdout is the plan's.
bool print_problems(const Planned& planned, const Sources& sources) {
  std::cerr << render_all(planned.draft.problems, sources, wants_colour(STDERR_FILENO));
  return !planned.draft.problems.empty();
}

void print_plan(const Plan& plan, const GlobalOptions& global, const PlanOptions& options,
                const std::string& last_words) {
  if (format_of(options) == Format::json) {
    std::cout << plan_json(plan, last_words).pretty_json() << "\n";
    return;
  }
  std::cout << text_of_plan(plan, global, options, last_words) << std::flush;
}

std::string text_of_plan(const Plan& plan, const GlobalOptions& global, const PlanOptions& options,
                         const std::string& last_words) {
  const bool colour = !global.no_color && wants_colour(STDOUT_FILENO);
  return plan_text(plan, {.colour = colour, .show_all = options.show_all, .last_words = last_words});
}

Status write_json(const Plan& plan, const PlanOptions& options, const std::string& last_words) {
  if (options.json_into.empty()) return {};
  // Written in place and not by rename: it may be a FIFO or /dev/fd/N that somebody reads.
  std::ofstream file(options.json_into, std::ios::binary | std::ios::trunc);
  file << plan_json(plan, last_words).pretty_json() << "\n";
  file.close();
  if (file) return {};
  return Error{.code = Errc::io,
               .message = fmt::format("--json-into: {} can't be written", printable(options.json_into))};
}

Status save_plan(const Context& context, const Planned& planned, const PlanOptions& options) {
  Value out = Value::object();
  out.set("options", options_json(options));
  out.set("host", planned.plan.host.text());
  out.set("keystore", encode(context.access()));
  out.set("cluster", planned.plan.cluster.text());
  // A host's part was seen on a kernel that is gone after a boot. Records alone may be applied anywhere.
  out.set("boot", planned.plan.scope == Scope::cluster ? std::string() : boot_id());
  out.set("store", store_fingerprint(planned));
  out.set("sources", sources_json(context.sources()));
  out.set("origin", encode(planned.plan.origin));
  const GitRepository* repository = context.repository();
  out.set("repo", repository != nullptr ? repository->directory() : std::string());
  out.set("revision", context.is_revision());
  // By name, so that an apply can tell that the branch has moved since.
  out.set("ref", options.ref.empty() ? std::string("HEAD") : options.ref);
  out.set("dirty", context.request().dirty);
  out.set("plan", plan_json(planned.plan));
  out.set("changed", changed_fields(planned.plan));
  return write_plan_file(options.out, out);
}

namespace {

Result<SavedPlan> decode_saved(const Value& value) {
  OVL_CHECK(check_members(value, {"options", "host", "keystore", "cluster", "boot", "store", "sources",
                                  "origin", "repo", "revision", "ref", "dirty", "plan", "changed"}));
  SavedPlan saved;
  OVL_TRY(const Value* options, value_at(value, "options"));
  OVL_CHECK(read_options(*options, saved.options));
  // As the plan found this machine, which a --host of the applying line must not contradict.
  OVL_TRY(saved.options.host, text_at(value, "host"));
  OVL_TRY(const Value* access, value_at(value, "keystore"));
  OVL_TRY(saved.manifest.access, decode<KeystoreAccess>(*access));
  OVL_TRY(saved.options.cluster, text_at(value, "cluster"));
  OVL_TRY(saved.boot, text_at(value, "boot"));
  OVL_TRY(const Value* store, value_at(value, "store"));
  saved.store = *store;
  OVL_TRY(saved.manifest.files, sources_of(value));
  OVL_TRY(const Value* origin, value_at(value, "origin"));
  OVL_TRY(saved.manifest.origin, decode<Origin>(*origin));
  OVL_TRY(saved.manifest.repo, text_at(value, "repo"));
  OVL_TRY(saved.manifest.ref, text_at(value, "ref"));
  OVL_CHECK(read_member(value, "revision", saved.manifest.revision));
  OVL_CHECK(read_member(value, "dirty", saved.manifest.dirty));
  OVL_TRY(const Value* plan, value_at(value, "plan"));
  OVL_TRY(const Value* changed, value_at(value, "changed"));
  saved.json = *plan;
  saved.changed = *changed;
  // Decoded now, not when it is shown: a plan that can't be shown is not applied either.
  OVL_TRY(saved.shown, decode_plan(*plan, *changed));
  return saved;
}

}  // namespace

Result<SavedPlan> load_plan(const std::string& path) {
  OVL_TRY(const Value value, read_plan_file(path));
  auto saved = decode_saved(value);
  // Whoever could write the file could have written these words: see are_own_files().
  if (saved.ok()) saved.value().manifest.file = path;
  if (saved.ok()) return saved;
  Error error = std::move(saved).error().within(path);
  if (error.hint.empty()) error.hint = "plan again: ovl plan --out FILE";
  return error;
}

// By what is in it, as the same argument names a manifest, a folder or a plan.
bool is_saved_plan(const std::string& path) {
  // A manifest whatever it begins with: that it is none has to be said by the parser.
  if (path.empty() || path.ends_with(".toml")) return false;
  const auto file = open_regular(AT_FDCWD, path, path, Links::follow);
  char first = 0;
  // A saved plan is JSON, which begins so; nothing else about it is trusted here.
  return file.ok() && ::read(file.value().get(), &first, 1) == 1 && first == '{';
}

namespace {

// What differs between a plan as it was and as it is now; empty: nothing.
std::string moved_in(const Value& store, const Value& json, const Value& changed, const Plan& plan,
                     const Value& store_now) {
  const Value now = plan_json(plan);
  // The record first: that somebody has changed it says more than what follows from it.
  for (std::string moved :
       {first_moved_record(store, store_now), first_moved(json, now), first_moved_word(json, now)}) {
    if (!moved.empty()) return moved;
  }
  // Beside what is shown: fields of a set are folded in the text, and have to be the same all the same.
  return changed == changed_fields(plan) ? std::string() : std::string("a field that changes");
}

}  // namespace

Status check_fresh(const SavedPlan& saved, const Planned& planned) {
  if (!saved.boot.empty() && saved.boot != boot_id()) {
    return Error{
        .code = Errc::stale,
        .message = "the saved plan is stale: this machine has booted since it was made, or is another one",
        .hint = "plan again; nothing was done"};
  }
  const std::string moved =
      moved_in(saved.store, saved.json, saved.changed, planned.plan, store_fingerprint(planned));
  return moved.empty() ? Status() : stale(moved);
}

Status SeenPlan::look(const Planned& planned) {
  return look(planned.plan, store_fingerprint(planned));
}

// Whoever was asked has agreed to the first one, and what is made is the second.
Status SeenPlan::look(const Plan& plan, const Value& store) {
  if (!seen_) {
    // As values, not the plan itself: they are what a saved plan has, so that one comparison serves both.
    seen_.emplace(Seen{.store = store, .json = plan_json(plan), .changed = changed_fields(plan)});
    return {};
  }
  const std::string moved = moved_in(seen_->store, seen_->json, seen_->changed, plan, store);
  return moved.empty() ? Status() : stale_answer(moved);
}

}  // namespace ovl
