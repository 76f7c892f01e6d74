// The promises of drivers/keystore/keystore.hpp, one test each, on every driver: what a read leaves out.
#include <algorithm>

#include "tests/keystore/contract_fixture.hpp"

namespace ovl::test {

namespace {

std::string names_of(const Snapshot& snapshot, const std::string& root) {
  std::string out;
  for (const KeyValue& item : snapshot.items) out += item.key.substr(root.size()) + " ";
  return out;
}

}  // namespace

TEST_P(Contract, AValueThatIsTooLongIsLeftOut) {
  commit({}, {put(key("a"), std::string(100, 'x'))});
  const Revision long_one = commit({}, {put(key("b"), std::string(101, 'x')), put(key("c"), "")}).revision;
  commit({}, {put(key("d"), std::string(5000, 'x'))});
  const Snapshot all = must(store_->read(KeySelection{.prefix = key(""), .limits = {.value_bytes = 100}}));
  ASSERT_EQ(names_of(all, key("")), "a b c d ");
  EXPECT_EQ(all.items[0].value.size(), 100U);
  EXPECT_EQ(all.items[0].left_out, 0U);
  EXPECT_EQ(all.items[1].value, "");
  EXPECT_EQ(all.items[1].left_out, 101U);
  EXPECT_EQ(all.items[1].created, long_one) << "whoever replaces it needs its revision";
  EXPECT_EQ(all.items[1].modified, long_one);
  EXPECT_EQ(all.items[2].left_out, 0U) << "an empty value is there";
  EXPECT_EQ(all.items[3].left_out, 5000U);
}

TEST_P(Contract, GetTakesWhatARecordMayHave) {
  const std::string most(kMostValueBytes, 'x');
  commit({}, {put(key("most"), most)});
  commit({}, {put(key("more"), most + "x")});
  EXPECT_EQ(get("most").value, most);
  EXPECT_EQ(get("more").value, "");
  EXPECT_EQ(get("more").left_out, kMostValueBytes + 1);
  const Snapshot all = must(store_->read(key("")));
  EXPECT_EQ(all.items[0].left_out, kMostValueBytes + 1);
  EXPECT_EQ(all.items[1].value, most);
}

TEST_P(Contract, WhatIsLeftOutCanBeReplaced) {
  const Revision seen = commit({}, {put(key("a"), std::string(kMostValueBytes + 1, 'x'))}).revision;
  EXPECT_TRUE(commit({{Guard::Kind::unmodified, key("a"), seen}}, {put(key("a"), "short")}).committed);
  EXPECT_EQ(get("a").value, "short");
}

TEST_P(Contract, KeysThatNobodyKnowsAreCounted) {
  std::vector<Write> writes;
  for (const char* name : {"a", "head", "heads", "hosts/a", "hosts/b", "hostsx", "hea", "z"}) {
    writes.push_back(put(key(name), name));
  }
  commit({}, std::move(writes));
  const Snapshot some = must(store_->read(KeySelection{.prefix = key(""), .parts = {"head", "hosts/"}}));
  EXPECT_EQ(names_of(some, key("")), "head hosts/a hosts/b ");
  EXPECT_EQ(some.unknown.count, 5U);
  ASSERT_EQ(some.unknown.some.size(), 3U);
  for (const std::string& name : some.unknown.some) EXPECT_TRUE(name.starts_with(key(""))) << name;
  EXPECT_EQ(must(store_->read(key(""))).unknown.count, 0U);
}

TEST_P(Contract, WhatIsBelowAnUnknownNameIsUnknown) {
  commit({}, {put(key("head"), "1"), put(key("junk/a"), "1"), put(key("junk/b/c"), "1")});
  const Snapshot some = must(store_->read(KeySelection{.prefix = key(""), .parts = {"head", "hosts/"}}));
  EXPECT_EQ(names_of(some, key("")), "head ");
  EXPECT_GE(some.unknown.count, 1U);
  EXPECT_LE(some.unknown.count, 2U);
}

TEST_P(Contract, OneKeyIsReadAlone) {
  const Revision last = commit({}, {put(key("head"), "1"), put(key("headless"), "2")}).revision;
  const Snapshot one = must(store_->read(KeySelection::only(key("head"))));
  EXPECT_EQ(names_of(one, key("")), "head ");
  EXPECT_GE(one.revision, last);
}

TEST_P(Contract, AKeyThatIsTooLongIsNobodys) {
  commit({}, {put(key("short"), "1"), put(key(std::string(200, 'k')), "1")});
  const ReadLimits limits{.key_bytes = key("").size() + 100};
  const Snapshot some = must(store_->read(KeySelection{.prefix = key(""), .limits = limits}));
  EXPECT_EQ(names_of(some, key("")), "short ");
  EXPECT_EQ(some.unknown.count, 1U);
}

TEST_P(Contract, MoreThanATreeMayHaveEndsTheRead) {
  commit({}, {put(key("hosts/a"), "1234567890"), put(key("hosts/b"), "1234567890"), put(key("junk"), "1")});
  const auto read = [&](ReadLimits limits) {
    return store_->read(KeySelection{.prefix = key(""), .parts = {"hosts/"}, .limits = limits});
  };
  EXPECT_TRUE(read({.keys = 2}).ok());
  const auto keys = read({.keys = 1});
  ASSERT_FALSE(keys.ok());
  EXPECT_EQ(keys.error().code, Errc::corrupt);
  EXPECT_NE(keys.error().message.find("2 keys or more, ovl takes 1"), std::string::npos)
      << keys.error().message;
  EXPECT_FALSE(keys.error().hint.empty());
  const std::size_t bytes = 2 * (key("hosts/a").size() + 10);
  EXPECT_TRUE(read({.bytes = bytes}).ok());
  const auto more = read({.bytes = bytes - 1});
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code, Errc::corrupt);
}

