#include "tests/stores/zookeeper_wire.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace ovl::test {

namespace {

enum : int { kCreate = 1, kDelete = 2, kGetData = 4, kSetData = 5, kGetChildren = 8 };

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  ::close(fd);
  return -1;
}

template <class Number>
std::string big_endian(Number number) {
  std::string out(sizeof(Number), '\0');
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    out[sizeof(Number) - 1 - i] = static_cast<char>((static_cast<std::uint64_t>(number) >> (8 * i)) & 0xff);
  }
  return out;
}

std::string text(std::string_view value) {
  return big_endian(static_cast<std::int32_t>(value.size())) + std::string(value);
}

class Answer {
 public:
  explicit Answer(std::string_view bytes) : bytes_(bytes) {}

  template <class Number>
  Number number() {
    if (bytes_.size() < sizeof(Number)) std::abort();
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) out = out << 8 | static_cast<unsigned char>(bytes_[i]);
    bytes_.remove_prefix(sizeof(Number));
    return static_cast<Number>(out);
  }

  std::string text() {
    const auto size = number<std::int32_t>();
    if (size < 0) return {};
    if (bytes_.size() < static_cast<std::size_t>(size)) std::abort();
    std::string out(bytes_.substr(0, static_cast<std::size_t>(size)));
    bytes_.remove_prefix(out.size());
    return out;
  }

 private:
  std::string_view bytes_;
};

}  // namespace

ZookeeperWire::ZookeeperWire(std::uint16_t port) : socket_(connect_to(port)) {
  if (socket_ < 0) std::abort();
  // ConnectRequest: version, last zxid, timeout, session, password.
  send(big_endian<std::int32_t>(0) + big_endian<std::int64_t>(0) + big_endian<std::int32_t>(10'000) +
       big_endian<std::int64_t>(0) + text(std::string(16, '\0')));
  (void)receive();
  // AuthPacket: as the user that the driver makes nodes by when it is given none.
  send(big_endian<std::int32_t>(-4) + big_endian<std::int32_t>(100) + big_endian<std::int32_t>(0) +
       text("digest") + text("ovl:ovl"));
  (void)receive();
}

ZookeeperWire::~ZookeeperWire() {
  ::close(socket_);
}

void ZookeeperWire::send(const std::string& packet) const {
  const std::string whole = text(packet);
  if (::send(socket_, whole.data(), whole.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(whole.size())) {
    std::abort();
  }
}

std::string ZookeeperWire::receive() const {
  std::array<char, 4> size{};
  if (::recv(socket_, size.data(), size.size(), MSG_WAITALL) != 4) std::abort();
  std::string out(Answer({size.data(), size.size()}).number<std::uint32_t>(), '\0');
  if (::recv(socket_, out.data(), out.size(), MSG_WAITALL) != static_cast<ssize_t>(out.size())) std::abort();
  return out;
}

// Header of a request: its number and type; of an answer: number, zxid, error.
int ZookeeperWire::call(int type, const std::string& body, std::string& answer) {
  constexpr std::size_t kHeader = 16;
  send(big_endian<std::int32_t>(1) + big_endian(static_cast<std::int32_t>(type)) + body);
  const std::string whole = receive();
  answer = whole.substr(kHeader);
  return Answer(std::string_view(whole).substr(12)).number<std::int32_t>();
}

std::vector<std::string> ZookeeperWire::children(const std::string& path) {
  std::string answer;
  std::vector<std::string> names;
  if (call(kGetChildren, text(path) + '\0', answer) != 0) return names;
  Answer list(answer);
  for (auto left = list.number<std::int32_t>(); left > 0; --left) names.push_back(list.text());
  return names;
}

std::optional<WireNode> ZookeeperWire::get(const std::string& path) {
  std::string answer;
  if (call(kGetData, text(path) + '\0', answer) != 0) return std::nullopt;
  Answer node(answer);
  std::string data = node.text();
  return WireNode{.created = node.number<std::int64_t>(), .data = std::move(data)};
}

int ZookeeperWire::create(const std::string& path, std::string_view data) {
  constexpr std::int32_t kAllRights = 31;
  const std::string acl =
      big_endian<std::int32_t>(1) + big_endian(kAllRights) + text("world") + text("anyone");
  std::string answer;
  return call(kCreate, text(path) + text(data) + acl + big_endian<std::int32_t>(0), answer);
}

int ZookeeperWire::set(const std::string& path, std::string_view data, std::int32_t version) {
  std::string answer;
  return call(kSetData, text(path) + text(data) + big_endian<std::int32_t>(version), answer);
}

int ZookeeperWire::remove(const std::string& path) {
  std::string answer;
  return call(kDelete, text(path) + big_endian<std::int32_t>(-1), answer);
}

std::string ask_zookeeper(std::uint16_t port, std::string_view word) {
  const int fd = connect_to(port);
  if (fd < 0) return {};
  std::string out;
  std::array<char, 1024> some{};
  if (::send(fd, word.data(), word.size(), MSG_NOSIGNAL) > 0) {
    for (ssize_t got = 0; (got = ::recv(fd, some.data(), some.size(), 0)) > 0;) {
      out.append(some.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(fd);
  return out;
}

}  // namespace ovl::test
