// Drift, one at a time, made with the tools that people use. The plan names exactly that, the apply
// repairs exactly that, and the next plan is empty.
#include <algorithm>
#include <vector>

#include "tests/cluster/lab_rig.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "drift"
[keystore]
url = "sqlite:///var/lib/ovl/keystore.db"
[host.left]
advertise = "192.168.99.104"
[host.right]
advertise = "192.168.99.105"
[network.blue]
subnets = ["10.0.9.0/24", "fd00:9::/64"]
[endpoint.web]
network = "blue"
host = "left"
[endpoint.db]
network = "blue"
host = "right"
)";

// web is 10.0.9.2 and fd00:9::2, db is 10.0.9.3 and fd00:9::3.
struct Drift {
  const char* name;
  const char* command;   // on host left; PORT is web's port in the sandbox
  const char* expected;  // lines of the plan, each must be there
  int changes;           // how many there are in all
};

// The generated name of web's port.
constexpr const char* kPort = "PORT=$(ip -n ovl-blue -o link | grep -o 'veth[0-9a-f]*' | head -1); ";

const std::vector<Drift> kDrifts = {
    {"FdbEntryDeleted", "bridge -n ovl-blue fdb del 02:42:0a:00:09:03 dev vxlan0",
     "+ fdb vxlan0 02:42:0a:00:09:03", 1},
    {"FdbEntryPointedElsewhere",
     "bridge -n ovl-blue fdb replace 02:42:0a:00:09:03 dev vxlan0 dst 192.168.99.9 self",
     "~ fdb vxlan0 02:42:0a:00:09:03", 1},
    {"StrayFdbEntry", "bridge -n ovl-blue fdb add 02:00:00:00:00:99 dev vxlan0 dst 192.168.99.9 self",
     "- fdb vxlan0 02:00:00:00:00:99", 1},
    {"AllZeroFdbEntry", "bridge -n ovl-blue fdb append 00:00:00:00:00:00 dev vxlan0 dst 192.168.99.9 self",
     "- fdb vxlan0 00:00:00:00:00:00", 1},
    {"PortFdbEntryDeleted", "bridge -n ovl-blue fdb del 02:42:0a:00:09:02 dev $PORT master", "+ fdb veth", 1},
    {"NeighbourDeleted", "ip -n ovl-blue neigh del 10.0.9.3 dev vxlan0", "+ neighbour vxlan0 10.0.9.3", 1},
    {"NeighbourPointedElsewhere",
     "ip -n ovl-blue neigh replace 10.0.9.3 lladdr 02:00:00:00:00:01 dev vxlan0 nud permanent",
     "~ neighbour vxlan0 10.0.9.3", 1},
    {"StrayNeighbour",
     "ip -n ovl-blue neigh add 10.0.9.200 lladdr 02:00:00:00:00:01 dev vxlan0 nud permanent",
     "- neighbour vxlan0 10.0.9.200", 1},
    {"MtuChanged", "ip -n web link set eth0 mtu 1400", "~ link eth0 mtu: 1400 -> 1450", 1},
    {"MacChanged", "ip -n web link set eth1 address 02:00:00:00:00:01",
     "~ link eth1 mac: 02:00:00:00:00:01 -> 02:42:ac:12:00:02", 1},
    {"PortDown", "ip -n ovl-blue link set $PORT down", "~ link veth up: false -> true", 1},
    {"PortSettingChanged", "bridge -n ovl-blue link set dev $PORT learning on flood on",
     "~ link veth port_learning: true -> false port_flood: true -> false", 1},
    {"VxlanLearningOn", "ip -n ovl-blue link set vxlan0 type vxlan learning",
     "~ link vxlan0 learning: true -> false", 1},
    {"VxlanDown", "ip -n ovl-blue link set vxlan0 down",
     "~ link vxlan0 up: false -> true + neighbour vxlan0 10.0.9.3", 3},
    {"EndpointDeviceGone", "ip -n web link del eth0", "+ link eth0 + link veth + address eth0", 0},
    {"BridgeGone", "ip -n ovl-blue link del br0", "+ link br0 ~ link vxlan0 + address br0", 0},
    {"VxlanGone", "ip -n ovl-blue link del vxlan0", "+ link vxlan0 + fdb vxlan0 + neighbour vxlan0", 0},
    {"SandboxGone", "ip netns del ovl-blue", "+ netns ovl-blue + link vxlan0", 0},
    {"EndpointNamespaceGone", "ip netns del web", "+ netns web + link eth0", 0},
    {"GatewayBridgeGone", "ip link del ovl-gw", "+ link ovl-gw ~ link ovlg", 0},
    {"GatewayBridgeRenamed",
     "ip link set ovl-gw down; ip link set ovl-gw name br-renamed; ip link set br-renamed up",
     "- link br-renamed + link ovl-gw ~ link ovlg + fdb ovlg", 0},
    {"SandboxBridgeRenamed", "ip -n ovl-blue link set br0 down; ip -n ovl-blue link set br0 name br1",
     "- link br1 + link br0 ~ link veth ~ link vxlan0 + fdb veth", 0},
    {"PortInAnotherBridge",
     "ip -n ovl-blue link add other type bridge; ip -n ovl-blue link set $PORT master other; "
     "bridge -n ovl-blue fdb replace 02:42:0a:00:09:02 dev $PORT master static; "
     "bridge -n ovl-blue link set dev $PORT learning off flood off",
     "~ link veth master: other -> br0 port_learning: false port_flood: false port_isolated: false + fdb "
     "veth",
     2},
    {"PortInNoBridge", "ip -n ovl-blue link set $PORT nomaster", "~ link veth master: none -> br0 + fdb veth",
     2},
    {"EndpointDeviceEnslaved", "ip -n web link add bond type bridge; ip -n web link set eth0 master bond",
     "~ link eth0 master: bond", 1},
    {"EndpointDeviceMovedAway", "ip netns add away; ip -n web link set eth0 netns away", "+ link eth0", 0},
    {"EndpointDeviceRenamed",
     "ip -n web link set eth0 down; ip -n web link set eth0 name mine; ip -n web link set mine up",
     "- link mine + link eth0", 0},
    {"WayOutEnslaved", "ip -n web link add bond type bridge; ip -n web link set eth1 master bond",
     "~ link eth1 master: bond", 1},
    {"AddressAdded", "ip -n web addr add 10.0.9.99/24 dev eth0", "- address eth0 10.0.9.99/24", 1},
    {"AddressRemoved", "ip -n web addr del fd00:9::2/64 dev eth0", "+ address eth0 fd00:9::2/64", 1},
    {"DefaultRouteGone", "ip -n web route del default", "+ route default", 1},
    {"MainTableFlushed", "ip -n web route flush table main; ip -n web -6 route flush table main",
     "~ address eth0 10.0.9.2/24 routes: none to its subnet -> complete ~ address eth0 fd00:9::2/64 routes: "
     "none "
     "to its subnet -> complete ~ address eth1 172.18.0.2/16 + route default",
     4},
    {"ConnectedRouteGone", "ip -n web route del 10.0.9.0/24 dev eth0",
     "~ address eth0 10.0.9.2/24 routes: none to its subnet -> complete", 1},
    {"OwnRouteGone", "ip -n web route del local 10.0.9.2 dev eth0 table local",
     "~ address eth0 10.0.9.2/24 routes: none to itself -> complete", 1},
    {"GatewaysRouteGone", "ip route del 172.18.0.0/16 dev ovl-gw",
     "~ address ovl-gw 172.18.0.1/16 routes: none to its subnet -> complete", 1},
    {"SandboxsRouteGone", "ip -n ovl-blue -6 route del fd00:9::/64 dev br0",
     "~ address br0 fd00:9::1/64 routes: none to its subnet -> complete", 1},
    {"StrayRoute", "ip -n web route add 198.51.100.0/24 dev eth0 proto 111", "- route 198.51.100.0/24", 1},
    {"TableGone", "ip netns exec ovl-blue nft delete table bridge ovl", "+ nft_table bridge ovl", 1},
    {"RuleAdded", "nft insert rule inet ovl forward accept", "~ nft_table inet ovl", 1},
    {"RulesGone", "nft flush chain inet ovl input", "~ nft_table inet ovl", 1},
    {"VtepExchanged",
     "nft delete element inet ovl vteps4 { 192.168.99.105 }; nft add element inet ovl vteps4 { 192.168.99.66 "
     "}",
     "~ nft_table inet ovl vteps4: -192.168.99.66 +192.168.99.105", 1},
    {"HostsFileEdited", "sed -i 's/10.0.9.3 /10.0.9.77 /' /etc/netns/web/hosts",
     "~ hosts_file hosts - 10.0.9.77 db + 10.0.9.3 db", 1},
    {"HostsFileGone", "rm /etc/netns/web/hosts", "+ hosts_file hosts", 1},
    {"ForwardingSwitchedOff", "echo 0 > /proc/sys/net/ipv4/conf/eth1/forwarding",
     "~ sysctl net/ipv4/conf/eth1/forwarding", 1},
    {"AliasRemoved", "ip -n ovl-blue link set vxlan0 alias ''", "~ link vxlan0 alias", 1},
    {"GroupChanged", "ip -n ovl-blue link set vxlan0 group 7", "~ link vxlan0 group: 7", 1},
};

