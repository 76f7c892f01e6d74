// References, addresses, names and namespaces of endpoints, and what they make of their hosts.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "reconcile/base/allocate.hpp"
#include "reconcile/base/ids.hpp"
#include "reconcile/manifest/check_manifest.hpp"
#include "reconcile/manifest/decode_values.hpp"
#include "reconcile/words/suggest.hpp"

namespace ovl {

namespace {

// The gateway of a declared subnet: as given, else as it will be chosen.
IpAddress gateway_of(const NetworkLists& lists, const IpPrefix& subnet) {
  const auto given = lists.gateways.find(subnet);
  return given != lists.gateways.end() ? given->second : default_gateway(subnet);
}

struct KnownNames {
  Suggester hosts, networks;
};

// ---- one endpoint ------------------------------------------------------------------------------

class EndpointCheck {
 public:
  EndpointCheck(const ManifestIndex& index, const EndpointBlock& endpoint, KnownNames& names,
                OverlapCheck& overlaps, Reporter& report)
      : index_(index), endpoint_(endpoint), names_(names), overlaps_(overlaps), report_(report) {}

  void run() {
    check_references();
    std::map<Label, Place> networks;
    for (const AttachmentBlock& attachment : endpoint_.attachments) {
      check_twice_in(attachment, networks);
      check_attachment(attachment);
    }
    check_subnets();
  }

 private:
  void check_references() {
    if (!index_.complete()) return;
    const HostName& host = endpoint_.host.value;
    if (!host.empty() && index_.host(host) == nullptr) {
      report_.error("unknown-host", endpoint_.host.place, fmt::format("there is no host \"{}\"", host.text()),
                    names_.hosts.suggest(host.text(),
                                         fmt::format("define it with [host.{}]", header_name(host.text()))));
    }
    for (const AttachmentBlock& attachment : endpoint_.attachments) {
      const Label& network = attachment.network.value;
      if (network.empty() || index_.network(network) != nullptr) continue;
      report_.error("unknown-network", attachment.network.place,
                    fmt::format("there is no network \"{}\"", network.text()),
                    names_.networks.suggest(network.text(),
                                            fmt::format("define it with [network.{}]", network.text())));
    }
  }

  static std::string header_name(const std::string& name) {
    return name.find('.') == std::string::npos ? name : "\"" + name + "\"";
  }

  void check_twice_in(const AttachmentBlock& attachment, std::map<Label, Place>& seen) {
    const auto [first, is_new] = seen.emplace(attachment.network.value, attachment.network.place);
    if (is_new || attachment.network.value.empty()) return;
    report_.clash("duplicate-name", attachment.network.place,
                  fmt::format("endpoint \"{}\" is twice in network \"{}\"", endpoint_.name.text(),
                              attachment.network.value.text()),
                  "merge the two", first->second, "first here");
  }

  void check_attachment(const AttachmentBlock& attachment) {
    if (attachment.mac && !attachment.mac->value.is_unicast()) {
      report_.error(
          "mac-not-unicast", attachment.mac->place,
          fmt::format("{} is not the MAC address of one interface", attachment.mac->value.text()),
          "use one whose second digit is even, like 02:42:0a:00:09:02, or leave it out to have one chosen");
    }
    for (const auto& alias : attachment.aliases) {
      if (!is_reserved_name(alias.value.text())) continue;
      report_.error("reserved-name", alias.place,
                    fmt::format("\"{}\" is a reserved name", alias.value.text()), kReservedHint);
    }
    check_families(attachment);
    const NetworkBlock* network = index_.network(attachment.network.value);
    if (network == nullptr || index_.is_damaged("network." + network->name.text())) return;
    for (const auto& address : attachment.addresses) check_address(*network, address);
    if (attachment.mac && !network->subnets.empty()) check_gateway_mac(*network, *attachment.mac);
  }

  void check_gateway_mac(const NetworkBlock& network, const Located<MacAddress>& mac) {
    const IpAddress gateway = gateway_of(index_.lists_of(network), network.subnets.front().value);
    if (mac.value != bridge_mac(gateway)) return;
    report_.error(
        "duplicate-mac", mac.place,
        fmt::format("{} is the gateway's MAC in network \"{}\"", mac.value.text(), network.name.text()),
        "use another, or leave it out to have one chosen");
  }

