// Whoever may write into a store does not decide how much memory others need to look at it: the program on
// real servers.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "reconcile/store/store_view.hpp"
#include "tests/keystore/store_under_test.hpp"
#include "tests/stores/applying.hpp"
#include "tests/stores/consul_server.hpp"
#include "tests/stores/etcd_server.hpp"
#include "tests/stores/zookeeper_server.hpp"
#include "tests/support/peak_memory.hpp"

namespace ovl::test {

namespace {

constexpr int kStrangers = 200;

struct Server {
  std::string name;
  std::size_t bytes = 0;  // of a value: what it takes, less what the request has beside it
  // What a look may need more than at the tree without strangers, in kB. They are 200 MB, and half of them
  // stands where records do.
  long more = 0;
  std::function<std::string()> url;
};

// For GoogleTest's messages.
void PrintTo(const Server& server, std::ostream* out) {
  *out << server.name;
}

// The shared one, which has served others before, has no room for so much.
ZookeeperServer& large_zookeeper() {
  static ZookeeperServer server({}, 0, free_port(), "1g");
  static const bool ready = server.wait_until_ready();
  if (!ready) std::abort();
  return server;
}

class BoundsOnServers : public ::testing::TestWithParam<Server> {};

TEST_P(BoundsOnServers, AStrangersValuesAreNotLoaded) {
  const std::string program = program_without_sanitizers();
  if (program.empty())
    GTEST_SKIP() << "AddressSanitizer keeps what was freed, and there is no build/release/ovl";
  const std::string url = GetParam().url();
  if (url.empty()) GTEST_SKIP() << "no server; for consul run tools/fetch-consul build/servers";
  const auto store = must(
      open_keystore({.url = url, .timeout = std::chrono::seconds{20}, .driver_directory = OVL_DRIVER_DIR}));
  const Wish wish{.cluster = cluster_name("bounds"), .mark = "one"};
  must(apply_once(*store, wish));
  const StoreLayout layout(must(Label::parse(wish.cluster)));
  const TemporaryDirectory state;
  const auto ovl = [&](const std::string& verb) {
    return peak_of(fmt::format("{} {} --cluster {} --keystore {} --timeout 20s --state-dir {}", program, verb,
                               wish.cluster, url, state.path()));
  };
  const auto before = must(store->watch(layout.tree(), must(store->read(layout.tree())).revision));
  const Peak status = ovl("status");
  const Peak check = ovl("keystore check");
  ASSERT_EQ(status.code, 0) << status.out;
  ASSERT_EQ(check.code, 0) << check.out;
  const std::string value(GetParam().bytes, 'x');
  for (int i = 0; i < kStrangers; ++i) {
    const std::string_view folder =
        std::array{"junk", "hosts", "endpoints/no", "zz"}[static_cast<std::size_t>(i % 4)];
    must(store->commit({{}, {put(fmt::format("{}{}/{}", layout.root(), folder, i), value)}}));
  }
  const Peak status_after = ovl("status");
  const Peak check_after = ovl("keystore check");
  EXPECT_EQ(status_after.code, 0) << status_after.out;
  EXPECT_EQ(check_after.code, 1) << "it names those that stand for records: " << check_after.out;
  EXPECT_LT(status_after.kilobytes, status.kilobytes + GetParam().more);
  EXPECT_LT(check_after.kilobytes, check.kilobytes + GetParam().more);
  fmt::print("status {} kB, {} before; check {} kB, {} before\n", status_after.kilobytes, status.kilobytes,
             check_after.kilobytes, check.kilobytes);
  // The others are as they were.
  const StoreView view = must(read_store(*store, layout));
  EXPECT_FALSE(view.records.endpoints.empty());
  EXPECT_EQ(view.refused.size(), static_cast<std::size_t>(kStrangers / 2));
  EXPECT_GT(view.unknown.count, 0U);
  must(plan_once(*store, wish));
  // And a watch tells of what it left out, or that it is behind.
  const WatchBatch batch = must(before->next(std::chrono::seconds{10}));
  for (const WatchEvent& event : batch.events) EXPECT_EQ(event.value.value_or("").size(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Servers, BoundsOnServers,
    ::testing::Values(Server{"etcd", std::size_t{1} << 20, 48 << 10,
                             [] { return "etcd://" + shared_etcd().host() + "/bounds"; }},
                      Server{"consul", 380'000, 16 << 10,
                             [] { return has_consul() ? shared_consul().url() : std::string(); }},
                      Server{"zookeeper", 300'000, 16 << 10,
                             [] { return fmt::format("zk://{}/bounds", large_zookeeper().address()); }}),
    [](const auto& one) { return one.param.name; });

}  // namespace

}  // namespace ovl::test
