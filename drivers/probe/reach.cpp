#include "drivers/probe/reach.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "drivers/probe/socket_address.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint16_t kDiscard = 9;  // RFC 863; hardly anybody listens there
constexpr std::size_t kTcpHeader = 20;
constexpr std::uint16_t kFirstPort = 20'000;
constexpr std::uint16_t kPorts = 10'000;
constexpr std::size_t kMostTargets = 1'000;
constexpr int kProbeRounds = 2;

std::size_t ip_header(Family family) {
  return family == Family::ipv4 ? 20 : 40;
}

Error cannot(const char* what) {
  return Error{.code = errno == EPERM || errno == EACCES ? Errc::privilege : Errc::io,
               .message = std::string(what) + ": " + std::strerror(errno),
               .os_errno = errno};
}

void put16(std::uint8_t* at, std::uint16_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value & 0xff);
}

std::uint16_t get16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>(at[0] << 8 | at[1]);
}

// What this namespace sends to an address with: a datagram's connect() asks the routes and sends nothing.
std::optional<IpAddress> source_towards(const IpAddress& target) {
  const UniqueFd fd(::socket(target.is_ipv4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const SocketAddress to = socket_address(target, kDiscard);
  if (!fd.valid() || ::connect(fd.get(), to.get(), to.size) != 0) return std::nullopt;
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0) return std::nullopt;
  return address_in(own);
}

// A SYN without options, with as much content as fills an IP packet of `size` bytes (RFC 9293, 3.1).
std::vector<std::uint8_t> syn(const IpAddress& from, const IpAddress& to, std::uint16_t port,
                              std::size_t size) {
  const std::size_t length = std::max(size - ip_header(to.family()), kTcpHeader);
  std::vector<std::uint8_t> bytes(length);
  put16(&bytes[0], port);
  put16(&bytes[2], kDiscard);
  put16(&bytes[4], port);  // any sequence number
  bytes[12] = kTcpHeader / 4 << 4;
  bytes[13] = 0x02;
  put16(&bytes[14], 1024);
  // The pseudo-header counts too; its parts may come in any order.
  std::vector<std::uint8_t> summed(bytes);
  if (summed.size() % 2 != 0) summed.push_back(0);
  for (const IpAddress& address : {from, to}) {
    summed.insert(summed.end(), address.bytes().begin(), address.bytes().begin() + address.size());
  }
  std::array<std::uint8_t, 4> tail{0, IPPROTO_TCP, 0, 0};
  put16(&tail[2], static_cast<std::uint16_t>(length));
  summed.insert(summed.end(), tail.begin(), tail.end());
  put16(&bytes[16], internet_checksum(summed.data(), summed.size()));
  return bytes;
}

sock_filter load(std::uint16_t size, std::uint32_t offset) {
  return BPF_STMT(static_cast<std::uint16_t>(BPF_LD | size | BPF_ABS), offset);
}

// A filter that takes a packet when each of these demands has its value.
struct Demand {
  std::uint16_t size = BPF_B;
  std::uint32_t offset = 0;
  std::uint32_t value = 0;
};

Status take_only(int fd, std::span<const Demand> demands) {
  std::vector<sock_filter> code;
  for (std::size_t i = 0; i < demands.size(); ++i) {
    code.push_back(load(demands[i].size, demands[i].offset));
    const auto rest = static_cast<std::uint8_t>((demands.size() - 1 - i) * 2 + 1);
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, demands[i].value, 0, rest));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, 256));
  code.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  const sock_fprog program{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return cannot("a filter");
  return {};
}

