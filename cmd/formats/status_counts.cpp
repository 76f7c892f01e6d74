#include "cmd/formats/status_counts.hpp"

#include <fmt/format.h>

#include <array>
#include <set>

#include "cmd/base/style.hpp"
#include "reconcile/words/time_text.hpp"

namespace ovl {

namespace {

// In the order of Standing::Kind.
struct Words {
  std::string_view json, text;
};

constexpr std::array kWords{Words{"never", "never applied"}, Words{"behind", "behind"},
                            Words{"failed", "failed"},       Words{"frozen", "frozen"},
                            Words{"drifted", "drifted"},     Words{"leftover", "out of the records"},
                            Words{"lost", "lost"},           Words{"current", "up to date"}};

constexpr auto kCurrent = static_cast<std::size_t>(Standing::Kind::current);
static_assert(kWords.size() == kCurrent + 1);

using Counts = std::array<std::size_t, kWords.size()>;

Counts count_standings(const StoreView& view) {
  Counts out{};
  for (const HostName& host : hosts_of(view, view.records)) {
    ++out[static_cast<std::size_t>(standing_of(view, host).kind)];
  }
  return out;
}

std::size_t count_endpoints(const StoreView& view) {
  std::set<Label> names;
  for (const EndpointRecord& endpoint : view.records.endpoints) names.insert(endpoint.name);
  return names.size();
}

std::string number_of(std::size_t count, std::string_view thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

// Good news first, the rest in the order of the kinds.
std::string standings_text(const Counts& counts) {
  std::string out;
  const auto add = [&](std::size_t kind) {
    if (counts[kind] > 0) {
      out += fmt::format("{}{} {}", out.empty() ? ": " : ", ", counts[kind], kWords[kind].text);
    }
  };
  add(kCurrent);
  for (std::size_t kind = 0; kind < kCurrent; ++kind) add(kind);
  return out;
}

}  // namespace

std::vector<std::string_view> standing_words() {
  std::vector<std::string_view> out;
  out.reserve(std::size(kWords));
  for (const Words& words : kWords) out.push_back(words.json);
  return out;
}

Value counts_json(const StoreView& view) {
  const Counts counts = count_standings(view);
  Value hosts = Value::object();
  for (std::size_t kind = 0; kind < counts.size(); ++kind) {
    hosts.set(kWords[kind].json, static_cast<std::int64_t>(counts[kind]));
  }
  Value out = Value::object();
  out.set("hosts", std::move(hosts));
  out.set("networks", static_cast<std::int64_t>(view.records.networks.size()));
  out.set("endpoints", static_cast<std::int64_t>(count_endpoints(view)));
  return out;
}

const GenerationRecord* newest_generation(const StoreView& view) {
  const auto at = view.head ? view.generations.find(view.head->serial) : view.generations.end();
  return at != view.generations.end() ? &at->second : nullptr;
}

std::string header_text(const std::string& cluster, const StoreView& view, std::int64_t now) {
  std::string out = fmt::format("Cluster {}: generation {}", cluster, view.head->serial);
  if (const GenerationRecord* newest = newest_generation(view)) {
    out += fmt::format(", {} ({}), by {}", time_text(newest->when), ago(newest->when, now),
                       printable(newest->who));
  }
  const std::string& commit = view.head->commit;
  if (!commit.empty()) out += ", commit " + printable(commit.substr(0, 12));
  const std::size_t hosts = hosts_of(view, view.records).size();
  return out + fmt::format("\n{}{}; {}; {}\n", number_of(hosts, "host"),
                           standings_text(count_standings(view)),
                           number_of(view.records.networks.size(), "network"),
                           number_of(count_endpoints(view), "endpoint"));
}

}  // namespace ovl
