#include "reconcile/cluster/lost_hosts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "model/records/abilities.hpp"
#include "reconcile/objects/filters.hpp"
#include "reconcile/objects/project.hpp"
#include "reconcile/objects/rules.hpp"
#include "reconcile/words/time_text.hpp"

namespace ovl {

namespace {

constexpr std::string_view kLost = "lost: ";
constexpr std::string_view kLostHosts = "lost hosts";  // the binding: their names, as a JSON array
constexpr std::string_view kBack = "; it is back and fails: ";

Guard as_seen(const StoreView& view, const std::string& key) {
  const auto at = view.revisions.find(key);
  if (at == view.revisions.end()) return {.kind = Guard::Kind::absent, .key = key};
  return {.kind = Guard::Kind::unmodified, .key = key, .revision = at->second};
}

Status check_can_be_lost(const StoreView& view, const HostName& host) {
  if (view.records.host(host) == nullptr) {
    return Error{
        .code = Errc::not_found,
        .message = fmt::format("there is no host {} in the records", host.text()),
        .hint = fmt::format("what a removed host has left goes with: ovl host forget {}", host.text())};
  }
  if (!std::ranges::binary_search(view.present, host)) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("{} is present: a process of ovl lives there", host.text()),
               .hint = "end the agent or sync there first, or wait until its time to live is over"};
}

}  // namespace

bool is_lost(const HostStatus& status) {
  return status.result.starts_with(kLost);
}

bool tells_of_loss(const std::string& status) {
  const auto value = Value::parse_json(status);
  if (!value.ok()) return false;
  const auto known = decode<HostStatus>(value.value());
  return known.ok() && is_lost(known.value());
}

std::vector<HostName> lost_hosts(const StoreView& view) {
  std::vector<HostName> out;
  for (const auto& [name, status] : view.status) {
    auto host = HostName::parse(name);
    if (host.ok() && is_lost(status)) out.push_back(std::move(host).value());
  }
  std::ranges::sort(out);
  return out;
}

Status say_lost(Keystore& store, const StoreLayout& layout, const HostName& host, const LossWord& word) {
  OVL_TRY(const StoreView view, read_store(store, layout));
  OVL_CHECK(check_can_be_lost(view, host));
  const auto at = view.status.find(host.text());
  HostStatus status = at != view.status.end() ? at->second : HostStatus();
  status.result = fmt::format("{}{} said so at {}", kLost, word.who, time_text(word.when));
  // It has not applied now: when it did last, if ever, stays.
  status.since = word.when;
  const Transaction said{.guards = {as_seen(view, layout.status(host)), as_seen(view, layout.presence(host))},
                         .writes = {{.key = layout.status(host), .value = encode(status).json()}}};
  OVL_TRY(const CommitResult result, store.commit(said));
  if (result.committed) return {};
  return Error{.code = Errc::stale,
               .message = fmt::format("{} reported itself just now; it is not lost", host.text())};
}

Status remember_lost(State& state, const std::vector<HostName>& lost) {
  OVL_TRY(const auto before, state.binding(kLostHosts));
  const std::string now = lost.empty() ? std::string() : encode(lost).json();
  return before.value_or("") == now ? Status() : state.bind(kLostHosts, now);
}

Result<std::vector<HostName>> recall_lost(const State& state) {
  OVL_TRY(const auto text, state.binding(kLostHosts));
  if (!text || text->empty()) return std::vector<HostName>();
  OVL_TRY(const Value names, Value::parse_json(*text));
  return decode<std::vector<HostName>>(names);
}

std::vector<HostName> refused_by(const NamespaceObjects* here, const Label& cluster, const Records& records) {
  std::set<Bytes> dropped;
  for (const NftTable& table : here != nullptr ? here->nft_tables : std::vector<NftTable>()) {
    if (table.family != NftFamily::inet || !is_owner_mark(cluster, table.comment)) continue;
    for (const NftSet& set : table.sets) {
      if (set.name == kLostSets[0] || set.name == kLostSets[1])
        dropped.insert(set.elements.begin(), set.elements.end());
    }
  }
  std::vector<HostName> out;
  for (const HostRecord& host : records.hosts) {
    if (host.advertise && dropped.contains(rules::bytes_of(*host.advertise))) out.push_back(host.name);
  }
  std::ranges::sort(out);
  return out;
}

std::string unheard_of_loss(const StoreView& view, const Records& records, const HostName& host) {
  const HostFacts* facts = view.facts.host(host);
  // Builds that share aliases say whom they refuse; those before them can't be judged.
  if (facts == nullptr || !says(facts->version, Ability::shared_aliases)) return {};
  const std::vector<HostName> refuses = facts->refuses.value_or(std::vector<HostName>());
  for (const HostRecord& other : records.hosts) {
    if (other.name == host || !other.advertise) continue;
    const auto status = view.status.find(other.name.text());
    const bool lost = status != view.status.end() && is_lost(status->second);
    const bool refused = std::ranges::binary_search(refuses, other.name);
    if (lost == refused) continue;
    const std::string& name = other.name.text();
    return lost ? fmt::format("does not refuse {} yet, which is lost", name)
                : fmt::format("still refuses {}, which is back", name);
  }
  return {};
}

std::string result_of_failure(const HostStatus& before, const std::string& text) {
  if (!is_lost(before)) return text;
  return fmt::format("{}{}{}", before.result.substr(0, before.result.find(kBack)), kBack, text);
}

}  // namespace ovl
