// The main job, as a user does it: manifest, lab, apply on each host, workloads that reach each other.
#include "tests/cluster/lab_rig.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "demo"
[keystore]
url = "sqlite:///var/lib/ovl/keystore.db"
[host.mhs-demo0]
advertise = "192.168.99.104"
[host.mhs-demo1]
advertise = "192.168.99.105"
[network.my-net]
subnet = "10.0.9.0/24"
[network.quiet]
subnet = "10.0.10.0/24"
internal = true
[endpoint.web]
network = "my-net"
host = "mhs-demo0"
[endpoint.client]
network = "my-net"
host = "mhs-demo1"
[endpoint.hermit]
network = "quiet"
host = "mhs-demo0"
[endpoint.nun]
network = "quiet"
host = "mhs-demo1"
)";

class Scenario : public LabRig {
 protected:
  void both() {
    up(kManifest);
    apply("mhs-demo0");
    apply("mhs-demo1");
  }

  void serve() const {
    const Ran made =
        in("mhs-demo0", "web",
           "mkdir -p /tmp/www && echo the page > /tmp/www/index.html && busybox httpd -p 80 -h /tmp/www");
    ASSERT_EQ(made.code, 0) << made.out;
  }
};

}  // namespace

TEST_F(Scenario, ThePageIsFetchedByName) {
  both();
  serve();
  const Ran page = in("mhs-demo1", "client", "timeout 10 busybox wget -qO- http://web");
  EXPECT_EQ(page.out, "the page\n");
  EXPECT_EQ(in("mhs-demo1", "client", "timeout 10 busybox wget -qO- http://web.my-net").out, "the page\n");
}

// What the units let their services do is enough to make everything and to remove it again.
TEST_F(Scenario, TheUnitsCapabilitiesAreEnough) {
  up(kManifest);
  for (const char* unit : {"agent", "sync"}) {
    const std::string bounded =
        shell("sed -n 's/^CapabilityBoundingSet=//p' " OVL_SOURCE_DIR "/packaging/ovl-" + std::string(unit) +
              ".service | tr A-Z a-z | sed 's/ *cap_/,+/g'")
            .out;
    ASSERT_NE(bounded, "");
    const std::string bind =
        "setpriv --no-new-privs --bounding-set=-all" + bounded.substr(0, bounded.find('\n')) + " ovl ";
    for (const char* host : {"mhs-demo0", "mhs-demo1", "mhs-demo0"}) {
      const Ran made = on(host, bind + "apply --auto-approve");
      ASSERT_EQ(made.code, 0) << made.out;
    }
    EXPECT_EQ(in("mhs-demo1", "client", "ping -c 1 -W 5 web").code, 0);
    const Ran cleared = on("mhs-demo1", bind + "destroy --scope host --auto-approve");
    EXPECT_EQ(cleared.code, 0) << cleared.out;
  }
}

TEST_F(Scenario, BothHostsListTheSameNetwork) {
  both();
  const std::string first = on("mhs-demo0", "ovl network ls --no-trunc").out;
  EXPECT_NE(first.find("my-net"), std::string::npos) << first;
  EXPECT_EQ(first, on("mhs-demo1", "ovl network ls --no-trunc").out);
}

TEST_F(Scenario, AnEndpointLooksAsDockerMadeIt) {
  both();
  const std::string links = in("mhs-demo0", "web", "ip -o link; ip -o -4 addr; ip route").out;
  EXPECT_NE(links.find("02:42:0a:00:09:02"), std::string::npos) << links;
  EXPECT_NE(links.find("10.0.9.2/24"), std::string::npos) << links;
  EXPECT_NE(links.find("172.18.0.2/16"), std::string::npos) << links;
  EXPECT_NE(links.find("default via 172.18.0.1 dev eth1"), std::string::npos) << links;
  EXPECT_EQ(in("mhs-demo0", "web", "cat /sys/class/net/eth0/mtu /sys/class/net/eth1/mtu").out,
            "1450\n1500\n");
}

TEST_F(Scenario, TheOutsideSeesTheHostsAddress) {
  both();
  EXPECT_EQ(in("mhs-demo0", "web", "ping -c 1 -W 2 203.0.113.1").code, 0);
  // The answer's destination is the address that the outside saw as source.
  const Ran tracked = on("mhs-demo0", "conntrack -L -p icmp -d 203.0.113.1");
  EXPECT_TRUE(tracked.has("src=172.18.0.2 dst=203.0.113.1")) << tracked.out;
  EXPECT_TRUE(tracked.has("src=203.0.113.1 dst=192.168.99.104")) << tracked.out;
}

