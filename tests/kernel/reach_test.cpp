// The probe through a tunnel: between two namespaces with a VXLAN device each, its addresses on the device.
#include "drivers/probe/reach.hpp"

#include "tests/kernel/kernel_test.hpp"

namespace ovl::test {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShort{300};
constexpr milliseconds kLong{10'000};  // ends as soon as all have answered

class ReachTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    must(
        "ip netns add b; ip link add und0 type veth peer und0 netns b; "
        "ip address add 192.168.50.1/24 dev und0; ip link set und0 up; "
        "ip -n b address add 192.168.50.2/24 dev und0; ip -n b link set und0 up");
    tunnel("", 1, 2);
    tunnel("-n b", 2, 1);
  }

  // Neighbours are permanent, as ovl's are: what is dropped is the probe and not the question for a MAC.
  static void tunnel(const std::string& where, int own, int other) {
    const std::string ip = "ip " + where + " ";
    const std::string mine = std::to_string(own);
    const std::string theirs = std::to_string(other);
    must(ip + "link add vx address 02:00:00:00:00:0" + mine +
         " type vxlan id 7 dstport 4789 local 192.168.50." + mine + " remote 192.168.50." + theirs + "; " +
         ip + "link set vx up; " + ip + "address add 10.9.0." + mine + "/24 dev vx; " + ip +
         "address add fd09::" + mine + "/64 dev vx nodad; " + ip + "neigh replace 10.9.0." + theirs +
         " lladdr 02:00:00:00:00:0" + theirs + " dev vx; " + ip + "neigh replace fd09::" + theirs +
         " lladdr 02:00:00:00:00:0" + theirs + " dev vx");
  }

  // "small whole", "small", or nothing.
  static std::string reached(const std::string& address, milliseconds patience = kShort,
                             std::size_t size = 1450) {
    const ReachTarget target{.address = ip(address), .size = size};
    const auto answers = reach(std::span(&target, 1), patience);
    if (!answers.ok()) return answers.error().message;
    return std::string(answers.value()[0].small ? "small" : "") + (answers.value()[0].whole ? " whole" : "");
  }

  static void drop_tunnels(const std::string& in) {
    must(in +
         " nft -f - <<'N'\ntable inet fw {\nchain in { type filter hook input priority 0; udp dport 4789 "
         "drop; }\n}\nN");
  }
};

TEST_F(ReachTest, ClosedPortsAnswerThroughATunnel) {
  for (const char* address : {"10.9.0.2", "fd09::2"})
    EXPECT_EQ(reached(address, kLong), "small whole") << address;
  const std::vector<ReachTarget> both{{.address = ip("10.9.0.2"), .size = 1450},
                                      {.address = ip("10.9.0.3"), .size = 1450}};
  const auto answers = reach(both, kShort);
  ASSERT_TRUE(answers.ok()) << answers.error().message;
  EXPECT_TRUE(answers.value()[0].whole);
  EXPECT_FALSE(answers.value()[1].small) << "nobody has that address";
}

TEST_F(ReachTest, ASmallerPathIsTold) {
  must("ip -n b link set und0 mtu 1400");
  for (const char* address : {"10.9.0.2", "fd09::2"}) EXPECT_EQ(reached(address), "small") << address;
  EXPECT_EQ(reached("10.9.0.2", kLong, 1350), "small whole");
}

// What the other side drops does not come back; what this one drops came, and the tap saw it.
TEST_F(ReachTest, AnAnswerThatIsDroppedHereIsSeen) {
  drop_tunnels("ip netns exec b");
  auto tap = TunnelTap::open(Family::ipv4, Family::ipv4, UdpPort::unchecked(4789));
  ASSERT_TRUE(tap.ok()) << tap.error().message;
  EXPECT_EQ(reached("10.9.0.2"), "");
  EXPECT_TRUE(tap.value().answered().empty());
  must("ip netns exec b nft delete table inet fw");
  drop_tunnels("");
  EXPECT_EQ(reached("10.9.0.2"), "");
  EXPECT_EQ(tap.value().answered(), std::vector{ip("10.9.0.2")});
  auto other = TunnelTap::open(Family::ipv4, Family::ipv6, UdpPort::unchecked(4789));
  ASSERT_TRUE(other.ok()) << other.error().message;
  EXPECT_EQ(reached("fd09::2"), "");
  EXPECT_EQ(other.value().answered(), std::vector{ip("fd09::2")});
  EXPECT_EQ(other.value().asked(), std::vector{ip("fd09::2")});
}

// What never leaves is nobody's fault on the way; what a device's own filter drops came all the same.
TEST_F(ReachTest, WhatDoesNotLeaveIsTold) {
  must(
      "nft -f - <<'N'\ntable inet fw {\nchain out { type filter hook output priority 0; udp dport 4789 drop; "
      "}\n}\nN");
  auto kept = TunnelTap::open(Family::ipv4, Family::ipv4, UdpPort::unchecked(4789));
  ASSERT_TRUE(kept.ok()) << kept.error().message;
  EXPECT_EQ(reached("10.9.0.2"), "");
  EXPECT_TRUE(kept.value().asked().empty());
  must("nft delete table inet fw");
  must(
      "nft -f - <<'N'\ntable netdev fw {\nchain in { type filter hook ingress device und0 priority 0; udp "
      "dport "
      "4789 drop; }\n}\nN");
  auto tap = TunnelTap::open(Family::ipv4, Family::ipv4, UdpPort::unchecked(4789));
  ASSERT_TRUE(tap.ok()) << tap.error().message;
  EXPECT_EQ(reached("10.9.0.2"), "");
  EXPECT_EQ(tap.value().asked(), std::vector{ip("10.9.0.2")});
  EXPECT_EQ(tap.value().answered(), std::vector{ip("10.9.0.2")});
  must("nft delete table netdev fw");
}

}  // namespace

}  // namespace ovl::test
