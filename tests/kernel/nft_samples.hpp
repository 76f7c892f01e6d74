// The two tables as a real host has them, for tests of reading and writing.
#pragma once

#include <fmt/format.h>

#include "reconcile/objects/filters.hpp"
#include "tests/kernel/nft_packets.hpp"

namespace ovl::test {

inline IfName dev(const std::string& name) {
  return IfName::parse(name).value();
}

// count ports with one address of each family.
inline std::vector<FilteredPort> sample_ports(int count) {
  std::vector<FilteredPort> ports;
  for (int i = 0; i < count; ++i) {
    const IpAddress address = ip("10.0.0.2").plus(static_cast<std::uint64_t>(i)).value();
    const IpAddress address6 = ip("fd00:9::2").plus(static_cast<std::uint64_t>(i)).value();
    ports.push_back({.port = dev(fmt::format("veth{:08x}", i)),
                     .mac = MacAddress::from_ipv4(address),
                     .addresses = {address, address6}});
  }
  return ports;
}

inline NftTable sample_port_filter(int count = 3) {
  return port_filter("ovl:demo/network/my-net", sample_ports(count));
}

inline HostFilter sample_host_input() {
  return {.owner = "ovl:demo/host",
          .vnis = {Vni::unchecked(1048576), Vni::unchecked(1048577), Vni::unchecked(16777215)},
          .vxlan_ports = {UdpPort::unchecked(4789), UdpPort::unchecked(8472)},
          .vteps = {ip("192.168.99.105"), ip("192.168.99.106"), ip("fd01::5")},
          .own = {ip("192.168.99.104"), ip("fd01::4")},
          .gateway = GatewayFilter{.bridge = dev("ovl-gw"),
                                   .pool = IpPrefix::parse_exact("172.18.0.0/16").value(),
                                   .uplinks = {dev("eth1"), dev("wlan0")},
                                   .keystores = {{ip("192.168.99.103"), UdpPort::unchecked(8500)},
                                                 {ip("fd01::3"), UdpPort::unchecked(8500)}}}};
}

inline NftTable sample_host_filter() {
  return host_filter(sample_host_input());
}

}  // namespace ovl::test
