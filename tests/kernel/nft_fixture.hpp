// A test in its own network and mount namespace, with named namespaces that it makes itself under a
// private /run/netns, and sockets to send and see packets there.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/base/handle.hpp"
#include "model/base/values.hpp"

namespace ovl::test {

using Packet = std::vector<std::uint8_t>;
using Milliseconds = std::chrono::milliseconds;

inline constexpr Milliseconds kDeadline{5000};

// Runs a shell command in the thread's network namespace; a test failure when it fails. Answers what it
// wrote to stdout and stderr.
std::string run(const std::string& command);

// Enters a named namespace for its own lifetime.
class Inside {
 public:
  explicit Inside(const std::string& netns);
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  UniqueFd back_;
};

// A raw packet socket on one device of the namespace in which it is made.
class Wire {
 public:
  explicit Wire(const std::string& device);
  void send(const Packet& frame);
  // The next frame that came in, or nullopt when there is none before the time is over.
  std::optional<Packet> receive(Milliseconds time);

 private:
  UniqueFd fd_;
};

// A UDP socket of the namespace in which it is made.
class Udp {
 public:
  // Bound to address and port; port 0 is any.
  Udp(const std::string& address, std::uint16_t port);
  // False when the kernel refused it on the way out.
  bool send(const std::string& address, std::uint16_t port, const Packet& payload);

  struct Datagram {
    Packet payload;
    IpAddress from;
    std::uint16_t port = 0;
  };

  std::optional<Datagram> receive(Milliseconds time);

 private:
  UniqueFd fd_;
};

// In a network and a mount namespace of its own, bound to one CPU.
class NetfilterTest : public ::testing::Test {
 protected:
  void SetUp() override;
};

// Makes a named namespace with lo up.
void add_netns(const std::string& name);

}  // namespace ovl::test
