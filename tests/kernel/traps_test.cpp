// What the kernel does without saying so. Each test pins one rule that the driver or the planner
// relies on; when a kernel changes its mind, it is to be seen here.
#include "tests/kernel/kernel_test.hpp"

namespace ovl::test {

namespace {

class TrapTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) make_sandbox("ovl-net");
  }

  // In the sandbox.
  static std::string run(const std::string& command) { return must("ip netns exec ovl-net " + command); }

  const Neighbour neighbour_{
      .dev = dev("vxlan0"), .address = ip("10.0.9.3"), .mac = mac("02:42:0a:00:09:03")};
  const Fdb remote_{dev("vxlan0"), FdbTable::self, mac("02:42:0a:00:09:03"), ip("192.168.50.2")};
};

TEST_F(TrapTest, AliasInTheCreateMessageIsDropped) {
  run("ip link add d0 alias lost type bridge");
  Link d0 = bridge_link("d0");
  EXPECT_EQ(find_like(observe_one("ovl-net").links, d0)->alias, "");
  EXPECT_EQ(find_like(observe_one("ovl-net").links, bridge_link())->alias, bridge_link().alias);
}

TEST_F(TrapTest, NoLinkLocalAddressIsMadeWithoutAddressGeneration) {
  EXPECT_EQ(run("ip -6 address show dev br0 scope link"), "");
  EXPECT_EQ(run("ip -6 address show dev vxlan0 scope link"), "");
}

TEST_F(TrapTest, LinkLocalOfTheKernelIsNotReported) {
  apply(Operations().create("web", owned_netns("web")).create("ovl-net", outer_link("v1", "web")));
  apply(Operations().create("web", inner_link("10.0.9.2")));
  ASSERT_NE(must("ip -n web -6 address show dev eth0 scope link"), "");
  EXPECT_TRUE(observe_one("web").addresses.empty());
  must("ip -n web address add fe80::77/64 dev eth0");
  EXPECT_EQ(observe_one("web").addresses.size(), 1U);  // somebody's own link-local is a stray
}

TEST_F(TrapTest, AppendForAUnicastMacDoesNothing) {
  apply(Operations().create("ovl-net", remote_));
  run("bridge fdb append 02:42:0a:00:09:03 dev vxlan0 dst 192.168.50.77 self");
  EXPECT_EQ(observe_one("ovl-net").fdb, std::vector{remote_});
}

TEST_F(TrapTest, PortAndVniOfTheDeviceAreLeftOutAndOthersDiffer) {
  run("bridge fdb add 02:42:0a:00:09:03 dev vxlan0 dst 192.168.50.2 port 4789 vni 1048576 self permanent");
  EXPECT_EQ(observe_one("ovl-net").fdb, std::vector{remote_});
  Fdb other = remote_;
  other.vtep = IpAddress();
  for (const char* extra : {"port 4790", "vni 7", "via br0"}) {
    run("bridge fdb replace 02:42:0a:00:09:03 dev vxlan0 dst 192.168.50.2 self permanent " +
        std::string(extra));
    EXPECT_EQ(observe_one("ovl-net").fdb, std::vector{other}) << extra;
    apply(Operations().update("ovl-net", other, remote_));
    EXPECT_EQ(observe_one("ovl-net").fdb, std::vector{remote_}) << extra;
  }
}

TEST_F(TrapTest, VxlanDownFlushesPermanentNeighboursAndKeepsTheFdb) {
  apply(Operations().create("ovl-net", neighbour_).create("ovl-net", remote_));
  Link down = vxlan_link();
  down.up = false;
  apply(Operations().update("ovl-net", vxlan_link(), down));
  EXPECT_TRUE(observe_one("ovl-net").neighbours.empty());
  EXPECT_EQ(observe_one("ovl-net").fdb, std::vector{remote_});
}

TEST_F(TrapTest, AnotherMacFlushesPermanentNeighbours) {
  apply(Operations().create("ovl-net", neighbour_).create("ovl-net", remote_));
  Link other = vxlan_link();
  other.mac = mac("02:42:00:00:00:08");
  apply(Operations().update("ovl-net", vxlan_link(), other));
  EXPECT_TRUE(observe_one("ovl-net").neighbours.empty());
  EXPECT_EQ(observe_one("ovl-net").fdb, std::vector{remote_});
}

