// Records that somebody else has written, on real stores: what an agent makes of them. The mutations are
// those of the laws on the fake store, fewer.
#include <gtest/gtest.h>

#include <cstdlib>

#include "proptest/hostile.hpp"
#include "reconcile/words/utf8.hpp"
#include "tests/stores/real_stores.hpp"
#include "tests/support/effort.hpp"

namespace ovl::test {

namespace {

// Mutations of each kind: the soak asks for more.
int mutations() {
  const char* given = std::getenv("OVL_HOSTILE_COUNT");
  return given != nullptr ? std::atoi(given) : effort(25, 6);
}

bool is_acted_upon(const std::string& kind) {
  return kind == "hosts/" || kind == "networks/" || kind == "endpoints/" || kind == "facts/";
}

class HostileRecords : public ::testing::TestWithParam<DriverCase> {
 protected:
  void SetUp() override {
    under_test_ = GetParam().make();
    if (!under_test_) GTEST_SKIP() << "the store's server is not installed";
    store_ = under_test_->connect();
    cluster_ = std::make_unique<HostileCluster>(*store_, "hostile-" + std::to_string(getpid()));
    must(cluster_->settle());
    tree_ = cluster_->tree();
  }

  // What an agent does about a mutation: nothing in the kernel, when the record is refused.
  void check(const std::string& kind, const Mutation& mutation) {
    // A key or size that the store does not take is no record.
    if (!cluster_->write(mutation).ok()) return;
    FakeKernel& kernel = cluster_->kernel("a");
    const HostObjects was = kernel.objects();
    const std::uint64_t writes = kernel.writes();
    const auto applied = cluster_->apply_records("a");
    const StoreView view = must(read_store(*store_, cluster_->layout()));
    for (const Finding& finding : view.refused) {
      EXPECT_EQ(unsafe_for_a_terminal(safe_text(finding.subject + finding.message)), "");
    }
    if (!view.refused.empty() || !is_acted_upon(kind)) {
      refused_ += view.refused.empty() ? 0 : 1;
      EXPECT_EQ(kernel.writes(), writes) << safe_text(mutation.value);
      EXPECT_TRUE(kernel.objects() == was) << safe_text(mutation.value);
    }
    EXPECT_TRUE(applied.ok() || applied.error().code != Errc::bug);
    restore(mutation);
    // A head of a later generation is remembered also where it moved nothing.
    if (applied.ok()) must(cluster_->follow_older_copy("a"));
    restore(mutation);  // what it says of itself was written anew
  }

  void restore(const Mutation& mutation) {
    const Status restored = cluster_->restore(tree_);
    ASSERT_TRUE(restored.ok()) << restored.error().message << ": " << safe_text(mutation.key);
  }

  std::unique_ptr<StoreUnderTest> under_test_;
  std::unique_ptr<Keystore> store_;
  std::unique_ptr<HostileCluster> cluster_;
  std::map<std::string, std::string> tree_;
  int refused_ = 0;
};

}  // namespace

TEST_P(HostileRecords, NeverReachTheKernel) {
  const std::uint64_t seed = std::random_device{}();
  Mutator mutator(seed, tree_);
  for (const std::string kind : kHostileKinds) {
    for (int i = 0; i < mutations(); ++i) {
      const Mutation mutation = mutator.of(kind);
      check(kind, mutation);
      if (HasFailure())
        FAIL() << "seed " << seed << ": " << safe_text(mutation.key) << " " << safe_text(mutation.what);
    }
  }
  std::printf("seed %llu: %d refused\n", static_cast<unsigned long long>(seed), refused_);
  EXPECT_GT(refused_, mutations());
  must(cluster_->settle());
  EXPECT_TRUE(must(read_store(*store_, cluster_->layout())).refused.empty());
}

// With the manifest a refused record is written anew, and the kernel has no part in it.
TEST_P(HostileRecords, AreWrittenAnewByTheManifest) {
  for (const std::string key : {"hosts/b", "networks/blue", "endpoints/blue/db", "head"}) {
    must(cluster_->write({.what = {}, .key = key, .value = R"({"name":"../../x"})"}));
    FakeKernel& kernel = cluster_->kernel("a");
    const std::uint64_t writes = kernel.writes();
    const auto applied = cluster_->apply_manifest("a");
    ASSERT_TRUE(applied.ok()) << key << ": " << applied.error().message;
    EXPECT_EQ(kernel.writes(), writes) << key;
    EXPECT_TRUE(key == "head" || cluster_->tree().at(key) == tree_.at(key)) << key;
    EXPECT_TRUE(must(read_store(*store_, cluster_->layout())).refused.empty()) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(Drivers, HostileRecords, ::testing::ValuesIn(drivers()),
                         [](const auto& driver) { return driver.param.name; });

}  // namespace ovl::test
