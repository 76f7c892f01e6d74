// Forging is tried, and fails; others beside us keep working.
#include "tests/cluster/lab_rig.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "forging"
[keystore]
url = "sqlite:///var/lib/ovl/keystore.db"
[host.left]
advertise = "192.168.99.104"
[host.right]
advertise = "192.168.99.105"
[network.red]
subnet = "10.0.9.0/24"
vni = 4096
[network.blue]
subnet = "10.0.9.0/24"
[endpoint.web]
network = "red"
host = "left"
address = "10.0.9.20"
[endpoint.client]
network = "red"
host = "right"
[endpoint.twin]
network = "blue"
host = "left"
[endpoint.other]
network = "blue"
host = "right"
)";

class Forging : public LabRig {
 protected:
  void SetUp() override {
    LabRig::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    up(kManifest);
    apply("left");
    apply("right");
  }

  // A VXLAN device on a machine that is no host of the cluster, aimed at left.
  [[nodiscard]] Ran stranger(const std::string& vni) const {
    return on("router",
              "ip link add forged type vxlan id " + vni +
                  " dstport 4789 remote 192.168.99.104 && ip addr add 10.0.9.66/24 dev forged && "
                  "ip link set forged up && ip neigh add 10.0.9.20 lladdr 02:42:0a:00:09:14 dev forged");
  }

  // How many packets web's device has received.
  [[nodiscard]] std::string received() const {
    return in("left", "web", "cat /sys/class/net/eth0/statistics/rx_packets").out;
  }
};

}  // namespace

TEST_F(Forging, AFrameFromNoVtepIsDropped) {
  ASSERT_EQ(in("right", "client", "ping -c 1 -W 2 web").code, 0);
  ASSERT_EQ(stranger("4096").code, 0);
  const std::string before = received();
  EXPECT_NE(on("router", "ping -c 3 -i 0.2 -W 1 10.0.9.20").code, 0);
  EXPECT_EQ(received(), before);
  // It does not look like random loss. The device speaks by itself too, so nobody knows how many there are.
  EXPECT_TRUE(on("left", "ovl status").has("packets: one of our VNIs from an address that is no VTEP"));
  EXPECT_TRUE(on("left", "ovl doctor").has("dropped vni: "));
  for (const char* command : {"ovl status --json", "ovl host inspect --json left"}) {
    const Ran told = on("left", command);
    EXPECT_TRUE(told.has("\"vni\": ") && !told.has("\"vni\": 0")) << told.out;
  }
  EXPECT_TRUE(in_sync("left"));
  // The same frames arrive once the filter is gone: the test can fail.
  ASSERT_EQ(on("left", "nft delete table inet ovl").code, 0);
  (void)on("router", "ping -c 1 -W 1 10.0.9.20");
  EXPECT_NE(received(), before);
}

TEST_F(Forging, ARouterSpeaksForNoHostOnTheLink) {
  // What comes through the router with right's address, by the interface that leads back to right.
  ASSERT_EQ(
      on("router",
         "ip netns add ovl-far && ip link add vfar type veth peer name eth0 netns ovl-far && "
         "ip addr add 10.55.0.1/24 dev vfar && ip link set vfar up && "
         "sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.vfar.rp_filter=0 net.ipv4.conf.all.rp_filter=0 && "
         "ip -n ovl-far link set lo up && ip -n ovl-far link set eth0 up && "
         "ip -n ovl-far addr add 10.55.0.2/24 dev eth0 && ip -n ovl-far addr add 192.168.99.105/32 dev lo && "
         "ip -n ovl-far route add 192.168.99.104/32 via 10.55.0.1 src 192.168.99.105 && "
         "ip -n ovl-far link add forged type vxlan id 4096 dstport 4789 local 192.168.99.105 remote "
         "192.168.99.104 ttl 255 && ip -n ovl-far addr add 10.0.9.66/24 dev forged && "
         "ip -n ovl-far link set forged up && "
         "ip -n ovl-far neigh add 10.0.9.20 lladdr 02:42:0a:00:09:14 dev forged")
          .code,
      0);
  const std::string forge = "ip netns exec ovl-far ping -c 1 -W 1 10.0.9.20";
  apply("left", "--scope host");  // right has said since what it sends with
  ASSERT_EQ(in("right", "client", "ping -c 1 -W 2 web").code, 0);
  const std::string before = received();
  (void)on("router", forge);
  EXPECT_EQ(received(), before);
  EXPECT_TRUE(on("left", "ovl status").has("dropped here (ttl)"));
  EXPECT_TRUE(on("left", "ovl doctor").has("dropped ttl: "));
  EXPECT_EQ(in("right", "client", "ping -c 1 -W 2 web").code, 0);
  // The same frame arrives where nobody looks: the test can fail.
  std::string unseeing = kManifest;
  unseeing.insert(unseeing.find("[host.right]"), "ttl_check = \"off\"\n");
  write(unseeing);
  apply("left");
  (void)on("router", forge);
  EXPECT_NE(received(), before);
}

