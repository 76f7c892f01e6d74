// Two hosts, made by hand with operations: packets pass between endpoints on both, and to nobody else.
#include "drivers/kernel/kinds/netns.hpp"
#include "tests/kernel/kernel_test.hpp"

namespace ovl::test {

namespace {

// One host: a namespace with an underlay device, its own run directory, and one endpoint.
struct Host {
  std::string netns;
  std::string run_directory;
  IpAddress vtep;
  IpAddress endpoint;
};

class OverlayTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    must("ip netns add hosta; ip netns add hostb; mkdir /run/netns/a /run/netns/b");
    must("ip -n hosta link add und0 type veth peer name und0 netns hostb");
    for (const Host& host : {a, b}) {
      must("ip -n " + host.netns + " address add " + host.vtep.text() + "/24 dev und0; ip -n " + host.netns +
           " link set und0 up");
      mount("tmpfs", host.run_directory.c_str(), "tmpfs", 0, nullptr);
    }
  }

  // Runs work() on the host.
  template <class Work>
  static void on(const Host& host, Work work) {
    const auto fd = NamespaceDirectory("/run/netns").open(ovl::test::netns(host.netns));
    ASSERT_TRUE(fd.ok());
    const Status done = run_in_namespace(fd.value().get(), [&]() -> Status {
      work();
      return {};
    });
    ASSERT_TRUE(done.ok()) << done.error().message;
  }

  static void build(const Host& here, const Host& there) {
    Link vxlan = vxlan_link();
    vxlan.local = here.vtep;
    const MacAddress remote = MacAddress::from_ipv4(there.endpoint);
    const IfName port = dev("v1");
    Operations operations;
    operations.create("ovl-net", owned_netns("ovl-net"))
        .create("web", owned_netns("web"))
        .create("ovl-net", bridge_link())
        .create("ovl-net", vxlan)
        .create("ovl-net", outer_link("v1", "web"))
        .create("web", inner_link(here.endpoint.text()))
        .create("web", Address{dev("eth0"), {here.endpoint, 24}})
        .create("ovl-net", Neighbour{dev("vxlan0"), there.endpoint, remote})
        .create("ovl-net", Fdb{dev("vxlan0"), FdbTable::self, remote, there.vtep})
        .create("ovl-net", Fdb{port, FdbTable::master, MacAddress::from_ipv4(here.endpoint), {}});
    auto kernel = open_linux_kernel(LinuxKernelOptions{.run_directory = here.run_directory});
    ASSERT_TRUE(kernel.ok()) << kernel.error().message;
    const ApplyOutcome outcome = kernel.value()->apply(operations.list());
    ASSERT_FALSE(outcome.error.has_value()) << text_of(outcome);
  }

  // The exit code of ping from here's endpoint.
  static int ping(const Host& here, const std::string& what) {
    return shell("nsenter --net=" + here.run_directory + "/web ping -n -c 1 -W 3 " + what).status;
  }

  const Host a{"hosta", "/run/netns/a", ip("192.168.50.1"), ip("10.0.9.2")};
  const Host b{"hostb", "/run/netns/b", ip("192.168.50.2"), ip("10.0.9.3")};
};

TEST_F(OverlayTest, EndpointsOnTwoHostsReachEachOther) {
  on(a, [this] { build(a, b); });
  on(b, [this] { build(b, a); });
  if (HasFatalFailure()) return;
  EXPECT_EQ(ping(a, b.endpoint.text()), 0);
  EXPECT_EQ(ping(b, a.endpoint.text()), 0);
  EXPECT_EQ(ping(a, "-M do -s 1422 " + b.endpoint.text()), 0);  // the whole MTU
  EXPECT_NE(ping(a, "-W 1 10.0.9.77"), 0);
}

TEST_F(OverlayTest, NothingLeavesForAnUnknownAddress) {
  on(a, [this] { build(a, b); });
  if (HasFatalFailure()) return;
  must(
      "ip netns exec hosta nft 'add table inet count; add counter inet count vxlan; add chain inet count out "
      "{ "
      "type filter hook output priority 0; }; add rule inet count out udp dport 4789 counter name vxlan'");
  const auto sent = [] {
    return must("ip netns exec hosta nft list counter inet count vxlan | grep packets");
  };
  const std::string none = sent();
  EXPECT_NE(ping(a, "-W 1 10.0.9.77"), 0);
  EXPECT_EQ(sent(), none);
  EXPECT_NE(ping(a, "-W 1 " + b.endpoint.text()), 0);  // nobody answers there, but the frame leaves
  EXPECT_NE(sent(), none);
}

}  // namespace

}  // namespace ovl::test
