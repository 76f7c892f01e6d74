// What no single record shows. Of several records that hold what is one's alone, all are refused: which
// of them was written by somebody else can't be told.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <span>
#include <tuple>

#include "reconcile/base/allocate.hpp"
#include "reconcile/base/fitness.hpp"
#include "reconcile/base/ids.hpp"
#include "reconcile/base/prefix_index.hpp"
#include "reconcile/manifest/decode_values.hpp"
#include "reconcile/manifest/host_load.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

namespace {

constexpr std::size_t kIdDigits = 64;
// Of an endpoint's id, in the names of its devices. IFNAMSIZ lets a name have 15 characters; four are taken
// by the lead that says which end it is.
constexpr std::size_t kDeviceDigits = 11;
// A message is for a line, whatever somebody wrote into a record.
constexpr std::size_t kLongestProblem = 300;

// ---- one record ----------------------------------------------------------------------------------

// Devices are named after ids, so a shorter or stranger one would be a name that the kernel refuses or that
// is somebody else's.
bool is_id(std::string_view text) {
  return text.size() == kIdDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The same rules as a manifest's, from one place: a record that no manifest could have made was written by
// somebody else.
std::string vtep_problem(const std::optional<IpAddress>& address) {
  const std::string_view why = address ? unfit_for_vtep(*address) : std::string_view();
  return why.empty() ? std::string() : fmt::format("{} {}", address->text(), why);
}

std::string host_problem(const HostRecord& host) {
  if (!is_id(host.id)) return "its id is not 64 hexadecimal digits";
  if (std::string text = vtep_problem(host.advertise); !text.empty()) return text;
  if (std::string text = vtep_problem(host.bind); !text.empty()) return text;
  const std::string_view why = host.gateway_pool ? unfit_for_pool(*host.gateway_pool) : std::string_view();
  return why.empty() ? std::string() : fmt::format("its gateway pool {} {}", host.gateway_pool->text(), why);
}

std::string subnet_problem(const NetworkRecord& network, std::size_t index, const PrefixIndex& before) {
  const IpPrefix& subnet = network.subnets[index];
  const IpAddress& gateway = network.gateways[index];
  if (const std::string_view why = unfit_for_subnet(subnet); !why.empty()) {
    return fmt::format("{} {}", subnet.text(), why);
  }
  if (!subnet.contains(gateway))
    return fmt::format("gateway {} is outside {}", gateway.text(), subnet.text());
  if (!is_usable(subnet, gateway))
    return fmt::format("gateway {} is no host's address in {}", gateway.text(), subnet.text());
  if (before.overlapping(subnet) != nullptr) return fmt::format("{} is there twice", subnet.text());
  // RFC 8200, 5: below 1,280 bytes the kernel turns IPv6 off on the device (addrconf_notify()), and its
  // addresses are gone.
  if (network.mtu && network.mtu->number() < kLeastIpv6Mtu && !subnet.address().is_ipv4()) {
    return fmt::format("MTU {} is too small for IPv6", network.mtu->number());
  }
  return {};
}

std::string device_problem(const NetworkRecord& network) {
  // The name goes into the create message as it stands: any other could be a device that is there already.
  if (network.device && std::ranges::find(kVxlanDevices, network.device->view()) == kVxlanDevices.end()) {
    return fmt::format("{} is no VXLAN device of a sandbox", network.device->view());
  }
  if (!network.twin) return {};
  // The next generation is one more than this, and must not overflow.
  if (!is_counter(network.twin->since)) return "the generation of its twin is out of range";
  // The kernel refuses a second VXLAN device with the same VNI on the same port (vxlan_vni_in_use()), so the
  // sandbox could never be made.
  const bool same = network.twin->vni == network.vni && network.twin->port == network.port;
  return same ? "its twin has its own VNI and port" : std::string();
}

// As in a manifest: ranges and reserved addresses are in its subnets. An endpoint's address is chosen by
// these lists: one that is in no subnet would never be reached, by nobody's fault.
std::string lists_problem(const NetworkRecord& network, const PrefixIndex& subnets) {
  std::set<std::size_t> with_range;
  for (const IpPrefix& range : network.ip_range) {
    const PrefixIndex::Entry* subnet = subnets.holding(range);
    if (subnet == nullptr) return fmt::format("the range {} is in no subnet of it", range.text());
    if (!with_range.insert(subnet->index).second) {
      return fmt::format("{} has two ranges", subnet->prefix.text());
    }
  }
  for (const IpAddress& address : network.reserved) {
    if (subnets.holding(address) == nullptr) {
      return fmt::format("the reserved address {} is in no subnet of it", address.text());
    }
  }
  return {};
}

std::string network_problem(const NetworkRecord& network) {
  if (!is_id(network.id)) return "its id is not 64 hexadecimal digits";
  if (is_reserved_name(network.name.text())) return "its name is reserved";
  if (network.subnets.empty()) return "it has no subnet";
  if (network.gateways.size() != network.subnets.size()) return "it has not one gateway per subnet";
  // By an index: subnets of one network compared each with each would let who writes one record hold every
  // host.
  PrefixIndex before;
  for (std::size_t i = 0; i < network.subnets.size(); ++i) {
    if (std::string text = subnet_problem(network, i, before); !text.empty()) return text;
    before.add(network.subnets[i], i);
  }
  if (std::string text = lists_problem(network, before); !text.empty()) return text;
  return device_problem(network);
}

std::string addresses_problem(const NetworkRecord& network, const PrefixIndex& subnets,
                              const EndpointRecord& endpoint) {
  if (endpoint.addresses.empty()) return "it has no address";
  for (std::size_t i = 0; i < endpoint.addresses.size(); ++i) {
    const IpAddress& address = endpoint.addresses[i];
    const PrefixIndex::Entry* subnet = subnets.holding(address);
    if (subnet == nullptr) return fmt::format("{} is outside its network", address.text());
    if (!is_usable(subnet->prefix, address)) return fmt::format("{} is no host's address", address.text());
    if (network.gateways[subnet->index] == address) {  // each gateway is in its own subnet
      return fmt::format("{} is its network's gateway", address.text());
    }
    // IPv4 comes first, and of each family there is one at most, as in manifests.
    if (i > 0 && endpoint.addresses[i - 1].family() == address.family()) {
      return fmt::format("{} is a second address of its family", address.text());
    }
  }
  return {};
}

// As resolve_endpoints() calls them. Of other names the kernel gives some to no device ("all" and "default"
// are folders of its settings), and makes some itself ("lo", "sit0").
bool is_an_endpoints(std::string_view name) {
  constexpr std::string_view lead = "eth";
  if (!name.starts_with(lead) || name.size() == lead.size()) return false;
  name.remove_prefix(lead.size());
  return name.find_first_not_of("0123456789") == std::string_view::npos && (name == "0" || name[0] != '0');
}

std::string interfaces_problem(const EndpointRecord& endpoint) {
  for (const IfName* name :
       {&endpoint.interface, endpoint.gateway_interface ? &*endpoint.gateway_interface : nullptr}) {
    if (name != nullptr && !is_an_endpoints(name->view())) {
      return fmt::format("no interface of an endpoint is called {}", name->view());
    }
  }
  return {};
}

std::string names_problem(const EndpointRecord& endpoint) {
  // An endpoint inside of a sandbox would stand behind all filters of that network.
  if (endpoint.netns.text().starts_with(kSandboxPrefix)) return "its namespace has a reserved name";
  if (is_reserved_name(endpoint.name.text())) return "its name is reserved";
  for (const Alias& alias : endpoint.aliases) {
    if (is_reserved_name(alias.text())) return fmt::format("the alias {} is reserved", alias.text());
  }
  return interfaces_problem(endpoint);
}

std::string way_out_problem(const HostRecord& host, const EndpointRecord& endpoint) {
  if (!endpoint.gateway_address) return {};
  const IpAddress& address = *endpoint.gateway_address;
  // The gateway's own address in an endpoint would answer for the way out of all others.
  const bool fits = host.gateway_pool && is_usable(*host.gateway_pool, address) &&
                    address != default_gateway(*host.gateway_pool);
  return fits ? std::string() : fmt::format("{} is no address behind its host's gateway", address.text());
}

// The subnets of each network, by its place among the records.
using Subnets = std::vector<PrefixIndex>;

Subnets subnets_of(const Records& records) {
  Subnets out;
  out.reserve(records.networks.size());
  for (const NetworkRecord& network : records.networks) {
    out.push_back(index_prefixes(network.subnets, std::identity()));
  }
  return out;
}

std::string endpoint_problem(const Records& records, const Subnets& subnets, const EndpointRecord& endpoint) {
  const NetworkRecord* network = records.network(endpoint.network);
  const HostRecord* host = records.host(endpoint.host);
  if (network == nullptr) return fmt::format("there is no network {}", endpoint.network.text());
  if (host == nullptr) return fmt::format("there is no host {}", endpoint.host.text());
  if (!is_id(endpoint.id)) return "its id is not 64 hexadecimal digits";
  // The kernel refuses a multicast MAC on a device (is_valid_ether_addr()), and one on a bridge's fdb would
  // reach everybody.
  if (!endpoint.mac.is_unicast()) return fmt::format("MAC {} is not unicast", endpoint.mac.text());
  // Who has the gateway's MAC is sent what others send to the gateway.
  if (endpoint.mac == bridge_mac(network->gateways.front())) {
    return fmt::format("{} is its gateway's MAC", endpoint.mac.text());
  }
  const PrefixIndex& its_subnets = subnets[static_cast<std::size_t>(network - records.networks.data())];
  if (std::string text = addresses_problem(*network, its_subnets, endpoint); !text.empty()) return text;
  if (std::string text = names_problem(endpoint); !text.empty()) return text;
  return way_out_problem(*host, endpoint);
}

// ---- what is one's alone ---------------------------------------------------------------------------

// Problems by index of the record; the first of each counts.
class Problems {
 public:
  explicit Problems(std::size_t count) : texts_(count) {}

  void set(std::size_t index, std::string text) {
    if (texts_[index].empty()) texts_[index] = std::move(text);
  }

  [[nodiscard]] const std::string& of(std::size_t index) const { return texts_[index]; }

 private:
  std::vector<std::string> texts_;
};

// Keys, each with the index of its holder; a key that has several holders is a problem of all of them. A
// vector that is sorted once and no map: each endpoint of a large cluster has half a dozen keys.
template <class Key>
class Holders {
 public:
  void add(Key key, std::size_t holder) { held_.emplace_back(std::move(key), holder); }

  // text(key): what to say to each.
  template <class Text>
  void find_clashes(Problems& problems, const Text& text) {
    std::ranges::sort(held_);
    for (std::size_t i = 1; i < held_.size(); ++i) {
      if (held_[i - 1].first != held_[i].first) continue;
      // Both, and with three holders each pair: who of them was there first is written nowhere that an
      // attacker could not write too.
      problems.set(held_[i - 1].second, text(held_[i].first));
      problems.set(held_[i].second, text(held_[i].first));
    }
  }

 private:
  std::vector<std::pair<Key, std::size_t>> held_;
};

// Drops the items that have a problem, as findings. In place and in order: the vectors stay sorted, which
// lookups by name rely on.
template <class T, class Refuse>
void drop_bad(std::vector<T>& items, const Problems& problems, const Refuse& refuse) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (problems.of(i).empty()) {
      if (kept != i) items[kept] = std::move(items[i]);
      ++kept;
    } else {
      refuse(items[i], problems.of(i));
    }
  }
  items.resize(kept);
}

