// Consul for the contract test.
#include "tests/stores/consul_server.hpp"
#include "tests/stores/real_stores.hpp"

namespace ovl::test {

namespace {

class ConsulUnderTest final : public StoreUnderTest {
 public:
  std::unique_ptr<Keystore> connect() override {
    return must(open_keystore({.url = shared_consul().url(), .driver_directory = OVL_DRIVER_DIR}));
  }

  [[nodiscard]] std::string root() const override { return root_; }

  // Consul forgets each change with the next one. What can't be told from what is left is that keys were
  // made and removed, so that is what happens here, where the tests watch.
  void compact(Revision) override {
    const auto client = connect();
    const std::string key = root_ + "w/forgotten";
    must(client->commit({{}, {put(key, "")}}));
    must(client->commit({{}, {erase(key)}}));
  }

  [[nodiscard]] bool folds_changes() const override { return true; }

  void in_parallel(int count, const std::function<void(int)>& work) override { in_processes(count, work); }

  [[nodiscard]] bool has_processes() const override { return true; }

 private:
  std::string root_ = fresh_root();
};

}  // namespace

std::unique_ptr<StoreUnderTest> make_consul() {
  if (!has_consul()) return nullptr;
  return std::make_unique<ConsulUnderTest>();
}

}  // namespace ovl::test
