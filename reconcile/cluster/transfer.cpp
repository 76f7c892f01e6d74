#include "reconcile/cluster/transfer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "drivers/keystore/gathering.hpp"
#include "reconcile/cluster/fit.hpp"
#include "reconcile/cluster/guards.hpp"
#include "reconcile/toml/toml_node.hpp"

namespace ovl {

namespace {

constexpr std::string_view kClaims = "claims/";

bool is_lasting(std::string_view below) {
  return below != "lock" && !below.starts_with("presence/");
}

Result<Value> value_at(std::string_view below, const std::string& text) {
  if (below.starts_with(kClaims)) return Value(text);
  return Value::parse_json(text);
}

Result<std::string> text_at(std::string_view below, const Value& value) {
  if (!below.starts_with(kClaims)) return value.json();
  if (value.as_string() != nullptr) return *value.as_string();
  return Error{.code = Errc::corrupt, .message = fmt::format("{} is no text", below)};
}

// The tree that a dump stands for, as a store would tell it, to be validated as one's is.
Result<Snapshot> snapshot_of(const Dump& dump) {
  const StoreLayout layout(dump.cluster);
  const KeySelection tree = layout.tree();
  Gathering gathering(tree, "the export");
  for (const auto& [key, value] : dump.items) {
    OVL_TRY(std::string text, text_at(key, value));
    KeyValue item{.key = layout.root() + key, .value = std::move(text), .created = 1, .modified = 1};
    if (!gathering.wants(item.key)) {
      return Error{.code = Errc::corrupt,
                   .message = fmt::format("{} is no key that this ovl knows", key),
                   .hint = "remove it from the export, or import it with the version that wrote it"};
    }
    OVL_CHECK(gathering.add(std::move(item)));
  }
  return gathering.finish(1);
}

Status require_valid(const StoreView& view) {
  if (!view.head)
    return Error{
        .code = Errc::not_found,
        .message = "there is no head: no cluster was applied here, or the keystore has lost it",
        .hint = "look whether url and cluster are the right ones; one that was lost is put back by an apply"};
  if (!fits_head(view)) {
    return Error{
        .code = Errc::corrupt,
        .message = fmt::format("its records are not those of generation {}", view.head->serial),
        .hint = "apply the manifest: it writes what is missing; or take it again when that is written"};
  }
  if (view.refused.empty()) return {};
  const Finding& first = view.refused.front();
  return Error{.code = Errc::corrupt,
               .message = fmt::format("record {} is refused: {}", first.subject, first.message),
               .hint = "see them all with: ovl keystore check"};
}

// Over what an import or a copy that was cut short has left: without a head it is nobody's cluster.
class Loader {
 public:
  Loader(const StoreLayout& layout, const Snapshot& there) : layout_(layout) {
    for (const KeyValue& item : there.items) left_.emplace(item.key, &item);
  }

  // Head last.
  Result<std::vector<Unit>> units(const Dump& dump) {
    std::vector<Unit> out;
    for (const bool is_head : {false, true}) {
      if (is_head) remove_others(out);
      for (const auto& [below, value] : dump.items) {
        if ((below == "head") == is_head) OVL_CHECK(put(below, value, out));
      }
    }
    return out;
  }

 private:
  Status put(const std::string& below, const Value& value, std::vector<Unit>& out) {
    OVL_TRY(std::string text, text_at(below, value));
    const std::string key = layout_.root() + below;
    const auto at = left_.find(key);
    Guard guard{.kind = Guard::Kind::absent, .key = key};
    if (at != left_.end()) {
      guard = {.kind = Guard::Kind::unmodified, .key = key, .revision = at->second->modified};
      const bool same = at->second->value == text;
      left_.erase(at);
      if (same) return {};
    }
    out.push_back(Unit{.guards = {std::move(guard)}, .writes = {{.key = key, .value = std::move(text)}}});
    return {};
  }

  // What the dump has not.
  void remove_others(std::vector<Unit>& out) {
    for (const auto& [key, item] : left_) {
      if (!is_lasting(std::string_view(key).substr(layout_.root().size()))) continue;
      out.push_back(
          Unit{.guards = {{.kind = Guard::Kind::unmodified, .key = key, .revision = item->modified}},
               .writes = {{.key = key, .value = {}}}});
    }
  }

