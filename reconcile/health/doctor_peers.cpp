#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>

#include "drivers/kernel/kinds/netns.hpp"
#include "drivers/probe/probe.hpp"
#include "drivers/probe/reach.hpp"
#include "reconcile/cluster/standing.hpp"
#include "reconcile/health/doctor_parts.hpp"
#include "reconcile/health/dropped.hpp"
#include "reconcile/host/lock_out.hpp"
#include "reconcile/objects/project.hpp"
#include "reconcile/words/counted.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostPeersAsked = 64;
constexpr std::size_t kMostNetworksAsked = 8;
constexpr milliseconds kKnockPatience{200};
constexpr std::string_view kApplyFirst = "ovl apply here first";

// A network with an endpoint here, and one endpoint of it on each other host that has one; of one family.
struct AskedNetwork {
  const NetworkRecord* network = nullptr;
  Family family = Family::ipv4;
  std::string words = {};  // "net", or "net (IPv6)" where it has both families
  const EndpointRecord* from = nullptr;
  std::size_t size = 0;  // of the largest packet inside, bytes
  std::map<HostName, const EndpointRecord*> to;
};

// What came of asking one endpoint.
struct Asked {
  const AskedNetwork* in = nullptr;
  const EndpointRecord* to = nullptr;
  Reached reached;
  bool left = true;              // the question left this host, as far as that is known
  bool came_back = false;        // its answer came to this host, whoever got it
  std::optional<Error> failure;  // why it could not be asked
};

std::optional<IpAddress> address_of(const EndpointRecord& endpoint, Family family) {
  const auto at = std::ranges::find(endpoint.addresses, family, &IpAddress::family);
  return at != endpoint.addresses.end() ? std::optional(*at) : std::nullopt;
}

std::string words_for(const EndpointRecord& from, Family family) {
  const std::string& network = from.network.text();
  const bool both = address_of(from, Family::ipv4) && address_of(from, Family::ipv6);
  return both ? fmt::format("{} ({})", network, family == Family::ipv4 ? "IPv4" : "IPv6") : network;
}

// Why the filters here drop what a peer's tunnel sends.
bool is_of_tunnels(std::string_view reason) {
  return reason == "source" || reason == "ttl" || reason == "vni";
}

class PeerExamination {
 public:
  PeerExamination(const Patient& patient, const StoreView& view, Symptoms& out)
      : patient_(patient), view_(view), out_(out) {}

  void run() {
    own_ = view_.records.host(patient_.host);
    if (own_ == nullptr) return;
    find_networks();
    const std::vector<Dropped> before = drops();
    for (const AskedNetwork& asked : networks_) ask(asked);
    drops_before_ = before;
    drops_after_ = drops();
    std::size_t told = 0;
    for (const HostRecord& peer : view_.records.hosts) {
      if (peer.name == patient_.host || ++told > kMostPeersAsked) continue;
      tell(peer);
    }
    if (told > kMostPeersAsked) {
      out_.note("peers", fmt::format("{} more hosts were not asked", told - kMostPeersAsked));
    }
  }

 private:
  void find_networks() {
    std::map<Label, const EndpointRecord*> local;
    for (const EndpointRecord& endpoint : view_.records.endpoints) {
      if (endpoint.host == patient_.host) local.emplace(endpoint.network, &endpoint);
    }
    std::size_t count = 0;
    for (const auto& [name, from] : local) {
      if (view_.records.network(name) == nullptr) continue;
      bool asks = false;
      for (const Family family : {Family::ipv4, Family::ipv6}) asks = add_network(*from, family) || asks;
      count += asks ? 1 : 0;
      if (count == kMostNetworksAsked) return;
    }
  }

