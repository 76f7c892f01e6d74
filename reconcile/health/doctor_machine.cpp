#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "drivers/kernel/kinds/netns.hpp"
#include "drivers/kernel/linux.hpp"
#include "drivers/probe/port_holder.hpp"
#include "drivers/probe/probe.hpp"
#include "files/read.hpp"
#include "reconcile/health/doctor_parts.hpp"
#include "reconcile/objects/filters.hpp"
#include "reconcile/objects/project.hpp"

namespace ovl {

namespace {

struct Capability {
  unsigned bit;
  std::string_view name;
};

// capabilities(7): devices, routes and filters; probes; namespaces.
constexpr std::array kNeededCapabilities{Capability{12, "CAP_NET_ADMIN"}, Capability{13, "CAP_NET_RAW"},
                                         Capability{21, "CAP_SYS_ADMIN"}};

// Those of this process; none: procfs doesn't say.
std::optional<std::uint64_t> capabilities_in(const std::string& proc) {
  constexpr std::string_view word = "CapEff:\t";
  const auto text = read_regular(proc + "/self/status", {});
  if (!text.ok()) return std::nullopt;
  const std::size_t at = text.value().find(word);
  if (at == std::string::npos) return std::nullopt;
  std::uint64_t bits = 0;
  const char* begin = text.value().data() + at + word.size();
  std::from_chars(begin, text.value().data() + text.value().size(), bits, 16);
  return bits;
}

void check_capabilities(const std::string& proc, Symptoms& out) {
  const auto held = capabilities_in(proc);
  if (!held) return out.note("capabilities", "can't be read in " + proc, "mount procfs there");
  std::vector<std::string_view> missing;
  for (const Capability& one : kNeededCapabilities) {
    if ((*held >> one.bit & 1U) == 0) missing.push_back(one.name);
  }
  if (missing.empty()) return out.good("capabilities", "all that ovl needs");
  out.problem("capabilities", fmt::format("this process has no {}", fmt::join(missing, ", no ")),
              "run it as root; a container or a unit has to be given them");
}

// What a host's overlays are made of, and what has to be there when it can't be made.
struct Trial {
  std::string_view what;
  ObjectRef object;
  std::string_view remedy;
};

// In a namespace of its own: makes what it can, and says what it can't.
Result<std::vector<Symptom>> try_kernel() {
  OVL_TRY(const std::unique_ptr<Kernel> kernel, open_linux_kernel({}));
  const IfName bridge_name = IfName::from_kernel("try-bridge");
  const Link bridge{.name = bridge_name, .type = LinkType::bridge};
  const Link veth{.name = IfName::from_kernel("try-veth"),
                  .type = LinkType::veth,
                  .peer = VethPeer{.netns = {}, .name = IfName::from_kernel("try-peer")}};
  const Link vxlan{.name = IfName::from_kernel("try-vxlan"),
                   .type = LinkType::vxlan,
                   .vni = Vni::unchecked(1),
                   .port = UdpPort::unchecked(4789)};
  const IpPrefix pool = IpPrefix::masked(IpAddress::parse("192.0.2.0").value(), 24);
  const NftTable filter =
      host_filter({.owner = "ovl:try", .gateway = GatewayFilter{.bridge = bridge_name, .pool = pool}});
  const NftTable ports = port_filter("ovl:try", {});
  const std::array trials{Trial{"bridges", &bridge, "modprobe bridge, or a kernel with CONFIG_BRIDGE"},
                          Trial{"veth pairs", &veth, "modprobe veth, or a kernel with CONFIG_VETH"},
                          Trial{"VXLAN devices", &vxlan, "modprobe vxlan, or a kernel with CONFIG_VXLAN"},
                          Trial{"filters of hosts", &filter,
                                "modprobe nf_tables nft_ct nft_masq nft_fib_inet, or a newer kernel"},
                          Trial{"filters of bridges", &ports,
                                "modprobe nf_tables_bridge, or a kernel with CONFIG_NF_TABLES_BRIDGE"}};
  Symptoms out;
  const NetnsName own;
  for (const Trial& trial : trials) {
    const Operation create{.netns = &own, .before = {}, .after = trial.object};
    const ApplyOutcome done = kernel->apply(std::span(&create, 1));
    if (!done.error) continue;
    out.problem("kernel", fmt::format("it can't make {}: {}", trial.what, done.error->message),
                std::string(trial.remedy));
  }
  return out.all();
}

void check_kernel(const Patient& patient, Symptoms& out) {
  const auto tried = run_in_thread(enter_new_namespace, try_kernel);
  if (!tried.ok()) return out.note("kernel", "not tried: " + tried.error().message, "run this as root");
  for (const Symptom& symptom : tried.value()) out.problem(symptom.check, symptom.text, symptom.remedy);
  if (!tried.value().empty()) return;
  const std::string release = read_first_line(patient.proc + "/sys/kernel/osrelease");
  out.good("kernel", fmt::format("{} has all that overlays are made of", release));
}

// ---- UDP ports -------------------------------------------------------------------------------------

// The ports of networks with an endpoint here.
std::set<UdpPort> ports_here(const Patient& patient, const StoreView& view) {
  std::set<UdpPort> ports;
  for (const EndpointRecord& endpoint : view.records.endpoints) {
    const NetworkRecord* network = view.records.network(endpoint.network);
    if (endpoint.host == patient.host && network != nullptr) ports.insert(network->port);
  }
  return ports;
}

// A tunnel that was seen here and has that port; nullptr: none.
const Link* tunnel_on(const Patient& patient, UdpPort port) {
  if (patient.planned == nullptr) return nullptr;
  for (const NamespaceObjects& space : patient.planned->plan.observed.namespaces) {
    const auto at = std::ranges::find_if(space.links, [&](const Link& link) {
      return link.type == LinkType::vxlan && link.up && link.port == port;
    });
    if (at != space.links.end()) return &*at;
  }
  return nullptr;
}

void tell_tunnel(const Patient& patient, const Link& tunnel, const std::string& name, Symptoms& out) {
  out.good(name, is_owner_mark(patient.cluster, tunnel.alias)
                     ? "in use by VXLAN"
                     : fmt::format("in use by VXLAN: {}, which bears no mark of ovl's", tunnel.name.text()));
}

void tell_free_of_tunnels(const Patient& patient, const StoreView& view, const std::string& name,
                          Symptoms& out) {
  const HostFacts* facts = view.facts.host(patient.host);
  if (facts != nullptr && !facts->vnis.empty()) {
    out.good(name, "in use by another program's VXLAN, which shares it");
  } else if (patient.planned == nullptr) {
    out.note(name, "in use; whether by a tunnel of ovl's is not known, as this host was not looked at",
             "first what is said of the plan");
  } else {
    out.problem(name, "in use, by a program that can't be seen from here",
                "end that program, or give the networks another port");
  }
}

}  // namespace

void examine_machine(const Patient& patient, Symptoms& out) {
  check_capabilities(patient.proc, out);
  check_kernel(patient, out);
}

void examine_ports(const Patient& patient, const StoreView& view, Symptoms& out) {
  const HostRecord* own = view.records.host(patient.host);
  const bool is_ipv6 = own != nullptr && own->advertise && !own->advertise->is_ipv4();
  for (const UdpPort& port : ports_here(patient, view)) {
    const std::string name = "UDP port " + port.text();
    const auto holder = find_port_holder(port, is_ipv6 ? Family::ipv6 : Family::ipv4, patient.proc);
    const auto taken = is_port_taken(port);
    if (holder.ok() && holder.value()) {
      out.problem(name, fmt::format("held by {}, so no tunnel has it", words_for(*holder.value())),
                  "end that program, or give the networks another port");
    } else if (const Link* tunnel = tunnel_on(patient, port)) {
      tell_tunnel(patient, *tunnel, name, out);
    } else if (!taken.ok()) {
      out.note(name, taken.error().message, "run this as root");
    } else if (taken.value()) {
      tell_free_of_tunnels(patient, view, name, out);
    } else {
      out.good(name, "free");
    }
  }
}

void examine_settings(const Patient& patient, Symptoms& out) {
  const auto setting = [&](const std::string& path) {
    return read_first_line(patient.proc + "/sys/" + path);
  };
  if (setting("net/bridge/bridge-nf-call-iptables") == "1") {
    out.note("br_netfilter", "bridged frames pass through iptables",
             "sysctl net.bridge.bridge-nf-call-iptables=0, unless something else here needs it");
  } else {
    out.good("br_netfilter", "bridged frames are left alone");
  }
  if (setting("net/ipv4/conf/all/rp_filter") == "1") {
    out.note("rp_filter", "strict: answers on another way than the question are dropped",
             "sysctl net.ipv4.conf.all.rp_filter=2, when VTEPs are reached over several ways");
  } else {
    out.good("rp_filter", "not strict");
  }
}

}  // namespace ovl
