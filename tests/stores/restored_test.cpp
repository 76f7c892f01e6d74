// A copy of a store that is put back, in each store's own way, is older than what a host stands at.
#include <gtest/gtest.h>

#include <filesystem>

#include "reconcile/cluster/transfer.hpp"
#include "tests/stores/applying.hpp"
#include "tests/stores/own_server.hpp"

namespace ovl::test {

namespace {

class Restored : public ::testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    server_ = GetParam().start();
    if (!server_) GTEST_SKIP() << "the store's server is not installed";
  }

  [[nodiscard]] std::unique_ptr<Keystore> connect() const { return open_store(server_->url()); }

  std::unique_ptr<OwnServer> server_;
};

StoreView view_in(Keystore& store, const std::string& cluster) {
  return must(read_store(store, StoreLayout(must(Label::parse(cluster)))));
}

void expect_refused(Keystore& store, const Wish& wish, const ApplyOptions& options) {
  const auto planned = plan_once(store, wish, options);
  ASSERT_FALSE(planned.ok());
  EXPECT_EQ(planned.error().code, Errc::guard);
  EXPECT_NE(planned.error().message.find("older copy"), std::string::npos) << planned.error().message;
  EXPECT_NE(planned.error().hint.find("--restored"), std::string::npos) << planned.error().hint;
}

// What the host stood at is there again, under the same ids, and nothing is left to do.
void expect_brought_forward(Keystore& store, const Wish& wish, const ApplyOptions& options,
                            const StoreView& was) {
  ApplyOptions restoring = options;
  restoring.restored = true;
  const auto applied = apply_once(store, wish, restoring);
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  const StoreView is = view_in(store, wish.cluster);
  EXPECT_TRUE(is.records == was.records);
  EXPECT_EQ(is.head->lineage, was.head->lineage);
  EXPECT_GT(is.head->serial, was.head->serial);
  expect_converged(store, wish, options);
}

}  // namespace

TEST_P(Restored, AnOlderCopyIsSeen) {
  Wish wish{.cluster = cluster_name("restored"), .mark = "1"};
  Machine machine(wish.cluster);
  const ApplyOptions options{.machine = &machine};
  must(apply_once(*connect(), wish, options));
  server_->keep_backup();
  wish.grown = true;
  must(apply_once(*connect(), wish, options));
  const StoreView was = view_in(*connect(), wish.cluster);
  server_->restore_backup();
  const auto store = connect();
  expect_refused(*store, wish, options);
  expect_brought_forward(*store, wish, options, was);
}

// Somebody who remembers nothing goes on from the copy, up to the same generation and beyond.
TEST_P(Restored, AnotherBranchIsSeen) {
  Wish wish{.cluster = cluster_name("branch"), .mark = "1"};
  Machine machine(wish.cluster);
  const ApplyOptions options{.machine = &machine};
  must(apply_once(*connect(), wish, options));
  server_->keep_backup();
  wish.grown = true;
  must(apply_once(*connect(), wish, options));
  const StoreView was = view_in(*connect(), wish.cluster);
  server_->restore_backup();
  const auto store = connect();
  for (const char* mark : {"2", "3"}) {
    must(apply_once(*store, {.cluster = wish.cluster, .mark = mark}));
    ASSERT_GE(view_in(*store, wish.cluster).head->serial, was.head->serial);
    expect_refused(*store, wish, options);
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, Restored, ::testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param.name; });

TEST(RestoredFile, AnOlderCopyIsSeen) {
  const TemporaryDirectory directory;
  const std::string file = directory.file("keystore.db");
  const std::string url = "sqlite://" + file;
  Wish wish{.cluster = cluster_name("file"), .mark = "1"};
  Machine machine(wish.cluster);
  const ApplyOptions options{.machine = &machine};
  must(apply_once(*open_store(url), wish, options));
  std::filesystem::copy_file(file, directory.file("copy"));
  wish.grown = true;
  must(apply_once(*open_store(url), wish, options));
  const StoreView was = view_in(*open_store(url), wish.cluster);
  std::filesystem::copy_file(directory.file("copy"), file, std::filesystem::copy_options::overwrite_existing);
  for (const char* rest : {"-wal", "-shm"}) std::filesystem::remove(file + rest);
  const auto store = open_store(url);
  expect_refused(*store, wish, options);
  expect_brought_forward(*store, wish, options, was);
}

}  // namespace ovl::test
