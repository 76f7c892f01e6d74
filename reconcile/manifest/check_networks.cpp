// Each network on its own, and VNIs among them.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "reconcile/base/allocate.hpp"
#include "reconcile/base/fitness.hpp"
#include "reconcile/manifest/check_manifest.hpp"

namespace ovl {

namespace {

constexpr std::uint32_t kDefaultPort = 4789;  // IANA, RFC 7348

// Enough of them to see which ones are meant: each error repeats them.
std::string subnet_list(const NetworkBlock& network) {
  constexpr std::size_t most = 8;
  std::string out;
  for (const auto& subnet : std::span(network.subnets).first(std::min(network.subnets.size(), most))) {
    out += (out.empty() ? "" : ", ") + subnet.value.text();
  }
  if (network.subnets.size() > most) out += fmt::format(" and {} more", network.subnets.size() - most);
  return out;
}

class NetworkCheck {
 public:
  NetworkCheck(const NetworkBlock& network, const NetworkLists& lists, Reporter& report)
      : network_(network), lists_(lists), report_(report) {}

  void run() {
    check_subnets();
    if (network_.subnets.empty()) return;  // given_addresses.cpp
    check_gateways();
    check_ranges();
    for (const auto& address : network_.reserved) (void)within("reserved address", address);
    check_mtu();
  }

 private:
  void check_subnets() {
    PrefixIndex earlier;
    for (std::size_t i = 0; i < network_.subnets.size(); ++i) {
      const Located<IpPrefix>& subnet = network_.subnets[i];
      const std::string_view why = unfit_for_subnet(subnet.value);
      if (!why.empty()) {
        report_.error("unfit-subnet", subnet.place, fmt::format("{} {}", subnet.value.text(), why),
                      "use a private subnet, like 10.0.9.0/24 or fd00:9::/64");
      } else if (const PrefixIndex::Entry* other = earlier.overlapping(subnet.value)) {
        refuse_overlap(subnet, network_.subnets[other->index]);
      }
      earlier.add(subnet.value, i);
    }
  }

  void refuse_overlap(const Located<IpPrefix>& subnet, const Located<IpPrefix>& other) {
    report_.clash("subnets-overlap", subnet.place,
                  fmt::format("{} overlaps {}", subnet.value.text(), other.value.text()),
                  "the subnets of one network are disjoint", other.place, "the other one is here");
  }

  // The subnet of an address; nullptr, with an error, when there is none.
  const IpPrefix* within(std::string_view what, const Located<IpAddress>& address) {
    const PrefixIndex::Entry* subnet = lists_.subnets.holding(address.value);
    if (subnet != nullptr) return &subnet->prefix;
    report_.error("address-outside-subnet", address.place,
                  fmt::format("the {} {} is in no subnet of network \"{}\"", what, address.value.text(),
                              network_.name.text()),
                  fmt::format("its subnets: {}", subnet_list(network_)));
    return nullptr;
  }

  void check_gateways() {
    std::map<IpPrefix, Place> seen;
    for (const auto& gateway : network_.gateways) {
      const IpPrefix* subnet = within("gateway", gateway);
      if (subnet == nullptr) continue;
      if (!is_usable(*subnet, gateway.value)) {
        report_.error(
            "address-not-usable", gateway.place,
            fmt::format("the gateway {} is the {} address of {}", gateway.value.text(),
                        gateway.value == subnet->address() ? "network" : "broadcast", subnet->text()),
            fmt::format("use one like {}", default_gateway(*subnet).text()));
      }
      at_most_one("gateway", *subnet, gateway.place, seen);
    }
  }

  void check_ranges() {
    std::map<IpPrefix, Place> seen;
    for (const auto& range : network_.ip_range) {
      const PrefixIndex::Entry* subnet = lists_.subnets.holding(range.value);
      if (subnet == nullptr) {
        report_.error("range-outside-subnet", range.place,
                      fmt::format("the range {} is in no subnet of network \"{}\"", range.value.text(),
                                  network_.name.text()),
                      fmt::format("its subnets: {}", subnet_list(network_)));
      } else {
        at_most_one("range", subnet->prefix, range.place, seen);
      }
    }
  }

  void at_most_one(std::string_view what, const IpPrefix& subnet, const Place& place,
                   std::map<IpPrefix, Place>& seen) {
    const auto [first, is_new] = seen.emplace(subnet, place);
    if (is_new) return;
    report_.clash("one-per-subnet", place, fmt::format("the subnet {} has two {}s", subnet.text(), what),
                  "give at most one per subnet", first->second, "the other one is here");
  }

  void check_mtu() {
    const auto ipv6 = std::ranges::find_if(
        network_.subnets, [](const auto& subnet) { return subnet.value.family() == Family::ipv6; });
    if (!network_.mtu || network_.mtu->value.number() >= kLeastIpv6Mtu || ipv6 == network_.subnets.end())
      return;
    report_.clash("mtu-too-small", network_.mtu->place,
                  fmt::format("an MTU of {} is too small for IPv6", network_.mtu->value.number()),
                  fmt::format("use at least {}, or no IPv6 subnet", kLeastIpv6Mtu), ipv6->place,
                  "the IPv6 subnet is here");
  }

  const NetworkBlock& network_;
  const NetworkLists& lists_;
  Reporter& report_;
};

void check_vnis(const Manifest& manifest, Reporter& report) {
  std::map<std::pair<Vni, std::uint32_t>, const NetworkBlock*> seen;
  for (const NetworkBlock* block : by_place(manifest.networks)) {
    const NetworkBlock& network = *block;
    if (!network.vni) continue;
    const std::uint32_t port = network.port ? network.port->value.number() : kDefaultPort;
    const auto [first, is_new] = seen.emplace(std::pair(network.vni->value, port), &network);
    if (is_new) continue;
    report.clash(
        "duplicate-vni", network.vni->place,
        fmt::format("networks \"{}\" and \"{}\" have the same VNI {} on port {}", first->second->name.text(),
                    network.name.text(), network.vni->value.number(), port),
        "leave vni out to have one chosen", first->second->vni->place, "also used here");
  }
}

}  // namespace

void check_networks(const ManifestIndex& index, Reporter& report) {
  for (const NetworkBlock& network : index.manifest().networks) {
    if (index.is_damaged("network." + network.name.text())) continue;
    NetworkCheck(network, index.lists_of(network), report).run();
  }
  check_vnis(index.manifest(), report);
}

}  // namespace ovl
