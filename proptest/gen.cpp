#include "proptest/gen.hpp"

#include <fmt/format.h>

#include <array>
#include <ostream>
#include <set>

namespace ovl::gen {

namespace {

bool one_in(std::size_t count) {
  return *rc::gen::weightedElement<bool>({{count - 1, false}, {1, true}});
}

Label label(const std::string& text) {
  return Label::parse(text).value();
}

HostName host(const std::string& text) {
  return HostName::parse(text).value();
}

IpPrefix subnet(const std::string& text) {
  return IpPrefix::parse_exact(text).value();
}

IpAddress address(const std::string& text) {
  return IpAddress::parse(text).value();
}

Labels labels() {
  return one_in(4) ? Labels{{"zone", *rc::gen::element("x", "y")}} : Labels();
}

HostBlock host_block(int number) {
  HostBlock block;
  block.name = host(std::string(1, static_cast<char>('a' + number)));
  block.advertise.value = address(fmt::format("192.0.2.{}", number + 1));
  if (one_in(6)) block.bind = {address(fmt::format("198.51.100.{}", number + 1)), {}};
  if (one_in(6)) block.gateway_pool = {subnet(fmt::format("172.{}.0.0/16", 20 + number)), {}};
  if (one_in(6)) block.source_check = SourceCheck::loose;
  if (one_in(6)) block.ttl_check = TtlCheck::off;
  block.labels = labels();
  return block;
}

// Declared subnets do not overlap each other within one endpoint's networks.
std::vector<Located<IpPrefix>> subnets(int network) {
  const int choice = *rc::gen::element(0, 1, 2, 3);
  std::vector<Located<IpPrefix>> out;
  if (choice >= 1) out.push_back({subnet(fmt::format("10.{}.0.0/24", 100 + network)), {}});
  if (choice >= 2) out.push_back({subnet(fmt::format("fd00:{}::/64", network + 1)), {}});
  if (choice >= 3) out.push_back({subnet(fmt::format("10.{}.1.0/28", 100 + network)), {}});
  return out;
}

// In the first of its subnets, where no endpoint's own address is.
void add_addresses(NetworkBlock& block, int number) {
  if (block.subnets.empty()) return;
  const IpAddress first = block.subnets.front().value.address();
  const bool is_ipv4 = first.is_ipv4();
  if (one_in(6)) block.gateways.push_back({*first.plus(3), {}});
  if (one_in(6)) block.reserved = {{*first.plus(4), {}}, {*first.plus(5), {}}};
  if (is_ipv4 && one_in(6))
    block.ip_range.push_back({subnet(fmt::format("10.{}.0.64/26", 100 + number)), {}});
}

NetworkBlock network_block(int number) {
  NetworkBlock block;
  block.name = label(fmt::format("n{}", number));
  block.subnets = subnets(number);
  add_addresses(block, number);
  block.internal = *rc::gen::weightedElement<bool>({{3, false}, {1, true}});
  if (one_in(4)) block.vni = Located<Vni>{Vni::unchecked(static_cast<std::uint32_t>(42 + number)), {}};
  if (one_in(4)) block.mtu = Located<Mtu>{Mtu::unchecked(1400), {}};
  if (one_in(6)) block.port = Located<UdpPort>{UdpPort::unchecked(8472), {}};
  if (one_in(6)) block.frames = FrameTypes::any;
  if (one_in(6)) block.adopt = AdoptMode::if_equal;
  block.labels = labels();
  return block;
}

AttachmentBlock attachment(const NetworkBlock& network, int endpoint) {
  AttachmentBlock block;
  block.network.value = network.name;
  if (!network.subnets.empty() && one_in(4)) {
    const IpPrefix& prefix = network.subnets.front().value;
    block.addresses.push_back({*prefix.address().plus(static_cast<std::uint64_t>(10 + endpoint)), {}});
  }
  if (one_in(6)) {
    block.mac =
        Located<MacAddress>{MacAddress({0x02, 0, 0, 0, 0, static_cast<std::uint8_t>(endpoint + 1)}), {}};
  }
  if (one_in(5)) block.aliases.push_back({Alias::parse(fmt::format("alias_{}", endpoint)).value(), {}});
  return block;
}

EndpointBlock endpoint_block(int number, const Manifest& manifest) {
  EndpointBlock block;
  block.name = label(fmt::format("e{}", number));
  block.host.value = (*rc::gen::elementOf(manifest.hosts)).name;
  std::set<int> chosen;
  for (int i = *rc::gen::element(1, 2); i > 0; --i) {
    chosen.insert(*rc::gen::inRange(0, static_cast<int>(manifest.networks.size())));
  }
  for (const int index : chosen) {
    block.attachments.push_back(attachment(manifest.networks[static_cast<std::size_t>(index)], number));
  }
  if (one_in(6))
    block.netns = Located<NetnsName>{NetnsName::parse(fmt::format("space{}", number)).value(), {}};
  if (one_in(6)) block.link_local = LinkLocal::any;
  if (one_in(6)) block.adopt = AdoptMode::if_equal;
  block.labels = labels();
  return block;
}

}  // namespace

rc::Gen<Manifest> manifest() {
  return rc::gen::exec([] {
    Manifest out;
    out.cluster.value = label("demo");
    const int hosts = *rc::gen::element(1, 2, 3);
    for (int i = 0; i < hosts; ++i) out.hosts.push_back(host_block(i));
    const int networks = *rc::gen::element(1, 2, 3);
    for (int i = 0; i < networks; ++i) out.networks.push_back(network_block(i));
    for (int i = 0; i < 6; ++i) {
      if (*rc::gen::weightedElement<bool>({{3, true}, {1, false}}))
        out.endpoints.push_back(endpoint_block(i, out));
    }
    return out;
  });
}

Facts facts(const Manifest& manifest) {
  constexpr std::array<std::uint32_t, 3> kUnderlays{1500, 9000, 1450};
  const IfName eth1 = IfName::from_kernel("eth1");
  // Of one manifest they are always the same, of two seldom.
  std::size_t variety = manifest.endpoints.size() + 2 * manifest.networks.size();
  Facts out;
  for (const HostBlock& block : manifest.hosts) {
    HostFacts facts{.host = block.name};
    facts.vtep = std::get<IpAddress>(block.advertise.value);
    facts.addresses = {*facts.vtep};
    if (block.bind) facts.addresses.push_back(block.bind->value);
    facts.uplinks = {eth1};
    facts.underlay_mtu = kUnderlays.at(variety % kUnderlays.size());
    facts.routes.push_back(FactRoute{.destination = subnet("10.0.0.0/24"), .dev = eth1});
    if (variety % 2 == 1) facts.routes.push_back({.destination = subnet("10.0.1.0/24"), .dev = eth1});
    if (variety % 5 == 1) facts.routes.push_back({.destination = subnet("172.18.0.0/16"), .dev = eth1});
    if (variety % 4 == 1) facts.nameservers = {address("10.0.2.53")};
    if (variety % 3 == 1) facts.vnis = {Vni::unchecked(1'048'576)};
    ++variety;
    out.set(std::move(facts));
  }
  return out;
}

Manifest giving_no_more(const Manifest& first, Manifest second) {
  for (NetworkBlock& network : second.networks) {
    const auto at = std::ranges::find(first.networks, network.name, &NetworkBlock::name);
    if (at != first.networks.end() && at->subnets.empty()) network.subnets.clear();
  }
  return second;
}

Manifest left_open(Manifest manifest) {
  for (HostBlock& host : manifest.hosts) host.gateway_pool.reset();
  for (NetworkBlock& network : manifest.networks) {
    network.vni.reset();
    network.port.reset();
    network.gateways.clear();
    network.ip_range.clear();
    network.reserved.clear();
  }
  for (EndpointBlock& endpoint : manifest.endpoints) {
    for (AttachmentBlock& attachment : endpoint.attachments) {
      attachment.addresses.clear();
      attachment.mac.reset();
    }
  }
  return manifest;
}

}  // namespace ovl::gen

