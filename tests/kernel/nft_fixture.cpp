#include "tests/kernel/nft_fixture.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

namespace ovl::test {

namespace {

constexpr std::size_t kMaxPacket = 65536;

bool readable(int fd, Milliseconds time) {
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, static_cast<int>(time.count())) == 1;
}

// Every address as IPv6, IPv4 ones mapped.
sockaddr_in6 socket_address(const std::string& address, std::uint16_t port) {
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(port);
  const bool ipv4 = address.find(':') == std::string::npos;
  const std::string text = ipv4 ? "::ffff:" + address : address;
  EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &out.sin6_addr), 1) << address;
  return out;
}

template <class Address>
const sockaddr* generic(const Address& address) {
  const void* pointer = &address;
  return static_cast<const sockaddr*>(pointer);
}

IpAddress plain_address(const in6_addr& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address) != 0) {
    return IpAddress::from_bytes(Family::ipv4, &address.s6_addr[12]);
  }
  return IpAddress::from_bytes(Family::ipv6, &address.s6_addr[0]);
}

}  // namespace

std::string run(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen(("{ " + command + "; } 2>&1").c_str(), "r");
  if (pipe == nullptr) {
    ADD_FAILURE() << "popen: " << command;
    return output;
  }
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), got);
  }
  EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << output;
  return output;
}

Inside::Inside(const std::string& netns) : back_(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {
  const UniqueFd there(::open(("/run/netns/" + netns).c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(::setns(there.get(), CLONE_NEWNET), 0) << netns;
}

Inside::~Inside() {
  EXPECT_EQ(::setns(back_.get(), CLONE_NEWNET), 0);
}

Wire::Wire(const std::string& device) : fd_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
  EXPECT_EQ(::bind(fd_.get(), generic(address), sizeof address), 0) << device;
}

void Wire::send(const Packet& frame) {
  EXPECT_EQ(::send(fd_.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
}

std::optional<Packet> Wire::receive(Milliseconds time) {
  while (readable(fd_.get(), time)) {
    Packet frame(kMaxPacket);
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    void* pointer = &from;
    const ssize_t got =
        ::recvfrom(fd_.get(), frame.data(), frame.size(), 0, static_cast<sockaddr*>(pointer), &size);
    if (got < 0) return std::nullopt;
    if (from.sll_pkttype == PACKET_OUTGOING) continue;
    frame.resize(static_cast<std::size_t>(got));
    return frame;
  }
  return std::nullopt;
}

Udp::Udp(const std::string& address, std::uint16_t port)
    : fd_(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  const int off = 0;
  (void)::setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  const int on = 1;
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  (void)::setsockopt(fd_.get(), IPPROTO_IP, IP_MULTICAST_ALL, &on, sizeof on);
  const sockaddr_in6 local = socket_address(address, port);
  EXPECT_EQ(::bind(fd_.get(), generic(local), sizeof local), 0) << address << " " << port;
}

bool Udp::send(const std::string& address, std::uint16_t port, const Packet& payload) {
  const sockaddr_in6 remote = socket_address(address, port);
  return ::sendto(fd_.get(), payload.data(), payload.size(), 0, generic(remote), sizeof remote) ==
         static_cast<ssize_t>(payload.size());
}

std::optional<Udp::Datagram> Udp::receive(Milliseconds time) {
  if (!readable(fd_.get(), time)) return std::nullopt;
  Packet payload(kMaxPacket);
  sockaddr_in6 from{};
  socklen_t size = sizeof from;
  void* pointer = &from;
  const ssize_t got =
      ::recvfrom(fd_.get(), payload.data(), payload.size(), 0, static_cast<sockaddr*>(pointer), &size);
  if (got < 0) return std::nullopt;
  payload.resize(static_cast<std::size_t>(got));
  return Datagram{
      .payload = std::move(payload), .from = plain_address(from.sin6_addr), .port = ntohs(from.sin6_port)};
}

void NetfilterTest::SetUp() {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(::unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
  ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  run("mkdir -p /run/netns");
  ASSERT_EQ(::mount("tmpfs", "/run/netns", "tmpfs", 0, nullptr), 0);
  run("ip link set lo up");
  // One CPU: what is sent first is delivered first, so a marker sent after a packet tells its fate.
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &cpus);
  ASSERT_EQ(::sched_setaffinity(0, sizeof cpus, &cpus), 0);
}

void add_netns(const std::string& name) {
  run("ip netns add " + name + " && ip -n " + name + " link set lo up");
}

}  // namespace ovl::test