TEST_F(Scenario, AnInternalNetworkReachesItsOwnAndNothingElse) {
  both();
  EXPECT_EQ(in("mhs-demo1", "nun", "ping -c 1 -W 2 hermit").code, 0);
  EXPECT_EQ(in("mhs-demo0", "hermit", "test -e /sys/class/net/eth1").code, 1);
  EXPECT_EQ(in("mhs-demo0", "hermit", "ip route show default").out, "");
  EXPECT_NE(in("mhs-demo0", "hermit", "ping -c 1 -W 1 203.0.113.1").code, 0);
  EXPECT_EQ(in("mhs-demo0", "hermit", "grep -v '^#' /etc/resolv.conf").out, "");
}

TEST_F(Scenario, TheSecondApplyWritesNothing) {
  both();
  for (const char* host : {"mhs-demo0", "mhs-demo1"}) {
    EXPECT_TRUE(in_sync(host));
    const Ran second = on(host, "ovl -v apply");
    EXPECT_EQ(second.code, 0) << second.out;
    EXPECT_TRUE(second.has("No changes. The cluster matches the manifest.")) << second.out;
    EXPECT_TRUE(second.has("0 writes to the kernel")) << second.out;
  }
}

TEST_F(Scenario, NetworksDoNotReachEachOther) {
  both();
  EXPECT_NE(in("mhs-demo0", "web", "ping -c 1 -W 1 10.0.10.2").code, 0);
  EXPECT_NE(in("mhs-demo0", "hermit", "ping -c 1 -W 1 10.0.9.2").code, 0);
}

TEST_F(Scenario, DestroyLeavesEveryHostAsItWas) {
  up(kManifest);
  const std::string before0 = snapshot("mhs-demo0");
  const std::string before1 = snapshot("mhs-demo1");
  const std::string first_time = apply("mhs-demo0");
  EXPECT_EQ(first_time.find("a file of this machine"), std::string::npos) << "a lab's hosts share it";
  EXPECT_NE(first_time.find("Still to apply: mhs-demo1 ("), std::string::npos) << first_time;
  apply("mhs-demo1");
  EXPECT_NE(before0, snapshot("mhs-demo0"));
  const Ran first = on("mhs-demo0", "ovl destroy --auto-approve");
  EXPECT_EQ(first.code, 0) << first.out;
  EXPECT_TRUE(first.has("Destroy complete on mhs-demo0: ")) << first.out;
  EXPECT_TRUE(first.has("Still to apply: mhs-demo1 (there: ovl apply --scope host).")) << first.out;
  const Ran waited = on("mhs-demo0", "ovl status --wait 0s");
  EXPECT_EQ(waited.code, 1) << waited.out;
  EXPECT_TRUE(waited.has("mhs-demo1  out of the records: what generation ")) << waited.out;
  EXPECT_TRUE(on("mhs-demo0", "ovl host ls").has("mhs-demo1 ")) << "what it had is still there";
  const Ran last = on("mhs-demo1", "ovl apply --scope host --auto-approve");
  EXPECT_EQ(last.code, 0) << last.out;
  EXPECT_EQ(on("mhs-demo0", "ovl status --wait 0s").code, 0);
  EXPECT_EQ(before0, snapshot("mhs-demo0"));
  EXPECT_EQ(before1, snapshot("mhs-demo1"));
}

TEST_F(Scenario, ALostStateCostsNothing) {
  both();
  ASSERT_EQ(on("mhs-demo0", "rm -rf /var/lib/ovl/clusters/demo").code, 0);
  EXPECT_TRUE(in_sync("mhs-demo0"));
  ASSERT_EQ(on("mhs-demo0", "rm -rf /var/lib/ovl/clusters/demo").code, 0);
  const Ran destroyed = on("mhs-demo0", "ovl destroy --auto-approve --scope host");
  EXPECT_EQ(destroyed.code, 0) << destroyed.out;
  EXPECT_EQ(on("mhs-demo0", "ip netns").out, "");
}