TEST_F(TrapTest, LeavingTheBridgeLosesMasterEntriesAndKeepsSelf) {
  const Fdb through{dev("vxlan0"), FdbTable::master, remote_.mac, {}};
  apply(Operations().create("ovl-net", remote_).create("ovl-net", through));
  run("ip link set vxlan0 nomaster");
  EXPECT_EQ(observe_one("ovl-net").fdb, std::vector{remote_});
}

TEST_F(TrapTest, AllZeroMacIsAStrayWhateverItsDestinations) {
  run("bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 192.168.50.2");
  Fdb zero{dev("vxlan0"), FdbTable::self, MacAddress(), ip("192.168.50.2")};
  EXPECT_EQ(observe_one("ovl-net").fdb, std::vector{zero});
  run("bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 192.168.50.3");
  zero.vtep = IpAddress();
  EXPECT_EQ(observe_one("ovl-net").fdb, std::vector{zero});
  apply(Operations().remove("ovl-net", zero));
  EXPECT_TRUE(observe_one("ovl-net").fdb.empty());
}

TEST_F(TrapTest, LearnedGroupAndOwnEntriesAreNotReportedAndForeignStaticOnesAre) {
  run("bridge fdb add 02:00:00:00:00:01 dev vxlan0 master dynamic");
  run("bridge fdb append 33:33:00:00:00:09 dev vxlan0 dst 192.168.50.2");
  EXPECT_TRUE(observe_one("ovl-net").fdb.empty());
  run("bridge fdb add 02:00:00:00:00:02 dev vxlan0 master permanent");
  run("bridge fdb add 02:00:00:00:00:03 dev vxlan0 master static");
  EXPECT_EQ(observe_one("ovl-net").fdb.size(), 2U);
}

TEST_F(TrapTest, LearnedAndResolvedEntriesMakeRoomForOurs) {
  run("bridge fdb add 02:42:0a:00:09:03 dev vxlan0 master dynamic");
  run("ip neigh add 10.0.9.3 dev vxlan0 lladdr 02:00:00:00:00:09 nud stale");
  const Fdb through{dev("vxlan0"), FdbTable::master, remote_.mac, {}};
  const std::uint64_t before = kernel->writes();
  apply(Operations()
            .create("ovl-net", neighbour_)
            .create("ovl-net", Fdb{dev("vxlan0"), FdbTable::master, mac("02:42:0a:00:09:04"), {}})
            .create("ovl-net", through));
  EXPECT_EQ(kernel->writes(), before + 5);
  const NamespaceObjects seen = observe_one("ovl-net");
  EXPECT_EQ(seen.neighbours, std::vector{neighbour_});
  EXPECT_EQ(seen.fdb.size(), 2U);
}

TEST_F(TrapTest, VxlanAttributesThatCanNotBeChangedAnswerWithText) {
  const Link now = vxlan_link();
  std::vector<Link> steps(3, now);
  steps[0].vni = vni(5);
  steps[1].port = UdpPort::unchecked(4790);
  steps[2].proxy = false;
  for (const Link& step : steps) {
    const Error error = failure_of(Operations().update("ovl-net", now, step), 0);
    EXPECT_EQ(error.code, Errc::kernel);
    EXPECT_NE(error.message.find("annot change "), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("RTM_NEWLINK link ovl-net:vxlan0: EOPNOTSUPP ("), std::string::npos)
        << error.message;
  }
  EXPECT_EQ(difference("ovl-net", now), "");
}

TEST_F(TrapTest, DestinationOfTheOtherFamilyIsRefused) {
  Fdb v6 = remote_;
  v6.vtep = ip("fd00::2");
  const Error error = failure_of(Operations().create("ovl-net", v6), 0);
  EXPECT_NE(error.message.find("EAFNOSUPPORT"), std::string::npos) << error.message;
}

TEST_F(TrapTest, TakenVniNamesItsHolder) {
  must("ip netns add blue");
  must("ip link add foreign0 netns blue type vxlan id 9 dstport 4789 local 192.168.50.1");
  apply(Operations().create("ovl-b", owned_netns("ovl-b")));
  const Link taken = vxlan_link(9, "");
  const Error error = failure_of(Operations().create("ovl-b", taken), 0);
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_NE(error.message.find("already exists): it is foreign0 in netns blue, which is not ovl's"),
            std::string::npos)
      << error.message;
}

