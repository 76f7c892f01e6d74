// The stores that the contract test runs on.
#include <thread>

#include "drivers/fake/fake_keystore.hpp"
#include "drivers/keystore/sqlite/keystore.hpp"
#include "tests/keystore/store_under_test.hpp"

namespace ovl::test {

namespace {

class FakeUnderTest final : public StoreUnderTest {
 public:
  std::unique_ptr<Keystore> connect() override { return store_.connect(); }

  void compact(Revision upto) override { store_.compact(upto); }

  void pass_time() override { store_.advance(std::chrono::milliseconds{1000}); }

  void in_parallel(int count, const std::function<void(int)>& work) override {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back(work, i);
    for (std::thread& thread : threads) thread.join();
  }

  [[nodiscard]] bool has_processes() const override { return false; }

 private:
  FakeStore store_;
};

class SqliteUnderTest final : public StoreUnderTest {
 public:
  std::unique_ptr<Keystore> connect() override { return must(SqliteKeystore::open({.path = path()})); }

  void compact(Revision upto) override { must(must(SqliteKeystore::open({.path = path()}))->compact(upto)); }

  void in_parallel(int count, const std::function<void(int)>& work) override { in_processes(count, work); }

  [[nodiscard]] bool has_processes() const override { return true; }

 private:
  [[nodiscard]] std::string path() const { return directory_.file("keystore.db"); }

  TemporaryDirectory directory_;
};

template <class T>
std::unique_ptr<StoreUnderTest> make() {
  return std::make_unique<T>();
}

}  // namespace

std::vector<DriverCase> drivers() {
  return {
      {"fake", make<FakeUnderTest>},
      {"sqlite", make<SqliteUnderTest>},
  };
}

}  // namespace ovl::test
