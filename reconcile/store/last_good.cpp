// A refused record is not there, and a record that is not there means "remove it". So whoever may write the
// store could take a network away from every host with one bad byte. What stands in its place here are the
// records that this host has realised, which it has validated and verified before; and as these are older
// than the others, the two kinds together are validated once more, until nothing contradicts anything.
#include "reconcile/store/last_good.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>

namespace ovl {

namespace {

constexpr std::string_view kHosts = "hosts/";
constexpr std::string_view kNetworks = "networks/";
constexpr std::string_view kEndpoints = "endpoints/";
constexpr std::string_view kFacts = "facts/";

template <class Record>
Result<Record> decode_stored(const StoredRecord& item) {
  OVL_TRY(const Value value, Value::parse_json(item.value));
  return decode<Record>(value);
}

Error no_copy(std::string_view what) {
  return Error{.code = Errc::corrupt,
               .message = fmt::format("{} has a refused record, and this host has no good copy of it", what),
               .hint = "apply the manifest again from a trusted place; nothing was changed here"};
}

// The last good records of one host's view: what is frozen takes the place of what was read.
class Restorer {
 public:
  Restorer(const StoredRecords& stored, StoreView& view) : stored_(stored), view_(view) {}

  Status run() {
    const auto is_frozen = [&](const Label& name) { return std::ranges::binary_search(view_.frozen, name); };
    // All of a frozen network, also its records that are valid: half of it from now and half from then is a
    // network that nobody has ever declared.
    std::erase_if(view_.records.networks, [&](const auto& record) { return is_frozen(record.name); });
    std::erase_if(view_.records.endpoints, [&](const auto& record) { return is_frozen(record.network); });
    for (const HostRecord& host : view_.records.hosts) hosts_.insert(host.name);
    for (const StoredRecord& item : stored_.items) OVL_CHECK(restore(item));
    view_.records.sort();
    return {};
  }

  [[nodiscard]] bool has_copy(const Label& network) const {
    return view_.records.network(network) != nullptr;
  }

 private:
  template <class Name>
  static bool holds(const std::vector<Name>& names, std::string_view text) {
    return std::ranges::binary_search(names, text, {},
                                      [](const Name& name) -> std::string_view { return name.text(); });
  }

  // The part of a key after its folder, up to the next '/'. "front" of "endpoints/front/web": endpoints are
  // frozen with their network.
  static std::string_view name_in(std::string_view key, std::string_view folder) {
    key.remove_prefix(folder.size());
    return key.substr(0, key.find('/'));
  }

  [[nodiscard]] bool is_of_network(const StoredRecord& item, std::string_view folder) const {
    return item.key.starts_with(folder) && holds(view_.frozen, name_in(item.key, folder));
  }

  [[nodiscard]] bool is_of_host(const StoredRecord& item, std::string_view folder) const {
    return item.key.starts_with(folder) && holds(view_.frozen_hosts, name_in(item.key, folder));
  }

  // What the state holds is decoded again and validated with all the rest: the state may be older than the
  // rules.
  Status restore(const StoredRecord& item) {
    if (is_of_network(item, kNetworks)) {
      OVL_TRY(NetworkRecord record, decode_stored<NetworkRecord>(item));
      view_.records.networks.push_back(std::move(record));
    } else if (is_of_network(item, kEndpoints)) {
      OVL_TRY(EndpointRecord record, decode_stored<EndpointRecord>(item));
      view_.records.endpoints.push_back(std::move(record));
    } else if (is_of_host(item, kHosts)) {
      OVL_TRY(HostRecord record, decode_stored<HostRecord>(item));
      restore_host(std::move(record));
    } else if (is_of_host(item, kFacts)) {
      OVL_TRY(HostFacts facts, decode_stored<HostFacts>(item));
      // Facts that were read are newer and passed their validation: the host's record alone was refused then.
      if (view_.facts.host(facts.host) == nullptr) view_.facts.set(std::move(facts));
    }
    return {};
  }

  // A host whose facts alone were refused has its record still.
  void restore_host(HostRecord record) {
    if (hosts_.insert(record.name).second) view_.records.hosts.push_back(std::move(record));
  }

