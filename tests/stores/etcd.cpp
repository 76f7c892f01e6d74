// The contract test on a real etcd.
#include <cstdlib>
#include <thread>

#include "tests/stores/etcd_server.hpp"
#include "tests/stores/real_stores.hpp"

namespace ovl::test {

namespace {

// What a forked child writes with: gRPC does not survive fork(), and etcd's own client does as well.
class EtcdctlKeystore final : public Keystore {
 public:
  explicit EtcdctlKeystore(const EtcdMember& member) : member_(member) {}

  Result<CommitResult> commit(const Transaction& transaction) override {
    for (const Write& write : transaction.writes) {
      const Ran ran = member_.ctl("put contract/" + write.key + " " + write.value.value_or(""));
      if (!ran.ok) return Error{.code = Errc::unreachable, .message = ran.out};
    }
    return CommitResult{.committed = true, .revision = 0};
  }

  Result<Snapshot> read(const KeySelection&) override { return not_here(); }

  Result<std::optional<KeyValue>> get(std::string_view) override { return not_here(); }

  Result<std::unique_ptr<Session>> open_session(std::chrono::seconds) override { return not_here(); }

  Result<std::unique_ptr<Watch>> watch(const KeySelection&, Revision) override { return not_here(); }

  [[nodiscard]] std::size_t max_operations() const override { return 1; }

  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  static Error not_here() { return Error{.code = Errc::unsupported, .message = "a child only writes"}; }

  const EtcdMember& member_;
  std::string name_ = "etcdctl";
};

class EtcdUnderTest final : public StoreUnderTest {
 public:
  std::unique_ptr<Keystore> connect() override {
    if (::getpid() != owner_) return std::make_unique<EtcdctlKeystore>(shared_etcd());
    return must(open_keystore(
        {.url = "etcd://" + shared_etcd().host() + "/contract", .driver_directory = OVL_DRIVER_DIR}));
  }

  [[nodiscard]] std::string root() const override { return root_; }

  void compact(Revision upto) override {
    const Ran ran = shared_etcd().ctl("compact " + std::to_string(upto));
    ASSERT_TRUE(ran.ok) << ran.out;
  }

  void in_parallel(int count, const std::function<void(int)>& work) override {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back(work, i);
    for (std::thread& thread : threads) thread.join();
  }

  [[nodiscard]] bool has_processes() const override { return true; }

 private:
  std::string root_ = fresh_root();
  pid_t owner_ = ::getpid();
};

}  // namespace

EtcdMember& shared_etcd() {
  static EtcdMember member(quick_leases());
  static const bool ready = member.wait();
  if (!ready) std::abort();
  return member;
}

std::unique_ptr<StoreUnderTest> make_etcd() {
  return std::make_unique<EtcdUnderTest>();
}

}  // namespace ovl::test