void validate_hosts(StoreView& view) {
  std::vector<HostRecord>& hosts = view.records.hosts;
  Problems problems(hosts.size());
  Holders<IpAddress> vteps;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    problems.set(i, host_problem(hosts[i]));
    if (hosts[i].advertise) vteps.add(*hosts[i].advertise, i);
  }
  vteps.find_clashes(problems, [](const IpAddress& vtep) { return vtep.text() + " has two holders"; });
  drop_bad(hosts, problems, [&](const HostRecord& host, const std::string& problem) {
    refuse_record(view, "hosts/" + host.name.text(), problem);
    view.frozen_hosts.push_back(host.name);
  });
}

void validate_networks(StoreView& view) {
  std::vector<NetworkRecord>& networks = view.records.networks;
  Problems problems(networks.size());
  Holders<std::pair<UdpPort, Vni>> vnis;
  for (std::size_t i = 0; i < networks.size(); ++i) {
    problems.set(i, network_problem(networks[i]));
    vnis.add({networks[i].port, networks[i].vni}, i);
    // A twin receives as the network itself does, so its VNI is as much its alone.
    if (networks[i].twin) vnis.add({networks[i].twin->port, networks[i].twin->vni}, i);
  }
  vnis.find_clashes(problems, [](const auto& key) {
    return fmt::format("VNI {} on port {} has two holders", key.second.number(), key.first.number());
  });
  // Last, as a clash is the better word for what is wrong with a record that has both.
  for (Overload& one : overloads_of(view.records)) problems.set(one.network, std::move(one.problem));
  drop_bad(networks, problems, [&](const NetworkRecord& network, const std::string& problem) {
    refuse_record(view, "networks/" + network.name.text(), problem);
    view.frozen.push_back(network.name);
  });
}

