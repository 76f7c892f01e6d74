#include "reconcile/older_builds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

#include "model/abilities.hpp"
#include "reconcile/change_name.hpp"

namespace ovl {

namespace {

constexpr std::array<std::string_view, 4> kNewMembers{"frames", "link_local", "source_check", "ttl_check"};

bool has_underscore(const Value& alias) {
  const std::string* text = alias.as_string();
  return text != nullptr && text->find('_') != std::string::npos;
}

// What an older build does not know in a record; empty: it knows all of it.
std::string_view new_word(const Value& record) {
  for (const std::string_view member : kNewMembers) {
    if (record.find(member) != nullptr) return member;
  }
  const Value* aliases = record.find("aliases");
  const Value::Array* names = aliases == nullptr ? nullptr : aliases->as_array();
  return names != nullptr && std::ranges::any_of(*names, has_underscore) ? "\"_\" in aliases"
                                                                         : std::string_view();
}

using Hosts = std::set<HostName>;

Hosts hosts_of_older_builds(const Records& desired, const Facts& facts) {
  Hosts out;
  for (const HostRecord& host : desired.hosts) {
    const HostFacts* known = facts.host(host.name);
    if (known != nullptr && !says(known->version, Ability::new_words)) out.insert(host.name);
  }
  return out;
}

// Those of each network, by its name.
std::map<std::string, Hosts> by_network(const Records& desired, const Hosts& older) {
  std::map<std::string, Hosts> out;
  for (const EndpointRecord& endpoint : desired.endpoints) {
    if (older.contains(endpoint.host)) out[endpoint.network.text()].insert(endpoint.host);
  }
  return out;
}

// The first of them: each refusal repeats them.
std::string names_of(const Hosts& hosts) {
  constexpr std::size_t most = 8;
  std::string out = hosts.size() == 1 ? "host " : "hosts ";
  std::size_t count = 0;
  for (const HostName& host : hosts) {
    if (++count > most) break;
    out += (count == 1 ? "" : ", ") + host.text();
  }
  if (hosts.size() > most) out += fmt::format(" and {} more", hosts.size() - most);
  return out;
}

Finding refusal(const RecordChange& change, std::string_view word, const Hosts& hosts) {
  const std::string names = names_of(hosts);
  return Finding{.code = Errc::guard,
                 .id = "older-build",
                 .subject = name_of(change).address(),
                 .message = fmt::format("the build of ovl on {} can't read {}, and would stop following it",
                                        names, word),
                 .hint = fmt::format("first update ovl on {} and apply there", names)};
}

}  // namespace

std::vector<Finding> words_for_older_builds(const Plan& plan, const Records& desired, const Facts& facts) {
  std::vector<Finding> out;
  const Hosts older = hosts_of_older_builds(desired, facts);
  if (older.empty()) return out;
  const std::map<std::string, Hosts> networks = by_network(desired, older);
  for (const RecordChange& change : plan.record_changes) {
    const std::string_view word = new_word(change.after);
    if (word.empty() || !new_word(change.before).empty()) continue;
    if (change.kind == RecordKind::host) {
      out.push_back(refusal(change, word, older));
      continue;
    }
    const auto at = networks.find(change.name.substr(0, change.name.find('/')));
    if (at != networks.end()) out.push_back(refusal(change, word, at->second));
  }
  return out;
}

}  // namespace ovl
