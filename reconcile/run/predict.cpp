#include "reconcile/run/predict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "reconcile/records/diff_records.hpp"
#include "reconcile/words/change_name.hpp"

namespace ovl {

namespace {

// Upper bounds of what was measured on a machine with two cores; of one device, and of a whole sandbox.
constexpr std::uint32_t kDeviceGap = 200;
constexpr std::uint32_t kSandboxGap = 500;

constexpr std::string_view kAllTraffic = "all its traffic";
constexpr std::string_view kWayOut = "its way out";

// Hosts that one interruption names: each change repeats them.
constexpr std::size_t kMostPredicted = 16;

bool is_removed(const ObjectChange& change) {
  return change.action == Action::remove || change.action == Action::replace;
}

class Predictor {
 public:
  Predictor(const Plan& plan, const Records& desired) : plan_(plan), self_(desired.host(plan.host)) {
    for (const EndpointRecord& endpoint : desired.endpoints) {
      hosts_[endpoint.network].insert(endpoint.host);
      networks_[endpoint.host.text()].insert(endpoint.network);
      lives_on_.emplace(endpoint.network.text() + "/" + endpoint.name.text());
      if (endpoint.gateway_address) reaches_out_.emplace(endpoint.name.text());
      if (endpoint.host != plan.host) continue;
      here_.emplace(endpoint.name.text());
      ports_.emplace(VethPeer{endpoint.netns, endpoint.interface}, &endpoint);
      if (endpoint.gateway_interface) {
        ways_out_.emplace(VethPeer{endpoint.netns, *endpoint.gateway_interface}, endpoint.name.text());
      }
    }
  }

  std::vector<Interruption> run() {
    for (const RecordChange& change : plan_.record_changes) {
      if (change.kind == RecordKind::host && !change.previous.empty()) {
        renamed_.emplace(change.previous, change.name);
      }
    }
    for (const RecordChange& change : plan_.record_changes) of_record(change);
    for (const ObjectChange& change : plan_.object_changes) of_object(change);
    return std::move(out_);
  }

 private:
  void add(Interruption interruption) {
    // What is cut off for good is not cut off for a while beside.
    if (!interruption.for_good && lost_.contains({interruption.subject, interruption.what})) return;
    if (interruption.for_good) lost_.emplace(interruption.subject, interruption.what);
    if (!said_.emplace(interruption.subject, interruption.what, interruption.milliseconds).second) return;
    out_.push_back(std::move(interruption));
  }

  // ---- what concerns several hosts: until each of them has applied ---------------------------------

  void of_record(const RecordChange& change) {
    if (change.action == Action::remove && change.kind == RecordKind::endpoint) {
      add_for_good(name_of(change).address(), std::string(kAllTraffic));
    }
    if (change.action != Action::update) return;
    switch (change.kind) {
      case RecordKind::host: return of_host(change);
      case RecordKind::network: return of_network(change);
      case RecordKind::endpoint: return of_endpoint(change);
    }
  }

  // The others send to the old VTEP, and drop what comes from the new one.
  void of_host(const RecordChange& change) {
    if (!touches(change, {"advertise", "bind"})) return;
    std::set<HostName> others;
    const auto networks = networks_.find(change.name);
    if (networks == networks_.end()) return;
    for (const Label& network : networks->second) others.merge(first_on(network));
    if (others.size() < 2) return;
    add_until(change, "traffic with other hosts", others);
  }

  // A renamed network's sandbox has another name, and is made anew on every host.
  void of_network(const RecordChange& change) {
    const bool direct = touches(change, {"vni", "port"}) && !touches(change, {"device"});
    if (change.previous.empty() && !direct) return;
    const std::set<HostName> hosts = hosts_of(change.name);
    if (hosts.size() < 2) return;
    add_until(change, "traffic with other hosts", hosts);
  }

