#include "reconcile/host/foreign_drops.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "drivers/nft/legacy.hpp"
#include "reconcile/objects/project.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMostTunnelPeers = 64;
constexpr std::size_t kNamedPeers = 5;

struct TunnelPeer {
  const HostRecord* host = nullptr;
  UdpPort port;
};

// Other hosts with an endpoint in a network that has one here, each with the ports of these networks.
std::vector<TunnelPeer> peers_of(const FilteredHost& here) {
  std::map<Label, std::set<HostName>> hosts;
  for (const EndpointRecord& endpoint : here.records.endpoints) hosts[endpoint.network].insert(endpoint.host);
  std::set<std::pair<HostName, UdpPort>> found;
  for (const NetworkRecord& network : here.records.networks) {
    const auto at = hosts.find(network.name);
    if (at == hosts.end() || !at->second.contains(here.name)) continue;
    for (const HostName& host : at->second) {
      if (host != here.name && found.size() < kMostTunnelPeers) found.emplace(host, network.port);
    }
  }
  std::vector<TunnelPeer> peers;
  for (const auto& [name, port] : found) {
    const HostRecord* host = here.records.host(name);
    if (host != nullptr && host->advertise) peers.push_back({.host = host, .port = port});
  }
  return peers;
}

// The device that leads to an address, where one alone does.
std::optional<IfName> device_to(const HostFacts& facts, const IpAddress& address) {
  std::uint8_t length = 0;
  std::set<IfName> devices;
  for (const FactRoute& route : facts.routes) {
    if (!route.destination.contains(address) || route.destination.length() < length) continue;
    if (route.destination.length() > length) devices.clear();
    length = route.destination.length();
    devices.insert(route.dev);
  }
  if (devices.empty()) devices.insert(facts.uplinks.begin(), facts.uplinks.end());
  return devices.size() == 1 ? std::optional(*devices.begin()) : std::nullopt;
}

bool is_for(const NftTable& table, Family family) {
  return table.family == NftFamily::inet ||
         table.family == (family == Family::ipv4 ? NftFamily::ip : NftFamily::ip6);
}

bool is_legacy(const NftTable& table) {
  return table.comment == kLegacyComment;
}

std::string chain_text(const NftTable& table, const NftChain& chain) {
  if (is_legacy(table)) return fmt::format("{} {} {}", kLegacyComment, table.name, chain.name);
  return fmt::format("{} {} {}", name_of(table.family), table.name, chain.name);
}

// iptables of either kind has the hook's own name for its chain.
bool is_of_iptables(const NftTable& table, const NftChain& chain) {
  static constexpr std::array<std::string_view, 3> names{"INPUT", "FORWARD", "OUTPUT"};
  return is_legacy(table) || (table.name == "filter" && std::ranges::find(names, chain.name) != names.end());
}

bool has_chain(const NftTable& table, std::string_view begins) {
  return std::ranges::any_of(table.chains,
                             [&](const NftChain& chain) { return chain.name.starts_with(begins); });
}

std::string iptables(const NftTable& table) {
  if (is_legacy(table)) return std::string(kLegacyComment);
  return table.family == NftFamily::ip6 ? "ip6tables" : "iptables";
}

std::string port_remedy(const NftTable& table, const NftChain& chain, Traffic traffic, UdpPort port) {
  const std::string number = port.text();
  const bool in = traffic == Traffic::tunnels_in;
  if (table.name == "firewalld" && in) {
    return fmt::format("firewall-cmd --permanent --add-port={}/udp; firewall-cmd --reload", number);
  }
  if (has_chain(table, "ufw-")) return fmt::format("ufw allow {}{}/udp", in ? "" : "out ", number);
  if (is_of_iptables(table, chain)) {
    return fmt::format("{} -I {} -p udp --dport {} -j ACCEPT", iptables(table), chain.name, number);
  }
  return fmt::format("nft insert rule {} udp dport {} accept", chain_text(table, chain), number);
}

