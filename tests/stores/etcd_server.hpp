// etcd servers that tests start, and etcd's own command line to look behind the driver's back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "drivers/keystore/keystore.hpp"
#include "tests/support/server.hpp"
#include "tests/support/shell.hpp"

namespace ovl::test {

// One member. Its data stays when it is stopped, so that it can be started again.
class EtcdMember {
 public:
  // `more` are further options; `scheme` is http or https.
  explicit EtcdMember(std::vector<std::string> more = {}, const std::string& scheme = "http",
                      const std::string& name = "m0", std::uint16_t client_port = free_port(),
                      std::uint16_t peer_port = free_port())
      : port_(client_port),
        scheme_(scheme),
        name_(name),
        peer_("http://127.0.0.1:" + std::to_string(peer_port)) {
    const std::string client = url();
    const std::string& peer = peer_;
    std::vector<std::string> command = {"etcd",
                                        "--name",
                                        name,
                                        "--data-dir",
                                        directory_.file("data"),
                                        "--listen-client-urls",
                                        client,
                                        "--advertise-client-urls",
                                        client,
                                        "--listen-peer-urls",
                                        peer,
                                        "--initial-advertise-peer-urls",
                                        peer};
    if (more.empty() || more.front() != "--initial-cluster") {
      command.insert(command.end(), {"--initial-cluster", name + "=" + peer});
    }
    command.insert(command.end(), more.begin(), more.end());
    server_ = std::make_unique<Server>(std::move(command), directory_.file("log"));
  }

  [[nodiscard]] std::string url() const { return scheme_ + "://127.0.0.1:" + std::to_string(port_); }

  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }

  // etcdctl with these arguments, and further ones (TLS, user).
  [[nodiscard]] Ran ctl(const std::string& arguments) const { return ctl_from("", arguments); }

  // The same with something piped into it: "printf ... | ".
  [[nodiscard]] Ran ctl_from(const std::string& pipe, const std::string& arguments) const {
    return run_shell(pipe + "ETCDCTL_API=3 etcdctl --command-timeout=3s --endpoints=" + url() + " " +
                     arguments);
  }

  [[nodiscard]] bool wait(const std::string& with = {}) const {
    return server_->wait_until_ready([&] { return ctl(with + " endpoint health").ok; });
  }

  [[nodiscard]] Server& server() { return *server_; }

  void save_snapshot() const {
    must_run("etcdctl --endpoints=" + url() + " snapshot save " + file("snapshot"));
  }

  // Of one member that is the whole cluster.
  void restore_snapshot() {
    server_->stop();
    must_run("rm -rf " + file("data") + " && etcdctl snapshot restore " + file("snapshot") + " --data-dir " +
             file("data") + " --name " + name_ + " --initial-cluster " + name_ + "=" + peer_ +
             " --initial-advertise-peer-urls " + peer_);
    server_->start();
  }

 private:
  [[nodiscard]] std::string file(const std::string& name) const { return directory_.file(name); }

  static void must_run(const std::string& command) {
    const Ran ran = run_shell("export ETCDCTL_API=3; " + command);
    ASSERT_TRUE(ran.ok) << ran.out;
  }

  TemporaryDirectory directory_;
  std::uint16_t port_;
  std::string scheme_;
  std::string name_;
  std::string peer_;
  std::unique_ptr<Server> server_;
};

// Leases of one second are possible when elections are quick (minLeaseTTL in etcd's etcdserver/server.go).
inline std::vector<std::string> quick_leases() {
  return {"--heartbeat-interval", "50", "--election-timeout", "500"};
}

// So many changes, from however many answers; what the store fails at meanwhile is asked again.
inline std::vector<WatchEvent> events_until(Watch& watch, std::size_t count,
                                            std::chrono::seconds limit = std::chrono::seconds{15}) {
  std::vector<WatchEvent> events;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (events.size() < count && std::chrono::steady_clock::now() < deadline) {
    const auto batch = watch.next(std::chrono::milliseconds{500});
    if (!batch.ok()) continue;
    EXPECT_FALSE(batch.value().reset);
    events.insert(events.end(), batch.value().events.begin(), batch.value().events.end());
  }
  return events;
}

// Started when it is first needed.
EtcdMember& shared_etcd();

}  // namespace ovl::test
