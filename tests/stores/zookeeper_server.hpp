// A ZooKeeper server of a test: Debian's jars, a configuration in a directory of its own.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "drivers/keystore/keystore.hpp"
#include "tests/stores/zookeeper_wire.hpp"
#include "tests/support/process.hpp"
#include "tests/support/server.hpp"

namespace ovl::test {

class ZookeeperServer {
 public:
  // more: further lines of zoo.cfg; id: of a member of an ensemble; heap: as in java's -Xmx.
  explicit ZookeeperServer(const std::string& more = {}, int id = 0, std::uint16_t port = free_port(),
                           const std::string& heap = "256m")
      : port_(port) {
    write_file(directory_.file("zoo.cfg"), configuration(more));
    if (id > 0) write_file(directory_.file("myid"), std::to_string(id));
    // -cp as in /etc/zookeeper/conf/environment; the jar names the others that it needs.
    server_ = std::make_unique<Server>(
        std::vector<std::string>{"java", "-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                                 "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp",
                                 "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar",
                                 "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                                 directory_.file("zoo.cfg")},
        directory_.file("server.log"));
  }

  // A member of an ensemble serves as soon as there is a leader.
  [[nodiscard]] bool wait_until_ready() const {
    return server_->wait_until_ready([this] { return mode() != ""; });
  }

  // "standalone", "leader", "follower"; "" when it does not serve.
  [[nodiscard]] std::string mode() const {
    const std::string answer = ask_zookeeper(port_, "srvr");
    const auto at = answer.find("Mode: ");
    return at == std::string::npos ? "" : answer.substr(at + 6, answer.find('\n', at) - at - 6);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", port_); }

  [[nodiscard]] const std::string& data() const { return directory_.path(); }

  Server& process() { return *server_; }

 private:
  [[nodiscard]] std::string configuration(const std::string& more) const {
    return fmt::format(
        "tickTime=200\nminSessionTimeout=400\nmaxSessionTimeout=60000\ninitLimit=50\nsyncLimit=20\n"
        "dataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n"
        "admin.enableServer=false\n4lw.commands.whitelist=*\nstandaloneEnabled=true\n{}",
        directory_.path(), port_, more);
  }

  TemporaryDirectory directory_;
  std::uint16_t port_;
  std::unique_ptr<Server> server_;
};

// The server that most tests share.
ZookeeperServer& shared_zookeeper();

}  // namespace ovl::test
