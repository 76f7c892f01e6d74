#include "bench/stores.hpp"

#include "tests/stores/consul_server.hpp"
#include "tests/stores/etcd_server.hpp"
#include "tests/stores/zookeeper_server.hpp"

namespace ovl::bench {

namespace {

// Two files, so that neither side waits for the other's log.
class SqliteServer final : public StoreServer {
 public:
  [[nodiscard]] std::string url() const override { return "sqlite://" + directory_.file("ovl.db"); }

  std::unique_ptr<RawStore> raw() override { return raw_sqlite(directory_.file("raw.db")); }

  [[nodiscard]] pid_t pid() override { return 0; }

 private:
  test::TemporaryDirectory directory_;
};

class EtcdServer final : public StoreServer {
 public:
  EtcdServer() {
    if (!member_.wait()) fail("etcd does not start");
  }

  [[nodiscard]] std::string url() const override { return "etcd://" + member_.host(); }

  std::unique_ptr<RawStore> raw() override { return raw_etcd(member_.host()); }

  [[nodiscard]] pid_t pid() override { return member_.server().pid(); }

 private:
  test::EtcdMember member_{{"--quota-backend-bytes", "8589934592"}};
};

class Consul final : public StoreServer {
 public:
  [[nodiscard]] std::string url() const override { return server_.url(); }

  std::unique_ptr<RawStore> raw() override { return raw_consul(server_.address()); }

  [[nodiscard]] pid_t pid() override { return server_.process().pid(); }

 private:
  test::ConsulServer server_;
};

class Zookeeper final : public StoreServer {
 public:
  Zookeeper() {
    if (!server_.wait_until_ready()) fail("ZooKeeper does not start");
  }

  [[nodiscard]] std::string url() const override { return "zk://" + server_.address() + "/a"; }

  std::unique_ptr<RawStore> raw() override { return raw_zookeeper(server_.address()); }

  [[nodiscard]] pid_t pid() override { return server_.process().pid(); }

 private:
  test::ZookeeperServer server_{"", 0, test::free_port(), "3g"};
};

template <class Server>
std::unique_ptr<StoreServer> start() {
  return std::make_unique<Server>();
}

std::unique_ptr<StoreServer> start_consul() {
  return test::has_consul() ? std::make_unique<Consul>() : nullptr;
}

}  // namespace

const std::vector<StoreKind>& store_kinds() {
  static const std::vector<StoreKind> kinds = {
      {"sqlite", {.publish = 1.3, .read = 1.5}, start<SqliteServer>},
      {"etcd", {.publish = 1.3, .read = 1.5}, start<EtcdServer>},
      {"consul", {.publish = 1.3, .read = 1.5}, start_consul},
      {"zookeeper", {.publish = 0, .read = 1.5}, start<Zookeeper>},
  };
  return kinds;
}

}  // namespace ovl::bench
