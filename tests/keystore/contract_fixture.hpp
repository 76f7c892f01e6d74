// The fixture of the contract test: one store, a client of it, and words for what is asked of both.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/keystore/store_under_test.hpp"

namespace ovl::test {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

class Contract : public ::testing::TestWithParam<DriverCase> {
 protected:
  void SetUp() override {
    under_test_ = GetParam().make();
    if (under_test_ == nullptr) GTEST_SKIP() << "no server; for consul run tools/fetch-consul build/servers";
    store_ = under_test_->connect();
  }

  [[nodiscard]] std::string key(const std::string& name) const { return under_test_->root() + name; }

  CommitResult commit(std::vector<Guard> guards, std::vector<Write> writes) {
    return must(store_->commit({std::move(guards), std::move(writes)}));
  }

  KeyValue get(const std::string& name) { return must(store_->get(key(name))).value_or(KeyValue{}); }

  std::vector<std::string> names(const std::string& prefix) {
    std::vector<std::string> out;
    for (const KeyValue& item : must(store_->read(key(prefix))).items) {
      out.push_back(item.key.substr(under_test_->root().size()));
    }
    return out;
  }

  // All events until one has this key; empty key: until nothing more comes.
  static std::vector<WatchEvent> collect(Watch& watch, const std::string& last,
                                         seconds timeout = seconds{10}) {
    std::vector<WatchEvent> out;
    const auto deadline = steady_clock::now() + timeout;
    while (steady_clock::now() < deadline) {
      const WatchBatch batch = must(watch.next(last.empty() ? milliseconds{50} : milliseconds{1000}));
      EXPECT_FALSE(batch.reset);
      out.insert(out.end(), batch.events.begin(), batch.events.end());
      if (last.empty() && batch.events.empty()) break;
      if (!out.empty() && out.back().key == last) break;
    }
    return out;
  }

  std::unique_ptr<StoreUnderTest> under_test_;
  std::unique_ptr<Keystore> store_;
};

using Names = std::vector<std::string>;

}  // namespace ovl::test
