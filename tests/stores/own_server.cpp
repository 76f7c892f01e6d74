#include "tests/stores/own_server.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <map>
#include <random>

#include "tests/stores/consul_server.hpp"
#include "tests/stores/etcd_server.hpp"
#include "tests/stores/zookeeper_server.hpp"

namespace ovl::test {

namespace {

constexpr std::size_t kMembers = 3;

class OwnEtcd final : public OwnServer {
 public:
  [[nodiscard]] std::uint16_t port() const override { return port_; }

  [[nodiscard]] std::string url(std::uint16_t port) const override {
    return fmt::format("etcd://127.0.0.1:{}/faults", port);
  }

  Server& process() override { return member_.server(); }

  void keep_backup() override { member_.save_snapshot(); }

  void restore_backup() override {
    member_.restore_snapshot();
    if (!wait()) std::abort();
  }

 private:
  std::uint16_t port_ = free_port();
  EtcdMember member_{quick_leases(), "http", "m0", port_};
};

class OwnConsul final : public OwnServer {
 public:
  [[nodiscard]] std::uint16_t port() const override { return server_.port(); }

  [[nodiscard]] std::string url(std::uint16_t port) const override {
    return fmt::format("consul://127.0.0.1:{}/faults", port);
  }

  Server& process() override { return server_.process(); }

  bool keep_copy() override { return consul_snapshot("save"); }

  void bring_back_copy() override {
    if (!consul_snapshot("restore")) std::abort();
  }

  void keep_backup() override {
    if (!keep_copy()) std::abort();
  }

  void restore_backup() override { bring_back_copy(); }

 private:
  bool consul_snapshot(const std::string& verb) {
    return run_shell(fmt::format("{} snapshot {} -http-addr={} {}", consul_program(), verb, server_.address(),
                                 server_.directory().file("copy")))
        .ok;
  }

  ConsulServer server_{{.config = R"("performance": {"raft_multiplier": 1},)", .keeps_data = true}};
};

class OwnZookeeper final : public OwnServer {
 public:
  [[nodiscard]] std::uint16_t port() const override { return server_.port(); }

  [[nodiscard]] std::string url(std::uint16_t port) const override {
    return fmt::format("zk://127.0.0.1:{}/faults", port);
  }

  Server& process() override { return server_.process(); }

  void keep_backup() override { copy_data("version-2", "backup"); }

  void restore_backup() override { copy_data("backup", "version-2"); }

 private:
  // Of a server that stands still.
  void copy_data(const std::string& from, const std::string& to) {
    process().stop();
    if (!run_shell(fmt::format("cd {} && rm -rf {} && cp -a {} {}", server_.data(), to, from, to)).ok) {
      std::abort();
    }
    process().start();
    if (!wait()) std::abort();
  }

  ZookeeperServer server_;
};

// "scheme://a,b,c/faults" with that address first.
std::string url_of(const std::string& scheme, const std::vector<std::string>& addresses, std::size_t first) {
  std::string text = scheme + "://" + addresses[first];
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (i != first) text += "," + addresses[i];
  }
  return text + "/faults";
}

class EtcdEnsemble final : public OwnEnsemble {
 public:
  EtcdEnsemble() {
    std::array<std::uint16_t, kMembers> peers{};
    std::string all;
    for (std::size_t i = 0; i < kMembers; ++i) {
      peers[i] = free_port();
      all += fmt::format("{}m{}=http://127.0.0.1:{}", i == 0 ? "" : ",", i, peers[i]);
    }
    std::vector<std::string> options{"--initial-cluster", all};
    for (const std::string& option : quick_leases()) options.push_back(option);
    for (std::size_t i = 0; i < kMembers; ++i) {
      members_.push_back(
          std::make_unique<EtcdMember>(options, "http", fmt::format("m{}", i), free_port(), peers[i]));
      addresses_.push_back(members_.back()->host());
    }
  }

  [[nodiscard]] std::string url(std::size_t first) const override {
    return url_of("etcd", addresses_, first);
  }

