#include "reconcile/standing.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ovl {

Standing standing_of(const StoreView& view, const HostName& host) {
  const auto at = view.status.find(host.text());
  if (at == view.status.end()) return {Standing::Kind::never, "never applied"};
  const HostStatus& status = at->second;
  if (status.result.starts_with("frozen: ")) return {Standing::Kind::frozen, status.result};
  if (status.result != "ok") {
    const std::string drift = status.drift > 0 ? fmt::format(", {} objects differ", status.drift) : "";
    return {Standing::Kind::failed, fmt::format("failed: {}{}", status.result, drift)};
  }
  const std::int64_t serial = view.head ? view.head->serial : 0;
  if (status.serial < serial)
    return {Standing::Kind::behind, fmt::format("behind: generation {}", status.serial)};
  return {Standing::Kind::current, "up to date"};
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
  if (std::ranges::binary_search(view.present, host)) return "present";
  const auto at = view.status.find(host.text());
  return at == view.status.end() ? "never" : "seen " + ago(at->second.when, now);
}

std::vector<std::string> not_current(const StoreView& view) {
  std::vector<std::string> out;
  for (const HostRecord& host : view.records.hosts) {
    if (standing_of(view, host.name).kind != Standing::Kind::current) out.push_back(host.name.text());
  }
  return out;
}

}  // namespace ovl
