// A Consul server of a test: one agent, in development mode where it need not keep its data, on
// 127.0.0.1.
#pragma once

#include <string>
#include <vector>

#include "tests/support/server.hpp"

namespace ovl::test {

// Where tools/fetch-consul puts the program.
std::string consul_program();
bool has_consul();

struct ConsulOptions {
  std::string config = {};  // members of a JSON object, each with a comma at its end
  std::string http = {};    // "unix:///path" instead of an address
  bool has_https = false;
  bool keeps_data = false;  // over a restart: no development mode
};

class ConsulServer {
 public:
  explicit ConsulServer(const ConsulOptions& options = {});

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  [[nodiscard]] std::uint16_t port() const { return port_; }

  [[nodiscard]] std::string url() const { return "consul://" + address(); }

  [[nodiscard]] const TemporaryDirectory& directory() const { return directory_; }

  Server& process() { return *server_; }

 private:
  [[nodiscard]] std::string config(const ConsulOptions& options) const;
  [[nodiscard]] bool is_ready() const;

  TemporaryDirectory directory_;
  std::uint16_t port_ = free_port();
  std::unique_ptr<Server> server_;
};

// What a shell command printed.
std::string output_of(const std::string& command);

// The one that most tests share.
ConsulServer& shared_consul();

inline constexpr const char* kNoConsul = "run tools/fetch-consul build/servers";

}  // namespace ovl::test