TEST_F(Forging, ARoutedUnderlayPasses) {
  apply("left", "--scope host");
  ASSERT_TRUE(on("left", "nft list set inet ovl full_ttl4").has("192.168.99.105"));
  for (const char* route : {"left ip route add 192.168.99.105/32 via 192.168.99.1",
                            "right ip route add 192.168.99.104/32 via 192.168.99.1"}) {
    const std::string text = route;
    const auto space = text.find(' ');
    ASSERT_EQ(on(text.substr(0, space), text.substr(space + 1)).code, 0);
  }
  ASSERT_EQ(on("router", "sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0").code, 0);
  for (const char* host : {"left", "right"}) apply(host);
  EXPECT_FALSE(on("left", "nft list set inet ovl full_ttl4").has("192.168.99.105"));
  EXPECT_EQ(in("right", "client", "ping -c 1 -W 2 web").code, 0);
}

TEST_F(Forging, AnotherProgramsVxlanOnThePortKeepsWorking) {
  ASSERT_EQ(on("left",
               "ip link add theirs type vxlan id 77 dstport 4789 remote 192.168.99.1 && "
               "ip addr add 10.77.0.1/24 dev theirs && ip link set theirs up")
                .code,
            0);
  ASSERT_EQ(on("router",
               "ip link add theirs type vxlan id 77 dstport 4789 remote 192.168.99.104 && "
               "ip addr add 10.77.0.2/24 dev theirs && ip link set theirs up")
                .code,
            0);
  EXPECT_EQ(on("left", "ping -c 1 -W 2 10.77.0.2").code, 0);
  apply("left");
  EXPECT_EQ(on("left", "ping -c 1 -W 2 10.77.0.2").code, 0);
}

TEST_F(Forging, RootInsideAnEndpointTakesNobodysPlace) {
  ASSERT_EQ(in("right", "client", "ping -c 1 -W 2 web").code, 0);
  // The MAC of somebody else.
  ASSERT_EQ(in("left", "web", "ip link set eth0 address 02:42:0a:00:09:02").code, 0);
  EXPECT_NE(in("left", "web", "ping -c 1 -W 1 client").code, 0);
  apply("left");
  // The address of somebody else.
  ASSERT_EQ(in("left", "web", "ip addr add 10.0.9.200/24 dev eth0").code, 0);
  EXPECT_NE(in("left", "web", "ping -I 10.0.9.200 -c 1 -W 1 10.0.9.2").code, 0);
  EXPECT_EQ(in("left", "web", "ping -c 1 -W 2 client").code, 0);
}

TEST_F(Forging, AnEndpointCannotSendIntoTheTunnel) {
  // Encapsulated frames through the way out, to the own host and to the peer.
  for (const char* target : {"172.18.0.1", "192.168.99.104", "192.168.99.105"}) {
    ASSERT_EQ(
        in("left", "twin",
           std::string(
               "ip link del forged 2>/dev/null; ip link add forged type vxlan id 4096 dstport 4789 remote ") +
               target +
               " && ip addr add 10.0.9.66/32 dev forged && ip link set forged up && ip route add 10.0.9.2/32 "
               "dev forged"
               " && ip neigh replace 10.0.9.20 lladdr 02:42:0a:00:09:14 dev forged")
            .code,
        0);
    const std::string before = received();
    EXPECT_NE(in("left", "twin", "ping -c 2 -i 0.2 -W 1 10.0.9.20").code, 0);
    EXPECT_EQ(received(), before) << target;
  }
}