// As in a manifest: the VTEPs of one network are of one family, as a VXLAN device has one local address. The
// fewer hosts are refused, of equally many all.
class FamilySet {
 public:
  explicit FamilySet(const Records& records) : records_(records), problems_(records.hosts.size()) {}

  Problems run() {
    for (const EndpointRecord& endpoint : records_.endpoints) add(endpoint);
    // Sorted by network, then by family, so that a network's members stand together and split at one place.
    std::ranges::sort(members_);
    members_.erase(std::unique(members_.begin(), members_.end()), members_.end());
    for (std::size_t begin = 0; begin < members_.size();) {
      std::size_t end = begin;
      while (end < members_.size() && members_[end].network == members_[begin].network) ++end;
      judge(std::span(members_).subspan(begin, end - begin));
      begin = end;
    }
    return std::move(problems_);
  }

 private:
  struct Member {
    std::string_view network;
    Family family = Family::ipv4;
    std::size_t host = 0;

    auto operator<=>(const Member&) const = default;
  };

  void add(const EndpointRecord& endpoint) {
    const HostRecord* host = records_.host(endpoint.host);
    if (host == nullptr || !host->advertise || records_.network(endpoint.network) == nullptr) return;
    members_.push_back({.network = endpoint.network.text(),
                        .family = host->advertise->family(),
                        .host = static_cast<std::size_t>(host - records_.hosts.data())});
  }

