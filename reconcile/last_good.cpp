#include "reconcile/last_good.hpp"

#include <fmt/format.h>

#include <algorithm>

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
    std::erase_if(view_.records.networks, [&](const auto& record) { return is_frozen(record.name); });
    std::erase_if(view_.records.endpoints, [&](const auto& record) { return is_frozen(record.network); });
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
    return std::ranges::any_of(names, [&](const Name& name) { return name.text() == text; });
  }

  // The part of a key after its folder, up to the next '/'.
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
      if (view_.facts.host(facts.host) == nullptr) view_.facts.set(std::move(facts));
    }
    return {};
  }

  // A host whose facts alone were refused has its record still.
  void restore_host(HostRecord record) {
    const bool there =
        std::ranges::find(view_.records.hosts, record.name, &HostRecord::name) != view_.records.hosts.end();
    if (!there) view_.records.hosts.push_back(std::move(record));
  }

  const StoredRecords& stored_;
  StoreView& view_;
};

// The last good records beside the others, which may have moved on, are validated like any.
Status check_together(const StoreView& view) {
  StoreView together;
  together.records = view.records;
  validate_set(together);
  if (together.refused.empty()) return {};
  const Finding& first = together.refused.front();
  return Error{
      .code = Errc::corrupt,
      .message = fmt::format("record {} contradicts the last good ones: {}", first.subject, first.message),
      .hint = "apply the manifest again from a trusted place; nothing was changed here"};
}

}  // namespace

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
  if (stored.lineage.empty()) {
    return no_copy(view.frozen.empty() ? "host " + view.frozen_hosts.front().text()
                                       : "network " + view.frozen.front().text());
  }
  Restorer restorer(stored, view);
  OVL_CHECK(restorer.run());
  for (const Label& network : view.frozen) {
    const auto is_its = [&](const NetnsName& name) {
      return name.text() == std::string(kSandboxPrefix) + network.text();
    };
    if (!restorer.has_copy(network) && std::ranges::any_of(begun, is_its)) {
      return no_copy("network " + network.text());
    }
  }
  return check_together(view);
}

}  // namespace ovl
