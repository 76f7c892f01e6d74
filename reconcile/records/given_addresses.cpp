#include "reconcile/records/given_addresses.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "reconcile/base/allocate.hpp"

namespace ovl {

namespace {

// One address or range as the manifest gives it.
struct Given {
  std::string what;  // "the gateway 10.0.9.1"
  IpPrefix prefix;   // of an address, all of its bits
  Place place;
  bool is_endpoints = false;
};

IpPrefix whole(const IpAddress& address) {
  return IpPrefix::masked(address, address.is_ipv4() ? 32 : 128);
}

using Take = std::function<void(const NetworkBlock&, Given)>;

void given_by_network(const NetworkBlock& network, const Take& take) {
  for (const auto& gateway : network.gateways)
    take(network, {fmt::format("the gateway {}", gateway.value.text()), whole(gateway.value), gateway.place});
  for (const auto& range : network.ip_range)
    take(network, {fmt::format("the range {}", range.value.text()), range.value, range.place});
  for (const auto& address : network.reserved)
    take(network,
         {fmt::format("the reserved address {}", address.value.text()), whole(address.value), address.place});
}

// All that is given in networks without a subnet of their own, in the order of the manifest.
void for_each_given(const Manifest& manifest, const Take& take) {
  std::map<Label, const NetworkBlock*> open;
  for (const NetworkBlock& network : manifest.networks) {
    if (!network.subnets.empty()) continue;
    open.emplace(network.name, &network);
    given_by_network(network, take);
  }
  for (const EndpointBlock& endpoint : manifest.endpoints) {
    for (const AttachmentBlock& attachment : endpoint.attachments) {
      const auto network = open.find(attachment.network.value);
      if (network == open.end()) continue;
      for (const auto& address : attachment.addresses)
        take(*network->second, {address.value.text(), whole(address.value), address.place, true});
    }
  }
}

std::string remedy(const NetworkBlock& network) {
  return fmt::format("add subnet = \"...\" to [network.{}]", network.name.text());
}

std::string texts_of(const std::vector<IpPrefix>& subnets) {
  std::vector<std::string> out;
  out.reserve(subnets.size());
  for (const IpPrefix& subnet : subnets) out.push_back(subnet.text());
  return fmt::format("{}", fmt::join(out, ", "));
}

// Why an address that is in a subnet can't be an endpoint's; empty: it can.
std::string unusable(const NetworkRecord& record, const IpPrefix& subnet, const IpAddress& address) {
  if (!is_usable(subnet, address)) return fmt::format("is no address of a machine in {}", subnet.text());
  const bool is_gateway = std::ranges::find(record.gateways, address) != record.gateways.end();
  return is_gateway ? fmt::format("is the gateway of network \"{}\"", record.name.text()) : std::string();
}

// Empty: it is where it can be.
std::string misplaced(const NetworkRecord& record, const Given& given) {
  const auto holds = [&](const IpPrefix& subnet) {
    return subnet.contains(given.prefix.address()) && subnet.length() <= given.prefix.length();
  };
  const auto subnet = std::ranges::find_if(record.subnets, holds);
  if (subnet != record.subnets.end())
    return given.is_endpoints ? unusable(record, *subnet, given.prefix.address()) : std::string();
  return fmt::format("is in no subnet of network \"{}\", whose manifest leaves it out; it has {}",
                     record.name.text(), texts_of(record.subnets));
}

}  // namespace

Diagnostics given_without_subnet(const Manifest& manifest) {
  Diagnostics out;
  for_each_given(manifest, [&](const NetworkBlock& network, const Given& given) {
    out.push_back(
        Diagnostic{.severity = Severity::warning,
                   .id = "address-without-subnet",
                   .message = fmt::format("network \"{}\" has no subnet of its own to hold {}: it has to "
                                          "be in the one that the records have",
                                          network.name.text(), given.what),
                   .place = given.place,
                   .hint = remedy(network)});
  });
  return out;
}

Diagnostics given_outside(const Manifest& manifest, const Records& records) {
  Diagnostics out;
  for_each_given(manifest, [&](const NetworkBlock& network, const Given& given) {
    const auto record = std::ranges::find(records.networks, network.name, &NetworkRecord::name);
    if (record == records.networks.end() || record->subnets.empty()) return;
    const std::string why = misplaced(*record, given);
    if (why.empty()) return;
    out.push_back(Diagnostic{.severity = Severity::error,
                             .id = "address-without-subnet",
                             .message = fmt::format("{} {}", given.what, why),
                             .place = given.place,
                             .hint = remedy(network)});
  });
  return out;
}

}  // namespace ovl