  void judge(std::span<const Member> network) {
    const auto second = std::ranges::find_if(
        network, [&](const Member& member) { return member.family != network.front().family; });
    if (second == network.end()) return;
    const auto first_count = second - network.begin();
    const auto second_count = network.end() - second;
    // The record that somebody edited is mostly one against many. Refusing all would let one bad record stop
    // every host of the network.
    if (first_count <= second_count) refuse(network.first(static_cast<std::size_t>(first_count)));
    if (second_count <= first_count) refuse(network.last(static_cast<std::size_t>(second_count)));
  }

  void refuse(std::span<const Member> members) {
    for (const Member& member : members) {
      problems_.set(member.host, fmt::format("its VTEP {} is not of the family of the others in network {}",
                                             records_.hosts[member.host].advertise->text(), member.network));
    }
  }

  const Records& records_;
  Problems problems_;
  std::vector<Member> members_;
};

void validate_families(StoreView& view) {
  const Problems problems = FamilySet(view.records).run();
  drop_bad(view.records.hosts, problems, [&](const HostRecord& host, const std::string& problem) {
    refuse_record(view, "hosts/" + host.name.text(), problem);
    view.frozen_hosts.push_back(host.name);
  });
}

class EndpointSet {
 public:
  explicit EndpointSet(const Records& records) : records_(records), problems_(records.endpoints.size()) {}

