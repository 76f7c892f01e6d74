#include "reconcile/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "drivers/probe/probe.hpp"
#include "files/read.hpp"
#include "reconcile/project.hpp"

namespace ovl {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Level = Symptom::Level;

// A host whose clock is off by more than this misjudges locks' ages and others' last sight.
constexpr std::int64_t kClockSkew = 5;  // seconds

class Examination {
 public:
  explicit Examination(const Patient& patient) : patient_(patient) {}

  std::vector<Symptom> run() {
    check_leftovers();
    if (!ask_store()) return std::move(symptoms_);
    check_clock();
    check_host();
    check_ports();
    check_peers();
    check_settings();
    return std::move(symptoms_);
  }

 private:
  void add(Level level, std::string check, std::string text, std::string remedy = {}) {
    symptoms_.push_back({level, std::move(check), std::move(text), std::move(remedy)});
  }

  bool ask_store() {
    const auto before = steady_clock::now();
    auto view = read_store(*patient_.store, StoreLayout(patient_.cluster));
    const auto took = duration_cast<milliseconds>(steady_clock::now() - before);
    if (!view.ok()) {
      add(Level::problem, "store", view.error().message, view.error().hint);
      return false;
    }
    view_ = std::move(view).value();
    const std::string text =
        fmt::format("{} answers; the whole tree took {} ms", patient_.store->name(), took.count());
    if (took > milliseconds(1000)) {
      add(Level::note, "store", text, "put a store member nearer to this host");
    } else {
      add(Level::good, "store", text);
    }
    for (const Finding& finding : view_.refused) {
      add(Level::problem, "record " + finding.subject, finding.message, finding.hint);
    }
    if (const auto unknown = unknown_keys(view_)) {
      add(Level::note, unknown->subject, unknown->message, unknown->hint);
    }
    return true;
  }

  // What carries this cluster's marks and is in no memory of this host: whatever the state believes.
  void check_leftovers() {
    if (patient_.kernel == nullptr || patient_.state == nullptr) return;
    const auto known = patient_.state->namespaces();
    const auto marked = patient_.kernel->owned_namespaces();
    if (!known.ok() || !marked.ok()) return;
    HostObjects unknown;
    for (const NetnsName& name : marked.value()) {
      if (!std::ranges::binary_search(known.value(), name)) unknown.at(name);
    }
    const auto found = patient_.kernel->observe(unknown);
    if (!found.ok()) return add(Level::note, "leftovers", found.error().message, found.error().hint);
    std::string names;
    for (const NamespaceObjects& space : found.value().namespaces) {
      if (is_of_cluster(space)) names += (names.empty() ? "" : ", ") + space.name.text();
    }
    if (names.empty()) {
      add(Level::good, "leftovers", "nothing of ours that this host does not know of");
    } else {
      add(Level::problem, "leftovers",
          fmt::format("{}: ovl's marks are there, and this host's state knows nothing of it", names),
          "ovl state recover, then ovl apply");
    }
  }

  [[nodiscard]] bool is_of_cluster(const NamespaceObjects& space) const {
    const auto ours = [&](std::string_view mark) { return is_owner_mark(patient_.cluster, mark); };
    return (space.netns && ours(space.netns->owner)) ||
           std::ranges::any_of(space.links, [&](const Link& link) { return ours(link.alias); }) ||
           std::ranges::any_of(space.hosts_files, [&](const HostsFile& file) { return ours(file.owner); });
  }

  void check_clock() {
    std::int64_t ahead = 0;
    std::string who;
    for (const auto& [host, status] : view_.status) {
      if (status.when - patient_.now > ahead) {
        ahead = status.when - patient_.now;
        who = host;
      }
    }
    if (ahead > kClockSkew) {
      add(Level::problem, "clock", fmt::format("host {} reported {} s in our future", who, ahead),
          "let both hosts keep their time by NTP");
    } else {
      add(Level::good, "clock", "no host reported from our future");
    }
  }

  void check_host() {
    if (patient_.host.empty()) {
      add(Level::note, "host", "this machine is none of the cluster's hosts",
          "say which one it is: --host NAME");
      return;
    }
    own_ = view_.records.host(patient_.host);
    facts_ = view_.facts.host(patient_.host);
    if (own_ == nullptr || facts_ == nullptr) {
      add(Level::problem, "host", fmt::format("{} has not been applied here", patient_.host.text()),
          "ovl apply");
      return;
    }
    for (const std::string& chain : facts_->forward_drops) {
      add(Level::problem, "forwarding", fmt::format("chain {} drops what endpoints send out", chain),
          "let it accept what comes from and goes to ovlg*");
    }
  }