  // Whether anybody elsewhere can be asked in that network, from that endpoint.
  bool add_network(const EndpointRecord& from, Family family) {
    if (!address_of(from, family)) return false;
    const NetworkRecord& network = *view_.records.network(from.network);
    AskedNetwork asked{.network = &network,
                       .family = family,
                       .words = words_for(from, family),
                       .from = &from,
                       .size = effective_mtu(network, view_.records, view_.facts)};
    for (const EndpointRecord& endpoint : view_.records.endpoints) {
      const bool elsewhere = endpoint.network == from.network && endpoint.host != patient_.host;
      if (elsewhere && address_of(endpoint, family) && asked.to.size() < kMostPeersAsked) {
        asked.to.emplace(endpoint.host, &endpoint);
      }
    }
    if (asked.to.empty()) return false;
    networks_.push_back(std::move(asked));
    return true;
  }

  // ---- asking --------------------------------------------------------------------------------------

  void ask(const AskedNetwork& asked) {
    std::vector<ReachTarget> targets;
    std::vector<Asked> answers;
    for (const auto& [host, endpoint] : asked.to) {
      targets.push_back({.address = *address_of(*endpoint, asked.family), .size = asked.size});
      answers.push_back({.in = &asked, .to = endpoint});
    }
    auto tap = TunnelTap::open(own_->advertise ? own_->advertise->family() : Family::ipv4,
                               targets.front().address.family(), asked.network->port);
    auto netns = NamespaceDirectory(patient_.run_directory).open(asked.from->netns);
    const auto reached =
        netns.ok() ? run_in_namespace(netns.value().get(), [&] { return reach(targets, patient_.patience); })
                   : Result<std::vector<Reached>>(netns.error());
    const std::vector<IpAddress> came = tap.ok() ? tap.value().answered() : std::vector<IpAddress>();
    const std::vector<IpAddress> left = tap.ok() ? tap.value().asked() : std::vector<IpAddress>();
    for (std::size_t i = 0; i < answers.size(); ++i) {
      if (reached.ok()) answers[i].reached = reached.value()[i];
      if (!reached.ok()) answers[i].failure = reached.error();
      answers[i].left = !tap.ok() || std::ranges::binary_search(left, targets[i].address);
      answers[i].came_back = std::ranges::binary_search(came, targets[i].address);
      by_host_[answers[i].to->host].push_back(std::move(answers[i]));
    }
  }

  // What the filters here have dropped so far.
  [[nodiscard]] std::vector<Dropped> drops() const {
    if (patient_.kernel == nullptr) return {};
    HostObjects wanted;
    wanted.at(NetnsName());
    for (const AskedNetwork& asked : networks_) {
      const auto sandbox = NetnsName::parse(std::string(kSandboxPrefix) + asked.network->name.text());
      if (sandbox.ok()) wanted.at(sandbox.value());
    }
    const auto seen = patient_.kernel->observe(wanted);
    return seen.ok() ? dropped_by(seen.value(), patient_.cluster) : std::vector<Dropped>();
  }

  // "; meanwhile this host dropped 2 packets: ..."
  [[nodiscard]] std::string dropped_meanwhile() const {
    std::string out;
    for (const Dropped& now : drops_after_) {
      const auto before = std::ranges::find(drops_before_, now.reason, &Dropped::reason);
      const std::uint64_t former = before != drops_before_.end() ? before->packets : 0;
      if (now.packets <= former || !is_of_tunnels(now.reason)) continue;
      out += fmt::format("; meanwhile this host dropped {}: {}", counted(now.packets - former, "packet"),
                         meaning_of_drop(now.reason));
    }
    return out;
  }

  // ---- telling -------------------------------------------------------------------------------------

  void tell(const HostRecord& peer) {
    if (!peer.advertise) {
      return out_.note("peer " + peer.name.text(), "its VTEP is not known yet", "apply on that host");
    }
    const std::string check = fmt::format("peer {} ({})", peer.name.text(), peer.advertise->text());
    const auto at = by_host_.find(peer.name);
    if (at == by_host_.end()) return tell_underlay(check, *peer.advertise);
    std::vector<std::string_view> whole;
    for (const Asked& asked : at->second) {
      if (asked.reached.whole) {
        whole.push_back(asked.in->words);
      } else {
        tell_trouble(check, peer, asked);
      }
    }
    if (whole.empty()) return;
    const std::size_t size = outer_size(at->second.front(), *peer.advertise);
    out_.good(check, fmt::format("packets of {} bytes pass whole, both ways, in network {}", size,
                                 fmt::join(whole, ", ")));
  }

