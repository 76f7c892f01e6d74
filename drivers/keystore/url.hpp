// The keystore's URL, taken apart and validated: which store, where, and below which prefix.
// Pure; opens nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/base/result.hpp"

namespace ovl {

enum class StoreKind : std::uint8_t { sqlite, etcd, consul, zookeeper };

struct StoreServer {
  std::string host;  // an address (IPv6 without brackets) or a host name, in lower case
  std::uint16_t port = 0;

  // "10.0.0.1:2379", "[fd00::1]:2379".
  [[nodiscard]] std::string text() const;
  bool operator==(const StoreServer&) const = default;
};

struct KeystoreUrl {
  StoreKind kind = StoreKind::sqlite;
  std::string path;                  // sqlite: the absolute path of the file, taken as it is written
  std::vector<StoreServer> servers;  // the others: at least one, none twice; none with a socket
  std::string prefix;                // the others: "" or "team/a", without slashes at the ends
  std::string socket = {};           // Consul: the absolute path of a Unix socket, instead of a server
  std::string datacenter = {};       // Consul: the one to ask; empty: the agent's own

  // All servers are loopback addresses or "localhost" (RFC 6761), or it is a file or a socket: plain
  // transport leaves this machine nowhere.
  [[nodiscard]] bool is_local() const;
  // The canonical spelling. It never holds a secret: parse_keystore_url() refuses user information.
  [[nodiscard]] std::string text() const;

  bool operator==(const KeystoreUrl&) const = default;
};

// "sqlite", "etcd", "Consul", "ZooKeeper": as written in messages.
std::string_view store_name(StoreKind kind);

// Takes sqlite:///path, etcd://host[:port],...[/prefix], consul://host[:port][/prefix][?dc=NAME],
// consul+unix:///path/of/socket[?dc=NAME&prefix=PREFIX] and zk://host[:port],...[/prefix]. Ports left
// out are 2379, 8500 and 2181.
// Error: usage, with a hint. It does not repeat user information, which may be a secret.
Result<KeystoreUrl> parse_keystore_url(std::string_view text);

}  // namespace ovl