// One blank between words, so that tables compare with plain text.
std::string squeezed(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const char plain = c == '\n' ? ' ' : c;
    if (plain != ' ' || out.empty() || out.back() != ' ') out += plain;
  }
  return out;
}

// Each "+", "~" or "-" begins a part that the plan must hold; "veth" stands for any generated name.
std::vector<std::string> parts_of(const std::string& expected) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < expected.size();) {
    std::size_t end = i + 1;
    while (end < expected.size() &&
           !(expected[end - 1] == ' ' && std::string("+~-").find(expected[end]) != std::string::npos &&
             expected.substr(end, 2) != "->")) {
      ++end;
    }
    parts.push_back(expected.substr(i, end - i));
    while (!parts.back().empty() && parts.back().back() == ' ') parts.back().pop_back();
    i = end;
  }
  return parts;
}

void PrintTo(const Drift& drift, std::ostream* out) {
  *out << drift.command;
}

class DriftTest : public LabRig, public ::testing::WithParamInterface<Drift> {};

bool holds(const std::string& plan, const std::string& part) {
  // The words of the part, in order, after its beginning.
  std::size_t at = plan.find(part.substr(0, part.find(' ', part.find(' ', 2) + 1)));
  if (at == std::string::npos) return false;
  for (std::size_t i = 0; i < part.size();) {
    const std::size_t end = std::min(part.find(' ', i), part.size());
    at = plan.find(part.substr(i, end - i), at);
    if (at == std::string::npos) return false;
    i = end + 1;
  }
  return true;
}

}  // namespace

