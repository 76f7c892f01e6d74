// Small datagrams there and back between two network namespaces:
//   roundtrip PATH_A ADDRESS_A PATH_B ADDRESS_B path|processes|stream MILLISECONDS
// path: one thread holds both sockets. What it sends is received when the call returns, as all runs on one
// processor: the time that the thread ran is the way's own, there and back, and its four system calls'.
// processes: two processes that wait for each other, as a client and a server do; wall time.
// stream: one TCP stream between two processes; wall time.
// Prints nanoseconds per round trip, or per MiB of the stream.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

namespace {

constexpr std::uint16_t kPort = 9000;
constexpr std::size_t kBytes = 32;
constexpr int kAtOnce = 64;      // round trips between two looks at the clock
constexpr int kFirstTries = 20;  // the first ones wait for neighbours and ports

void check(bool good, const std::string& what) {
  if (good) return;
  fmt::print(stderr, "roundtrip: {}: {}\n", what, std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
  std::exit(1);                                                           // NOLINT(concurrency-mt-unsafe)
}

// Either family, as IPv6; IPv4 as a mapped address.
sockaddr_in6 address_of(const std::string& text, std::uint16_t port = kPort) {
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(port);
  const bool ipv6 = text.find(':') != std::string::npos;
  check(::inet_pton(AF_INET6, (ipv6 ? text : "::ffff:" + text).c_str(), &out.sin6_addr) == 1, text);
  return out;
}

const sockaddr* generic(const sockaddr_in6& address) {
  const void* pointer = &address;
  return static_cast<const sockaddr*>(pointer);
}

void set_timeout(int socket, int milliseconds) {
  const timeval time{.tv_sec = milliseconds / 1000, .tv_usec = (milliseconds % 1000) * 1000};
  check(::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0, "a timeout");
}

// A bound socket of the namespace at path.
int socket_in(const std::string& path, const std::string& own, int type, std::uint16_t port = kPort) {
  const int netns = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  check(netns >= 0 && ::setns(netns, CLONE_NEWNET) == 0, path);
  ::close(netns);
  const int out = ::socket(AF_INET6, type | SOCK_CLOEXEC, 0);
  const sockaddr_in6 from = address_of(own, port);
  const int on = 1;
  check(::setsockopt(out, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0, "an address used before");
  check(::bind(out, generic(from), sizeof from) == 0, own);
  return out;
}

void connect_to(int socket, const std::string& other) {
  const sockaddr_in6 to = address_of(other);
  check(::connect(socket, generic(to), sizeof to) == 0, other);
}

double now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

bool pass(int from, int to) {
  std::array<char, kBytes> bytes{};
  return ::send(from, bytes.data(), bytes.size(), 0) > 0 && ::recv(to, bytes.data(), bytes.size(), 0) > 0;
}

void warm_up(int a, int b) {
  set_timeout(a, 200);
  set_timeout(b, 200);
  for (int i = 0; i < kFirstTries; ++i) {
    if (pass(a, b) && pass(b, a)) return;
  }
  check(false, "no way between the two");
}

// Nanoseconds by `clock` for one of turn(), which is done for `wall` nanoseconds.
template <class Turn>
double measure(clockid_t clock, double wall, const Turn& turn) {
  const double end = now(CLOCK_MONOTONIC) + wall;
  const double begin = now(clock);
  long done = 0;
  while (now(CLOCK_MONOTONIC) < end) {
    for (int i = 0; i < kAtOnce; ++i) turn();
    done += kAtOnce;
  }
  return (now(clock) - begin) / static_cast<double>(done);
}

double of_the_path(int a, int b, double wall) {
  return measure(CLOCK_THREAD_CPUTIME_ID, wall,
                 [&] { check(pass(a, b) && pass(b, a), "a packet was lost"); });
}

[[noreturn]] void answer(int socket) {
  std::array<char, kBytes> bytes{};
  while (::recv(socket, bytes.data(), bytes.size(), 0) > 1) ::send(socket, bytes.data(), bytes.size(), 0);
  ::_exit(0);
}

double of_two_processes(int a, int b, double wall) {
  const pid_t child = ::fork();
  check(child >= 0, "fork");
  set_timeout(b, 0);
  if (child == 0) answer(b);
  const double took = measure(CLOCK_MONOTONIC, wall, [&] { check(pass(a, a), "no answer"); });
  check(::send(a, "", 1, 0) == 1, "the end");
  ::waitpid(child, nullptr, 0);
  return took;
}

// The sender's time: the buffers' worth that is still on its way when it ends is little.
double of_a_stream(int a, int b, double wall) {
  const pid_t child = ::fork();
  check(child >= 0, "fork");
  std::vector<char> bytes(std::size_t{1} << 20);
  if (child == 0) {
    while (::recv(b, bytes.data(), bytes.size(), 0) > 0) continue;
    ::_exit(0);
  }
  const double took = measure(CLOCK_MONOTONIC, wall, [&] {
    check(::send(a, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "the stream");
  });
  ::shutdown(a, SHUT_WR);
  ::waitpid(child, nullptr, 0);
  return took;
}

double of_datagrams(char** argv, bool path, double wall) {
  const int a = socket_in(argv[1], argv[2], SOCK_DGRAM);
  connect_to(a, argv[4]);
  const int b = socket_in(argv[3], argv[4], SOCK_DGRAM);
  connect_to(b, argv[2]);
  warm_up(a, b);
  return path ? of_the_path(a, b, wall) : of_two_processes(a, b, wall);
}

double of_bytes(char** argv, double wall) {
  const int listener = socket_in(argv[3], argv[4], SOCK_STREAM);
  check(::listen(listener, 1) == 0, "listen");
  const int a = socket_in(argv[1], argv[2], SOCK_STREAM, 0);
  connect_to(a, argv[4]);
  const int b = ::accept(listener, nullptr, nullptr);
  check(b >= 0, "accept");
  return of_a_stream(a, b, wall);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) {
    fmt::print(stderr, "roundtrip PATH_A ADDRESS_A PATH_B ADDRESS_B path|processes|stream MILLISECONDS\n");
    return 2;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
  check(::sched_setaffinity(0, sizeof one, &one) == 0, "one processor");
  const std::string mode = argv[5];
  const double wall = std::atof(argv[6]) * 1e6;  // NOLINT(cert-err34-c)
  fmt::print("{:.1f}\n", mode == "stream" ? of_bytes(argv, wall) : of_datagrams(argv, mode == "path", wall));
  return 0;
}