TEST_P(Contract, AWatchTellsOfWhatIsKnownOnly) {
  const KeySelection what{.prefix = key(""), .parts = {"head", "hosts/"}, .limits = {.value_bytes = 100}};
  const Snapshot before = must(store_->read(what));
  const auto watch = must(store_->watch(what, before.revision));
  commit({}, {put(key("junk"), std::string(5000, 'x'))});
  commit({}, {put(key("hosts/a"), std::string(5000, 'x'))});
  commit({}, {put(key("head"), "1")});
  const auto events = collect(*watch, key("head"));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].key, key("hosts/a"));
  EXPECT_EQ(events[0].value, "") << "it is there, and was not loaded";
  EXPECT_EQ(events[0].left_out, 5000U);
  EXPECT_EQ(events[1].value, "1");
  EXPECT_EQ(events[1].left_out, 0U);
}

// As SnapshotIsOfOneMoment: what is read in parts, as keys that come and go part it, is of one revision too.
TEST_P(Contract, PartsAreOfOneMoment) {
  constexpr int kLast = 300;
  under_test_->in_parallel(2, [this](int who) {
    const auto client = under_test_->connect();
    for (int i = 0; who == 0 && i <= kLast; ++i) {
      const std::string value = std::to_string(i);
      must(client->commit(
          {{}, {put(key("x/first"), value), put(key("y"), value), put(key("z/last"), value)}}));
      must(client->commit({{}, {i % 2 == 0 ? put(key("xx"), value) : erase(key("xx"))}}));
    }
    const KeySelection what{.prefix = key(""), .parts = {"x/", "y", "z/"}};
    for (bool over = who == 0; !over;) {
      const Snapshot snapshot = must(client->read(what));
      if (snapshot.items.empty()) continue;
      ASSERT_EQ(snapshot.items.size(), 3U);
      ASSERT_LE(snapshot.unknown.count, 1U);
      for (const KeyValue& item : snapshot.items) {
        ASSERT_EQ(item.value, snapshot.items[0].value);
        ASSERT_LE(item.modified, snapshot.revision);
      }
      over = snapshot.items[0].value == std::to_string(kLast);
    }
  });
}

}  // namespace ovl::test