  // Another address beside those that stay is nobody's loss. Who lives in the old namespace stays there.
  void of_endpoint(const RecordChange& change) {
    const bool moves = changes_host(change);
    if (moves || touches(change, {"netns"})) {
      add_for_good(name_of(change).address(), left_behind(text_in(change.before, "netns")));
    }
    of_way_out(change);
    std::set<HostName> hosts = hosts_of(name_of(change).index);
    if (const auto before = HostName::parse(text_in(change.before, "host")); moves && before.ok()) {
      hosts.insert(before.value());
    }
    const bool is_all = moves || touches(change, {"mac"});
    if (is_all) add_until(change, std::string(kAllTraffic), hosts);
    for (const Family family : {Family::ipv4, Family::ipv6}) of_addresses(change, family, is_all, hosts);
  }

  // A host that is only called otherwise is the same one.
  bool changes_host(const RecordChange& change) {
    if (!touches(change, {"host"})) return false;
    const auto renamed = renamed_.find(text_in(change.before, "host"));
    return renamed == renamed_.end() || renamed->second != text_in(change.after, "host");
  }

  // What the world answers to is an address of its host's pool.
  void of_way_out(const RecordChange& change) {
    if (!touches(change, {"gateway_address"}) || text_in(change.before, "gateway_address").empty()) return;
    const std::string endpoint = name_of(change).name;
    const bool stays = reaches_out_.contains(endpoint);
    if (stays && text_in(change.after, "gateway_address").empty()) return;  // by another of its networks
    add_for_good("endpoint." + endpoint, stays ? "connections by its way out" : std::string(kWayOut));
  }

  // Another address in place of one is found again, and one that nothing follows is not.
  void of_addresses(const RecordChange& change, Family family, bool all_is_said,
                    const std::set<HostName>& hosts) {
    const auto field = std::ranges::find(change.fields, "addresses", &FieldDelta::name);
    if (field == change.fields.end()) return;
    const std::vector<IpAddress> before = addresses_in(field->before, family);
    const std::vector<IpAddress> after = addresses_in(field->after, family);
    const bool gives_up = std::ranges::any_of(
        before, [&](const IpAddress& one) { return std::ranges::find(after, one) == after.end(); });
    if (!gives_up) return;
    const std::string_view what = family == Family::ipv4 ? "its IPv4 traffic" : "its IPv6 traffic";
    if (after.empty()) return add_for_good(name_of(change).address(), std::string(what));
    const bool is_only = addresses_in(field->before, other(family)).empty();
    if (!all_is_said) add_until(change, std::string(is_only ? kAllTraffic : what), hosts);
  }

  static Family other(Family family) { return family == Family::ipv4 ? Family::ipv6 : Family::ipv4; }

  static std::vector<IpAddress> addresses_in(const Value& field, Family family) {
    std::vector<IpAddress> out;
    if (field.as_array() == nullptr) return out;
    for (const Value& item : *field.as_array()) {
      const std::string* text = item.as_string();
      const auto address = text != nullptr ? IpAddress::parse(*text) : Error{};
      if (address.ok() && address.value().family() == family) out.push_back(address.value());
    }
    return out;
  }

  static std::string left_behind(const std::string& netns) {
    return fmt::format("what runs in netns {}", netns);
  }

  // As many as are named, and one more that tells of others.
  [[nodiscard]] std::set<HostName> first_on(const Label& network) const {
    std::set<HostName> out;
    const auto hosts = hosts_.find(network);
    if (hosts == hosts_.end()) return out;
    for (const HostName& host : hosts->second) {
      out.insert(out.end(), host);
      if (out.size() > kMostPredicted) break;
    }
    return out;
  }

  [[nodiscard]] std::set<HostName> hosts_of(const std::string& network) const {
    const auto name = Label::parse(network);
    return name.ok() ? first_on(name.value()) : std::set<HostName>();
  }

  void add_until(const RecordChange& change, std::string what, const std::set<HostName>& hosts) {
    std::vector<HostName> named(hosts.begin(), hosts.end());
    named.resize(std::min(named.size(), kMostPredicted));
    add({.subject = name_of(change).address(),
         .what = std::move(what),
         .until = std::move(named),
         .others = hosts.size() > kMostPredicted});
  }

  // ---- what this host does --------------------------------------------------------------------------

