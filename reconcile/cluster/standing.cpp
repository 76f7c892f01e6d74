#include "reconcile/cluster/standing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "reconcile/cluster/lost_hosts.hpp"

namespace ovl {

namespace {

Standing standing_in_records(const StoreView& view, const Records& records, const HostName& host,
                             const HostStatus& status) {
  if (is_lost(status)) return {Standing::Kind::lost, status.result};
  if (status.result.starts_with("frozen: ")) return {Standing::Kind::frozen, status.result};
  const std::string drift =
      status.drift == 1 ? "1 object differs" : fmt::format("{} objects differ", status.drift);
  if (status.result != "ok") {
    return {Standing::Kind::failed,
            fmt::format("failed: {}{}", status.result, status.drift > 0 ? ", " + drift : "")};
  }
  const std::int64_t serial = view.head ? view.head->serial : 0;
  if (status.serial < serial)
    return {Standing::Kind::behind, fmt::format("behind: generation {}", status.serial)};
  const std::string unheard = unheard_of_loss(view, records, host);
  if (!unheard.empty()) return {Standing::Kind::behind, "behind: " + unheard};
  if (status.drift > 0) return {Standing::Kind::drifted, drift};
  return {Standing::Kind::current, "up to date"};
}

std::optional<Standing> standing_apart(const HostRecord* record, const HostFacts* facts) {
  const auto address = untold_address(record, facts);
  if (!address) return std::nullopt;
  return Standing{Standing::Kind::behind,
                  fmt::format("its address is {}, and its record says {}: apply the manifest",
                              address->text(), record->advertise->text())};
}

Standing standing_outside(const HostStatus& status) {
  std::string text = fmt::format("out of the records: what generation {} made is still there", status.serial);
  if (status.result != "ok") text += fmt::format(" ({})", status.result);
  return {is_lost(status) ? Standing::Kind::lost : Standing::Kind::leftover, std::move(text)};
}

}  // namespace

Standing standing_of(const StoreView& view, const Records& records, const HostName& host) {
  const auto at = view.status.find(host.text());
  const bool refused = std::ranges::binary_search(view.frozen_hosts, host);
  if (at == view.status.end()) {
    // A host says its facts before it first reports.
    const bool began = view.facts.host(host) != nullptr;
    return {Standing::Kind::never,
            began ? "no report: it was lost, or the first apply was cut short" : "never applied"};
  }
  if (records.host(host) == nullptr && !refused) return standing_outside(at->second);
  Standing standing = standing_in_records(view, records, host, at->second);
  if (standing.kind != Standing::Kind::current) return standing;
  return standing_apart(records.host(host), view.facts.host(host)).value_or(std::move(standing));
}

std::optional<IpAddress> untold_address(const HostRecord* record, const HostFacts* facts) {
  const bool follows = record != nullptr && record->interface && !record->bind && record->advertise;
  if (!follows || facts == nullptr || !facts->vtep || facts->vtep == record->advertise) return std::nullopt;
  return facts->vtep;
}

Standing standing_of(const StoreView& view, const HostName& host) {
  return standing_of(view, view.records, host);
}

std::vector<HostName> hosts_of(const StoreView& view, const Records& records) {
  std::set<HostName> out;
  for (const HostRecord& host : records.hosts) out.insert(host.name);
  for (const auto& [name, status] : view.status) {
    auto host = HostName::parse(name);
    if (host.ok()) out.insert(std::move(host).value());
  }
  return {out.begin(), out.end()};
}

namespace {

std::string span(std::int64_t from, std::int64_t now) {
  const std::int64_t seconds = std::max<std::int64_t>(0, now - from);
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 7200) return fmt::format("{}m", seconds / 60);
  return fmt::format("{}h", seconds / 3600);
}

}  // namespace

std::string ago(std::int64_t when, std::int64_t now) {
  return span(when, now) + " ago";
}

std::string standing_since(const StoreView& view, const HostName& host, std::int64_t now) {
  const auto at = view.status.find(host.text());
  return at == view.status.end() ? std::string() : span(at->second.since.value_or(at->second.when), now);
}

std::string health_of(const StoreView& view, const HostName& host, std::int64_t now) {
  const auto suspended = view.suspended.find(host);
  if (suspended != view.suspended.end()) return suspended->second;
  if (std::ranges::binary_search(view.present, host)) return "present";
  const auto at = view.status.find(host.text());
  const bool never = at == view.status.end() || at->second.when == 0;
  return never ? "never" : "last apply " + ago(at->second.when, now);
}

std::vector<NotCurrent> not_current(const StoreView& view, const Records& records) {
  std::vector<NotCurrent> out;
  for (HostName& host : hosts_of(view, records)) {
    Standing standing = standing_of(view, records, host);
    const bool waited_for = standing.kind != Standing::Kind::current && standing.kind != Standing::Kind::lost;
    if (waited_for) out.push_back({std::move(host), std::move(standing.text)});
  }
  return out;
}

}  // namespace ovl
