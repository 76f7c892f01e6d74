#include <gtest/gtest.h>

#include "drivers/keystore/sqlite/key_list.hpp"

namespace ovl {

namespace {

using Keys = std::vector<std::string>;

std::string text_of(const Keys& keys) {
  KeyList list;
  for (const std::string& key : keys) list.add(key);
  EXPECT_EQ(list.count(), static_cast<std::int64_t>(keys.size()));
  return list.text();
}

TEST(SqliteKeyList, OfEachKeyOnlyWhatDiffersIsStored) {
  EXPECT_EQ(text_of({"a/bcd", "a/bce"}), "0+5:a/bcd4+1:e");
}

TEST(SqliteKeyList, KeysComeBackAsTheyWere) {
  const Keys keys{"a", "a/b", "a/b+1:c", std::string("\0x", 2), "9+9:", "\xff", "a"};
  EXPECT_EQ(KeyList::keys_of(text_of(keys)).value(), keys);
  EXPECT_TRUE(KeyList::keys_of("").value().empty());
}

TEST(SqliteKeyList, WhatIsNoListIsRefused) {
  for (const std::string_view text : {"x", "0", "0+", "0+1", "0+1:", "0+2:a", "1+1:a", "-1+1:a", "0+1:ab"}) {
    const auto keys = KeyList::keys_of(text);
    ASSERT_FALSE(keys.ok()) << text;
    EXPECT_EQ(keys.error().code, Errc::corrupt);
  }
}

}  // namespace

}  // namespace ovl
