// The filters as values: the same for any order of the input, and of constant size.
#include "reconcile/objects/filters.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace ovl {

namespace {

IfName dev(const std::string& name) {
  return IfName::parse(name).value();
}

IpAddress ip(const std::string& text) {
  return IpAddress::parse(text).value();
}

FilteredPort port(std::uint64_t number) {
  const IpAddress address = ip("10.0.0.2").plus(number).value();
  return {.port = dev("veth" + std::to_string(number)),
          .mac = MacAddress::from_ipv4(address),
          .addresses = {address, ip("fd00::2").plus(number).value()}};
}

std::vector<FilteredPort> ports(std::uint64_t count) {
  std::vector<FilteredPort> out;
  for (std::uint64_t i = 0; i < count; ++i) out.push_back(port(i));
  return out;
}

HostFilter host_input() {
  return {.owner = "ovl:demo/host",
          .vnis = {Vni::unchecked(0x100000), Vni::unchecked(0xfedcba)},
          .vxlan_ports = {UdpPort::unchecked(4789), UdpPort::unchecked(8472)},
          .vteps = {ip("2001:db8::2"), ip("192.0.2.2"), ip("192.0.2.3")},
          .own = {ip("192.0.2.1"), ip("2001:db8::1")},
          .gateway = GatewayFilter{.bridge = dev("ovl-gw"),
                                   .pool = IpPrefix::parse_exact("172.18.0.0/16").value(),
                                   .uplinks = {dev("eth1"), dev("eth0")},
                                   .keystores = {{ip("192.0.2.9"), UdpPort::unchecked(2379)},
                                                 {ip("2001:db8::9"), UdpPort::unchecked(2379)}}}};
}

std::size_t rules_in(const NftTable& table) {
  std::size_t count = 0;
  for (const NftChain& chain : table.chains) count += chain.rules.size();
  return count;
}

std::size_t elements_in(const NftTable& table) {
  std::size_t count = 0;
  for (const NftSet& set : table.sets) count += set.elements.size();
  return count;
}

const NftSet& set(const NftTable& table, std::string_view name) {
  return *std::ranges::find(table.sets, name, &NftSet::name);
}

// What the model and the driver promise each other about a table.
void expect_well_formed(const NftTable& table) {
  EXPECT_TRUE(std::ranges::is_sorted(table.sets, {}, &NftSet::name));
  EXPECT_TRUE(std::ranges::is_sorted(table.chains, {}, &NftChain::name));
  EXPECT_EQ(table.name, "ovl");
  for (const NftSet& one : table.sets) {
    EXPECT_TRUE(std::ranges::is_sorted(one.elements, bytes_less)) << one.name;
    EXPECT_EQ(std::ranges::adjacent_find(one.elements), one.elements.end()) << one.name;
    for (const Bytes& element : one.elements) EXPECT_EQ(element.size(), one.key_length) << one.name;
  }
  EXPECT_TRUE(std::ranges::is_sorted(table.counters, {}, &NftCounter::name));
  for (const NftChain& chain : table.chains) {
    EXPECT_TRUE(chain.policy_accept);
    for (const NftRule& rule : chain.rules) {
      for (const NftExpr& expr : rule.exprs) {
        if (const auto* on = std::get_if<NftGoto>(&expr)) {
          EXPECT_NE(std::ranges::find(table.chains, on->chain, &NftChain::name), table.chains.end());
        }
        if (const auto* count = std::get_if<NftCount>(&expr)) {
          EXPECT_NE(std::ranges::find(table.counters, count->counter, &NftCounter::name),
                    table.counters.end());
        }
        const auto* lookup = std::get_if<NftLookup>(&expr);
        if (lookup == nullptr) continue;
        EXPECT_NE(std::ranges::find(table.sets, lookup->set, &NftSet::name), table.sets.end()) << lookup->set;
      }
    }
  }
}

}  // namespace

TEST(Filters, AreWellFormed) {
  expect_well_formed(port_filter("ovl:demo/network/web", ports(5)));
  expect_well_formed(port_filter("ovl:demo/network/web", {}));
  expect_well_formed(host_filter(host_input()));
  expect_well_formed(host_filter({.owner = "ovl:demo/host"}));
  HostFilter with_lost = host_input();
  with_lost.lost = {ip("2001:db8::2"), ip("192.0.2.2")};
  expect_well_formed(host_filter(with_lost));
}

TEST(Filters, CarryTheirOwner) {
  EXPECT_EQ(port_filter("ovl:demo/network/web", {}).comment, "ovl:demo/network/web");
  EXPECT_EQ(host_filter(host_input()).comment, "ovl:demo/host");
}

TEST(PortFilter, CostsOnlyElementsPerPort) {
  const NftTable one = port_filter("x", ports(1));
  const NftTable many = port_filter("x", ports(1000));
  EXPECT_EQ(many.chains, one.chains);
  const std::size_t per_port = elements_in(one) - elements_in(port_filter("x", {}));
  EXPECT_EQ(elements_in(many), elements_in(port_filter("x", {})) + 1000 * per_port);
}

