#include "reconcile/records/diff_records.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace ovl {

namespace {

std::string record_name(const HostRecord& record) {
  return record.name.text();
}

std::string record_name(const NetworkRecord& record) {
  return record.name.text();
}

std::string record_name(const EndpointRecord& record) {
  return record.network.text() + "/" + record.name.text();
}

auto order_key(const HostRecord& record) {
  return std::tie(record.name);
}

auto order_key(const NetworkRecord& record) {
  return std::tie(record.name);
}

auto order_key(const EndpointRecord& record) {
  return std::tie(record.network, record.name);
}

struct Halves {
  std::vector<RecordChange> removals;
  std::vector<RecordChange> others;
};

template <class Record>
RecordChange change_of(RecordKind kind, const Record* before, const Record* after) {
  RecordChange change{.kind = kind, .name = record_name(before != nullptr ? *before : *after)};
  if (before != nullptr) change.before = encode(*before);
  if (after != nullptr) change.after = encode(*after);
  if (before == nullptr) {
    change.action = Action::create;
    change.reason = Reason::absent;
  } else if (after == nullptr) {
    change.action = Action::remove;
    change.reason = Reason::not_desired;
  } else {
    change.action = Action::update;
    change.reason = Reason::differs;
    change.fields = delta_of(change.before, change.after);
  }
  return change;
}

template <class Record>
Halves diff_kind(RecordKind kind, const std::vector<Record>& desired, const std::vector<Record>& current) {
  Halves out;
  auto want = desired.begin();
  auto have = current.begin();
  while (want != desired.end() || have != current.end()) {
    if (have == current.end() || (want != desired.end() && order_key(*want) < order_key(*have))) {
      out.others.push_back(change_of<Record>(kind, nullptr, &*want++));
    } else if (want == desired.end() || order_key(*have) < order_key(*want)) {
      out.removals.push_back(change_of<Record>(kind, &*have++, nullptr));
    } else {
      if (!(*want == *have)) out.others.push_back(change_of<Record>(kind, &*have, &*want));
      ++want;
      ++have;
    }
  }
  return out;
}

// One that goes and one that comes with its id are the same one under another name.
void join_moved(Halves& halves) {
  if (halves.removals.empty()) return;
  std::map<std::string, RecordChange*> gone;
  for (RecordChange& removal : halves.removals) gone.emplace(text_in(removal.before, "id"), &removal);
  std::set<const RecordChange*> joined;
  for (RecordChange& change : halves.others) {
    if (change.action != Action::create) continue;
    const auto at = gone.find(text_in(change.after, "id"));
    if (at == gone.end()) continue;
    joined.insert(at->second);
    change.action = Action::update;
    change.reason = Reason::moved;
    change.previous = at->second->name;
    change.before = at->second->before;
    change.fields = delta_of(change.before, change.after);
  }
  std::erase_if(halves.removals, [&](const RecordChange& removal) { return joined.contains(&removal); });
}

void append(std::vector<RecordChange>& out, std::vector<RecordChange>&& more) {
  std::move(more.begin(), more.end(), std::back_inserter(out));
}

}  // namespace

std::vector<RecordChange> diff_records(const Records& desired, const Records& current) {
  Halves hosts = diff_kind(RecordKind::host, desired.hosts, current.hosts);
  Halves networks = diff_kind(RecordKind::network, desired.networks, current.networks);
  Halves endpoints = diff_kind(RecordKind::endpoint, desired.endpoints, current.endpoints);
  for (Halves* halves : {&hosts, &networks, &endpoints}) join_moved(*halves);
  std::vector<RecordChange> out;
  append(out, std::move(endpoints.removals));
  append(out, std::move(networks.removals));
  append(out, std::move(hosts.removals));
  append(out, std::move(hosts.others));
  append(out, std::move(networks.others));
  append(out, std::move(endpoints.others));
  return out;
}

std::vector<FieldDelta> delta_of(const Value& before, const Value& after) {
  std::set<std::string> names;
  for (const Value* side : {&before, &after}) {
    if (side->as_object() == nullptr) continue;
    for (const Value::Member& member : *side->as_object()) names.insert(member.first);
  }
  std::vector<FieldDelta> out;
  for (const std::string& name : names) {
    const Value* old_value = before.find(name);
    const Value* new_value = after.find(name);
    const Value was = old_value != nullptr ? *old_value : Value();
    const Value will = new_value != nullptr ? *new_value : Value();
    if (!(was == will)) out.push_back(FieldDelta{.name = name, .before = was, .after = will});
  }
  return out;
}

bool touches(const RecordChange& change, std::initializer_list<std::string_view> fields) {
  return std::ranges::any_of(change.fields, [&](const FieldDelta& field) {
    return std::ranges::find(fields, field.name) != fields.end();
  });
}

std::string text_in(const Value& record, std::string_view member) {
  const Value* found = record.find(member);
  return found != nullptr && found->as_string() != nullptr ? *found->as_string() : std::string();
}

}  // namespace ovl
