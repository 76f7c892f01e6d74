// What stands in the way of objects is seen before they are made.
#include <netinet/in.h>
#include <sys/socket.h>

#include "model/base/handle.hpp"
#include "tests/kernel/kernel_test.hpp"

namespace ovl::test {

namespace {

class ObstaclesTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    must(
        "ip netns add web; ip -n web link set lo up; ip -n web link add d0 type bridge; ip -n web link set "
        "d0 up; "
        "ip -n web addr add 172.30.0.2/24 dev d0; ip -n web addr add fd00:30::2/64 dev d0 nodad");
  }

  static NamespaceObjects wish() {
    NamespaceObjects wanted{.name = netns("web")};
    wanted.addresses = {{.dev = dev("eth0"), .address = IpInterface::parse("10.62.81.2/24").value()},
                        {.dev = dev("eth0"), .address = IpInterface::parse("fd62:81::2/64").value()}};
    wanted.routes = {{.destination = IpPrefix::parse_exact("0.0.0.0/0").value(), .dev = dev("eth1")},
                     {.destination = IpPrefix::parse_exact("10.62.91.0/24").value(), .dev = dev("eth0")}};
    return wanted;
  }

  NamespaceObjects seen(const NamespaceObjects& wanted) {
    HostObjects host;
    host.at(wanted.name) = wanted;
    auto read = kernel->observe(host);
    EXPECT_TRUE(read.ok()) << read.error().message;
    return read.ok() ? read.value().at(wanted.name) : NamespaceObjects();
  }

  // Of the routes that are there, those that are told of.
  std::string told() {
    std::string out;
    for (const Route& route : seen(wish()).routes) {
      out += (out.empty() ? "" : " ") + route.destination.text();
      if (!route.dev.empty()) out += " " + route.dev.text();
    }
    return out;
  }

  Link tunnel(std::uint32_t number = 5000) {
    Link link = vxlan_link(number, "");
    link.local = ip("127.0.0.1");
    return link;
  }

  // Who is in the way, as told. What is told must be what the kernel says when it is tried.
  std::string in_the_way(const Link& link) {
    auto found = kernel->tunnel_obstacles(std::span(&link, 1));
    EXPECT_TRUE(found.ok()) << found.error().message;
    const bool is_free = found.ok() && found.value().empty();
    EXPECT_FALSE(kernel->apply(Operations().create("", Netns{.name = netns("sand")}).list()).error);
    EXPECT_EQ(!kernel->apply(Operations().create("sand", link).list()).error, is_free);
    // Its namespace takes the device along at some time later.
    must("ip -n sand link del vxlan0 2>/dev/null; ip netns delete sand");
    if (is_free) return "";
    EXPECT_EQ(found.value().size(), 1U);
    return found.value().front().message;
  }
};

}  // namespace

TEST_F(ObstaclesTest, RoutesThatTakeAPlaceOrHideAPrefixAreTold) {
  EXPECT_EQ(told(), "");
  const std::vector<std::pair<std::string, std::string>> cases{
      {"default via 172.30.0.1", "0.0.0.0/0 d0"},
      {"default nexthop via 172.30.0.1 nexthop via 172.30.0.3", "0.0.0.0/0 d0"},
      {"unreachable default", "0.0.0.0/0"},
      {"throw default", "0.0.0.0/0"},
      {"default via 172.30.0.1 metric 5", ""},
      {"default via 172.30.0.1 tos 4", ""},
      {"10.62.91.0/24 dev d0", "10.62.91.0/24 d0"},
      {"blackhole 10.62.91.0/24 metric 7", ""},
      {"10.62.81.0/24 dev d0", "10.62.81.0/24 d0"},
      {"10.62.81.0/24 dev d0 metric 7", ""},
      {"prohibit 10.62.81.0/24", "10.62.81.0/24"},
      {"blackhole 10.62.81.64/26", "10.62.81.64/26"},
      {"10.62.81.9/32 dev d0 metric 9", "10.62.81.9/32 d0"},
      {"10.62.0.0/16 dev d0", ""},
      {"fd62:81::/64 dev d0 metric 10", "fd62:81::/64 d0"},
      {"fd62:81::/64 dev d0 metric 256", "fd62:81::/64 d0"},
      {"fd62:81::/64 dev d0", ""},  // 1024
      {"blackhole fd62:81::7/128", "fd62:81::7/128"},
      {"unreachable fd62:82::/64", ""},
  };
  for (const auto& [route, expected] : cases) {
    const std::string end = route.starts_with("fd") || route.find(" fd") != std::string::npos ? " -6" : "";
    must("ip -n web" + end + " route add " + route);
    EXPECT_EQ(told(), expected) << route;
    must("ip -n web" + end + " route del " + route);
  }
  must(
      "ip -n web addr add 10.62.81.77/24 dev d0; ip -n web nexthop add id 7 via 172.30.0.1 dev d0; "
      "ip -n web route add default nhid 7");
  EXPECT_EQ(told(), "0.0.0.0/0 d0 10.62.81.0/24 d0");
}

