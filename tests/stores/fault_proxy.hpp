// A network between a client and a server that goes wrong when it is told to.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ovl::test {

class FaultProxy {
 public:
  enum class Mode : std::uint8_t {
    pass,    // as if it were not there
    refuse,  // connections are cut, new ones refused
    silent,  // takes everything, passes nothing on
    deaf,    // passes requests on, but no answers
    slow,    // a byte each 50 ms in either direction
    narrow,  // 200 KiB each 50 ms in either direction
    late,    // all that waits each 400 ms, in either direction
    half,    // half an answer, then the connection is cut; new ones fare no better
    lost     // passes one request on and cuts the connection instead of the answer; then as pass
  };

  // Listens on a port of 127.0.0.1 of its own; `server` is one as well.
  explicit FaultProxy(std::uint16_t server);
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;
  ~FaultProxy();

  [[nodiscard]] std::uint16_t port() const { return port_; }

  // Holds when it returns.
  void set(Mode mode);

 private:
  // Bytes that wait on their way, one direction of a connection.
  struct Way {
    int from = -1;
    int to = -1;
    bool answers = false;
    std::string waiting = {};
  };

  struct Connection {
    std::array<Way, 2> ways;
    bool asked = false;  // since the mode was set
  };

  void run();
  void take_mode();
  void accept_one();
  // False: the connection is over.
  bool serve(Connection& connection, short events, Way& way);
  bool pass(Connection& connection, Way& way, std::string bytes);

  [[nodiscard]] bool trickles() const {
    return mode_ == Mode::slow || mode_ == Mode::narrow || mode_ == Mode::late;
  }

  [[nodiscard]] int tick_milliseconds() const;

  bool trickle(Connection& connection) const;
  static void close_connection(const Connection& connection);
  void close_all();

  std::uint16_t server_;
  std::uint16_t port_ = 0;
  int listening_ = -1;
  std::array<int, 2> bell_{};
  std::mutex mutex_;
  std::condition_variable taken_;
  Mode wanted_ = Mode::pass;  // under mutex_, as the following
  bool over_ = false;
  bool changed_ = false;
  std::chrono::steady_clock::time_point next_tick_;
  Mode mode_ = Mode::pass;  // of the thread alone, as the following
  std::vector<Connection> connections_;
  std::thread thread_;
};

}  // namespace ovl::test
