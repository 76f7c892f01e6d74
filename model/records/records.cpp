#include "model/records/records.hpp"

#include <algorithm>
#include <functional>

namespace ovl {

namespace {

auto endpoint_key(const EndpointRecord& record) {
  return std::tie(record.network, record.name);
}

template <class T, class Key, class Projection>
const T* find_sorted(const std::vector<T>& items, const Key& key, Projection projection) {
  const auto at = std::ranges::lower_bound(items, key, {}, projection);
  return at != items.end() && std::invoke(projection, *at) == key ? &*at : nullptr;
}

// What comes from a store is sorted, or nearly: a look costs less than moving every record.
template <class T, class Projection>
void sort_by(std::vector<T>& items, Projection projection) {
  if (!std::ranges::is_sorted(items, {}, projection)) std::ranges::sort(items, {}, projection);
}

}  // namespace

const HostRecord* Records::host(const HostName& name) const {
  return find_sorted(hosts, name, &HostRecord::name);
}

const NetworkRecord* Records::network(const Label& name) const {
  return find_sorted(networks, name, &NetworkRecord::name);
}

const EndpointRecord* Records::endpoint(const Label& network, const Label& name) const {
  return find_sorted(endpoints, std::tie(network, name), endpoint_key);
}

void Records::sort() {
  sort_by(hosts, &HostRecord::name);
  sort_by(networks, &NetworkRecord::name);
  sort_by(endpoints, endpoint_key);
}

const HostFacts* Facts::host(const HostName& name) const {
  return find_sorted(hosts, name, &HostFacts::host);
}

void Facts::set(HostFacts facts) {
  const auto at = std::ranges::lower_bound(hosts, facts.host, {}, &HostFacts::host);
  if (at != hosts.end() && at->host == facts.host) {
    *at = std::move(facts);
  } else {
    hosts.insert(at, std::move(facts));
  }
}

}  // namespace ovl
