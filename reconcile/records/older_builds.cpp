#include "reconcile/records/older_builds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/records/abilities.hpp"
#include "reconcile/words/change_name.hpp"
#include "reconcile/words/host_words.hpp"

namespace ovl {

namespace {

// Each refusal repeats them.
constexpr std::size_t kMostHostsNamed = 8;

constexpr std::array<std::string_view, 4> kNewMembers{"frames", "link_local", "source_check", "ttl_check"};

std::vector<std::string_view> aliases_of(const Value& record) {
  std::vector<std::string_view> out;
  const Value* aliases = record.find("aliases");
  const Value::Array* names = aliases == nullptr ? nullptr : aliases->as_array();
  if (names == nullptr) return out;
  for (const Value& alias : *names) {
    if (const std::string* text = alias.as_string()) out.emplace_back(*text);
  }
  return out;
}

bool has_underscore(std::string_view alias) {
  return alias.find('_') != std::string_view::npos;
}

// What a build without Ability::new_words does not know in a record; empty: it knows all of it.
std::string_view new_word(const Value& record) {
  for (const std::string_view member : kNewMembers) {
    if (record.find(member) != nullptr) return member;
  }
  return std::ranges::any_of(aliases_of(record), has_underscore) ? "\"_\" in aliases" : std::string_view();
}

using Hosts = std::set<HostName>;

// The hosts whose builds lack an ability, all and those of each network.
struct Older {
  Older(const Records& desired, const Facts& facts, const std::vector<HostName>& lost, Ability ability) {
    for (const HostRecord& host : desired.hosts) {
      if (std::ranges::binary_search(lost, host.name)) continue;
      const HostFacts* known = facts.host(host.name);
      if (known != nullptr && !says(known->version, ability)) hosts.insert(host.name);
    }
    for (const EndpointRecord& endpoint : desired.endpoints) {
      if (hosts.contains(endpoint.host)) networks[endpoint.network.text()].insert(endpoint.host);
    }
  }

  // Those that read this record; null: none.
  [[nodiscard]] const Hosts* readers(const RecordChange& change) const {
    if (change.kind == RecordKind::host) return hosts.empty() ? nullptr : &hosts;
    const auto at = networks.find(change.name.substr(0, change.name.find('/')));
    return at != networks.end() ? &at->second : nullptr;
  }

  Hosts hosts;
  std::map<std::string, Hosts> networks;  // by name
};

// The aliases that several endpoints of a network have, as "NETWORK/ALIAS".
std::set<std::string> shared_aliases(const Records& desired) {
  std::set<std::string> once;
  std::set<std::string> shared;
  for (const EndpointRecord& endpoint : desired.endpoints) {
    for (const Alias& alias : endpoint.aliases) {
      std::string name = endpoint.network.text() + "/" + alias.text();
      if (!once.insert(name).second) shared.insert(std::move(name));
    }
  }
  return shared;
}

// Whether the change gives an endpoint an alias that another one has too.
bool brings_shared_alias(const RecordChange& change, const std::set<std::string>& shared) {
  if (change.kind != RecordKind::endpoint) return false;
  const std::string network = change.name.substr(0, change.name.find('/') + 1);
  const std::vector<std::string_view> before = aliases_of(change.before);
  return std::ranges::any_of(aliases_of(change.after), [&](std::string_view alias) {
    return shared.contains(network + std::string(alias)) && std::ranges::find(before, alias) == before.end();
  });
}

Finding refusal_of_word(const RecordChange& change, std::string_view word, const Hosts& hosts) {
  const std::string names = words_of(hosts, kMostHostsNamed);
  return Finding{.code = Errc::guard,
                 .id = "older-build",
                 .subject = name_of(change).address(),
                 .message = fmt::format("the build of ovl on {} can't read {}, and would stop following it",
                                        names, word),
                 .hint = fmt::format("first update ovl on {} and apply there", names)};
}

}  // namespace

std::vector<Finding> words_for_older_builds(const Plan& plan, const Records& desired, const Facts& facts,
                                            const std::vector<HostName>& lost) {
  std::vector<Finding> out;
  const Older aliases(desired, facts, lost, Ability::shared_aliases);
  if (aliases.hosts.empty()) return out;
  const Older words(desired, facts, lost, Ability::new_words);
  const std::set<std::string> shared = shared_aliases(desired);
  for (const RecordChange& change : plan.record_changes) {
    const std::string_view word = new_word(change.after);
    const Hosts* readers = words.readers(change);
    if (readers != nullptr && !word.empty() && new_word(change.before).empty()) {
      out.push_back(refusal_of_word(change, word, *readers));
    }
    readers = aliases.readers(change);
    if (readers != nullptr && brings_shared_alias(change, shared)) {
      out.push_back(refusal_of_word(change, "an alias that several endpoints have", *readers));
    }
  }
  return out;
}

}  // namespace ovl
