// Who keeps a tunnel from its UDP port.
#include "drivers/probe/port_holder.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include "model/base/handle.hpp"
#include "tests/support/netns_fixture.hpp"

namespace ovl::test {

namespace {

constexpr UdpPort kPort = UdpPort::unchecked(4789);

// A socket of this process's.
UniqueFd bound_ipv4(std::uint32_t address) {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(kPort.number());
  at.sin_addr.s_addr = htonl(address);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0) << strerror(errno);
  return fd;
}

UniqueFd bound_ipv6(const in6_addr& address, int only) {
  UniqueFd fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only), 0);
  sockaddr_in6 at{};
  at.sin6_family = AF_INET6;
  at.sin6_port = htons(kPort.number());
  at.sin6_addr = address;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0) << strerror(errno);
  return fd;
}

std::optional<PortHolder> holder(Family family) {
  auto found = find_port_holder(kPort, family);
  EXPECT_TRUE(found.ok()) << found.error().message;
  return found.ok() ? found.value() : std::nullopt;
}

std::int64_t pid_against(Family family) {
  const auto found = holder(family);
  return found ? found->pid : 0;
}

// What the answer is checked against: whether the kernel takes a device.
bool vxlan_comes_up(const std::string& local) {
  const std::string add = "ip link add vx type vxlan id 7 dstport 4789 local " + local;
  const bool up = shell(add + " && ip link set vx up").status == 0;
  shell("ip link del vx");
  return up;
}

}  // namespace

class PortHolderTest : public NetnsTest {
 protected:
  // That nobody, or this process, is in the way of a device of either family, as the kernel sees it too.
  static void expect(bool against_ipv4, bool against_ipv6) {
    EXPECT_EQ(vxlan_comes_up("127.0.0.1"), !against_ipv4);
    EXPECT_EQ(vxlan_comes_up("::1"), !against_ipv6);
    EXPECT_EQ(pid_against(Family::ipv4), against_ipv4 ? ::getpid() : 0);
    EXPECT_EQ(pid_against(Family::ipv6), against_ipv6 ? ::getpid() : 0);
  }
};

TEST_F(PortHolderTest, IsNobodyWhereTheKernelHasIt) {
  expect(false, false);
  must("ip link add vx type vxlan id 7 dstport 4789 local 127.0.0.1; ip link set vx up");
  EXPECT_FALSE(holder(Family::ipv4));
  const UniqueFd other = bound_ipv6(in6addr_any, 1);
  EXPECT_FALSE(holder(Family::ipv4));
  EXPECT_TRUE(holder(Family::ipv6));
}

TEST_F(PortHolderTest, IsWhoHasASocketOfTheFamily) {
  {
    const UniqueFd all = bound_ipv4(INADDR_ANY);
    expect(true, false);
    EXPECT_EQ(holder(Family::ipv4)->address.text(), "0.0.0.0");
  }
  const UniqueFd one = bound_ipv4(INADDR_LOOPBACK);
  expect(true, false);
  EXPECT_EQ(holder(Family::ipv4)->address.text(), "127.0.0.1");
}

TEST_F(PortHolderTest, IsWhoHasBothFamilies) {
  {
    const UniqueFd both = bound_ipv6(in6addr_any, 0);
    expect(true, true);
  }
  {
    const UniqueFd only = bound_ipv6(in6addr_any, 1);
    expect(false, true);
  }
  {
    const UniqueFd other = bound_ipv6(in6addr_loopback, 0);
    expect(false, true);
  }
  in6_addr mapped{};
  mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
  mapped.s6_addr[12] = 127;
  mapped.s6_addr[15] = 1;
  const UniqueFd as_ipv4 = bound_ipv6(mapped, 0);
  expect(true, false);
}

TEST(PortHolderWords, AreSafe) {
  EXPECT_EQ(words_for({.address = {}, .pid = 812, .program = "a\x1b[2J b"}), "a?[2J b (process 812)");
  EXPECT_EQ(words_for({.address = {}, .pid = 7, .program = ""}), "a program (process 7)");
}

}  // namespace ovl::test
