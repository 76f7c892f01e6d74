// What the kernel refuses, in words: message type, object, errno and the kernel's own text, word for word.
#include "drivers/kernel/netlink/errors.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/base/refusal.hpp"
#include "tests/kernel/kernel_test.hpp"

namespace ovl::test {

namespace {

class ErrorTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) make_sandbox("ovl-net");
  }

  static std::string run(const std::string& command) { return must("ip netns exec ovl-net " + command); }

  // The first error says just this and is of this family.
  void says(const Operations& operations, Errc code, const std::string& message) {
    const Error error = failure_of(operations, 0);
    EXPECT_EQ(error.message, message);
    EXPECT_EQ(error.code, code) << error.message;
  }

  static Address address(const std::string& device, const std::string& text) {
    return {.dev = dev(device), .address = IpInterface::parse(text).value()};
  }

  const Neighbour neighbour_{
      .dev = dev("vxlan0"), .address = ip("10.0.9.3"), .mac = mac("02:42:0a:00:09:03")};
  const Fdb remote_{dev("vxlan0"), FdbTable::self, mac("02:42:0a:00:09:03"), ip("192.168.50.2")};
};

TEST_F(ErrorTest, OfLinks) {
  says(Operations().create("ovl-net", bridge_link()), Errc::conflict,
       "RTM_NEWLINK link ovl-net:br0: EEXIST (File exists)");
  Link other = vxlan_link();
  other.vni = vni(5);
  says(Operations().update("ovl-net", vxlan_link(), other), Errc::kernel,
       "RTM_NEWLINK link ovl-net:vxlan0: EOPNOTSUPP (Cannot change VNI)");
  Link large = bridge_link();
  large.mtu = 70'000;
  says(Operations().update("ovl-net", bridge_link(), large), Errc::kernel,
       "RTM_NEWLINK link ovl-net:br0: EINVAL (mtu greater than device maximum)");
  Link lost = outer_link("v1", "nowhere");
  says(Operations().create("ovl-net", lost), Errc::not_found, "netns nowhere does not exist");
  Link port = outer_link("v1", "ovl-net", "br7");
  says(Operations().create("ovl-net", port), Errc::not_found,
       "link ovl-net:v1: link ovl-net:br7: RTM_GETLINK: ENODEV (No such device)");
}

TEST_F(ErrorTest, OfAddresses) {
  apply(Operations().create("ovl-net", address("br0", "10.0.9.1/24")));
  const Error taken = failure_of(Operations().create("ovl-net", address("br0", "10.0.9.1/24")), 0);
  const std::string refused = "RTM_NEWADDR address ovl-net:br0 10.0.9.1/24: EEXIST ";
  EXPECT_EQ(taken.code, Errc::conflict);
  EXPECT_TRUE(taken.message == refused + "(ipv4: Address already assigned)" ||
              taken.message == refused + "(File exists)")  // kernels before 6.5 have no text for it
      << taken.message;
  says(Operations().create("ovl-net", address("br7", "10.0.9.1/24")), Errc::not_found,
       "address ovl-net:br7 10.0.9.1/24: link ovl-net:br7: RTM_GETLINK: ENODEV (No such device)");
}

TEST_F(ErrorTest, OfRoutes) {
  const Route route{
      .destination = IpPrefix::parse_exact("0.0.0.0/0").value(), .dev = dev("br0"), .via = ip("10.0.9.1")};
  says(Operations().create("ovl-net", route), Errc::kernel,
       "RTM_NEWROUTE route ovl-net:0.0.0.0/0 metric 0: ENETUNREACH (Nexthop has invalid gateway)");
}

TEST_F(ErrorTest, OfNeighbours) {
  run("ip neigh add 10.0.9.3 dev vxlan0 lladdr 02:00:00:00:00:09 nud permanent");
  says(Operations().create("ovl-net", neighbour_), Errc::conflict,
       "RTM_NEWNEIGH neighbour ovl-net:vxlan0 10.0.9.3: EEXIST (File exists)");
}

TEST_F(ErrorTest, OfForwardingEntries) {
  Fdb other_family = remote_;
  other_family.vtep = ip("fd00::2");
  says(
      Operations().create("ovl-net", other_family), Errc::kernel,
      "RTM_NEWNEIGH fdb ovl-net:vxlan0 self 02:42:0a:00:09:03: EAFNOSUPPORT (Address family not supported by "
      "protocol)");
  run("bridge fdb add 02:42:0a:00:09:03 dev vxlan0 dst 192.168.50.9 self permanent");
  says(Operations().create("ovl-net", remote_), Errc::conflict,
       "RTM_NEWNEIGH fdb ovl-net:vxlan0 self 02:42:0a:00:09:03: EEXIST (File exists)");
  const Fdb of_no_port{dev("br0"), FdbTable::master, mac("02:42:0a:00:09:03"), {}};
  says(Operations().create("ovl-net", of_no_port), Errc::kernel,
       "RTM_NEWNEIGH fdb ovl-net:br0 master 02:42:0a:00:09:03: EOPNOTSUPP (Operation not supported)");
}