TEST_F(TrapTest, VniOfADyingNamespaceIsWaitedFor) {
  apply(Operations().create("ovl-b", owned_netns("ovl-b")));
  // Somebody removes the name; the VXLAN lives until the namespace's last holder has gone.
  must(
      "ip netns exec ovl-net sh -c 'sleep 0.3' & while ! ip netns pids ovl-net | grep -q .; do :; done; "
      "ip netns delete ovl-net");
  apply(Operations().create("ovl-b", vxlan_link(1'048'576, "")));
  EXPECT_EQ(difference("ovl-b", vxlan_link(1'048'576, "")), "");
}

TEST_F(TrapTest, RemovedSandboxFreesItsVniThoughAProcessIsInside) {
  must("mkfifo /run/netns/.hold; ip netns exec ovl-net timeout 20 cat /run/netns/.hold >/dev/null 2>&1 &");
  ASSERT_TRUE(wait_until([] { return !shell("ip netns pids ovl-net").output.empty(); }));
  apply(Operations().remove("ovl-net", owned_netns("ovl-net")));
  make_sandbox("ovl-net");
  EXPECT_EQ(difference("ovl-net", vxlan_link()), "");
  must("echo > /run/netns/.hold");
}

TEST_F(TrapTest, CreateThatIsRefusedLeavesTheForeignLinkAlone) {
  run("ip link add v1 address 02:00:00:00:00:77 type bridge");
  const std::string before = run("ip -d link show v1");
  apply(Operations().create("web", owned_netns("web")));
  const Error error = failure_of(
      Operations().create("ovl-net", outer_link("v0", "web")).create("ovl-net", outer_link("v1", "web")), 1);
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_NE(error.message.find("link ovl-net:v1: EEXIST"), std::string::npos) << error.message;
  EXPECT_EQ(run("ip -d link show v1"), before);
  Link made = outer_link("v0", "web");
  made.peer.reset();
  EXPECT_EQ(difference("ovl-net", made), "");
}

TEST_F(TrapTest, ForeignObjectsBesideOursStayByteForByte) {
  must("ip link add vxlan0 type vxlan id 1048577 dstport 4789; ip link add br0 type bridge");
  must("ip address add 10.0.9.9/24 dev br0; ip link set br0 up; ip route add 10.0.10.0/24 dev br0");
  must("ip neigh add 10.0.9.3 dev br0 lladdr 02:00:00:00:00:01 nud permanent");
  must("bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 192.168.50.2");
  must("nft add table bridge ovl2; ip netns add ovl-net2; mkdir -p /etc/netns/ovl-net2");
  must("echo '10.0.0.1 x' > /etc/netns/ovl-net2/hosts");
  const std::string look =
      "ip -d link | sed 's/_timer *[0-9.]*//g'; ip address; ip route; ip neigh; bridge fdb; nft list "
      "ruleset; ls -l /run/netns/ovl-net2; "
      "cat /etc/netns/ovl-net2/hosts";
  ASSERT_TRUE(wait_until([] { return shell("ip -6 address show dev br0 tentative").output.empty(); }));
  const std::string before = must(look);
  apply(Operations()
            .create("ovl-net", neighbour_)
            .create("ovl-net", remote_)
            .create("ovl-net", Address{dev("br0"), IpInterface::parse("10.0.9.1/24").value()})
            .update("ovl-net", vxlan_link(), [] {
              Link other = vxlan_link();
              other.mtu = 1400;
              other.up = false;
              return other;
            }()));
  HostObjects wanted;
  wanted.at(netns("ovl-net"));
  wanted.at(netns(""));
  EXPECT_EQ(observe(wanted).at(netns("")).neighbours.size(), 0U);  // br0 here is not ours
  apply(Operations().remove("ovl-net", owned_netns("ovl-net")));
  EXPECT_EQ(must(look), before);
}

TEST_F(TrapTest, BridgeKeepsItsMtuWhateverItsPortsHave) {
  Link port = outer_link("v1", "web");
  port.mtu = 1300;
  apply(Operations().create("web", owned_netns("web")).create("ovl-net", port));
  EXPECT_EQ(difference("ovl-net", bridge_link()), "");
}

// Setting what is there already would leave it to follow its ports.
TEST_F(TrapTest, BridgeOfTheKernelsOwnMtuKeepsItToo) {
  Link bridge = bridge_link();
  bridge.name = dev("br1");
  bridge.mtu = 1500;
  Link port = outer_link("v1", "web", "br1");
  port.mtu = 1300;
  apply(Operations().create("web", owned_netns("web")).create("ovl-net", bridge).create("ovl-net", port));
  EXPECT_EQ(difference("ovl-net", bridge), "");
}

}  // namespace

}  // namespace ovl::test
