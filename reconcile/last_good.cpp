#include "reconcile/last_good.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ovl {

namespace {

constexpr std::string_view kHosts = "hosts/";
constexpr std::string_view kNetworks = "networks/";
constexpr std::string_view kEndpoints = "endpoints/";

template <class Record>
Result<Record> decode_stored(const StoredRecord& item) {
  OVL_TRY(const Value value, Value::parse_json(item.value));
  return decode<Record>(value);
}

bool is_of(const StoredRecord& item, std::string_view folder, const Label& network) {
  const std::string prefix = std::string(folder) + network.text();
  return item.key == prefix || item.key.starts_with(prefix + "/");
}

Status restore(const StoredRecords& stored, const Label& network, Records& records) {
  bool found = false;
  std::erase_if(records.networks, [&](const NetworkRecord& record) { return record.name == network; });
  std::erase_if(records.endpoints, [&](const EndpointRecord& record) { return record.network == network; });
  for (const StoredRecord& item : stored.items) {
    if (is_of(item, kNetworks, network)) {
      OVL_TRY(NetworkRecord record, decode_stored<NetworkRecord>(item));
      records.networks.push_back(std::move(record));
      found = true;
    } else if (is_of(item, kEndpoints, network)) {
      OVL_TRY(EndpointRecord record, decode_stored<EndpointRecord>(item));
      records.endpoints.push_back(std::move(record));
    }
  }
  if (found) return {};
  return Error{.code = Errc::corrupt,
               .message = fmt::format("network {} has a refused record, and this host has no good copy of it",
                                      network.text()),
               .hint = "apply the manifest again from a trusted place; nothing was changed here"};
}

}  // namespace

Status save_last_good(State& state, const Records& records, const Head& head) {
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
    }
  }
  out.records.sort();
  return out;
}

Status restore_frozen(const State& state, StoreView& view) {
  if (view.frozen.empty()) return {};
  OVL_TRY(const StoredRecords stored, state.records());
  for (const Label& network : view.frozen) OVL_CHECK(restore(stored, network, view.records));
  view.records.sort();
  return {};
}

}  // namespace ovl