  Problems run() {
    const auto& endpoints = records_.endpoints;
    // Once for each network and not for each endpoint: the same index serves all of a network's endpoints.
    const Subnets subnets = subnets_of(records_);
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      problems_.set(i, endpoint_problem(records_, subnets, endpoints[i]));
      add(endpoints[i], i);
    }
    // A second pass, as an alias may be the name of an endpoint that comes later.
    for (std::size_t i = 0; i < endpoints.size(); ++i) add_aliases(endpoints[i], i);
    addresses_.find_clashes(problems_, [](const auto& key) { return std::get<1>(key).text() + kTwo; });
    macs_.find_clashes(problems_, [](const auto& key) { return std::get<1>(key).text() + kTwo; });
    devices_.find_clashes(problems_, [](const auto& key) { return "id " + std::string(key.second) + kTwo; });
    names_.find_clashes(problems_, [](const auto& key) { return "name " + std::string(key.second) + kTwo; });
    // Before the three that follow: it adds what is of the endpoint as a whole, once for all of its records,
    // which would else clash with themselves.
    check_parts_of_one();
    interfaces_.find_clashes(problems_,
                             [](const auto& key) { return "interface " + std::get<2>(key).text() + kTwo; });
    ways_out_.find_clashes(problems_, [](const auto& key) { return key.second.text() + kTwo; });
    namespaces_.find_clashes(problems_,
                             [](const auto& key) { return "namespace " + std::string(key.second) + kTwo; });
    return std::move(problems_);
  }

 private:
  using Text = std::string_view;

  static constexpr const char* kTwo = " has two holders";

  void add(const EndpointRecord& endpoint, std::size_t index) {
    const std::string_view network = endpoint.network.text();
    const std::string_view host = endpoint.host.text();
    for (const IpAddress& address : endpoint.addresses) addresses_.add({network, address}, index);
    macs_.add({network, endpoint.mac}, index);
    names_.add({network, endpoint.name.text()}, index);
    own_names_.emplace(network, endpoint.name.text());
    // By what of the id is in a device's name: two ids that are equal up to there would be one device on that
    // host.
    devices_.add({host, std::string_view(endpoint.id).substr(0, kDeviceDigits)}, index);
    interfaces_.add({host, endpoint.netns.text(), endpoint.interface}, index);
  }

  // Several endpoints may have an alias in common, and nobody may have another one's name.
  void add_aliases(const EndpointRecord& endpoint, std::size_t index) {
    for (const Alias& alias : endpoint.aliases) {
      const std::pair<Text, Text> name(endpoint.network.text(), alias.text());
      if (own_names_.contains(name)) names_.add(name, index);
    }
  }

  [[nodiscard]] auto shape(std::size_t index) const {
    const EndpointRecord& endpoint = records_.endpoints[index];
    return std::tie(endpoint.host, endpoint.netns, endpoint.gateway_interface, endpoint.gateway_address);
  }

  // An endpoint is one thing on all its networks: one host, one namespace, one way out.
  void check_parts_of_one() {
    std::vector<std::pair<std::string_view, std::size_t>> order;
    order.reserve(records_.endpoints.size());
    for (std::size_t i = 0; i < records_.endpoints.size(); ++i) {
      order.emplace_back(records_.endpoints[i].name.text(), i);
    }
    std::ranges::sort(order);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const bool first = i == 0 || order[i - 1].first != order[i].first;
      if (first) {
        add_whole(order[i].second);
      } else if (shape(order[i - 1].second) != shape(order[i].second)) {
        problems_.set(order[i - 1].second, kContradiction);
        problems_.set(order[i].second, kContradiction);
      }
    }
  }

  static constexpr const char* kContradiction = "its records on two networks contradict each other";

  void add_whole(std::size_t index) {
    const EndpointRecord& endpoint = records_.endpoints[index];
    const std::string_view host = endpoint.host.text();
    namespaces_.add({host, endpoint.netns.text()}, index);
    if (endpoint.gateway_address) ways_out_.add({host, *endpoint.gateway_address}, index);
    if (endpoint.gateway_interface) {
      interfaces_.add({host, endpoint.netns.text(), *endpoint.gateway_interface}, index);
    }
  }

  const Records& records_;
  Problems problems_;
  Holders<std::tuple<Text, IpAddress>> addresses_;
  Holders<std::tuple<Text, MacAddress>> macs_;
  std::set<std::pair<Text, Text>> own_names_;
  Holders<std::pair<Text, Text>> names_;  // endpoints', and aliases that are one: per network
  Holders<std::pair<Text, Text>> devices_;
  Holders<std::tuple<Text, Text, IfName>> interfaces_;
  Holders<std::pair<Text, IpAddress>> ways_out_;
  Holders<std::pair<Text, Text>> namespaces_;
};