  void check_families(const AttachmentBlock& attachment) {
    std::map<Family, Place> seen;
    for (const auto& address : attachment.addresses) {
      const auto [first, is_new] = seen.emplace(address.value.family(), address.place);
      if (is_new) continue;
      report_.clash(
          "one-per-family", address.place,
          fmt::format("endpoint \"{}\" has two {} addresses in network \"{}\"", endpoint_.name.text(),
                      address.value.is_ipv4() ? "IPv4" : "IPv6", attachment.network.value.text()),
          "give at most one per family", first->second, "the other one is here");
    }
  }

  void check_address(const NetworkBlock& network, const Located<IpAddress>& address) {
    const std::string text = address.value.text();
    if (network.subnets.empty()) return check_not_reserved(network, address);  // given_addresses.cpp
    const NetworkLists& lists = index_.lists_of(network);
    const PrefixIndex::Entry* subnet = lists.subnets.holding(address.value);
    if (subnet == nullptr) {
      report_.clash("address-outside-subnet", address.place,
                    fmt::format("{} is in no subnet of network \"{}\"", text, network.name.text()),
                    "use an address of the network, or leave it out to have one chosen",
                    network.subnets.front().place, "its subnets are here");
    } else if (!is_usable(subnet->prefix, address.value)) {
      report_.error("address-not-usable", address.place,
                    fmt::format("{} is the {} address of {}", text,
                                address.value == subnet->prefix.address() ? "network" : "broadcast",
                                subnet->prefix.text()),
                    "use another, or leave it out to have one chosen");
    } else if (address.value == gateway_of(lists, subnet->prefix)) {
      report_.error("address-is-gateway", address.place,
                    fmt::format("{} is the gateway of network \"{}\"", text, network.name.text()),
                    "use another, or leave it out to have one chosen");
    } else {
      check_not_reserved(network, address);
    }
  }

  void check_not_reserved(const NetworkBlock& network, const Located<IpAddress>& address) {
    const auto& all = index_.lists_of(network).reserved;
    const auto reserved = all.find(address.value);
    if (reserved == all.end()) return;
    report_.clash("address-reserved", address.place,
                  fmt::format("{} is reserved in network \"{}\"", address.value.text(), network.name.text()),
                  "use another, or take it from \"reserved\"", reserved->second, "reserved here");
  }

  // All subnets that the endpoint's namespace will know; they must not contradict each other.
  void check_subnets() {
    overlaps_.begin();
    bool has_gateway = false;
    for (const AttachmentBlock& attachment : endpoint_.attachments) {
      const NetworkBlock* network = index_.network(attachment.network.value);
      if (network == nullptr) continue;
      has_gateway = has_gateway || !network->internal;
      const auto clash = overlaps_.add(*network);
      if (clash) {
        refuse_overlap(attachment, name_of(*clash->network), *clash->its, name_of(*network), *clash->added);
      }
    }
    if (has_gateway) check_gateway_pool();
  }

  void check_gateway_pool() {
    const HostBlock* host = index_.host(endpoint_.host.value);
    if (host == nullptr || !host->gateway_pool) return;
    for (const AttachmentBlock& attachment : endpoint_.attachments) {
      const NetworkBlock* network = index_.network(attachment.network.value);
      if (network == nullptr) continue;
      const auto* other = index_.lists_of(*network).subnets.overlapping(host->gateway_pool->value);
      if (other == nullptr) continue;
      refuse_overlap(endpoint_.attachments.front(), name_of(*network), network->subnets[other->index],
                     fmt::format("the gateway pool of host \"{}\"", host->name.text()), *host->gateway_pool);
      return;
    }
  }

  static std::string name_of(const NetworkBlock& network) {
    return fmt::format("network \"{}\"", network.name.text());
  }