TEST_P(DriftTest, IsNamedAndRepaired) {
  const Drift& drift = GetParam();
  up(kManifest);
  apply("left");
  apply("right");
  ASSERT_TRUE(in_sync("left"));
  const Ran made = on("left", std::string(kPort) + drift.command);
  ASSERT_EQ(made.code, 0) << made.out;
  const Ran planned = on("left", "ovl plan --detailed-exitcode");
  EXPECT_EQ(planned.code, 2) << planned.out;
  for (const std::string& part : parts_of(drift.expected)) {
    EXPECT_TRUE(holds(squeezed(planned.out), part)) << part << "\n" << planned.out;
  }
  if (drift.changes > 0) {
    const Ran json = on("left", "ovl plan --json | grep -c '\"mode\": \"managed\"'");
    EXPECT_EQ(json.out, std::to_string(drift.changes) + "\n") << planned.out;
  }
  EXPECT_TRUE(planned.has("Drift, which an apply repairs:")) << planned.out;
  EXPECT_FALSE(planned.has("\nHost left\n")) << "nobody wishes otherwise\n" << planned.out;
  apply("left");
  EXPECT_TRUE(in_sync("left"));
  EXPECT_EQ(in("left", "web", "ping -c 1 -W 2 10.0.9.3").code, 0);
  EXPECT_EQ(in("left", "web", "ping -c 1 -W 2 fd00:9::3").code, 0);
  EXPECT_EQ(in("left", "web", "ping -c 1 -W 2 203.0.113.1").code, 0);
}

INSTANTIATE_TEST_SUITE_P(Drift, DriftTest, ::testing::ValuesIn(kDrifts),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace ovl
