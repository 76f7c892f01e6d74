// A server that speaks just enough HTTP to be a bad Consul agent.
#pragma once

#include <poll.h>

#include <atomic>
#include <mutex>

#include "model/base/handle.hpp"
#include "tests/support/server.hpp"

namespace ovl::test {

// What it sends for one request; then it closes the connection, or is silent until the end.
struct FakeReply {
  std::string bytes;
  bool then_silence = false;
};

inline FakeReply http_reply(int status, const std::string& body, const std::string& headers = {}) {
  return {"HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
          "\r\nConnection: close\r\n" + headers + "\r\n" + body};
}

class FakeHttp {
 public:
  using Handler = std::function<FakeReply(const std::string& request_line)>;

  explicit FakeHttp(Handler handler) : handler_(std::move(handler)) {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    const bool ready = ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::listen(listener_.get(), 16) == 0 &&
                       ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
    if (!ready) std::abort();
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }

  FakeHttp(const FakeHttp&) = delete;
  FakeHttp& operator=(const FakeHttp&) = delete;

  ~FakeHttp() {
    over_ = true;
    thread_.join();
  }

  [[nodiscard]] std::string url() const { return "consul://127.0.0.1:" + std::to_string(port_); }

  [[nodiscard]] std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    std::vector<UniqueFd> silent;
    while (!over_) {
      struct pollfd waiting {
        .fd = listener_.get(), .events = POLLIN, .revents = 0
      };

      if (::poll(&waiting, 1, 20) <= 0) continue;
      UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (answer(client)) silent.push_back(std::move(client));
    }
  }

  // True: leave it open.
  bool answer(const UniqueFd& client) {
    std::string request;
    std::array<char, 4096> part{};
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t count = ::recv(client.get(), part.data(), part.size(), 0);
      if (count <= 0) return false;
      request.append(part.data(), static_cast<std::size_t>(count));
    }
    const std::string line = request.substr(0, request.find('\r'));
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(line);
    }
    const FakeReply reply = handler_(line);
    (void)::send(client.get(), reply.bytes.data(), reply.bytes.size(), MSG_NOSIGNAL);
    return reply.then_silence;
  }

  Handler handler_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::atomic<bool> over_ = false;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace ovl::test