  const StoreLayout& layout_;
  std::map<std::string, const KeyValue*> left_;
};

}  // namespace

Result<Dump> dump_cluster(Keystore& store, const Label& cluster) {
  const StoreLayout layout(cluster);
  OVL_TRY(const Snapshot snapshot, store.read(layout.tree()));
  OVL_CHECK(require_valid(view_of(snapshot, layout)));
  Dump dump{.cluster = cluster, .items = {}};
  for (const KeyValue& item : snapshot.items) {
    const std::string below = item.key.substr(layout.root().size());
    if (!is_lasting(below)) continue;
    OVL_TRY(Value value, value_at(below, item.value));
    dump.items.emplace_back(below, std::move(value));
  }
  return dump;
}

Status load_cluster(Keystore& store, const Dump& dump, const StoreLock::Holder& holder,
                    const StoreLock::Options& options) {
  const StoreLayout layout(dump.cluster);
  OVL_TRY(const Snapshot tree, snapshot_of(dump));
  OVL_CHECK(require_valid(view_of(tree, layout)));
  OVL_TRY(StoreLock lock, StoreLock::acquire(store, layout, holder, options));
  OVL_TRY(const auto head, store.get(layout.head()));
  if (head) {
    return Error{.code = Errc::conflict,
                 .message = fmt::format("{} has a cluster {} already", store.name(), dump.cluster.text()),
                 .hint = "take an empty keystore, or another prefix in the URL"};
  }
  OVL_TRY(const Snapshot left, store.read(layout.tree()));
  OVL_TRY(std::vector<Unit> units, Loader(layout, left).units(dump));
  OVL_CHECK(commit_units(store, std::move(units), lock, Progress{.stop = options.stop}));
  OVL_TRY(const Dump there, dump_cluster(store, dump.cluster));
  OVL_CHECK(lock.release());
  if (there == dump) return {};
  return Error{.code = Errc::verify, .message = fmt::format("what {} holds now differs", store.name())};
}

Value to_value(const Dump& dump) {
  Value records = Value::object();
  for (const auto& [key, value] : dump.items) records.set(key, value);
  Value out = Value::object();
  out.set("cluster", dump.cluster.text());
  out.set("records", std::move(records));
  return out;
}

Result<Dump> dump_of(const Value& value) {
  const Value* cluster = value.find("cluster");
  const Value* records = value.find("records");
  if (cluster == nullptr || cluster->as_string() == nullptr || records == nullptr ||
      records->as_object() == nullptr) {
    return Error{.code = Errc::corrupt, .message = "this is no export: it has no cluster or no records"};
  }
  Dump dump;
  OVL_TRY(dump.cluster, Label::parse(*cluster->as_string()));
  for (const auto& [key, item] : *records->as_object()) {
    if (is_lasting(key)) dump.items.emplace_back(key, item);
  }
  return dump;
}

std::vector<Finding> check_cluster_tree(const StoreView& view) {
  std::vector<Finding> out = view.refused;
  out.insert(out.end(), view.unreadable.begin(), view.unreadable.end());
  const auto add = [&](FindingId id, std::string subject, std::string message) {
    out.push_back(
        Finding{.code = Errc::corrupt,
                .id = id,
                .subject = std::move(subject),
                .message = std::move(message),
                .hint = "apply the manifest: it writes what is missing and removes what is left over"});
  };
  const auto wanted = claims_of(view.records);
  for (const auto& [claim, holder] : wanted) {
    const auto have = view.claims.find(claim);
    if (have == view.claims.end()) {
      add("claim-missing", "claims/" + claim, fmt::format("missing; {} needs it", holder));
    } else if (have->second != holder) {
      add("claim-held", "claims/" + claim, fmt::format("held by {}, not by {}", have->second, holder));
    }
  }
  for (const auto& [claim, holder] : view.claims) {
    if (!wanted.contains(claim) && !claim.starts_with("host/")) {
      add("claim-orphaned", "claims/" + claim, fmt::format("orphaned: {} does not need it", holder));
    }
  }
  if (view.head && view.refused.empty() && view.head->digest != digest_of(view.records)) {
    add("head-digest", "head",
        "the digest of generation " + std::to_string(view.head->serial) + " does not fit the records");
  }
  return out;
}

}  // namespace ovl