  void refuse_overlap(const AttachmentBlock& attachment, const std::string& holder,
                      const Located<IpPrefix>& its, const std::string& other,
                      const Located<IpPrefix>& others) {
    report_
        .error("subnets-overlap", attachment.network.place,
               fmt::format("endpoint \"{}\" would be in {} ({}) and in {} ({}), which overlap",
                           endpoint_.name.text(), other, others.value.text(), holder, its.value.text()),
               "give one of them another subnet")
        .notes = {{.message = "this one", .place = others.place},
                  {.message = "and this one", .place = its.place}};
  }

  const ManifestIndex& index_;
  const EndpointBlock& endpoint_;
  KnownNames& names_;
  OverlapCheck& overlaps_;
  Reporter& report_;
};

// ---- all endpoints -----------------------------------------------------------------------------

// What may be held once per network, or once per host.
class Holdings {
 public:
  explicit Holdings(Reporter& report) : report_(report) {}

  void take(const std::string& what, const EndpointBlock& holder, const Place& place, FindingId id,
            std::string message, std::string hint) {
    const auto [first, is_new] = taken_.emplace(what, Taken{&holder, place});
    if (is_new) return;
    report_.clash(id, place, std::move(message), std::move(hint), first->second.place,
                  fmt::format("held by endpoint \"{}\" here", first->second.holder->name.text()));
  }

 private:
  struct Taken {
    const EndpointBlock* holder;
    Place place;
  };

  Reporter& report_;
  std::map<std::string, Taken> taken_;
};

void check_held_once(const EndpointBlock& endpoint, const AttachmentBlock& attachment, Holdings& holders) {
  const std::string& network = attachment.network.value.text();
  if (network.empty()) return;
  for (const auto& address : attachment.addresses) {
    holders.take("address " + network + " " + address.value.text(), endpoint, address.place,
                 "duplicate-address",
                 fmt::format("{} is given twice in network \"{}\"", address.value.text(), network),
                 "leave one of them out to have it chosen");
  }
  if (attachment.mac) {
    holders.take("mac " + network + " " + attachment.mac->value.text(), endpoint, attachment.mac->place,
                 "duplicate-mac",
                 fmt::format("{} is given twice in network \"{}\"", attachment.mac->value.text(), network),
                 "leave one of them out to have it chosen");
  }
}

// By network and name.
using NamedEndpoints = std::map<std::pair<std::string_view, std::string_view>, const EndpointBlock*>;

NamedEndpoints names_of(const Manifest& manifest) {
  NamedEndpoints out;
  for (const EndpointBlock* endpoint : by_place(manifest.endpoints)) {
    for (const AttachmentBlock& attachment : endpoint->attachments) {
      const NamedEndpoints::key_type name(attachment.network.value.text(), endpoint->name.text());
      out.emplace(name, endpoint);
    }
  }
  return out;
}

// In one network an endpoint's name is its own, and nobody's alias. An alias may be that of several
// endpoints.
void check_aliases(const AttachmentBlock& attachment, const NamedEndpoints& named, Reporter& report) {
  const std::string& network = attachment.network.value.text();
  std::map<std::string_view, Place> given;
  for (const auto& alias : attachment.aliases) {
    const std::string& name = alias.value.text();
    const auto [first, is_new] = given.emplace(name, alias.place);
    if (const auto holder = named.find({network, name}); holder != named.end()) {
      report.clash("alias-clash", alias.place,
                   fmt::format("the alias \"{}\" is an endpoint's name in network \"{}\"", name, network),
                   "that name leads to one endpoint; choose another alias", holder->second->place,
                   fmt::format("held by endpoint \"{}\" here", name));
    } else if (!is_new) {
      report.clash("alias-clash", alias.place, fmt::format("the alias \"{}\" is given twice", name),
                   "leave one of them out", first->second, "given here already");
    }
  }
}

void check_netns(const EndpointBlock& endpoint, Holdings& holders) {
  if (endpoint.host.value.empty()) return;
  const std::string name = endpoint.netns ? endpoint.netns->value.text() : endpoint.name.text();
  holders.take("netns " + endpoint.host.value.text() + " " + name, endpoint,
               endpoint.netns ? endpoint.netns->place : endpoint.place, "duplicate-netns",
               fmt::format("two endpoints share the namespace \"{}\" on host \"{}\"", name,
                           endpoint.host.value.text()),
               "one endpoint can be in several networks: use its \"networks\"");
}

// The VTEPs of one network are of one family: a VXLAN device has one local address.
class FamilyCheck {
 public:
  FamilyCheck(const ManifestIndex& index, Reporter& report) : index_(index), report_(report) {}