TEST(PortFilter, HoldsPortsWithTheirNamesPadded) {
  const NftTable table = port_filter("x", ports(1));
  Bytes name{'v', 'e', 't', 'h', '0'};
  name.resize(16);
  EXPECT_EQ(set(table, "ports").elements, std::vector<Bytes>{name});
  Bytes mac = name;
  mac.insert(mac.end(), {0x02, 0x42, 10, 0, 0, 2, 0, 0});
  EXPECT_EQ(set(table, "macs").elements, std::vector<Bytes>{mac});
}

TEST(PortFilter, AddsTheLinkLocalOfTheMac) {
  const NftTable table = port_filter("x", ports(1));
  const IpAddress local = ip("fe80::42:aff:fe00:2");
  Bytes key{'v', 'e', 't', 'h', '0'};
  key.resize(16);
  key.insert(key.end(), local.bytes().begin(), local.bytes().end());
  for (const char* name : {"addresses6", "nd_targets"}) {
    const std::vector<Bytes>& elements = set(table, name).elements;
    EXPECT_NE(std::ranges::find(elements, key), elements.end()) << name;
  }
}

RC_GTEST_PROP(PortFilter, DoesNotDependOnTheOrder, ()) {
  std::vector<FilteredPort> input = ports(*rc::gen::inRange<std::uint64_t>(0, 20));
  const NftTable expected = port_filter("x", input);
  const auto keys = *rc::gen::container<std::vector<int>>(input.size(), rc::gen::arbitrary<int>());
  std::vector<std::size_t> order(input.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(keys[i], i); });
  std::vector<FilteredPort> shuffled;
  for (const std::size_t i : order) shuffled.push_back(input[i]);
  for (FilteredPort& one : shuffled) std::ranges::reverse(one.addresses);
  RC_ASSERT(port_filter("x", shuffled) == expected);
}

TEST(HostFilter, DoesNotDependOnTheOrder) {
  HostFilter input = host_input();
  const NftTable expected = host_filter(input);
  std::ranges::reverse(input.vnis);
  std::ranges::reverse(input.vxlan_ports);
  std::ranges::reverse(input.vteps);
  std::ranges::reverse(input.gateway->uplinks);
  std::ranges::reverse(input.gateway->keystores);
  input.vteps.push_back(input.vteps.front());
  EXPECT_EQ(host_filter(input), expected);
}

TEST(HostFilter, CostsOnlyElementsPerHostAndNetwork) {
  HostFilter input = host_input();
  const NftTable few = host_filter(input);
  for (std::uint32_t i = 0; i < 500; ++i) {
    input.vteps.push_back(ip("198.18.0.0").plus(i).value());
    input.vnis.push_back(Vni::unchecked(0x200000 + i));
  }
  const NftTable many = host_filter(input);
  EXPECT_EQ(many.chains, few.chains);
  EXPECT_EQ(elements_in(many), elements_in(few) + 1000);
}

TEST(HostFilter, ReadsTheVniAsItIsOnTheWire) {
  const std::vector<Bytes> expected{{0x10, 0, 0}, {0xfe, 0xdc, 0xba}};
  EXPECT_EQ(set(host_filter(host_input()), "vnis").elements, expected);
}

// Hardening never looks like random loss.
TEST(Filters, DropNothingWithoutCountingIt) {
  for (const NftTable& table : {host_filter(host_input()), port_filter("x", ports(2))}) {
    for (const NftChain& chain : table.chains) {
      for (const NftRule& rule : chain.rules) {
        const auto* verdict = std::get_if<NftVerdict>(&rule.exprs.back());
        if (verdict == nullptr || verdict->accept) continue;
        ASSERT_GE(rule.exprs.size(), 2U);
        EXPECT_TRUE(std::holds_alternative<NftCount>(rule.exprs[rule.exprs.size() - 2])) << rule.comment;
      }
    }
  }
}

TEST(HostFilter, HasNoWayOutWithoutAGateway) {
  HostFilter input = host_input();
  input.gateway.reset();
  const NftTable table = host_filter(input);
  for (const NftChain& chain : table.chains) {
    EXPECT_NE(chain.type, "nat");
    EXPECT_NE(chain.name, "from_endpoints");
  }
  EXPECT_LT(rules_in(table), rules_in(host_filter(host_input())));
}

TEST(HostFilter, GuardsTheKeystoreOverTcpAndUdp) {
  const std::vector<Bytes> expected{{6, 0, 0, 0, 192, 0, 2, 9, 0x09, 0x4b, 0, 0},
                                    {17, 0, 0, 0, 192, 0, 2, 9, 0x09, 0x4b, 0, 0}};
  EXPECT_EQ(set(host_filter(host_input()), "keystores").elements, expected);
}

}  // namespace ovl