TEST_F(Scenario, HostScopeNeedsNoManifest) {
  both();
  const Ran planned = on("mhs-demo1", "cd / && ovl plan --scope host --detailed-exitcode");
  EXPECT_EQ(planned.code, 0) << planned.out;
  EXPECT_TRUE(planned.has("No changes. This host matches the records.")) << planned.out;
}

TEST_F(Scenario, ASavedPlanIsAppliedOrRefused) {
  up(kManifest);
  ASSERT_EQ(on("mhs-demo0", "ovl plan --out plan.json").code, 0);
  EXPECT_TRUE(on("mhs-demo0", "ovl show plan.json").has("Plan: "));
  const Ran applied = on("mhs-demo0", "ovl apply plan.json");
  EXPECT_EQ(applied.code, 0) << applied.out;
  const Ran stale = on("mhs-demo0", "ovl apply plan.json");
  EXPECT_EQ(stale.code, 10) << stale.out;
  EXPECT_TRUE(in_sync("mhs-demo0"));
}

TEST_F(Scenario, AnEndpointMayLiveInANamespaceOfSomebodyElse) {
  up(kManifest);
  ASSERT_EQ(on("mhs-demo0", "ip netns add web && ip -n web link add mine type bridge").code, 0);
  EXPECT_EQ(in("mhs-demo0", "web", "ip link show mine").code, 0) << "as the manifest says, without a record";
  apply("mhs-demo0");
  EXPECT_TRUE(in_sync("mhs-demo0"));
  EXPECT_EQ(in("mhs-demo0", "web", "ping -c 1 -W 1 127.0.0.1").code, 0);
  const Ran storeless =
      on("mhs-demo0", "ovl exec --keystore etcd://127.0.0.1:1 --timeout 1s web -- ip link show mine");
  EXPECT_EQ(storeless.code, 0) << "as the manifest says, where no record can be read: " << storeless.out;
  // Found by the store that the command line names: what the manifest here calls a secret is one all the
  // same.
  const Ran secret =
      on("mhs-demo0",
         "mkdir /run/here && cd /run/here && printf '[cluster]\nname = \"demo\"\n[keystore]\nurl = "
         "\"etcd://127.0.0.1:1\"\ntoken = \"env:SECRET_B\"\n' >ovl.toml && SECRET_B=x PLAIN=y "
         "ovl exec --state-dir /run/none --keystore sqlite:///var/lib/ovl/keystore.db --cluster demo "
         "web -- sh -c 'echo \"has [$SECRET_B] [$PLAIN]\"'");
  EXPECT_TRUE(secret.has("has [] [y]")) << secret.out;
  // The record says where it is, the manifest where it is going to be.
  std::string elsewhere = kManifest;
  elsewhere.replace(elsewhere.find("[endpoint.web]\n"), 15, "[endpoint.web]\nnetns = \"elsewhere\"\n");
  write(elsewhere);
  EXPECT_EQ(in("mhs-demo0", "web", "ip link show mine").code, 0);
  write(kManifest);
  EXPECT_EQ(on("mhs-demo0", "ovl destroy --auto-approve").code, 0);
  EXPECT_TRUE(on("mhs-demo0", "ip netns").has("web"));
  const std::string links = on("mhs-demo0", "ip -n web -br link").out;
  EXPECT_NE(links.find("mine"), std::string::npos) << links;
  EXPECT_EQ(links.find("eth0"), std::string::npos) << links;
}