// The raw socket of one family. Kernel: it gets a copy of all TCP; of IPv4 with the header.
Result<UniqueFd> open_raw(Family family) {
  const bool ipv4 = family == Family::ipv4;
  UniqueFd fd(::socket(ipv4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!fd.valid()) return cannot("opening a raw socket");
  const std::array<Demand, 1> from_discard{{{BPF_H, ipv4 ? 20U : 0U, kDiscard}}};
  OVL_CHECK(take_only(fd.get(), from_discard));
  OVL_CHECK(forbid_fragments(fd.get(), ipv4));
  return fd;
}

class Reaching {
 public:
  explicit Reaching(std::span<const ReachTarget> targets)
      : targets_(targets), out_(targets.size()), sources_(targets.size()) {
    std::uint16_t any = 0;  // stays it where the kernel has none to give
    (void)!::getrandom(&any, sizeof any, GRND_NONBLOCK);
    first_ = static_cast<std::uint16_t>(kFirstPort + any % kPorts);
  }

  Result<std::vector<Reached>> run(milliseconds timeout) {
    OVL_CHECK(open());
    for (std::size_t i = 0; i < targets_.size(); ++i) sources_[i] = source_towards(targets_[i].address);
    for (int round = 0; round < kProbeRounds && !is_done(); ++round) {
      send_all();
      await(steady_clock::now() + timeout / kProbeRounds);
    }
    return std::move(out_);
  }

 private:
  Status open() {
    for (const ReachTarget& target : targets_) {
      UniqueFd& fd = socket_of(target.address);
      if (fd.valid()) continue;
      OVL_TRY(fd, open_raw(target.address.family()));
    }
    return {};
  }

  UniqueFd& socket_of(const IpAddress& address) { return address.is_ipv4() ? ipv4_ : ipv6_; }

  // Two ports for each target: of the small packet, and of the whole one.
  [[nodiscard]] std::uint16_t port_of(std::size_t target, bool whole) const {
    return static_cast<std::uint16_t>(first_ + target * 2 + (whole ? 1 : 0));
  }

  [[nodiscard]] bool is_done() const {
    return std::ranges::all_of(out_, [](const Reached& one) { return one.small && one.whole; });
  }

  void send_all() {
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      if (!out_[i].small) send(i, false);
      if (!out_[i].whole) send(i, true);
    }
  }

  // What can't be sent, as it is too large for the device, is not answered.
  void send(std::size_t target, bool whole) {
    if (!sources_[target]) return;
    const IpAddress& to = targets_[target].address;
    const std::size_t size = whole ? targets_[target].size : 0;
    const auto bytes =
        syn(*sources_[target], to, port_of(target, whole), std::max(size, ip_header(to.family())));
    const SocketAddress address = socket_address(to, 0);
    static_cast<void>(
        ::sendto(socket_of(to).get(), bytes.data(), bytes.size(), MSG_DONTWAIT, address.get(), address.size));
  }

  void await(steady_clock::time_point deadline) {
    while (!is_done()) {
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
      std::array<pollfd, 2> entries{{{.fd = ipv4_.get(), .events = POLLIN, .revents = 0},
                                     {.fd = ipv6_.get(), .events = POLLIN, .revents = 0}}};
      if (left <= 0 || ::poll(entries.data(), entries.size(), static_cast<int>(left)) <= 0) return;
      read_from(ipv4_, ip_header(Family::ipv4));
      read_from(ipv6_, 0);
    }
  }

  void read_from(const UniqueFd& fd, std::size_t header) {
    std::array<std::uint8_t, 256> bytes{};
    sockaddr_storage from{};
    for (int i = 0; fd.valid() && i < 1024; ++i) {
      socklen_t size = sizeof from;
      const ssize_t got = ::recvfrom(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 0) return;
      if (static_cast<std::size_t>(got) >= header + kTcpHeader)
        take(address_in(from), get16(&bytes[header + 2]));
    }
  }

  void take(const IpAddress& from, std::uint16_t port) {
    const std::size_t number = static_cast<std::uint16_t>(port - first_);
    if (number / 2 >= targets_.size() || targets_[number / 2].address != from) return;
    (number % 2 == 0 ? out_[number / 2].small : out_[number / 2].whole) = true;
  }

  std::span<const ReachTarget> targets_;
  std::vector<Reached> out_;
  std::vector<std::optional<IpAddress>> sources_;
  UniqueFd ipv4_;
  UniqueFd ipv6_;
  std::uint16_t first_ = 0;
};

// Of a tunnel's packet, as a packet socket of type SOCK_DGRAM has it: IP, UDP, VXLAN (RFC 7348), Ethernet.
// ovl's tunnels send no options.
std::uint32_t inner_packet(Family outer) {
  return static_cast<std::uint32_t>(ip_header(outer) + 8 + 8 + ETH_HLEN);
}

// All that this namespace's devices send and receive, in its tunnels TCP with the discard port at `port_at`
// of the segment. Kernel: who takes all protocols sees a packet before filters of its device do, and what
// leaves when it leaves; with SOCK_DGRAM it begins with its IP header.
Result<UniqueFd> open_tap(Family outer, Family inner, UdpPort port, std::uint32_t port_at) {
  const bool outer4 = outer == Family::ipv4;
  const bool inner4 = inner == Family::ipv4;
  // Kernel: protocol 0 takes nothing until bind() says what.
  UniqueFd fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return cannot("opening a packet socket");
  const auto header = static_cast<std::uint32_t>(ip_header(outer));
  const std::uint32_t packet = inner_packet(outer);
  const std::uint32_t segment = packet + static_cast<std::uint32_t>(ip_header(inner));
  constexpr auto kProtocol = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PROTOCOL);
  const std::array<Demand, 5> demands{{{BPF_H, kProtocol, outer4 ? std::uint32_t{ETH_P_IP} : ETH_P_IPV6},
                                       {BPF_B, outer4 ? 9U : 6U, IPPROTO_UDP},
                                       {BPF_H, header + 2, port.number()},
                                       {BPF_B, packet + (inner4 ? 9U : 6U), IPPROTO_TCP},
                                       {BPF_H, segment + port_at, kDiscard}}};
  OVL_CHECK(take_only(fd.get(), demands));
  sockaddr_ll all{};
  all.sll_family = AF_PACKET;
  all.sll_protocol = htons(ETH_P_ALL);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&all), sizeof all) != 0) return cannot("listening");
  return fd;
}

// The addresses at that place of the packets inside, sorted, each once.
std::vector<IpAddress> addresses_in(const UniqueFd& fd, Family inner, std::size_t at) {
  std::vector<IpAddress> out;
  std::array<std::uint8_t, 256> bytes{};
  for (ssize_t got = 0; (got = ::recv(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT)) > 0;) {
    if (static_cast<std::size_t>(got) < at + 16) continue;
    out.push_back(IpAddress::from_bytes(inner, &bytes[at]));
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace

Result<std::vector<Reached>> reach(std::span<const ReachTarget> targets, milliseconds timeout) {
  return Reaching(targets.first(std::min(targets.size(), kMostTargets))).run(timeout);
}

Result<TunnelTap> TunnelTap::open(Family outer, Family inner, UdpPort port) {
  OVL_TRY(UniqueFd came, open_tap(outer, inner, port, 0));
  OVL_TRY(UniqueFd left, open_tap(outer, inner, port, 2));
  return TunnelTap(std::move(came), std::move(left), outer, inner);
}

std::vector<IpAddress> TunnelTap::answered() const {
  return addresses_in(came_, inner_, inner_packet(outer_) + (inner_ == Family::ipv4 ? 12 : 8));
}

std::vector<IpAddress> TunnelTap::asked() const {
  return addresses_in(left_, inner_, inner_packet(outer_) + (inner_ == Family::ipv4 ? 16 : 24));
}

}  // namespace ovl
