// Random operations on a driver and on a model of a few lines, compared step by step.
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/keystore/store_under_test.hpp"

namespace ovl::test {

namespace {

// What a store must be: a map whose entries know two revisions.
class Model {
 public:
  bool holds(const Guard& guard) const {
    const auto at = items_.find(guard.key);
    if (guard.kind == Guard::Kind::absent) return at == items_.end();
    if (at == items_.end()) return false;
    return guard.revision ==
           (guard.kind == Guard::Kind::same_life ? at->second.created : at->second.modified);
  }

  void write(const Write& write, Revision revision) {
    if (!write.value) {
      if (items_.erase(write.key) > 0) log_.push_back({write.key, std::nullopt, revision});
      return;
    }
    KeyValue& item = items_[write.key];
    item.key = write.key;
    item.value = *write.value;
    if (item.created == 0) item.created = revision;
    item.modified = revision;
    log_.push_back({write.key, write.value, revision});
  }

  [[nodiscard]] const std::map<std::string, KeyValue>& items() const { return items_; }

  [[nodiscard]] const std::vector<WatchEvent>& log() const { return log_; }

 private:
  std::map<std::string, KeyValue> items_;
  std::vector<WatchEvent> log_;
};

// Few keys on purpose, so that they collide; some are prefixes of others.
rc::Gen<std::string> any_key(const std::string& root) {
  return rc::gen::map(rc::gen::element<std::string>("a", "a/", "a/b", "ab", "b", "b/c\xc3\xa9"),
                      [root](const std::string& name) { return root + name; });
}

// A guard on a key with a revision that it has, had, or never had.
Guard any_guard(const Model& model, const std::string& root) {
  Guard guard{.kind = *rc::gen::element(Guard::Kind::absent, Guard::Kind::unmodified, Guard::Kind::same_life),
              .key = *any_key(root)};
  std::vector<Revision> known{1};
  for (const WatchEvent& event : model.log()) {
    if (event.key == guard.key) known.push_back(event.revision);
  }
  guard.revision = *rc::gen::elementOf(known);
  return guard;
}

Transaction any_transaction(const Model& model, const std::string& root) {
  Transaction transaction;
  const int guards = *rc::gen::weightedElement<int>({{3, 0}, {3, 1}, {1, 2}});
  for (int i = 0; i < guards; ++i) transaction.guards.push_back(any_guard(model, root));
  const auto keys =
      *rc::gen::container<std::vector<std::string>>(*rc::gen::inRange<std::size_t>(0, 5), any_key(root));
  for (const std::string& key : std::set<std::string>(keys.begin(), keys.end())) {
    Write write = erase(key);
    if (*rc::gen::weightedElement<bool>({{3, true}, {1, false}})) {
      write.value = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    }
    transaction.writes.push_back(std::move(write));
  }
  return transaction;
}

void compare(const Model& model, Keystore& store, const std::string& root) {
  const std::string prefix = *rc::gen::oneOf(rc::gen::just(root), any_key(root));
  std::vector<KeyValue> wanted;
  for (const auto& [key, item] : model.items()) {
    if (key.starts_with(prefix)) wanted.push_back(item);
  }
  const Snapshot seen = must(store.read(prefix));
  RC_ASSERT(seen.items.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    RC_ASSERT(seen.items[i].key == wanted[i].key);
    RC_ASSERT(seen.items[i].value == wanted[i].value);
    RC_ASSERT(seen.items[i].created == wanted[i].created);
    RC_ASSERT(seen.items[i].modified == wanted[i].modified);
  }
}

void compare_watch(const Model& model, Watch& watch) {
  std::vector<WatchEvent> seen;
  for (;;) {
    const WatchBatch batch = must(watch.next(std::chrono::milliseconds{0}));
    RC_ASSERT(!batch.reset);
    if (batch.events.empty()) break;
    seen.insert(seen.end(), batch.events.begin(), batch.events.end());
  }
  RC_ASSERT(seen.size() == model.log().size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    RC_ASSERT(seen[i].key == model.log()[i].key);
    RC_ASSERT(seen[i].value == model.log()[i].value);
    RC_ASSERT(seen[i].revision == model.log()[i].revision);
  }
}

// Several changes of one key come as the last of them: what is told, and what is there, agree.
void compare_folded_watch(const Model& model, Watch& watch) {
  std::map<std::string, WatchEvent> last;
  Revision before = 0;
  for (;;) {
    const WatchBatch batch = must(watch.next(std::chrono::milliseconds{0}));
    RC_ASSERT(!batch.reset);
    if (batch.events.empty()) break;
    for (const WatchEvent& event : batch.events) {
      RC_ASSERT(event.revision >= before);
      before = event.revision;
      last[event.key] = event;
    }
  }
  for (const auto& [key, item] : model.items()) {
    RC_ASSERT(last.contains(key));
    RC_ASSERT(last[key].value == item.value);
    RC_ASSERT(last[key].revision == item.modified);
  }
  for (const auto& [key, event] : last) {
    const bool agrees = model.items().contains(key) == event.value.has_value();
    RC_ASSERT(agrees);
  }
}

void run_case(const DriverCase& driver) {
  const auto under_test = driver.make();
  const auto store = under_test->connect();
  const std::string root = under_test->root();
  Model model;
  const auto watch = must(store->watch(root, must(store->read(root)).revision));
  const int steps = *rc::gen::inRange(1, 30);
  for (int step = 0; step < steps; ++step) {
    const Transaction transaction = any_transaction(model, root);
    const bool wanted =
        std::ranges::all_of(transaction.guards, [&](const Guard& guard) { return model.holds(guard); });
    const CommitResult result = must(store->commit(transaction));
    RC_ASSERT(result.committed == wanted);
    if (wanted) {
      for (const Write& write : transaction.writes) model.write(write, result.revision);
    }
    compare(model, *store, root);
  }
  under_test->folds_changes() ? compare_folded_watch(model, *watch) : compare_watch(model, *watch);
}

class ContractModel : public ::testing::TestWithParam<DriverCase> {};

TEST_P(ContractModel, AgreesOverRandomOperations) {
  const DriverCase& driver = GetParam();
  if (driver.make() == nullptr) GTEST_SKIP() << "no server; for consul run tools/fetch-consul build/servers";
  EXPECT_TRUE(rc::check("the store agrees with the model", [&driver] { run_case(driver); }));
}

INSTANTIATE_TEST_SUITE_P(Drivers, ContractModel, ::testing::ValuesIn(drivers()),
                         [](const auto& driver) { return driver.param.name; });

}  // namespace

}  // namespace ovl::test