TEST_F(ObstaclesTest, RulesThatTakeEverythingOrAPrefixAreTold) {
  NamespaceObjects wanted = wish();
  wanted.routes.front().via = ip("172.31.0.1");
  const auto said = [&] {
    std::string out;
    for (const Overruling& one : seen(wanted).overruled) {
      out += (out.empty() ? "" : "; ") + one.message + (one.refuses_gateway ? " (no gateway)" : "");
    }
    return out;
  };
  EXPECT_EQ(said(), "");
  const std::string drops = "rule 100 there drops what the endpoint sends ";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"prohibit", drops + "(prohibit) (no gateway)"},
      {"iif lo blackhole", drops + "(blackhole) (no gateway)"},
      {"from 10.62.81.0/24 unreachable", drops + "(unreachable) from 10.62.81.0/24"},
      {"from 10.62.82.0/24 unreachable", ""},
      {"to 10.62.81.128/25 blackhole", drops + "(blackhole) to 10.62.81.128/25"},
      {"to 203.0.113.0/24 blackhole", ""},
      {"fwmark 7 prohibit", ""},
      {"iif d0 prohibit", ""},
      {"not to 10.62.81.0/24 prohibit", ""},
      {"ipproto tcp dport 25 prohibit", ""},
      {"lookup 100", "rule 100 there leads what the endpoint sends into table 100, which drops all"},
      {"lookup 101", ""},
  };
  must("ip -n web route add blackhole default table 100; ip -n web route add default dev d0 table 101");
  for (const auto& [rule, expected] : cases) {
    must("ip -n web rule add pref 100 " + rule);
    EXPECT_EQ(said(), expected) << rule;
    must("ip -n web rule del pref 100");
  }
  must("ip -n web rule add pref 32767 prohibit");
  EXPECT_EQ(said(), "") << "what the main table has comes first";
  must("ip -6 -n web rule add pref 5 prohibit");
  ASSERT_EQ(seen(wanted).overruled.size(), 1U);
  must(seen(wanted).overruled.front().removal);
  EXPECT_EQ(said(), "");
}

// The kernel goes by the first of two that are alike.
TEST_F(ObstaclesTest, ARouteBehindOursHidesNothing) {
  const std::string ours =
      "ip -n web link add eth0 group 7304812 type bridge; ip -n web link set eth0 up; "
      "ip -n web addr add 10.62.81.2/24 dev eth0";
  must(ours);
  must("ip -n web addr add 10.62.81.77/24 dev d0");
  EXPECT_EQ(told(), "");
  must("ip -n web link del eth0; " + ours);
  EXPECT_EQ(told(), "10.62.81.0/24 d0");
}

TEST_F(ObstaclesTest, OfManyRoutesIntoAPrefixOneIsTold) {
  must("for i in 3 4 5; do ip -n web route add blackhole 10.62.81.$i; done");
  EXPECT_EQ(told(), "10.62.81.3/32");
}

TEST_F(ObstaclesTest, AnotherNameOfADeviceIsTaken) {
  must("ip -n web link property add dev d0 altname eth0 altname other");
  NamespaceObjects wanted = wish();
  wanted.links = {Link{.name = dev("eth0"), .type = LinkType::veth}};
  std::string names;
  for (const Link& link : seen(wanted).links) names += link.name.text() + " ";
  EXPECT_EQ(names, "d0 eth0 ");
}