// One that a rename which was cut short left behind: nothing else is wrong with it. A rename of a network or
// host takes several transactions; between two of them an endpoint may stand under a name that is not there
// any more. Whoever has the manifest finishes that, and needs the record for it.
bool is_homeless(const Records& records, const EndpointRecord& endpoint) {
  const bool at_home = records.network(endpoint.network) != nullptr && records.host(endpoint.host) != nullptr;
  return !at_home && is_id(endpoint.id) && endpoint.mac.is_unicast() && names_problem(endpoint).empty();
}

void validate_endpoints(StoreView& view) {
  const Problems problems = EndpointSet(view.records).run();
  drop_bad(view.records.endpoints, problems, [&](const EndpointRecord& endpoint, const std::string& text) {
    refuse_record(view, "endpoints/" + endpoint.network.text() + "/" + endpoint.name.text(), text);
    if (is_homeless(view.records, endpoint)) view.homeless.push_back(endpoint);
    // The whole network and not the endpoint: whose address it has is what is not known.
    view.frozen.push_back(endpoint.network);
  });
}

template <class Name>
void sort_unique(std::vector<Name>& names) {
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace

Finding refusal(std::string key, const std::string& problem) {
  // Only a host itself writes these: applying a manifest elsewhere would not mend them.
  const bool of_its_host = key.starts_with("facts/") || key.starts_with("status/");
  return Finding{.code = Errc::corrupt,
                 .id = "refused-record",
                 .subject = std::move(key),
                 .message = problem.substr(0, kLongestProblem),
                 .hint = of_its_host ? "apply on that host, which writes it anew, or remove the key"
                                     : "apply the manifest again from a trusted place, or remove the key"};
}

void refuse_record(StoreView& view, std::string key, const std::string& problem) {
  view.refused.push_back(refusal(std::move(key), problem));
}

void validate_set(StoreView& view) {
  validate_hosts(view);
  validate_networks(view);
  // After the hosts and networks that are refused are out, as they have no say in which family is the common
  // one; and before the endpoints, which fall with their hosts.
  validate_families(view);
  validate_endpoints(view);
  sort_unique(view.frozen);
  sort_unique(view.frozen_hosts);
}

}  // namespace ovl