TEST_F(Forging, AHostThatWasNoRouterBecomesNone) {
  ASSERT_EQ(on("left",
               "ip netns add ovl-theirs && ip link add vbox type veth peer name eth0 netns ovl-theirs && "
               "ip addr add 172.30.9.1/24 dev vbox && ip link set vbox up && "
               "ip -n ovl-theirs addr add 172.30.9.2/24 dev eth0 && ip -n ovl-theirs link set eth0 up && "
               "ip -n ovl-theirs route add default via 172.30.9.1")
                .code,
            0);
  ASSERT_EQ(on("router", "ip route add 172.30.9.0/24 via 192.168.99.104").code, 0);
  EXPECT_NE(on("router", "ping -c 1 -W 1 172.30.9.2").code, 0);
  EXPECT_TRUE(on("left", "ovl status").has("dropped here (router)"));
  // Somebody else makes it a router: that is not ovl's to undo.
  ASSERT_EQ(on("left", "sysctl -q -w net.ipv4.ip_forward=1").code, 0);
  apply("left");
  EXPECT_EQ(on("router", "ping -c 1 -W 2 172.30.9.2").code, 0);
  EXPECT_TRUE(in_sync("left"));
}

TEST_F(Forging, NetworksWithTheSameSubnetAreStrangers) {
  EXPECT_EQ(in("left", "web", "ping -c 1 -W 2 10.0.9.2").code, 0);
  EXPECT_EQ(in("left", "twin", "ping -c 1 -W 2 10.0.9.3").code, 0);
  EXPECT_NE(in("left", "twin", "ping -c 1 -W 1 10.0.9.20").code, 0);
  const std::string before = received();
  // In blue, 10.0.9.2 is the twin; in red, it is the client.
  ASSERT_EQ(in("right", "other", "ping -c 2 -i 0.2 -W 2 10.0.9.2").code, 0);
  EXPECT_EQ(received(), before);
  // Nor over the gateway bridge.
  const std::string way = in("left", "web", "ip -o -4 addr show eth1").out;
  const auto at = way.find("172.18.0.");
  ASSERT_NE(at, std::string::npos) << way;
  EXPECT_NE(in("left", "twin", "ping -c 1 -W 1 " + way.substr(at, way.find('/', at) - at)).code, 0);
}

TEST_F(Forging, ObjectsOfOthersBesideOursStayAsTheyAre) {
  ASSERT_EQ(on("left",
               "ip netns add ovl-theirs && ip -n ovl-theirs link add br0 type bridge && ip link add ovl-gw9 "
               "type bridge && "
               "ip addr add 10.88.0.1/24 dev ovl-gw9 && ip link set ovl-gw9 up && "
               "ip route add 198.51.100.0/24 dev ovl-gw9 proto 111 && "
               "ip neigh add 10.88.0.9 lladdr 02:00:00:00:00:09 dev ovl-gw9 nud permanent && "
               "bridge fdb add 02:00:00:00:00:08 dev eth1 self permanent && "
               "nft add table inet ovl2 && nft add table ip ovl && "
               "mkdir -p /etc/netns/ovl-theirs && echo 192.0.2.1 x > /etc/netns/ovl-theirs/hosts")
                .code,
            0);
  const std::string theirs =
      "ip link show ovl-gw9; ip -4 addr show ovl-gw9; ip route show proto 111 dev ovl-gw9; ip neigh show dev "
      "ovl-gw9; "
      "bridge fdb show dev eth1; nft list table inet ovl2; nft list table ip ovl; cat "
      "/etc/netns/ovl-theirs/hosts; "
      "ip -n ovl-theirs link";
  const std::string before = on("left", theirs).out;
  write(std::string(kManifest) + "[endpoint.third]\nnetwork = \"red\"\nhost = \"left\"\n");
  apply("left");
  EXPECT_EQ(on("left", theirs).out, before);
  EXPECT_EQ(on("left", "ovl destroy --auto-approve").code, 0);
  EXPECT_EQ(on("left", theirs).out, before);
}

}  // namespace ovl