TEST_F(ObstaclesTest, WhoHasThePortOfATunnelIsNamed) {
  EXPECT_EQ(in_the_way(tunnel()), "");
  must("ip link add vx type vxlan id 7 dstport 4789 local 127.0.0.1; ip link set vx up");
  EXPECT_EQ(in_the_way(tunnel()), "") << "they share it";
  for (const char* other : {"id 7 gbp", "external"}) {
    must("ip link del vx; ip link add vx type vxlan dstport 4789 " + std::string(other));
    EXPECT_EQ(in_the_way(tunnel()), "") << "a device that is down has no port";
    must("ip link set vx up");
    EXPECT_EQ(in_the_way(tunnel()), "device vx in the host's own namespace holds UDP port 4789");
  }
  must("ip link del vx");
  const UniqueFd held(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(4789);
  ASSERT_EQ(::bind(held.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  EXPECT_EQ(in_the_way(tunnel()),
            "kernel_tests (process " + std::to_string(::getpid()) + ") holds UDP port 4789");
  Link over_ipv6 = tunnel();
  over_ipv6.local = ip("::1");
  EXPECT_EQ(in_the_way(over_ipv6), "");
}

TEST_F(ObstaclesTest, WhoHasTheVniOfATunnelIsNamed) {
  const std::string make = "link add vx type vxlan id 5000 dstport 4789 local 127.0.0.1";
  must("ip " + make);
  EXPECT_EQ(in_the_way(tunnel()), "device vx in the host's own namespace has VNI 5000 on UDP port 4789");
  EXPECT_EQ(in_the_way(tunnel(5001)), "");
  must("ip link set vx netns web");
  EXPECT_EQ(in_the_way(tunnel()), "device vx in netns web has VNI 5000 on UDP port 4789");
  must("ip -n web link del vx; ip -n web " + make);
  EXPECT_EQ(in_the_way(tunnel()), "") << "its socket is in web";
  must("ip -n web link set vx netns 1 2>/dev/null; ip -n web link del vx 2>/dev/null; true");
}

TEST_F(ObstaclesTest, WhatIsNoFolderOrCantBeWrittenIsTold) {
  NamespaceObjects wanted = wish();
  const auto told_file = [&] {
    const std::vector<HostsFile> files = seen(wanted).hosts_files;
    return files.empty() ? std::string() : files.front().unusable;
  };
  wanted.hosts_files = {HostsFile{.netns = wanted.name, .file = "hosts"}};
  EXPECT_EQ(told_file(), "");
  const std::vector<std::pair<std::string, std::string>> cases{
      {"ln -s /tmp /etc/netns/web", "/etc/netns/web is a symbolic link"},
      {"ln -s /etc/netns/none /etc/netns/web", "/etc/netns/web is a symbolic link"},
      {"echo > /etc/netns/web", "/etc/netns/web is not a directory"},
      {"mkdir /etc/netns/web; ln -s /etc/hosts /etc/netns/web/hosts",
       "/etc/netns/web/hosts is a symbolic link"},
      {"mkdir -p /etc/netns/web/hosts", "/etc/netns/web/hosts is not a regular file"},
      {"mkdir /etc/netns/web; echo x > /etc/netns/web/hosts", ""},
  };
  for (const auto& [make, expected] : cases) {
    must(make);
    EXPECT_EQ(told_file(), expected) << make;
    must("rm -rf /etc/netns/web");
  }
  must("mount -o remount,ro /etc/netns");
  EXPECT_EQ(told_file(), "/etc/netns is on a read-only file system");
  must(
      "mount -o remount,rw /etc/netns; mkdir /etc/netns/web; echo x > /etc/netns/web/hosts; "
      "mount -o remount,ro /etc/netns");
  EXPECT_EQ(told_file(), "/etc/netns/web/hosts is on a read-only file system");
  wanted.hosts_files.clear();
  EXPECT_EQ(told_file(), "") << "nobody wants to write it";
}

}  // namespace ovl::test