  const StoredRecords& stored_;
  StoreView& view_;
  std::set<HostName> hosts_;  // whose records are there
};

// Rounds in which what contradicts the last good records is frozen beside them; then everything is. Each may
// show but one more contradiction, and a store's writer could make thousands of them.
constexpr int kRounds = 8;

template <class Name>
void add_names(std::vector<Name>& names, std::vector<Name> more) {
  names.insert(names.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

template <class Record>
auto names_of(const std::vector<Record>& records) {
  std::vector<decltype(Record::name)> out;
  out.reserve(records.size());
  for (const Record& record : records) out.push_back(record.name);
  return out;
}

// The hosts of refused endpoints that say something else than before: that may be what makes the endpoints
// wrong.
std::vector<HostName> changed_hosts(const StoredRecords& stored, const StoreView& together,
                                    const Records& records) {
  std::set<std::string_view> keys;
  for (const Finding& finding : together.refused) keys.insert(finding.subject);
  std::set<HostName> hosts;
  for (const EndpointRecord& endpoint : records.endpoints) {
    const std::string key = fmt::format("{}{}/{}", kEndpoints, endpoint.network.text(), endpoint.name.text());
    if (keys.contains(key)) hosts.insert(endpoint.host);
  }
  std::set<std::pair<std::string_view, std::string_view>> before;
  for (const StoredRecord& item : stored.items) before.emplace(item.key, item.value);
  // Compared as text, as canonical JSON has one spelling of each record. A host that says what it said before
  // is not what makes its endpoints wrong.
  std::erase_if(hosts, [&](const HostName& name) {
    const HostRecord* host = records.host(name);
    return host == nullptr || before.contains({std::string(kHosts) + name.text(), encode(*host).json()});
  });
  return {hosts.begin(), hosts.end()};
}

// Says once of each record that the last good one stands for it. Once, as each round finds the earlier ones
// again.
void refuse_too(const std::vector<Finding>& refused, StoreView& view) {
  std::set<std::string> known;
  for (const Finding& finding : view.refused) known.insert(finding.subject);
  for (const Finding& finding : refused) {
    if (!known.insert(finding.subject).second) continue;
    refuse_record(view, finding.subject, "it contradicts the last good records: " + finding.message);
  }
}

// Freezes what contradicts the last good records, with the hosts that it is about.
void freeze_too(const StoredRecords& stored, StoreView together, bool everything, StoreView& view) {
  std::vector<HostName> hosts = changed_hosts(stored, together, view.records);
  // A changed gateway pool makes the addresses of its endpoints wrong, which are what is refused. Without
  // freezing the host too, the last good endpoints would be refused in the next round for the same reason.
  for (const HostName& name : hosts) {
    together.refused.push_back(
        refusal(std::string(kHosts) + name.text(), "its endpoints are not as it says"));
  }
  add_names(hosts, everything ? names_of(view.records.hosts) : together.frozen_hosts);
  // After the last round all is as it was when this host applied last, which was valid as a whole.
  add_names(view.frozen, everything ? names_of(view.records.networks) : together.frozen);
  // The last good ones take their places.
  std::erase_if(view.records.hosts,
                [&](const HostRecord& host) { return std::ranges::binary_search(hosts, host.name); });
  add_names(view.frozen_hosts, std::move(hosts));
  refuse_too(together.refused, view);
}

// The records of a view by themselves, validated like any: the last good ones beside the others, which may
// have moved on. The records alone: claims, facts and head are of the store as it is now, and would not fit.
StoreView validated_again(const StoreView& view) {
  StoreView together;
  together.records = view.records;
  validate_set(together);
  return together;
}

Error contradiction(const Finding& first) {
  return Error{
      .code = Errc::corrupt,
      .message = fmt::format("record {} contradicts the last good ones: {}", first.subject, first.message),
      .hint = "apply the manifest again from a trusted place; nothing was changed here"};
}

// The last good records of what is frozen, once.
Status restore_once(const StoredRecords& stored, const std::vector<NetnsName>& begun, StoreView& view) {
  Restorer restorer(stored, view);
  OVL_CHECK(restorer.run());
  for (const Label& network : view.frozen) {
    const auto is_its = [&](const NetnsName& name) {
      return name.text() == std::string(kSandboxPrefix) + network.text();
    };
    // A network of which this host has nothing is left out with its records: nothing of it can be removed.
    // One that was begun here and never finished has objects and no record, and would be torn down.
    if (!restorer.has_copy(network) && std::ranges::any_of(begun, is_its)) {
      return no_copy("network " + network.text());
    }
  }
  return {};
}

}  // namespace

// Verified, not only applied: what did not read back as it was wished must not be what everything falls back
// to.
Status save_last_good(State& state, const Records& records, const Facts& facts, const Head& head) {
  StoredRecords out{.lineage = head.lineage, .serial = head.serial};
  for (const HostRecord& record : records.hosts) {
    out.items.push_back({.key = std::string(kHosts) + record.name.text(), .value = encode(record).json()});
  }
  for (const NetworkRecord& record : records.networks) {
    out.items.push_back({.key = std::string(kNetworks) + record.name.text(), .value = encode(record).json()});
  }
  for (const EndpointRecord& record : records.endpoints) {
    out.items.push_back({.key = fmt::format("{}{}/{}", kEndpoints, record.network.text(), record.name.text()),
                         .value = encode(record).json()});
  }
  for (const HostFacts& known : facts.hosts) {
    out.items.push_back({.key = std::string(kFacts) + known.host.text(), .value = encode(known).json()});
  }
  std::ranges::sort(out.items);
  return state.save_records(out);
}

Result<Remembered> remember(const State& state) {
  OVL_TRY(const StoredRecords stored, state.records());
  Remembered out{.lineage = stored.lineage, .serial = stored.serial};
  for (const StoredRecord& item : stored.items) {
    if (item.key.starts_with(kHosts)) {
      OVL_TRY(HostRecord record, decode_stored<HostRecord>(item));
      out.records.hosts.push_back(std::move(record));
    } else if (item.key.starts_with(kNetworks)) {
      OVL_TRY(NetworkRecord record, decode_stored<NetworkRecord>(item));
      out.records.networks.push_back(std::move(record));
    } else if (item.key.starts_with(kEndpoints)) {
      OVL_TRY(EndpointRecord record, decode_stored<EndpointRecord>(item));
      out.records.endpoints.push_back(std::move(record));
    } else if (item.key.starts_with(kFacts)) {
      OVL_TRY(HostFacts facts, decode_stored<HostFacts>(item));
      out.facts.set(std::move(facts));
    }
  }
  out.records.sort();
  return out;
}

Status restore_frozen(const State& state, StoreView& view) {
  if (view.frozen.empty() && view.frozen_hosts.empty()) return {};
  OVL_TRY(const StoredRecords stored, state.records());
  OVL_TRY(const std::vector<NetnsName> begun, state.namespaces());
  return restore_frozen(stored, begun, view);
}

Status restore_frozen(const StoredRecords& stored, const std::vector<NetnsName>& begun, StoreView& view) {
  if (view.frozen.empty() && view.frozen_hosts.empty()) return {};
  // Never applied here: there is nothing to fall back to, and deciding by the rest would make a part of a
  // cluster.
  if (stored.lineage.empty()) {
    return no_copy(view.frozen.empty() ? "host " + view.frozen_hosts.front().text()
                                       : "network " + view.frozen.front().text());
  }
  for (int round = 0;; ++round) {
    OVL_CHECK(restore_once(stored, begun, view));
    StoreView together = validated_again(view);
    if (together.refused.empty()) return {};
    // What is all from one verified apply contradicts itself only where rules have become stricter, or the
    // state was edited.
    if (round > kRounds) return contradiction(together.refused.front());
    freeze_too(stored, std::move(together), round == kRounds, view);
  }
}

Result<bool> refuse_own_address(const State& state, const HostName& here, const std::string& why,
                                StoreView& view) {
  const HostRecord* own = view.records.host(here);
  OVL_TRY(const Remembered good, remember(state));
  const HostRecord* before = good.records.host(here);
  // Only what decides about the address: a label that was edited in the same record is no reason to doubt it.
  const auto ends = [](const HostRecord& host) {
    return std::tie(host.advertise, host.bind, host.interface);
  };
  // The same address as before: it is the machine that has changed, and an apply of the manifest says so to
  // the others.
  if (own == nullptr || before == nullptr || ends(*before) == ends(*own)) return false;
  std::erase_if(view.records.hosts, [&](const HostRecord& host) { return host.name == here; });
  refuse_record(view, std::string(kHosts) + here.text(), why);
  add_names(view.frozen_hosts, {here});
  return true;
}

Status keep_pool_apart(const State& state, const HostName& here, StoreView& view) {
  const HostRecord* own = view.records.host(here);
  if (own == nullptr || !own->gateway_pool) return {};
  const IpPrefix pool = *own->gateway_pool;
  const auto is_inside = [&](const HostRecord& host) {
    return host.name != here && host.advertise && pool.contains(*host.advertise);
  };
  if (std::ranges::none_of(view.records.hosts, is_inside)) return {};
  OVL_TRY(const Remembered good, remember(state));
  const HostRecord* before = good.records.host(here);
  if (before == nullptr) return {};
  // Of the two that contradict each other, the newer one is what is refused: an edited record of another host
  // must not take this host's gateway away, nor an edited pool of its own cut it off from a peer.
  const bool own_is_new = before->gateway_pool != own->gateway_pool;
  std::erase_if(view.records.hosts, [&](const HostRecord& host) {
    const HostRecord* then = good.records.host(host.name);
    const bool is_new = host.name == here ? own_is_new
                                          : !own_is_new && is_inside(host) &&
                                                (then == nullptr || then->advertise != host.advertise);
    if (!is_new) return false;
    refuse_record(view, std::string(kHosts) + host.name.text(),
                  host.name == here ? fmt::format("its gateway pool {} holds a host's VTEP", pool.text())
                                    : fmt::format("its VTEP {} is in the gateway pool of host {}",
                                                  host.advertise->text(), here.text()));
    add_names(view.frozen_hosts, {host.name});
    return true;
  });
  return {};
}

}  // namespace ovl
