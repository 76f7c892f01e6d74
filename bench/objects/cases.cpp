#include "bench/objects/cases.hpp"

#include <fmt/format.h>

namespace ovl::bench {

namespace {

constexpr std::size_t kHosts = 10;

template <class T>
T parsed(const std::string& text) {
  return T::parse(text).value();
}

// 64 digits, as a hash has; the first of them name the endpoint's devices.
std::string id_of(std::size_t number) {
  return fmt::format("{:016x}{:016x}{:016x}{:016x}", number * 0x9e3779b97f4a7c15, number, ~number,
                     number + 7);
}

HostRecord host(const std::string& name, std::size_t number) {
  HostRecord record;
  record.name = parsed<HostName>(name);
  record.id = id_of(number);
  record.advertise = parsed<IpAddress>(fmt::format("192.168.99.{}", number + 1));
  record.gateway_pool = IpPrefix::parse_exact("172.16.0.0/16").value();
  return record;
}

std::string network_name(std::size_t number) {
  return fmt::format("net{:03}", number);
}

NetworkRecord network(std::size_t number, bool outside) {
  NetworkRecord record;
  record.name = parsed<Label>(network_name(number));
  record.id = id_of(1000 + number);
  record.vni = Vni::from(1'048'576 + static_cast<std::int64_t>(number)).value();
  record.port = UdpPort::from(4789).value();
  record.subnets = {IpPrefix::parse_exact(fmt::format("10.{}.0.0/16", number)).value()};
  record.gateways = {parsed<IpAddress>(fmt::format("10.{}.0.1", number))};
  record.internal = !outside;
  return record;
}

class Maker {
 public:
  explicit Maker(const Case& wanted) : case_(wanted), next_(wanted.networks, 2) {}

  Records run() {
    records_.hosts.push_back(host(kHere, 0));
    for (std::size_t i = 1; i <= kHosts; ++i) records_.hosts.push_back(host(fmt::format("there{}", i), i));
    for (std::size_t i = 0; i < case_.networks; ++i) records_.networks.push_back(network(i, case_.outside));
    for (std::size_t i = 0; i < case_.local; ++i) add(fmt::format("local{}", i), kHere, i);
    for (std::size_t i = 0; i < case_.remote; ++i)
      add(fmt::format("remote{}", i), fmt::format("there{}", 1 + i % kHosts), i);
    records_.sort();
    return std::move(records_);
  }

 private:
  void add(const std::string& name, const std::string& where, std::size_t number) {
    const std::size_t on = number % case_.networks;
    const std::size_t place = next_[on]++;
    EndpointRecord record;
    record.network = parsed<Label>(network_name(on));
    record.name = parsed<Label>(name);
    record.id = id_of(1'000'000 + records_.endpoints.size());
    record.host = parsed<HostName>(where);
    record.netns = parsed<NetnsName>(name);
    record.interface = IfName::parse("eth0").value();
    record.addresses = {parsed<IpAddress>(fmt::format("10.{}.{}.{}", on, place / 256, place % 256))};
    record.mac = MacAddress::from_ipv4(record.addresses.front());
    if (case_.outside && where == kHere) {
      record.gateway_interface = IfName::parse("eth1").value();
      record.gateway_address =
          parsed<IpAddress>(fmt::format("172.16.{}.{}", (number + 2) / 256, (number + 2) % 256));
    }
    records_.endpoints.push_back(std::move(record));
  }

  Case case_;
  std::vector<std::size_t> next_;  // by network: the place of its next address
  Records records_;
};

}  // namespace

Records records_of(const Case& wanted) {
  return Maker(wanted).run();
}

}  // namespace ovl::bench