  void of_object(const ObjectChange& change) {
    const std::string& space = plan_.spaces[change.space].text();
    if (const Netns* netns = as<Netns>(change.before); netns != nullptr && change.action == Action::remove) {
      of_sandbox(*netns);
    }
    if (const Link* link = as<Link>(change.before); link != nullptr && is_removed(change)) {
      of_link(change, *link, space);
    }
    if (as<Address>(change.before) != nullptr && change.action == Action::replace) {
      add({.subject = "netns." + space, .what = "connections from that address", .milliseconds = kDeviceGap});
    }
    if (const Address* address = as<Address>(change.before);
        address != nullptr && change.action == Action::remove) {
      of_way_out(*address, plan_.spaces[change.space]);
    }
    if (const Link* link = as<Link>(change.after); link != nullptr && change.action == Action::update) {
      of_update(change, *link, space);
    }
  }

  // The address that the world answers to, behind the host's own. With another length it is still the same
  // one.
  void of_way_out(const Address& address, const NetnsName& space) {
    const auto endpoint = ways_out_.find(VethPeer{space, address.dev});
    if (endpoint == ways_out_.end()) return;
    const NamespaceObjects* desired = plan_.desired.find(space);
    const bool stays =
        desired != nullptr && std::ranges::any_of(desired->addresses, [&](const Address& other) {
          return other.dev == address.dev && other.address.address == address.address.address;
        });
    if (!stays) add_for_good("endpoint." + endpoint->second, "connections by its way out");
  }

  // With a sandbox go its ports, which no change names.
  void of_sandbox(const Netns& netns) {
    const NamespaceObjects* observed = plan_.observed.find(netns.name);
    if (observed == nullptr || !netns.name.text().starts_with(kSandboxPrefix)) return;
    for (const Link& link : observed->links) {
      if (is_port(link)) of_removed_port(link);
    }
  }

  static bool is_port(const Link& link) {
    return link.type == LinkType::veth && link.peer && link.alias.find("/endpoint/") != std::string::npos;
  }

  // A device that goes for good takes nothing along that somebody still wants, but for who lives behind it.
  void of_link(const ObjectChange& change, const Link& link, const std::string& space) {
    if (change.action == Action::remove && is_port(link)) of_removed_port(link);
    if (change.action != Action::replace) return;
    const std::string network = space.starts_with(kSandboxPrefix)
                                    ? "network." + space.substr(kSandboxPrefix.size())
                                    : "host." + plan_.host.text();
    switch (link.type) {
      case LinkType::vxlan:
        if (is_untold(as<Link>(change.after))) {
          return add({.subject = network, .what = "traffic with other hosts"});
        }
        return add({.subject = network, .what = "traffic with other hosts", .milliseconds = kDeviceGap});
      case LinkType::bridge:
        return add({.subject = network, .what = "all its traffic on this host", .milliseconds = kSandboxGap});
      case LinkType::veth:
        if (link.peer) of_replaced_port(link, as<Link>(change.after));
        return;
      case LinkType::other: return;
    }
  }

  // Of a host alone: its tunnels get an address that no record has.
  [[nodiscard]] bool is_untold(const Link* tunnel) const {
    return tunnel != nullptr && tunnel->local && self_ != nullptr && self_->interface && !self_->bind &&
           self_->advertise && self_->advertise != tunnel->local;
  }

  void of_replaced_port(const Link& link, const Link* after) {
    const bool leaves = after != nullptr && after->peer && after->peer->netns != link.peer->netns;
    // Its way out leaves with the rest.
    if (leaves && owner_of(link).network.empty()) return;
    if (leaves) add_for_good(subject_of(link), left_behind(link.peer->netns.text()));
    const std::string_view what = owner_of(link).network.empty() ? kWayOut : kAllTraffic;
    add({.subject = subject_of(link), .what = std::string(what), .milliseconds = kDeviceGap});
  }

  void of_removed_port(const Link& link) {
    const Owner owner = owner_of(link);
    if (owner.network.empty()) {
      return of_removed_way_out(owner.endpoint);
    }
    const auto heir = ports_.find(*link.peer);
    if (heir != ports_.end()) return of_renamed_network(*heir->second);
    const bool lives_on = lives_on_.contains(owner.network + "/" + owner.endpoint);
    add_for_good(subject_of(link),
                 lives_on ? left_behind(link.peer->netns.text()) : std::string(kAllTraffic));
  }