  void check_ports() {
    std::set<UdpPort> ports;
    for (const NetworkRecord& network : view_.records.networks) ports.insert(network.port);
    for (const UdpPort& port : ports) {
      const auto taken = is_port_taken(port);
      const std::string name = "UDP port " + port.text();
      const bool by_vxlan = has_endpoints_here(port) || (facts_ != nullptr && !facts_->vnis.empty());
      if (!taken.ok()) {
        add(Level::note, name, taken.error().message, "run this as root");
      } else if (taken.value() && !by_vxlan) {
        add(Level::problem, name, "another program holds it",
            "end that program, or give the networks another port");
      } else {
        add(Level::good, name, taken.value() ? "in use by VXLAN" : "free");
      }
    }
  }

  [[nodiscard]] bool has_endpoints_here(const UdpPort& port) const {
    return std::ranges::any_of(view_.records.endpoints, [&](const EndpointRecord& endpoint) {
      const NetworkRecord* network = view_.records.network(endpoint.network);
      return endpoint.host == patient_.host && network != nullptr && network->port == port;
    });
  }

  void check_peers() {
    if (own_ == nullptr) return;
    for (const HostRecord& peer : view_.records.hosts) {
      if (peer.name == patient_.host) continue;
      if (peer.advertise) {
        check_peer(peer.name.text(), *peer.advertise);
      } else {
        add(Level::note, "peer " + peer.name.text(), "its VTEP is not known yet", "apply on that host");
      }
    }
  }

  // The largest outer packet that our networks send.
  [[nodiscard]] std::size_t outer_size(const IpAddress& vtep) const {
    std::size_t mtu = 0;
    for (const NetworkRecord& network : view_.records.networks) {
      mtu = std::max<std::size_t>(mtu, effective_mtu(network, view_.records, view_.facts));
    }
    return mtu == 0 ? 0 : mtu + (vtep.is_ipv4() ? 50 : 70);
  }

  void check_peer(const std::string& name, const IpAddress& vtep) {
    const std::string check = fmt::format("peer {} ({})", name, vtep.text());
    const auto small = ping(vtep, 64, patient_.patience);
    if (!small.ok()) return add(Level::note, check, small.error().message, "run this as root");
    if (small.value() != ProbeAnswer::answered) {
      add(Level::problem, check,
          small.value() == ProbeAnswer::silent ? "does not answer pings" : "is not reachable",
          "check the route and filters between the hosts; if only ICMP is dropped, this is no harm");
      return;
    }
    check_size(check, vtep);
    check_vxlan(check, vtep);
  }

  void check_size(const std::string& check, const IpAddress& vtep) {
    const std::size_t size = outer_size(vtep);
    if (size == 0) return;
    const auto large = ping(vtep, size, patient_.patience);
    if (large.ok() && large.value() == ProbeAnswer::answered) {
      add(Level::good, check, fmt::format("packets of {} bytes pass whole", size));
    } else {
      add(Level::problem, check, fmt::format("packets of {} bytes do not pass whole", size),
          "set mtu in the [network] blocks to what the path carries less 50 bytes (70 over IPv6)");
    }
  }

  void check_vxlan(const std::string& check, const IpAddress& vtep) {
    std::set<UdpPort> ports;
    for (const NetworkRecord& network : view_.records.networks) ports.insert(network.port);
    for (const UdpPort& port : ports) {
      const auto answer = knock(vtep, port, std::min(patient_.patience, milliseconds(200)));
      if (answer.ok() && answer.value() == ProbeAnswer::refused) {
        add(Level::note, check, fmt::format("nothing listens on UDP port {}", port.text()),
            "apply on that host; it is all right when it has no endpoint");
      }
    }
  }

  // ---- settings of this kernel -------------------------------------------------------------------

  [[nodiscard]] std::string setting(const std::string& path) const {
    return read_first_line(patient_.proc + "/sys/" + path);
  }

  void check_settings() {
    if (setting("net/bridge/bridge-nf-call-iptables") == "1") {
      add(Level::note, "br_netfilter", "bridged frames pass through iptables",
          "sysctl net.bridge.bridge-nf-call-iptables=0, unless something else here needs it");
    } else {
      add(Level::good, "br_netfilter", "bridged frames are left alone");
    }
    if (setting("net/ipv4/conf/all/rp_filter") == "1") {
      add(Level::note, "rp_filter", "strict: answers on another way than the question are dropped",
          "sysctl net.ipv4.conf.all.rp_filter=2, when VTEPs are reached over several ways");
    } else {
      add(Level::good, "rp_filter", "not strict");
    }
  }

  const Patient& patient_;
  StoreView view_;
  const HostRecord* own_ = nullptr;
  const HostFacts* facts_ = nullptr;
  std::vector<Symptom> symptoms_;
};

}  // namespace

std::vector<Symptom> examine(const Patient& patient) {
  return Examination(patient).run();
}

}  // namespace ovl