  // Of the packet around the largest one inside.
  static std::size_t outer_size(const Asked& asked, const IpAddress& vtep) {
    return asked.in->size + (vtep.is_ipv4() ? 50 : 70);
  }

  // Where others may have been told to refuse it, silence is as it shall be.
  [[nodiscard]] bool counts_as_lost(const HostName& host) const {
    return standing_of(view_, host).kind == Standing::Kind::lost;
  }

  void tell_trouble(const std::string& check, const HostRecord& peer, const Asked& asked) {
    const std::string& network = asked.in->words;
    if (asked.failure) return tell_not_asked(check, network, *asked.failure);
    if (counts_as_lost(peer.name)) {
      return out_.note(check, "it counts as lost, so its packets are refused here",
                       fmt::format("when it is back, on {}: ovl apply --scope host", peer.name.text()));
    }
    if (counts_as_lost(patient_.host)) {
      return out_.problem(check,
                          fmt::format("no answer in network {}: this host counts as lost, so the others "
                                      "refuse its packets",
                                      network),
                          "ovl apply here, and then there");
    }
    if (asked.reached.small) return tell_cut(check, network, outer_size(asked, *peer.advertise));
    if (asked.came_back) return tell_one_way(check, peer, network);
    if (answers_inside(asked.in->from->netns, *address_of(*asked.to, asked.in->family))) {
      return out_.good(check, fmt::format("endpoint {} answers pings in network {}; its own filter drops TCP",
                                          asked.to->name.text(), network));
    }
    tell_silence(check, peer, asked);
  }

  void tell_not_asked(const std::string& check, const std::string& network, const Error& error) {
    const bool forbidden =
        error.code == Errc::privilege || error.os_errno == EPERM || error.os_errno == EACCES;
    out_.problem(check, fmt::format("not asked in network {}: {}", network, error.message),
                 forbidden ? "run this as root" : "apply here first: ovl apply");
  }

  void tell_cut(const std::string& check, const std::string& network, std::size_t size) {
    out_.problem(
        check,
        fmt::format("packets of {} bytes do not pass whole in network {}: only small ones do", size, network),
        differs_here()
            ? std::string(kApplyFirst)
            : "set mtu in the [network] blocks to what the path carries less 50 bytes (70 over IPv6)");
  }

  void tell_one_way(const std::string& check, const HostRecord& peer, const std::string& network) {
    const std::string remedy = remedy_of(peer.name, {Traffic::tunnels_in});
    out_.problem(
        check,
        fmt::format("one way only in network {}: it answers, and its packets are dropped on this host{}",
                    network, dropped_meanwhile()),
        !remedy.empty()  ? remedy
        : differs_here() ? std::string(kApplyFirst)
                         : "look what drops them here: ovl status, nft list ruleset");
  }

  // Without an entry for the other one nothing is sent to it.
  [[nodiscard]] bool differs_here() const {
    if (patient_.planned == nullptr) return false;
    const Plan& plan = patient_.planned->plan;
    return !plan.object_changes.empty() || !plan.conflicts.empty();
  }

  // Why nothing came back, as far as it can be told from here.
  struct Silence {
    std::string why;
    std::string remedy;
  };

  void tell_silence(const std::string& check, const HostRecord& peer, const Asked& asked) {
    const std::string& network = asked.in->words;
    const Silence silence = differs_here()
                                ? Silence{"this host is not as it shall be", std::string(kApplyFirst)}
                                : silence_of(peer, asked);
    const std::string here = differs_here() ? std::string() : remedy_of(peer.name, {Traffic::tunnels_out});
    out_.problem(check,
                 fmt::format("nothing comes back through the tunnel of network {}: {}", network, silence.why),
                 here.empty() ? silence.remedy : here);
  }

