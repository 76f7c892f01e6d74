#include "tests/stores/real_stores.hpp"
#include "tests/stores/zookeeper_server.hpp"

namespace ovl::test {

namespace {

constexpr std::string_view kPrefix = "team/tests";

class ZookeeperUnderTest final : public StoreUnderTest {
 public:
  std::unique_ptr<Keystore> connect() override {
    return must(open_keystore({.url = fmt::format("zk://{}/{}", shared_zookeeper().address(), kPrefix),
                               .timeout = std::chrono::seconds{10},
                               .driver_directory = OVL_DRIVER_DIR}));
  }

  [[nodiscard]] std::string root() const override { return root_; }

  void compact(Revision upto) override {
    ZookeeperWire wire(shared_zookeeper().port());
    const std::string log = fmt::format("/{}/%ovl/log", kPrefix);
    for (const std::string& name : wire.children(log)) {
      const auto entry = wire.get(log + "/" + name);
      if (entry && static_cast<Revision>(entry->created) <= upto) wire.remove(log + "/" + name);
    }
  }

  // A handle does not survive fork(); each child opens its own.
  void in_parallel(int count, const std::function<void(int)>& work) override { in_processes(count, work); }

  [[nodiscard]] bool has_processes() const override { return true; }

 private:
  std::string root_ = fresh_root();
};

}  // namespace

ZookeeperServer& shared_zookeeper() {
  static ZookeeperServer server;
  static const bool ready = server.wait_until_ready();
  if (!ready) std::abort();
  return server;
}

std::unique_ptr<StoreUnderTest> make_zookeeper() {
  return std::make_unique<ZookeeperUnderTest>();
}

}  // namespace ovl::test
