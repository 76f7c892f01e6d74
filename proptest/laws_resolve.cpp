// Laws of resolve: allocations are unique, stable and independent of the order of the input.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "proptest/gen.hpp"
#include "reconcile/records/resolve.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

RC_GTEST_PROP(Resolve, IsStableAgainstItsOwnResult, (const Manifest& manifest)) {
  const Facts facts = gen::facts(manifest);
  const Resolved first = resolve(manifest, Records(), facts);
  const Resolved second = resolve(manifest, first.records, facts);
  RC_ASSERT(first.problems.empty());
  RC_ASSERT(first.records == second.records);
}

RC_GTEST_PROP(Resolve, DoesNotDependOnTheOrderOfBlocks, (const Manifest& manifest)) {
  Manifest reversed = manifest;
  std::ranges::reverse(reversed.endpoints);
  const Facts facts = gen::facts(manifest);
  RC_ASSERT(resolve(manifest, Records(), facts).records == resolve(reversed, Records(), facts).records);
}

RC_GTEST_PROP(Resolve, GivesEveryAddressMacAndVniOnce, (const Manifest& manifest)) {
  const Records records = resolve(manifest, Records(), gen::facts(manifest)).records;
  std::set<std::pair<Label, IpAddress>> addresses;
  std::set<std::pair<Label, MacAddress>> macs;
  std::set<std::pair<UdpPort, Vni>> vnis;
  for (const NetworkRecord& network : records.networks)
    RC_ASSERT(vnis.emplace(network.port, network.vni).second);
  for (const EndpointRecord& endpoint : records.endpoints) {
    RC_ASSERT(!endpoint.addresses.empty());
    RC_ASSERT(macs.emplace(endpoint.network, endpoint.mac).second);
    for (const IpAddress& address : endpoint.addresses)
      RC_ASSERT(addresses.emplace(endpoint.network, address).second);
  }
}

RC_GTEST_PROP(Resolve, GivesEveryInterfaceOfANamespaceOnce, (const Manifest& manifest)) {
  const Records records = resolve(manifest, Records(), gen::facts(manifest)).records;
  std::set<std::pair<NetnsName, IfName>> names;
  for (const EndpointRecord& endpoint : records.endpoints) {
    RC_ASSERT(names.emplace(endpoint.netns, endpoint.interface).second);
    if (endpoint.gateway_interface) RC_ASSERT(endpoint.gateway_interface != endpoint.interface);
  }
}

RC_GTEST_PROP(Resolve, ChosenSubnetsOverlapNothingKnown, (const Manifest& manifest)) {
  const Facts facts = gen::facts(manifest);
  const Records records = resolve(manifest, Records(), facts).records;
  for (const NetworkRecord& network : records.networks) {
    if (std::ranges::find(network.chosen, "subnets") == network.chosen.end()) continue;
    for (const HostFacts& host : facts.hosts) {
      for (const FactRoute& route : host.routes)
        RC_ASSERT(!network.subnets.front().overlaps(route.destination));
    }
    for (const NetworkRecord& other : records.networks) {
      if (other.name == network.name) continue;
      for (const IpPrefix& subnet : other.subnets) RC_ASSERT(!network.subnets.front().overlaps(subnet));
    }
  }
}

RC_GTEST_PROP(Resolve, AnEndpointKeepsItsValuesWhenOthersGo, (const Manifest& manifest)) {
  RC_PRE(!manifest.endpoints.empty());
  const Facts facts = gen::facts(manifest);
  const Records all = resolve(manifest, Records(), facts).records;
  Manifest fewer = manifest;
  fewer.endpoints.erase(fewer.endpoints.begin());
  const Records left = resolve(fewer, all, facts).records;
  for (const EndpointRecord& endpoint : left.endpoints) {
    RC_ASSERT(*all.endpoint(endpoint.network, endpoint.name) == endpoint);
  }
}

// Whoever gave it: what has a value keeps it when its key is left out again.
RC_GTEST_PROP(Resolve, KeepsWhatIsLeftOutAgain, (const Manifest& manifest)) {
  const Facts facts = gen::facts(manifest);
  const Records records = resolve(manifest, Records(), facts).records;
  Manifest open = gen::left_open(manifest);
  // What limits the choice is no value: it counts as it stands, and for a subnet that is declared.
  for (std::size_t i = 0; i < open.networks.size(); ++i) {
    NetworkBlock& network = open.networks[i];
    network.ip_range = manifest.networks[i].ip_range;
    network.reserved = manifest.networks[i].reserved;
    const bool limits = !network.ip_range.empty() || !network.reserved.empty();
    if (!limits && *rc::gen::arbitrary<bool>()) network.subnets.clear();
  }
  RC_ASSERT(resolve(open, records, facts).records == records);
}

RC_GTEST_PROP(Records, SurviveTheirEncoding, (const Manifest& manifest)) {
  const Records records = resolve(manifest, Records(), gen::facts(manifest)).records;
  for (const HostRecord& record : records.hosts) {
    RC_ASSERT(decode<HostRecord>(Value::parse_json(encode(record).json()).value()).value() == record);
  }
  for (const NetworkRecord& record : records.networks) {
    RC_ASSERT(decode<NetworkRecord>(Value::parse_json(encode(record).json()).value()).value() == record);
  }
  for (const EndpointRecord& record : records.endpoints) {
    RC_ASSERT(decode<EndpointRecord>(Value::parse_json(encode(record).json()).value()).value() == record);
  }
}

RC_GTEST_PROP(Records, OfAResolvedManifestAreAValidSet, (const Manifest& manifest)) {
  StoreView view;
  view.records = resolve(manifest, Records(), gen::facts(manifest)).records;
  const Records before = view.records;
  validate_set(view);
  RC_ASSERT(view.refused.empty());
  RC_ASSERT(view.records == before);
}

}  // namespace ovl
