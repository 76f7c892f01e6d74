#include "tests/stores/fault_proxy.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace ovl::test {

namespace {

constexpr int kTickMilliseconds = 50;
constexpr int kLateTickMilliseconds = 400;
constexpr std::size_t kNarrowBytes = std::size_t{200} << 10U;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int new_socket() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) std::abort();
  return fd;
}

// Without it, small messages would wait for the acknowledgement of those before them.
void send_at_once(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

// A connection that is cut: the peer gets a reset, not an orderly end.
void cut(int fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  ::close(fd);
}

bool send_all(int fd, const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

std::size_t bytes_of_a_tick(FaultProxy::Mode mode, std::size_t waiting) {
  if (mode == FaultProxy::Mode::late) return waiting;
  return mode == FaultProxy::Mode::narrow ? kNarrowBytes : 1;
}

}  // namespace

int FaultProxy::tick_milliseconds() const {
  return mode_ == Mode::late ? kLateTickMilliseconds : kTickMilliseconds;
}

FaultProxy::FaultProxy(std::uint16_t server) : server_(server), listening_(new_socket()) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  const bool listens = ::bind(listening_, raw, size) == 0 && ::listen(listening_, 64) == 0 &&
                       ::getsockname(listening_, raw, &size) == 0;
  if (!listens || ::pipe2(bell_.data(), O_CLOEXEC) != 0) std::abort();
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

FaultProxy::~FaultProxy() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  if (::write(bell_[1], "x", 1) != 1) std::abort();
  thread_.join();
  for (const int fd : {listening_, bell_[0], bell_[1]}) ::close(fd);
}

void FaultProxy::set(Mode mode) {
  std::unique_lock lock(mutex_);
  wanted_ = mode;
  changed_ = true;
  if (::write(bell_[1], "x", 1) != 1) std::abort();
  taken_.wait(lock, [this] { return !changed_; });
}

void FaultProxy::run() {
  for (;;) {
    std::vector<pollfd> waiting{{.fd = bell_[0], .events = POLLIN, .revents = 0},
                                {.fd = listening_, .events = POLLIN, .revents = 0}};
    if (mode_ == Mode::refuse) waiting[1].fd = -1;
    for (const Connection& connection : connections_) {
      for (const Way& way : connection.ways) waiting.push_back({way.from, POLLIN, 0});
    }
    ::poll(waiting.data(), waiting.size(), trickles() ? tick_milliseconds() : -1);
    if (waiting[0].revents != 0) {
      take_mode();
      const std::lock_guard lock(mutex_);
      if (over_) break;
      continue;
    }
    std::size_t at = 2;
    const bool ticks = trickles() && std::chrono::steady_clock::now() >= next_tick_;
    if (ticks) next_tick_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(tick_milliseconds());
    std::erase_if(connections_, [&](Connection& connection) {
      bool goes_on = true;
      for (Way& way : connection.ways) goes_on = serve(connection, waiting[at++].revents, way) && goes_on;
      goes_on = goes_on && (!ticks || trickle(connection));
      if (!goes_on) close_connection(connection);
      return !goes_on;
    });
    if (waiting[1].revents != 0) accept_one();
  }
  close_all();
}

// A socket that listens no more keeps its port, so that nobody else gets it meanwhile.
void FaultProxy::take_mode() {
  char byte = 0;
  if (::read(bell_[0], &byte, 1) != 1) std::abort();
  const std::lock_guard lock(mutex_);
  if (!changed_) return;
  const bool was_refusing = mode_ == Mode::refuse;
  // Streams that have lost bytes are of no use any more.
  if (mode_ != Mode::pass || wanted_ == Mode::refuse) close_all();
  if (wanted_ == Mode::refuse) ::shutdown(listening_, SHUT_RDWR);
  if (was_refusing && wanted_ != Mode::refuse && ::listen(listening_, 64) != 0) std::abort();
  mode_ = wanted_;
  for (Connection& connection : connections_) connection.asked = false;
  changed_ = false;
  taken_.notify_all();
}

void FaultProxy::accept_one() {
  const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int server = new_socket();
  const sockaddr_in address = loopback(server_);
  if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    cut(client);
    ::close(server);
    return;
  }
  send_at_once(client);
  send_at_once(server);
  connections_.push_back(
      {.ways = {Way{.from = client, .to = server}, Way{.from = server, .to = client, .answers = true}}});
}

bool FaultProxy::serve(Connection& connection, short events, Way& way) {
  if (events == 0) return true;
  std::array<char, 65536> bytes{};
  const ssize_t count = ::recv(way.from, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count <= 0) return false;
  return pass(connection, way, std::string(bytes.data(), static_cast<std::size_t>(count)));
}

bool FaultProxy::pass(Connection& connection, Way& way, std::string bytes) {
  if (!way.answers) connection.asked = true;
  switch (mode_) {
    case Mode::pass: return send_all(way.to, bytes);
    case Mode::refuse: return false;
    case Mode::silent: return true;
    case Mode::deaf: return way.answers || send_all(way.to, bytes);
    case Mode::slow:
    case Mode::narrow:
    case Mode::late: way.waiting += bytes; return true;
    case Mode::half:
      if (!way.answers) return send_all(way.to, bytes);
      bytes.resize(bytes.size() / 2);
      static_cast<void>(send_all(way.to, bytes));
      return false;
    case Mode::lost:
      if (!way.answers || !connection.asked) return send_all(way.to, bytes);
      mode_ = Mode::pass;
      return false;
  }
  return false;
}

bool FaultProxy::trickle(Connection& connection) const {
  for (Way& way : connection.ways) {
    if (way.waiting.empty()) continue;
    const std::size_t count = bytes_of_a_tick(mode_, way.waiting.size());
    if (!send_all(way.to, way.waiting.substr(0, count))) return false;
    way.waiting.erase(0, count);
  }
  return true;
}

void FaultProxy::close_connection(const Connection& connection) {
  for (const Way& way : connection.ways) cut(way.from);
}

void FaultProxy::close_all() {
  for (const Connection& connection : connections_) close_connection(connection);
  connections_.clear();
}

}  // namespace ovl::test
