// Somebody whom nobody should have connected to: hears who does, and what they say first.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <string>

#include "model/base/handle.hpp"

namespace ovl {

class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(fd_.get(), raw, size), 0);
    EXPECT_EQ(::listen(fd_.get(), 64), 0);
    EXPECT_EQ(::getsockname(fd_.get(), raw, &size), 0);
    port_ = ntohs(address.sin_port);
  }

  [[nodiscard]] int port() const { return port_; }

  // Since the last time it was asked.
  [[nodiscard]] bool heard() const { return UniqueFd(::accept(fd_.get(), nullptr, nullptr)).valid(); }

  // All that was said in all connections since the last time it was asked; "connected" when there was one
  // that said nothing. Whoever said it has ended, so that the kernel has all of it.
  [[nodiscard]] std::string words() const {
    std::string out;
    for (;;) {
      const UniqueFd peer(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!peer.valid()) return out;
      out += "connected\n";
      std::array<char, 4096> buffer{};
      for (ssize_t got = 0; (got = ::recv(peer.get(), buffer.data(), buffer.size(), 0)) > 0;)
        out.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  UniqueFd fd_;
  int port_ = 0;
};

}  // namespace ovl