// Docker keeps DOCKER-USER for what others want to say in its chain.
std::string way_out_remedy(const NftTable& table, const NftChain& chain) {
  if (is_of_iptables(table, chain)) {
    const std::string program = iptables(table);
    const std::string_view into =
        has_chain(table, "DOCKER-USER") ? "DOCKER-USER" : std::string_view(chain.name);
    return fmt::format(
        "{} -I {} -i {} -j ACCEPT; {} -I {} -o {} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        program, into, kGatewayBridge, program, into, kGatewayBridge);
  }
  const std::string text = chain_text(table, chain);
  return fmt::format(
      "nft insert rule {} iifname \"{}\" accept; "
      "nft insert rule {} oifname \"{}\" ct state established,related accept",
      text, kGatewayBridge, text, kGatewayBridge);
}

// Of a chain before or behind the routing, or of one that sees the gateway bridge's frames.
std::string remedy_on_the_way(const NftTable& table, const NftChain& chain, bool answers) {
  const auto hook = static_cast<Hook>(chain.hook);
  const bool coming = hook == Hook::prerouting || hook == Hook::input;
  const bool by_bridge = table.family == NftFamily::bridge || answers != coming;
  const std::string what = !by_bridge ? "ct state established,related"
                           : table.family == NftFamily::bridge
                               ? fmt::format("meta {}brname \"{}\"", coming ? 'i' : 'o', kGatewayBridge)
                               : fmt::format("{}ifname \"{}\"", coming ? 'i' : 'o', kGatewayBridge);
  if (!is_legacy(table)) return fmt::format("nft insert rule {} {} accept", chain_text(table, chain), what);
  return fmt::format("{} -t {} -I {} {} -j ACCEPT", iptables(table), table.name, chain.name,
                     by_bridge ? fmt::format("-{} {}", coming ? 'i' : 'o', kGatewayBridge)
                               : std::string("-m conntrack --ctstate RELATED,ESTABLISHED"));
}

class DropJudge {
 public:
  DropJudge(std::span<const NftTable> others, const FilteredHost& host) : others_(others), host_(host) {}

  std::vector<ForeignDrop> run() {
    own_ = host_.records.host(host_.name);
    facts_ = host_.facts.host(host_.name);
    if (own_ == nullptr || facts_ == nullptr || others_.empty()) return {};
    peers_ = peers_of(host_);
    for (const NftTable& table : others_) {
      for (const NftChain& chain : table.chains) {
        if (chain.type == "filter" || chain.type == "route") judge(table, chain);
      }
    }
    return std::move(drops_);
  }

 private:
  void judge(const NftTable& table, const NftChain& chain) {
    judge_on_the_way(table, chain);
    switch (static_cast<Hook>(chain.hook)) {
      case Hook::prerouting:
      case Hook::input: judge_tunnels(table, chain, Traffic::tunnels_in); break;
      case Hook::output:
      case Hook::postrouting: judge_tunnels(table, chain, Traffic::tunnels_out); break;
      case Hook::forward:
        if (is_for(table, Family::ipv4)) judge_way_out(table, chain);
        break;
    }
  }

  [[nodiscard]] PacketSketch tunnel_packet(const TunnelPeer& peer, Traffic traffic) const {
    const IpAddress& theirs = *peer.host->advertise;
    const std::optional<IpAddress> ours = own_->bind ? own_->bind : own_->advertise;
    const auto device = device_to(*facts_, theirs);
    PacketSketch packet{.family = theirs.family(), .protocol = kUdp, .port = peer.port};
    const bool in = traffic == Traffic::tunnels_in;
    (in ? packet.in : packet.out) = device;
    packet.source = in ? std::optional(theirs) : ours;
    packet.destination = in ? ours : std::optional(theirs);
    return packet;
  }

  void judge_tunnels(const NftTable& table, const NftChain& chain, Traffic traffic) {
    for (const TunnelPeer& peer : peers_) {
      if (!is_for(table, peer.host->advertise->family())) continue;
      const ChainVerdict verdict = verdict_on(table, chain, tunnel_packet(peer, traffic));
      if (verdict.fate == Fate::passes) continue;
      drop_at(table, chain, traffic, peer.port, verdict).peers.push_back(peer.host->name);
    }
  }

  // The entry of this chain and port, made with its first peer.
  ForeignDrop& drop_at(const NftTable& table, const NftChain& chain, Traffic traffic, UdpPort port,
                       const ChainVerdict& verdict) {
    const std::string text = chain_text(table, chain);
    const bool sure = verdict.fate == Fate::drops;
    const auto at = std::ranges::find_if(drops_, [&](const ForeignDrop& drop) {
      return drop.chain == text && drop.port == port && drop.traffic == traffic && drop.sure == sure;
    });
    if (at != drops_.end()) return *at;
    return drops_.emplace_back(ForeignDrop{.traffic = traffic,
                                           .chain = text,
                                           .port = port,
                                           .by_policy = verdict.by_policy,
                                           .sure = sure,
                                           .remedy = port_remedy(table, chain, traffic, port)});
  }

  // A chain that only lets pass what can't be told from here, as a set of bridges, does not mean ours.
  void judge_way_out(const NftTable& table, const NftChain& chain) {
    if (!own_->gateway_pool || !has_way_out()) return;
    for (const std::optional<IfName>& uplink : uplinks()) {
      const IfName bridge = IfName::from_kernel(kGatewayBridge);
      for (const bool answers : {false, true}) {
        PacketSketch packet{.answers = answers};
        packet.in = answers ? uplink : std::optional(bridge);
        packet.out = answers ? std::optional(bridge) : uplink;
        const ChainVerdict verdict = verdict_on(table, chain, packet);
        const bool drops =
            verdict.fate == Fate::drops || (verdict.fate == Fate::open && !chain.policy_accept);
        if (!drops) continue;
        drops_.push_back({.traffic = Traffic::way_out,
                          .chain = chain_text(table, chain),
                          .by_policy = verdict.by_policy,
                          .remedy = way_out_remedy(table, chain)});
        return;
      }
    }
  }

  // The way out passes the gateway bridge's own chains, and those before and behind the routing.
  void judge_on_the_way(const NftTable& table, const NftChain& chain) {
    const auto hook = static_cast<Hook>(chain.hook);
    const bool of_bridge = table.family == NftFamily::bridge && hook != Hook::forward;
    const bool of_routing =
        is_for(table, Family::ipv4) && (hook == Hook::prerouting || hook == Hook::postrouting);
    if (!(of_bridge || of_routing) || !own_->gateway_pool || !has_way_out()) return;
    const bool coming = hook == Hook::prerouting || hook == Hook::input;
    for (const bool answers : {false, true}) {
      // A bridge's chain sees what goes in or out by its ports, whose names are not asked.
      if (of_bridge && answers == coming) continue;
      PacketSketch packet{.answers = answers};
      const bool by_bridge = answers != coming;
      if (!of_bridge) {
        const std::optional<IfName> device =
            by_bridge ? IfName::from_kernel(kGatewayBridge) : uplinks().front();
        (coming ? packet.in : packet.out) = device;
      }
      const ChainVerdict verdict = verdict_on(table, chain, packet);
      if (verdict.fate != Fate::drops) continue;
      drops_.push_back({.traffic = Traffic::way_out,
                        .chain = chain_text(table, chain),
                        .by_policy = verdict.by_policy,
                        .remedy = remedy_on_the_way(table, chain, answers)});
      return;
    }
  }

  // One that is not known where there is none yet.
  [[nodiscard]] std::vector<std::optional<IfName>> uplinks() const {
    if (facts_->uplinks.empty()) return {std::nullopt};
    return {facts_->uplinks.begin(), facts_->uplinks.end()};
  }

  [[nodiscard]] bool has_way_out() const {
    return std::ranges::any_of(host_.records.endpoints, [&](const EndpointRecord& endpoint) {
      return endpoint.host == host_.name && endpoint.gateway_interface.has_value();
    });
  }

  std::span<const NftTable> others_;
  const FilteredHost& host_;
  const HostRecord* own_ = nullptr;
  const HostFacts* facts_ = nullptr;
  std::vector<TunnelPeer> peers_;
  std::vector<ForeignDrop> drops_;
};

std::string list_of(const std::vector<HostName>& hosts) {
  std::vector<std::string_view> names;
  for (const HostName& host : std::span(hosts).first(std::min(hosts.size(), kNamedPeers))) {
    names.emplace_back(host.text());
  }
  const std::string more =
      hosts.size() > kNamedPeers ? fmt::format(" and {} more", hosts.size() - kNamedPeers) : std::string();
  return fmt::format("{}{}", fmt::join(names, ", "), more);
}

}  // namespace

std::vector<ForeignDrop> foreign_drops(std::span<const NftTable> others, const FilteredHost& host) {
  return DropJudge(others, host).run();
}

Finding finding_of(const ForeignDrop& drop) {
  const std::string_view who = drop.by_policy ? "its policy" : "a rule of it";
  if (drop.traffic == Traffic::way_out) {
    return Finding{
        .code = Errc::conflict,
        .id = "forward-drop",
        .subject = "chain " + drop.chain,
        .message = fmt::format("{} drops what this host forwards, so endpoints have no way out", who),
        .hint = "let them pass: " + drop.remedy};
  }
  const bool in = drop.traffic == Traffic::tunnels_in;
  return Finding{.code = Errc::conflict,
                 .id = "tunnel-drop",
                 .subject = "chain " + drop.chain,
                 .message = fmt::format("{} {} UDP port {} {} {}, which carries the overlay", who,
                                        drop.sure ? "drops" : "may drop", drop.port.text(),
                                        in ? "from" : "to", list_of(drop.peers)),
                 .hint = "let it pass: " + drop.remedy};
}

}  // namespace ovl