TEST_F(ErrorTest, OfTables) {
  NftTable table{.family = NftFamily::bridge, .name = "ovl", .comment = "ovl:demo/x"};
  run("nft add table bridge ovl");
  says(Operations().create("ovl-net", table), Errc::conflict,
       "netns ovl-net: NFT_MSG_NEWTABLE table bridge ovl: EEXIST (File exists)");
  must("nft add table bridge ovl");
  says(Operations().create("", table), Errc::conflict,
       "NFT_MSG_NEWTABLE table bridge ovl: EEXIST (File exists)");
}

TEST_F(ErrorTest, OfNamespaces) {
  must("ip netns add blue");
  says(Operations().create("blue", owned_netns("blue")), Errc::conflict,
       "netns blue: /run/netns/blue exists");
  says(Operations().remove("blue", owned_netns("blue")), Errc::conflict,
       "netns blue is not ours: its mark is \"\", not \"ovl:demo/network/blue\"");
  // Which one it is says its birth, where ovl remembers that, and not what its root writes on lo.
  Netns made = owned_netns("blue");
  made.made_here = true;
  made.born = "another";
  says(Operations().remove("blue", made), Errc::conflict,
       "netns blue is not ours: its mark is \"\", not \"ovl:demo/network/blue\"");
  HostObjects wanted;
  wanted.at(netns("blue"));
  made.born = observe(wanted).at(netns("blue")).netns->born;
  EXPECT_FALSE(made.born.empty());
  apply(Operations().remove("blue", made));
  EXPECT_FALSE(observe(wanted).at(netns("blue")).netns.has_value());
  must("mkdir /run/netns/dir");
  says(Operations().create("dir", bridge_link()), Errc::conflict,
       "/run/netns/dir is not a network namespace");
  must("ln -s /proc/self/ns/net /run/netns/link");
  says(
      Operations().create("link", bridge_link()), Errc::conflict,
      "/run/netns/link is a symbolic link, not a network namespace (in its place: ip netns attach link PID)");
}

TEST_F(ErrorTest, OfSysctls) {
  const Sysctl forwarding{.path = "net/ipv4/conf/br0/forwarding", .value = "maybe"};
  says(Operations().create("ovl-net", forwarding), Errc::kernel,
       "netns ovl-net: sysctl net/ipv4/conf/br0/forwarding = maybe: EINVAL (Invalid argument)");
  const Sysctl absent{.path = "net/ipv4/conf/br7/forwarding", .value = "1"};
  says(Operations().create("ovl-net", absent), Errc::kernel,
       "netns ovl-net: sysctl net/ipv4/conf/br7/forwarding = 1: ENOENT (No such file or directory)");
  says(Operations().create("", absent), Errc::kernel,
       "sysctl net/ipv4/conf/br7/forwarding = 1: ENOENT (No such file or directory)");
}

TEST_F(ErrorTest, OfHostsFiles) {
  const HostsFile file{
      .netns = netns("web"), .file = "hosts", .lines = {"10.0.9.2 web"}, .owner = "ovl:demo/a"};
  must("mkdir -p /etc/netns/web/hosts");
  says(Operations().create("web", file), Errc::conflict,
       "hosts_file web/hosts: /etc/netns/web/hosts is not a regular file");
  must("rmdir /etc/netns/web/hosts");
  says(Operations().update("web", file, file), Errc::not_found,
       "hosts_file web/hosts: /etc/netns/web/hosts has no block of ours any more");
  HostsFile theirs = file;
  theirs.owner = "ovl:other/a";
  apply(Operations().create("web", theirs));
  says(Operations().create("web", file), Errc::conflict,
       "hosts_file web/hosts: /etc/netns/web/hosts has a block of ovl:other/a already");
}

TEST_F(ErrorTest, OfAVniSaysWhoHasIt) {
  const Operations wanted = Operations().create("ovl-b", vxlan_link(9, ""));
  const std::string refused =
      "RTM_NEWLINK link ovl-b:vxlan0: EEXIST (A VXLAN device with the specified VNI already exists): it is ";
  apply(Operations().create("ovl-b", owned_netns("ovl-b")));
  must("ip netns add blue; ip link add foreign0 netns blue type vxlan id 9 dstport 4789 local 192.168.50.1");
  says(wanted, Errc::conflict, refused + "foreign0 in netns blue, which is not ovl's");
  must("ip -n blue link delete foreign0; ip link add mine type vxlan id 9 dstport 4789 local 192.168.50.1");
  says(wanted, Errc::conflict, refused + "mine in the host's own namespace, which is not ovl's");
  EXPECT_EQ(failure_of(wanted, 0).hint, "remove that device, or give the network another `vni`");
  must("ip link delete mine");
  apply(Operations().create("blue", vxlan_link(9, "")));
  says(wanted, Errc::conflict, refused + "vxlan0 in netns blue");
}

