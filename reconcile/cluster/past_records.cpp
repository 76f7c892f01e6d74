#include "reconcile/cluster/past_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "reconcile/cluster/guards.hpp"

namespace ovl {

namespace {

// Below a cluster's root -> the record as it was; null: there was none.
using Before = std::map<std::string, Value>;

// Well below what a reader takes of one key (kMostValueBytes).
constexpr std::size_t kPieceBytes = 128U << 10U;
// Of what one generation has changed: a cluster of 100,000 endpoints, all changed.
constexpr std::size_t kMostBytes = 64U << 20U;

template <class Record>
void find_changes(const std::vector<Record>& now, const std::vector<Record>& desired, const auto& key_of,
                  Before& out) {
  std::map<std::string, const Record*> wanted;
  for (const Record& record : desired) wanted.emplace(key_of(record), &record);
  for (const Record& record : now) {
    const auto at = wanted.find(key_of(record));
    if (at == wanted.end() || !(*at->second == record)) out.emplace(key_of(record), encode(record));
    if (at != wanted.end()) wanted.erase(at);
  }
  for (const auto& [key, record] : wanted) out.emplace(key, Value());
}

Before changes(const Records& now, const Records& desired) {
  Before out;
  find_changes(
      now.hosts, desired.hosts, [](const HostRecord& host) { return "hosts/" + host.name.text(); }, out);
  find_changes(
      now.networks, desired.networks,
      [](const NetworkRecord& network) { return "networks/" + network.name.text(); }, out);
  find_changes(
      now.endpoints, desired.endpoints,
      [](const EndpointRecord& endpoint) {
        return fmt::format("endpoints/{}/{}", endpoint.network.text(), endpoint.name.text());
      },
      out);
  return out;
}

std::string text_of(const Before& before) {
  Value out = Value::array();
  for (const auto& [key, record] : before) out.push(Value(Value::Array{Value(key), record}));
  return out.json();
}

Result<Before> before_in(const std::string& text) {
  OVL_TRY(const Value all, Value::parse_json(text, kMostBytes));
  const Error none{.code = Errc::corrupt, .message = "it holds no changes"};
  if (all.as_array() == nullptr) return none;
  Before out;
  for (const Value& item : *all.as_array()) {
    const Value::Array* pair = item.as_array();
    if (pair == nullptr || pair->size() != 2 || pair->front().as_string() == nullptr) return none;
    out.insert_or_assign(*pair->front().as_string(), pair->back());
  }
  return out;
}

// A text as values of keys, the first with their number before it. No character is cut.
std::vector<std::string> pieces_of(std::string_view text) {
  constexpr unsigned char continues = 0xC0;
  std::vector<std::string> out;
  while (!text.empty()) {
    std::size_t size = std::min(text.size(), kPieceBytes);
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & continues) == 0x80) --size;
    out.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  out.front().insert(0, fmt::format("{}\n", out.size()));
  return out;
}

// Errors: not_found (there is nothing), corrupt, as the store.
Result<Before> read_before(Keystore& store, const StoreLayout& layout, std::int64_t serial) {
  OVL_TRY(const Snapshot found, store.read(layout.past(serial)));
  if (found.items.empty()) {
    return Error{.code = Errc::not_found, .message = fmt::format("generation {} has kept nothing", serial)};
  }
  std::string text;
  std::size_t pieces = 0;
  const std::string& first = found.items.front().value;
  const auto [end, error] = std::from_chars(first.data(), first.data() + first.size(), pieces);
  const auto lead = static_cast<std::size_t>(end - first.data()) + 1;
  if (error != std::errc{} || pieces > found.items.size() || lead > first.size()) {
    return Error{.code = Errc::corrupt, .message = fmt::format("generation {} is not kept whole", serial)};
  }
  for (std::size_t i = 0; i < pieces; ++i) text += found.items[i].value;
  return before_in(text.substr(lead));
}

Error not_kept(std::int64_t serial, std::string_view why) {
  return Error{.code = Errc::not_found,
               .message = fmt::format("the records of generation {} are not kept: {}", serial, why),
               .hint = "see what there is: ovl history; or apply the manifest as it was"};
}

// Today's records with what every later generation has changed put back, as keys of a tree.
Result<std::map<std::string, std::string>> tree_at(Keystore& store, const StoreLayout& layout,
                                                   const StoreView& view, std::int64_t serial) {
  std::map<std::string, std::string> tree;
  for (const auto& [key, record] : changes(view.records, Records())) tree.emplace(key, record.json());
  for (std::int64_t at = view.head->serial; at > serial; --at) {
    auto before = read_before(store, layout, at);
    const bool gone =
        !before.ok() && (before.error().code == Errc::not_found || before.error().code == Errc::corrupt);
    if (gone) return not_kept(serial, before.error().message);
    OVL_TRY(const Before changed, std::move(before));
    for (const auto& [key, record] : changed) {
      if (record.is_null()) {
        tree.erase(key);
      } else {
        tree.insert_or_assign(key, record.json());
      }
    }
  }
  return tree;
}

}  // namespace

Result<std::vector<Unit>> past_units(Keystore& store, const StoreLayout& layout, const StoreView& view,
                                     const Records& desired, std::int64_t serial) {
  Before before = changes(view.records, desired);
  auto cut_short = read_before(store, layout, serial);
  if (cut_short.ok()) {
    for (auto& [key, record] : cut_short.value()) before.insert_or_assign(key, std::move(record));
  } else if (cut_short.error().code != Errc::not_found && cut_short.error().code != Errc::corrupt) {
    return std::move(cut_short).error();
  }
  std::vector<Unit> units;
  const std::vector<std::string> pieces = pieces_of(text_of(before));
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    Unit& unit = units.emplace_back();
    unit.writes.push_back(Write{.key = fmt::format("{}{:06}", layout.past(serial), i), .value = pieces[i]});
  }
  if (serial <= kKeptGenerations) return units;
  OVL_TRY(const Snapshot old, store.read(layout.past(serial - kKeptGenerations)));
  for (const KeyValue& item : old.items) units.emplace_back().writes.push_back(Write{.key = item.key});
  return units;
}

Result<Records> records_of_generation(Keystore& store, const StoreLayout& layout, const StoreView& view,
                                      std::int64_t serial) {
  const auto generation = view.generations.find(serial);
  if (!view.head || generation == view.generations.end()) return not_kept(serial, "it is not in the history");
  OVL_TRY(const auto tree, tree_at(store, layout, view, serial));
  Snapshot snapshot;
  for (const auto& [key, text] : tree) {
    snapshot.items.push_back({.key = layout.root() + key, .value = text});
  }
  StoreView past = view_of(snapshot, layout);
  const bool same = past.refused.empty() && digest_of(past.records) == generation->second.digest;
  if (!same) return not_kept(serial, "what later ones have kept does not lead back to it");
  return std::move(past.records);
}

Records wanted_again(Records past, const Records& current) {
  for (HostRecord& host : past.hosts) {
    const HostRecord* now = current.host(host.name);
    if (host.interface && now != nullptr && now->interface == host.interface) host.advertise = now->advertise;
  }
  for (NetworkRecord& network : past.networks) {
    network.twin.reset();
    network.device.reset();
  }
  return past;
}

}  // namespace ovl
