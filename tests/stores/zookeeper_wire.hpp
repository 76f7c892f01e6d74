// A foreign client of ZooKeeper: the few requests that tests need, on one socket, with nothing of the
// driver or its library (zookeeper.jute describes the protocol).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ovl::test {

struct WireNode {
  std::int64_t created = 0;
  std::string data;
};

class ZookeeperWire {
 public:
  explicit ZookeeperWire(std::uint16_t port);
  ~ZookeeperWire();
  ZookeeperWire(const ZookeeperWire&) = delete;
  ZookeeperWire& operator=(const ZookeeperWire&) = delete;

  std::vector<std::string> children(const std::string& path);
  std::optional<WireNode> get(const std::string& path);
  // These answer the protocol's error code; 0: done.
  int create(const std::string& path, std::string_view data);
  // version: that the node must have; -1: any.
  int set(const std::string& path, std::string_view data, std::int32_t version = -1);
  int remove(const std::string& path);

 private:
  int call(int type, const std::string& body, std::string& answer);
  void send(const std::string& packet) const;
  [[nodiscard]] std::string receive() const;

  int socket_ = -1;
};

// What a four letter word answers; "" when nobody does.
std::string ask_zookeeper(std::uint16_t port, std::string_view word);

}  // namespace ovl::test
