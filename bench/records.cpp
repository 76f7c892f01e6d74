#include "bench/records.hpp"

#include <fmt/format.h>

namespace ovl::bench {

namespace {

constexpr std::size_t kPerNetwork = 1000;
constexpr std::size_t kHosts = 10;

template <class T>
T parsed(const std::string& text) {
  return T::parse(text).value();
}

// 64 digits, as a hash has.
std::string id_of(std::size_t number) {
  return fmt::format("{:016x}{:016x}{:016x}{:016x}", number * 0x9e3779b97f4a7c15, number, ~number,
                     number + 7);
}

HostRecord host(std::size_t number) {
  HostRecord record;
  record.name = parsed<HostName>(fmt::format("host{:02}", number));
  record.id = id_of(number);
  record.advertise = parsed<IpAddress>(fmt::format("192.168.99.{}", number + 1));
  record.gateway_pool = IpPrefix::parse_exact("172.16.0.0/12").value();
  record.chosen = {"gateway_pool"};
  return record;
}

std::string network_name(std::size_t number) {
  return fmt::format("net{:03}", number);
}

NetworkRecord network(std::size_t number) {
  NetworkRecord record;
  record.name = parsed<Label>(network_name(number));
  record.id = id_of(1000 + number);
  record.vni = Vni::from(1'048'576 + static_cast<std::int64_t>(number)).value();
  record.port = UdpPort::from(4789).value();
  record.subnets = {IpPrefix::parse_exact(fmt::format("10.{}.0.0/16", number)).value()};
  record.gateways = {parsed<IpAddress>(fmt::format("10.{}.0.1", number))};
  record.chosen = {"gateways", "vni"};
  return record;
}

EndpointRecord endpoint(std::size_t number) {
  const std::size_t place = number % kPerNetwork + 2;
  EndpointRecord record;
  record.network = parsed<Label>(network_name(number / kPerNetwork));
  record.name = parsed<Label>(fmt::format("endpoint{:06}", number));
  record.id = id_of(1'000'000 + number);
  record.host = parsed<HostName>(fmt::format("host{:02}", number % kHosts));
  record.netns = parsed<NetnsName>(record.name.text());
  record.interface = IfName::parse("eth0").value();
  record.addresses = {
      parsed<IpAddress>(fmt::format("10.{}.{}.{}", number / kPerNetwork, place / 256, place % 256))};
  record.mac = MacAddress::from_ipv4(record.addresses.front());
  record.gateway_interface = IfName::parse("eth1").value();
  const std::size_t way_out = number / kHosts + 2;
  record.gateway_address = parsed<IpAddress>(fmt::format("172.16.{}.{}", way_out / 256, way_out % 256));
  record.chosen = {"addresses", "gateway_address", "gateway_interface", "interface", "mac", "netns"};
  return record;
}

}  // namespace

Records make_records(std::size_t endpoints) {
  Records records;
  for (std::size_t i = 0; i < kHosts; ++i) records.hosts.push_back(host(i));
  for (std::size_t i = 0; i * kPerNetwork < endpoints; ++i) records.networks.push_back(network(i));
  records.endpoints.reserve(endpoints);
  for (std::size_t i = 0; i < endpoints; ++i) records.endpoints.push_back(endpoint(i));
  records.sort();
  return records;
}

}  // namespace ovl::bench