  std::size_t leader() override {
    std::size_t found = kMembers;
    const bool is_there = process(0).wait_until_ready([&] {
      for (std::size_t i = 0; i < kMembers && found == kMembers; ++i) {
        const Ran ran = members_[i]->ctl("endpoint status");
        if (ran.ok && ran.out.find(", true,") != std::string::npos) found = i;
      }
      return found < kMembers;
    });
    return is_there ? found : 0;
  }

  Server& process(std::size_t member) override { return members_[member]->server(); }

  bool wait(std::size_t member) override { return members_[member]->wait(); }

 private:
  std::vector<std::unique_ptr<EtcdMember>> members_;
  std::vector<std::string> addresses_;
};

class ZookeeperEnsemble final : public OwnEnsemble {
 public:
  ZookeeperEnsemble() {
    std::string all;
    for (std::size_t i = 0; i < kMembers; ++i) {
      all += fmt::format("server.{}=127.0.0.1:{}:{}\n", i + 1, free_port(), free_port());
    }
    for (std::size_t i = 0; i < kMembers; ++i) {
      members_.push_back(std::make_unique<ZookeeperServer>(all, static_cast<int>(i) + 1));
      addresses_.push_back(members_.back()->address());
    }
  }

  [[nodiscard]] std::string url(std::size_t first) const override { return url_of("zk", addresses_, first); }

  std::size_t leader() override {
    std::size_t found = kMembers;
    const bool is_there = process(0).wait_until_ready([&] {
      for (std::size_t i = 0; i < kMembers && found == kMembers; ++i) {
        if (members_[i]->mode() == "leader") found = i;
      }
      return found < kMembers;
    });
    return is_there ? found : 0;
  }

  Server& process(std::size_t member) override { return members_[member]->process(); }

  bool wait(std::size_t member) override { return members_[member]->wait_until_ready(); }

 private:
  std::vector<std::unique_ptr<ZookeeperServer>> members_;
  std::vector<std::string> addresses_;
};

template <class Made, class Base>
std::unique_ptr<Base> make_ready() {
  auto made = std::make_unique<Made>();
  bool ready = true;
  if constexpr (std::is_same_v<Base, OwnServer>) {
    ready = made->wait();
  } else {
    for (std::size_t i = 0; i < kMembers; ++i) ready = made->wait(i) && ready;
  }
  if (!ready) std::abort();
  return made;
}

}  // namespace

unsigned any_seed() {
  const char* seed = std::getenv("OVL_SEED");
  return seed == nullptr ? std::random_device{}() : static_cast<unsigned>(std::strtoul(seed, nullptr, 10));
}

std::unique_ptr<Keystore> open_store(const std::string& url, std::chrono::milliseconds timeout) {
  return must(open_keystore({.url = url, .timeout = timeout, .driver_directory = OVL_DRIVER_DIR}));
}

bool OwnServer::wait() {
  const KeystoreOptions options{
      .url = url(), .timeout = std::chrono::seconds{1}, .driver_directory = OVL_DRIVER_DIR};
  return process().wait_until_ready([&] {
    const auto store = open_keystore(options);
    if (!store.ok()) return false;
    // A write: some answer reads before they take any.
    return store.value()->commit({.guards = {}, .writes = {{.key = "ready", .value = "1"}}}).ok();
  });
}

void OwnServer::restart() {
  process().stop(SIGKILL);
  process().start();
  if (!wait()) std::abort();
}

std::vector<StoreKind> store_kinds() {
  return {{"etcd", make_ready<OwnEtcd, OwnServer>, make_ready<EtcdEnsemble, OwnEnsemble>},
          {"consul",
           [] { return has_consul() ? make_ready<OwnConsul, OwnServer>() : std::unique_ptr<OwnServer>(); },
           {}},
          {"zookeeper", make_ready<OwnZookeeper, OwnServer>, make_ready<ZookeeperEnsemble, OwnEnsemble>}};
}

OwnServer* shared_server(const StoreKind& kind) {
  static std::map<std::string, std::unique_ptr<OwnServer>> servers;
  auto at = servers.find(kind.name);
  if (at == servers.end()) at = servers.emplace(kind.name, kind.start()).first;
  return at->second.get();
}

}  // namespace ovl::test