  // Of an endpoint that goes nothing stays to be told. One that gets another device for it reaches out again.
  void of_removed_way_out(const std::string& endpoint) {
    if (!here_.contains(endpoint)) return;
    if (!reaches_out_.contains(endpoint)) return add_for_good("endpoint." + endpoint, std::string(kWayOut));
    add({.subject = "endpoint." + endpoint, .what = std::string(kWayOut), .milliseconds = kDeviceGap});
  }

  // The interface in its namespace comes back, on a sandbox of another name.
  void of_renamed_network(const EndpointRecord& endpoint) {
    const std::string name = endpoint.network.text() + "/" + endpoint.name.text();
    add({.subject = name_of(RecordKind::endpoint, name).address(),
         .what = std::string(kAllTraffic),
         .milliseconds = kSandboxGap});
  }

  void add_for_good(std::string subject, std::string what) {
    add({.subject = std::move(subject), .what = std::move(what), .for_good = true});
  }

  struct Owner {
    std::string network;  // empty: of its way out
    std::string endpoint;
  };

  // Its mark names it: ovl:<cluster>/endpoint/<network>/<endpoint>/port, or
  // .../endpoint/<endpoint>/gateway.
  static Owner owner_of(const Link& link) {
    const auto at = link.alias.find("/endpoint/");
    if (at == std::string::npos) return {};
    std::string rest = link.alias.substr(at + 10);
    rest = rest.substr(0, rest.rfind("/port"));
    const auto slash = rest.find('/');
    const std::string first = rest.substr(0, slash);
    const std::string second = slash == std::string::npos ? std::string() : rest.substr(slash + 1);
    return second.empty() || second == "gateway" ? Owner{{}, first} : Owner{first, second};
  }

  static std::string subject_of(const Link& link) {
    const Owner owner = owner_of(link);
    if (owner.endpoint.empty()) return "netns." + link.peer->netns.text();
    if (owner.network.empty()) return "endpoint." + owner.endpoint;
    return name_of(RecordKind::endpoint, owner.network + "/" + owner.endpoint).address();
  }

  // A device that gets another MAC loses its entries (ether_setup's change of
  // address flushes them).
  void of_update(const ObjectChange& change, const Link& link, const std::string& space) {
    const auto* before = as<Link>(change.before);
    if (before == nullptr) return;
    if (link.type == LinkType::veth && link.mac && before->mac != link.mac && !link.peer) {
      const auto way_out = ways_out_.find(VethPeer{plan_.spaces[change.space], link.name});
      if (way_out != ways_out_.end()) {
        return add({.subject = "endpoint." + way_out->second,
                    .what = std::string(kWayOut),
                    .milliseconds = kDeviceGap});
      }
      add({.subject = "netns." + space, .what = std::string(kAllTraffic), .milliseconds = kDeviceGap});
    }
  }

  const Plan& plan_;
  const HostRecord* self_;                              // none: of no host
  std::set<std::string> lives_on_;                      // "network/endpoint" of each desired one
  std::set<std::string> here_;                          // endpoints of this host
  std::set<std::string> reaches_out_;                   // endpoints that will have a way out
  std::map<std::string, std::string> renamed_;          // hosts: old name, new name
  std::set<std::pair<std::string, std::string>> lost_;  // subject and what is cut off for good
  std::map<VethPeer, const EndpointRecord*> ports_;     // of this host, by the end in their namespace
  std::map<VethPeer, std::string> ways_out_;            // likewise; the endpoints' names
  std::map<Label, std::set<HostName>> hosts_;           // with an endpoint in each network
  std::map<std::string, std::set<Label>> networks_;     // that each host has an endpoint in
  std::set<std::tuple<std::string, std::string, std::uint32_t>> said_;  // subject, what, how long
  std::vector<Interruption> out_;
};

}  // namespace

std::vector<Interruption> predict(const Plan& plan, const Records& desired) {
  return Predictor(plan, desired).run();
}

}  // namespace ovl