// A machine calls itself by an address of the loopback, and asks a resolver of its own: both mean the
// endpoint itself inside an endpoint.
TEST_F(Scenario, NamesAreFoundWhateverTheMachineCallsItselfAndWhomeverItAsks) {
  up(std::string(kManifest) + R"(
[endpoint.mhs-demo0]
network = "my-net"
host = "mhs-demo0"
address = "10.0.9.50"
aliases = ["www"]
[endpoint.mhs-demo1]
network = "my-net"
host = "mhs-demo1"
address = "10.0.9.40"
aliases = ["www"]
)");
  ASSERT_EQ(on("mhs-demo0", R"(mkdir -p /run/systemd/resolve; echo nameserver 127.0.0.53 > /run/stub
printf '127.0.0.1 localhost\n127.0.1.1 mhs-demo0\n' > /run/hosts; echo search corp > /run/systemd/resolve/resolv.conf
echo nameserver 203.0.113.1 >> /run/systemd/resolve/resolv.conf
mount --bind /run/hosts /etc/hosts && mount --bind /run/stub /etc/resolv.conf)")
                .code,
            0);
  apply("mhs-demo0");
  EXPECT_TRUE(in_sync("mhs-demo0"));
  EXPECT_TRUE(in("mhs-demo0", "web", "getent ahostsv4 mhs-demo0").has("10.0.9.50 ")) << "not 127.0.1.1";
  EXPECT_EQ(in("mhs-demo0", "web", "awk '/ www$/ { print $1 }' /etc/hosts").out, "10.0.9.50\n10.0.9.40\n");
  EXPECT_EQ(in("mhs-demo0", "web", "getent ahostsv4 www | grep -c STREAM").out, "2\n");
  EXPECT_EQ(in("mhs-demo0", "web", "grep -v '^#' /etc/resolv.conf").out,
            "nameserver 203.0.113.1\nsearch corp\n");
  EXPECT_EQ(in("mhs-demo0", "hermit", "grep -v '^#' /etc/resolv.conf").out, "");
  ASSERT_EQ(on("mhs-demo0", "rm /run/systemd/resolve/resolv.conf").code, 0);
  for (const char* verb : {"ovl plan", "ovl doctor"}) {
    const Ran told = on("mhs-demo0", verb);
    EXPECT_TRUE(told.has("names 127.0.0.53, this machine's own resolver")) << told.out;
  }
}

TEST_F(Scenario, AMovedEndpointIsReachableAtOnce) {
  both();
  EXPECT_EQ(in("mhs-demo1", "client", "ping -c 1 -W 2 web").code, 0);
  std::string moved = kManifest;
  moved.replace(moved.find("[endpoint.web]\nnetwork = \"my-net\"\nhost = \"mhs-demo0\""), 52,
                "[endpoint.web]\nnetwork = \"my-net\"\nhost = \"mhs-demo1\" \n");
  write(moved);
  apply("mhs-demo0");
  apply("mhs-demo1");
  EXPECT_EQ(in("mhs-demo1", "client", "ping -c 1 -W 1 web").code, 0);
  EXPECT_EQ(in("mhs-demo1", "web", "ping -c 1 -W 1 client").code, 0);
  EXPECT_FALSE(on("mhs-demo0", "ip netns").has("web"));
}

TEST_F(Scenario, AFreedAddressWithAnotherMacIsReachableAtOnce) {
  const std::string tail = R"(
[endpoint.old]
network = "my-net"
host = "mhs-demo0"
address = "10.0.9.50"
)";
  up(kManifest + tail);
  apply("mhs-demo0");
  apply("mhs-demo1");
  EXPECT_EQ(in("mhs-demo0", "web", "ping -c 1 -W 2 10.0.9.50").code, 0);
  EXPECT_EQ(in("mhs-demo1", "client", "ping -c 1 -W 2 10.0.9.50").code, 0);
  write(std::string(kManifest) + R"(
[endpoint.new]
network = "my-net"
host = "mhs-demo1"
address = "10.0.9.50"
mac = "02:00:00:00:00:77"
)");
  apply("mhs-demo0");
  apply("mhs-demo1");
  EXPECT_EQ(in("mhs-demo0", "web", "ping -c 1 -W 1 10.0.9.50").code, 0);
  EXPECT_EQ(in("mhs-demo1", "client", "ping -c 1 -W 1 10.0.9.50").code, 0);
}

TEST_F(Scenario, AForeignVxlanWithOurVniIsNamed) {
  up(kManifest);
  ASSERT_EQ(
      on("mhs-demo0", "ip link add stranger type vxlan id 1048576 dstport 4789 local 192.168.99.104").code,
      0);
  // Facts know the VNI; the manifest's network is given another one. A declared VNI cannot move.
  std::string fixed = kManifest;
  fixed.replace(fixed.find("subnet = \"10.0.9.0/24\""), 22, "subnet = \"10.0.9.0/24\"\nvni = 1048576");
  write(fixed);
  const Ran refused = on("mhs-demo0", "ovl apply --auto-approve");
  EXPECT_NE(refused.code, 0);
  EXPECT_TRUE(refused.has("stranger")) << refused.out;
  ASSERT_EQ(on("mhs-demo0", "ip link del stranger").code, 0);
  apply("mhs-demo0");
  EXPECT_TRUE(in_sync("mhs-demo0"));
}

}  // namespace ovl