TEST_F(ErrorTest, OfAPortThatAProgramHoldsSaysWhichOne) {
  const int held = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(4790);
  ASSERT_EQ(::bind(held, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  apply(Operations().create("ovl-b", owned_netns("ovl-b")));
  Link device = vxlan_link(9, "");
  device.port = UdpPort::unchecked(4790);
  const Error error = failure_of(Operations().create("ovl-b", device), 0);
  ::close(held);
  EXPECT_EQ(error.message,
            "RTM_NEWLINK link ovl-b:vxlan0: EADDRINUSE (Address already in use): kernel_tests (process " +
                std::to_string(::getpid()) + ") holds UDP port 4790");
  EXPECT_EQ(error.hint, "end that program, or give the network another `port`");
}

TEST_F(ErrorTest, OfAVniInANamespaceWithoutANameSaysHowToFindIt) {
  apply(Operations().create("ovl-b", owned_netns("ovl-b")));
  must(
      "mkfifo /run/netns/.hold; unshare -n timeout 20 cat /run/netns/.hold >/dev/null 2>&1 & "
      "echo $! > /run/netns/.pid");
  const std::string inside =
      "[ $(readlink /proc/$(cat /run/netns/.pid)/ns/net) != $(readlink /proc/self/ns/net) ]";
  ASSERT_TRUE(wait_until([&] { return shell(inside).status == 0; }));
  must(
      "ip link add mine type vxlan id 9 dstport 4789 local 192.168.50.1; "
      "ip link set mine netns $(cat /run/netns/.pid)");
  const Error error = failure_of(Operations().create("ovl-b", vxlan_link(9, "")), 0);
  EXPECT_EQ(error.message,
            "RTM_NEWLINK link ovl-b:vxlan0: EEXIST (A VXLAN device with the specified VNI already exists): "
            "it is in "
            "a namespace without a name");
  EXPECT_EQ(error.hint, "a process may still be in a removed sandbox; find it with lsns -t net");
  must("echo > /run/netns/.hold");
}

TEST_F(ErrorTest, OfAMissingPrivilegeSaysWhoMay) {
  ASSERT_EQ(::seteuid(65534), 0);
  const ApplyOutcome outcome = kernel->apply(Operations().create("", bridge_link("br9")).list());
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->message, "RTM_NEWLINK link br9: EPERM (Operation not permitted)");
  EXPECT_EQ(outcome.error->code, Errc::privilege);
  EXPECT_EQ(outcome.error->hint, "run as root");
}

// The kernel's EACCES to root is the object's own word: more rights change nothing.
TEST_F(ErrorTest, OfADeviceWithoutIpv6TellsNobodyToBeRoot) {
  apply(Operations().create("", bridge_link("br9")));
  must("echo 1 > /proc/sys/net/ipv6/conf/br9/disable_ipv6");
  const Address address{dev("br9"), IpInterface::parse("fd00:9::1/64").value()};
  const Error error = failure_of(Operations().create("", address), 0);
  EXPECT_EQ(error.message,
            "RTM_NEWADDR address br9 fd00:9::1/64: EACCES (ipv6: IPv6 is disabled on this device)");
  EXPECT_EQ(error.code, Errc::kernel);
  EXPECT_EQ(error.hint.find("run as root"), std::string::npos) << error.hint;
}

TEST(Refusal, HasARemedyThatHelpsWhoWasRefused) {
  EXPECT_EQ(remedy_of_refusal(EACCES, false), "run as root");
  EXPECT_EQ(remedy_of_refusal(EPERM, false), "run as root");
  for (const bool is_root : {false, true}) {
    EXPECT_EQ(remedy_of_refusal(EROFS, is_root), "the file system is read-only: make it writable there");
  }
  for (const int number : {EACCES, EPERM}) {
    EXPECT_EQ(remedy_of_refusal(number, true).find("run as root"), std::string_view::npos);
  }
}

TEST(KernelError, OfAMissingModuleSaysWhichAreNeeded) {
  const Error error = kernel_error("RTM_NEWLINK link br0", EOPNOTSUPP, "Unknown device type");
  EXPECT_EQ(error.message, "RTM_NEWLINK link br0: EOPNOTSUPP (Unknown device type)");
  EXPECT_EQ(error.code, Errc::unsupported);
  EXPECT_EQ(kernel_error("x", 4095).message, "x: errno 4095");
}

}  // namespace

}  // namespace ovl::test
