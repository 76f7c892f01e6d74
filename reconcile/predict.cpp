#include "reconcile/predict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "reconcile/change_name.hpp"
#include "reconcile/diff_records.hpp"

namespace ovl {

namespace {

// Upper bounds of what was measured on a machine with two cores; of one device, and of a whole sandbox.
constexpr std::uint32_t kDeviceGap = 200;
constexpr std::uint32_t kSandboxGap = 500;

// Hosts that one interruption names: each change repeats them.
constexpr std::size_t kMostNamed = 16;

bool is_removed(const ObjectChange& change) {
  return change.action == Action::remove || change.action == Action::replace;
}

class Predictor {
 public:
  Predictor(const Plan& plan, const Records& desired) : plan_(plan) {
    for (const EndpointRecord& endpoint : desired.endpoints) {
      hosts_[endpoint.network].insert(endpoint.host);
      networks_[endpoint.host.text()].insert(endpoint.network);
    }
  }

  std::vector<Interruption> run() {
    for (const RecordChange& change : plan_.record_changes) of_record(change);
    for (const ObjectChange& change : plan_.object_changes) of_object(change);
    return std::move(out_);
  }

 private:
  void add(Interruption interruption) {
    if (!said_.emplace(interruption.subject, interruption.what, interruption.milliseconds).second) return;
    out_.push_back(std::move(interruption));
  }

  // ---- what concerns several hosts: until each of them has applied ---------------------------------

  void of_record(const RecordChange& change) {
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

  void of_endpoint(const RecordChange& change) {
    if (!touches(change, {"host", "addresses", "mac"})) return;
    std::set<HostName> hosts = hosts_of(name_of(change).index);
    if (const auto before = HostName::parse(text_in(change.before, "host")); before.ok()) {
      hosts.insert(before.value());
    }
    add_until(change, "all its traffic", hosts);
  }

  // As many as are named, and one more that tells of others.
  [[nodiscard]] std::set<HostName> first_on(const Label& network) const {
    std::set<HostName> out;
    const auto hosts = hosts_.find(network);
    if (hosts == hosts_.end()) return out;
    for (const HostName& host : hosts->second) {
      out.insert(out.end(), host);
      if (out.size() > kMostNamed) break;
    }
    return out;
  }

  [[nodiscard]] std::set<HostName> hosts_of(const std::string& network) const {
    const auto name = Label::parse(network);
    return name.ok() ? first_on(name.value()) : std::set<HostName>();
  }

  void add_until(const RecordChange& change, std::string what, const std::set<HostName>& hosts) {
    std::vector<HostName> named(hosts.begin(), hosts.end());
    named.resize(std::min(named.size(), kMostNamed));
    add({.subject = name_of(change).address(),
         .what = std::move(what),
         .until = std::move(named),
         .others = hosts.size() > kMostNamed});
  }

  // ---- what this host does --------------------------------------------------------------------------

  void of_object(const ObjectChange& change) {
    const std::string& space = plan_.spaces[change.space].text();
    if (const Link* link = as<Link>(change.before); link != nullptr && is_removed(change)) {
      of_link(change, *link, space);
    }
    if (as<Address>(change.before) != nullptr && change.action == Action::replace) {
      add({.subject = "netns." + space, .what = "connections from that address", .milliseconds = kDeviceGap});
    }
    if (const Link* link = as<Link>(change.after); link != nullptr && change.action == Action::update) {
      of_update(change, *link, space);
    }
  }

  // A device that goes for good takes nothing along that somebody still wants.
  void of_link(const ObjectChange& change, const Link& link, const std::string& space) {
    if (change.action != Action::replace) return;
    const std::string network = space.starts_with(kSandboxPrefix)
                                    ? "network." + space.substr(kSandboxPrefix.size())
                                    : "host." + plan_.host.text();
    switch (link.type) {
      case LinkType::vxlan:
        return add({.subject = network, .what = "traffic with other hosts", .milliseconds = kDeviceGap});
      case LinkType::bridge:
        return add({.subject = network, .what = "all its traffic on this host", .milliseconds = kSandboxGap});
      case LinkType::veth:
        if (link.peer)
          add({.subject = subject_of(link), .what = "all its traffic", .milliseconds = kDeviceGap});
        return;
      case LinkType::other: return;
    }
  }

  // Its mark names it: ovl:<cluster>/endpoint/<network>/<endpoint>/port.
  static std::string subject_of(const Link& link) {
    const auto at = link.alias.find("/endpoint/");
    if (at == std::string::npos) return "netns." + link.peer->netns.text();
    std::string rest = link.alias.substr(at + 10);
    rest = rest.substr(0, rest.rfind("/port"));
    const auto slash = rest.find('/');
    const std::string first = rest.substr(0, slash);
    const std::string second = slash == std::string::npos ? std::string() : rest.substr(slash + 1);
    if (second.empty() || second == "gateway") return "endpoint." + first;
    return name_of(RecordKind::endpoint, first + "/" + second).address();
  }

  // A device that gets another MAC loses its entries (ether_setup's change of address flushes them).
  void of_update(const ObjectChange& change, const Link& link, const std::string& space) {
    const auto* before = as<Link>(change.before);
    if (before == nullptr) return;
    if (link.type == LinkType::veth && link.mac && before->mac != link.mac && !link.peer) {
      add({.subject = "netns." + space, .what = "all its traffic", .milliseconds = kDeviceGap});
    }
  }

  const Plan& plan_;
  std::map<Label, std::set<HostName>> hosts_;                           // with an endpoint in each network
  std::map<std::string, std::set<Label>> networks_;                     // that each host has an endpoint in
  std::set<std::tuple<std::string, std::string, std::uint32_t>> said_;  // subject, what, how long
  std::vector<Interruption> out_;
};

}  // namespace

std::vector<Interruption> predict(const Plan& plan, const Records& desired) {
  return Predictor(plan, desired).run();
}

}  // namespace ovl