  [[nodiscard]] Silence silence_of(const HostRecord& peer, const Asked& asked) const {
    const std::string& name = peer.name.text();
    const UdpPort port = asked.in->network->port;
    const Standing standing = standing_of(view_, peer.name);
    Silence out = silence_on_the_way(peer, asked);
    if (standing.kind != Standing::Kind::current) {
      out.why += fmt::format(" (it is not up to date: {})", standing.text);
      out.remedy = fmt::format("ovl apply on {}", name);
    } else if (nobody_listens(*peer.advertise, port)) {
      out = {.why = fmt::format("nothing listens on UDP port {} there", port.text()),
             .remedy = fmt::format("ovl apply on {}, or look there: ovl doctor", name)};
    }
    out.why += dropped_meanwhile();
    return out;
  }

  [[nodiscard]] bool nobody_listens(const IpAddress& vtep, UdpPort port) const {
    const auto knocked = knock(vtep, port, std::min(patient_.patience, kKnockPatience));
    return knocked.ok() && knocked.value() == ProbeAnswer::refused;
  }

  [[nodiscard]] Silence silence_on_the_way(const HostRecord& peer, const Asked& asked) const {
    const std::string way = fmt::format("look whether {} is up, and which way leads there: ip route get {}",
                                        peer.name.text(), peer.advertise->text());
    const auto pinged = ping(*peer.advertise, 64, patient_.patience);
    if (!pinged.ok()) return {"it was not pinged: " + pinged.error().message, "run this as root"};
    if (pinged.value() == ProbeAnswer::silent) return {"the host does not answer pings either", way};
    if (pinged.value() != ProbeAnswer::answered) return {"the host is not reachable", way};
    if (!asked.left) {
      const std::string& space = asked.in->from->netns.text();
      return {fmt::format("the host answers pings, but what endpoint {} sends does not leave this host",
                          asked.in->from->name.text()),
              fmt::format("look what drops it: ip -n {0} rule, ip -n {0} route, ip netns exec {0} nft list "
                          "ruleset; filters in netns {1}{2} and here",
                          space, kSandboxPrefix, asked.in->network->name.text())};
    }
    return {
        fmt::format("the host answers pings, so UDP port {} is dropped on the way or there, or endpoint {} "
                    "does not answer",
                    asked.in->network->port.text(), asked.to->name.text()),
        fmt::format("let UDP port {} pass between the hosts, both ways; ovl doctor on {} sees what "
                    "drops it there",
                    asked.in->network->port.text(), peer.name.text())};
  }

  // What other programs' chains here drop, or may drop, of this peer's traffic.
  [[nodiscard]] std::string remedy_of(const HostName& peer, std::initializer_list<Traffic> kinds) const {
    if (patient_.planned == nullptr) return {};
    for (const ForeignDrop& drop : patient_.planned->own.drops) {
      const bool fits = std::ranges::find(kinds, drop.traffic) != kinds.end() &&
                        std::ranges::binary_search(drop.peers, peer);
      if (fits)
        return fmt::format("chain {} {}: {}", drop.chain, drop.sure ? "drops it" : "may drop it",
                           drop.remedy);
    }
    return {};
  }

  // Without a network in common there is no tunnel to ask through, and no harm in silence.
  void tell_underlay(const std::string& check, const IpAddress& vtep) {
    const auto small = ping(vtep, 64, patient_.patience);
    if (!small.ok()) return out_.note(check, small.error().message, "run this as root");
    if (small.value() == ProbeAnswer::answered) {
      out_.good(check, "answers pings; no network has endpoints here and there");
    } else {
      out_.note(check, "does not answer pings; no network has endpoints here and there",
                "check the route and filters between the hosts; if only ICMP is dropped, this is no harm");
    }
  }

  const Patient& patient_;
  const StoreView& view_;
  Symptoms& out_;
  const HostRecord* own_ = nullptr;
  std::vector<AskedNetwork> networks_;
  std::map<HostName, std::vector<Asked>> by_host_;
  std::vector<Dropped> drops_before_;
  std::vector<Dropped> drops_after_;
};

}  // namespace

void examine_peers(const Patient& patient, const StoreView& view, Symptoms& out) {
  PeerExamination(patient, view, out).run();
}

}  // namespace ovl