  void add(const EndpointBlock& endpoint, const AttachmentBlock& attachment) {
    const HostBlock* host = index_.host(endpoint.host.value);
    if (host == nullptr || index_.network(attachment.network.value) == nullptr) return;
    const auto* address = std::get_if<IpAddress>(&host->advertise.value);
    if (address == nullptr || address->empty()) return;
    const auto [first, is_new] = first_.emplace(attachment.network.value, host);
    const IpAddress& other = std::get<IpAddress>(first->second->advertise.value);
    if (is_new || other.family() == address->family()) return;
    if (!reported_.insert(attachment.network.value).second) return;
    report_
        .error("mixed-families", attachment.network.place,
               fmt::format("network \"{}\" would join hosts of different address families",
                           attachment.network.value.text()),
               "advertise addresses of one family on all hosts of a network")
        .notes = {{.message = note(*first->second), .place = first->second->advertise.place},
                  {.message = note(*host), .place = host->advertise.place}};
  }

 private:
  static std::string note(const HostBlock& host) {
    const bool ipv4 = std::get<IpAddress>(host.advertise.value).is_ipv4();
    return fmt::format("host \"{}\" has {}", host.name.text(), ipv4 ? "IPv4" : "IPv6");
  }

  const ManifestIndex& index_;
  Reporter& report_;
  std::map<Label, const HostBlock*> first_;  // only hosts that advertise an address
  std::set<Label> reported_;
};

// Ports of each sandbox's bridge (its VXLAN device is one) and of each host's gateway bridge.
class PortCount {
 public:
  PortCount(const ManifestIndex& index, Reporter& report) : index_(index), report_(report) {}

  void add(const EndpointBlock& endpoint) {
    bool has_gateway = false;
    for (const AttachmentBlock& attachment : endpoint.attachments) {
      const NetworkBlock* network = index_.network(attachment.network.value);
      if (network == nullptr) continue;
      has_gateway = has_gateway || !network->internal;
      count(fmt::format("the bridge of network \"{}\" on host \"{}\"", network->name.text(),
                        endpoint.host.value.text()),
            1, attachment.network.place);
    }
    if (has_gateway) {
      count(fmt::format("the gateway bridge of host \"{}\"", endpoint.host.value.text()), 0,
            endpoint.host.place);
    }
  }

 private:
  void count(const std::string& bridge, std::size_t own_ports, const Place& place) {
    std::size_t& ports = ports_.try_emplace(bridge, own_ports).first->second;
    if (++ports != kMaxBridgePorts + 1) return;
    report_.error("too-many-ports", place, fmt::format("{} has more than {} ports", bridge, kMaxBridgePorts),
                  "spread the endpoints over more hosts or networks");
  }

  const ManifestIndex& index_;
  Reporter& report_;
  std::map<std::string, std::size_t> ports_;
};

}  // namespace

void check_endpoints(const ManifestIndex& index, Reporter& report) {
  Holdings holders(report);
  FamilyCheck families(index, report);
  PortCount ports(index, report);
  KnownNames names{.hosts = Suggester(index.manifest().hosts),
                   .networks = Suggester(index.manifest().networks)};
  OverlapCheck overlaps(index);
  const NamedEndpoints named = names_of(index.manifest());
  for (const EndpointBlock* block : by_place(index.manifest().endpoints)) {
    const EndpointBlock& endpoint = *block;
    EndpointCheck(index, endpoint, names, overlaps, report).run();
    for (const AttachmentBlock& attachment : endpoint.attachments) {
      check_held_once(endpoint, attachment, holders);
      families.add(endpoint, attachment);
      check_aliases(attachment, named, report);
    }
    check_netns(endpoint, holders);
    ports.add(endpoint);
  }
}

}  // namespace ovl
