#include "tests/stores/consul_server.hpp"

#include <fmt/format.h>

namespace ovl::test {

std::string consul_program() {
  return OVL_SOURCE_DIR "/build/servers/consul";
}

bool has_consul() {
  return ::access(consul_program().c_str(), X_OK) == 0;
}

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return out;
  std::array<char, 4096> buffer{};
  while (::fgets(buffer.data(), buffer.size(), pipe) != nullptr) out += buffer.data();
  ::pclose(pipe);
  return out;
}

ConsulServer::ConsulServer(const ConsulOptions& options) {
  write_file(directory_.file("agent.json"), config(options));
  std::vector<std::string> command{consul_program(), "agent", "-config-file", directory_.file("agent.json")};
  if (options.keeps_data) {
    command.insert(command.end(), {"-server", "-bootstrap-expect=1", "-data-dir", directory_.file("data")});
  } else {
    command.emplace_back("-dev");
  }
  server_ = std::make_unique<Server>(command, directory_.file("log"));
  if (!server_->wait_until_ready([this] { return is_ready(); })) std::abort();
}

// The time to live of sessions may be shorter than anywhere else; coordinates would write every few
// seconds.
std::string ConsulServer::config(const ConsulOptions& options) const {
  const std::string http = fmt::format("\"{}\": {}, \"{}\": -1,", options.has_https ? "https" : "http", port_,
                                       options.has_https ? "http" : "https");
  const std::string address = options.http.empty() ? "127.0.0.1" : options.http;
  return fmt::format(R"({{{}
    "session_ttl_min": "1s", "disable_coordinates": true, "disable_update_check": true,
    "node_name": "ovl-test", "bind_addr": "127.0.0.1", "addresses": {{"http": "{}"}},
    "ports": {{{} "dns": -1, "grpc": -1, "serf_wan": -1, "serf_lan": {}, "server": {}}}}})",
                     options.config, address, http, free_port(), free_port());
}

// Waiting for the leader's own work: its first answers come before it.
bool ConsulServer::is_ready() const {
  const std::string log = read_file(directory_.file("log"));
  return log.find("federation state anti-entropy synced") != std::string::npos &&
         log.find("Synced node info") != std::string::npos;
}

ConsulServer& shared_consul() {
  static ConsulServer server;
  return server;
}

}  // namespace ovl::test