namespace ovl {

void showValue(const Manifest& manifest, std::ostream& out) {
  for (const HostBlock& block : manifest.hosts) {
    out << "host." << block.name.text();
    if (block.bind) out << " bind " << block.bind->value.text();
    if (block.gateway_pool) out << " pool " << block.gateway_pool->value.text();
    if (block.source_check == SourceCheck::loose) out << " loose";
    if (block.ttl_check == TtlCheck::off) out << " ttl off";
    out << "\n";
  }
  for (const NetworkBlock& block : manifest.networks) {
    out << "network." << block.name.text() << (block.internal ? " internal" : "");
    for (const auto& subnet : block.subnets) out << " " << subnet.value.text();
    for (const auto& gateway : block.gateways) out << " gateway " << gateway.value.text();
    for (const auto& address : block.reserved) out << " reserved " << address.value.text();
    for (const auto& range : block.ip_range) out << " range " << range.value.text();
    if (block.vni) out << " vni " << block.vni->value.text();
    if (block.port) out << " port " << block.port->value.text();
    if (block.mtu) out << " mtu " << block.mtu->value.text();
    if (block.frames == FrameTypes::any) out << " frames any";
    if (block.adopt == AdoptMode::if_equal) out << " adopt";
    out << "\n";
  }
  for (const EndpointBlock& block : manifest.endpoints) {
    out << "endpoint." << block.name.text() << " on " << block.host.value.text() << ":";
    for (const AttachmentBlock& attachment : block.attachments) {
      out << " " << attachment.network.value.text();
      for (const auto& address : attachment.addresses) out << "=" << address.value.text();
      if (attachment.mac) out << "/" << attachment.mac->value.text();
    }
    if (block.netns) out << " netns " << block.netns->value.text();
    if (block.link_local == LinkLocal::any) out << " link_local any";
    if (block.adopt == AdoptMode::if_equal) out << " adopt";
    out << "\n";
  }
}

}  // namespace ovl
