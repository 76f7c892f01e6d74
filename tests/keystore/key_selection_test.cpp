// Every key below a prefix is in one range, known or not, as the selection says.
#include "drivers/keystore/key_selection.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace ovl {

namespace {

bool is_in(const std::vector<KeyRange>& ranges, const std::string& key) {
  return std::ranges::any_of(
      ranges, [&](const KeyRange& range) { return key >= range.first && (!range.end || key < *range.end); });
}

TEST(KeySelection, RangesAreWhatItKnows) {
  const KeySelection some{.prefix = "t/", .parts = {"claims/", "head", "hosts/"}};
  for (const char* key : {"t/claims/a", "t/claims/a/b", "t/head", "t/hosts/\xff", "t/hosts/"}) {
    EXPECT_TRUE(some.knows(key)) << key;
  }
  for (const char* key : {"t/", "t/a", "t/claims", "t/claims0", "t/hea", "t/head/a", "t/heads", "t/hosts",
                          "t/hosts0", "t/z", "t/\xff", "u", "s"}) {
    EXPECT_FALSE(some.knows(key)) << key;
  }
  for (const std::string key : {"t/", "t/a", "t/claims", "t/claims/", "t/claims/x", "t/claims0", "t/head",
                                "t/head/", "t/hosts/\xff\xff", "t/hosts0", "t/z", "t/\xff"}) {
    EXPECT_EQ(is_in(known_ranges(some), key), some.knows(key)) << key;
    EXPECT_EQ(is_in(other_ranges(some), key), !some.knows(key)) << key;
  }
  for (const std::string key : {"s", "t", "u", "t0"}) {
    EXPECT_FALSE(is_in(known_ranges(some), key) || is_in(other_ranges(some), key)) << key;
  }
}

TEST(KeySelection, WithoutPartsItKnowsAllBelowThePrefix) {
  const KeySelection all{.prefix = "\xff"};
  EXPECT_TRUE(all.knows("\xff\xff"));
  EXPECT_EQ(known_ranges(all), (std::vector<KeyRange>{{.first = "\xff", .end = std::nullopt}}));
  EXPECT_TRUE(other_ranges(all).empty());
}

TEST(KeySelection, OneKeyIsKnownAlone) {
  const KeySelection one = KeySelection::only("t/lock");
  EXPECT_TRUE(one.knows("t/lock"));
  EXPECT_FALSE(one.knows("t/lock/a") || one.knows("t/locks") || one.knows("t/loc"));
}

TEST(KeySelection, FoldersLeadToWhatIsKnown) {
  const KeySelection some{.prefix = "t/", .parts = {"a/b/", "head"}};
  EXPECT_TRUE(some.leads_to("t/a") && some.leads_to("t/a/b") && some.leads_to("t/a/b/c") &&
              some.leads_to("t/head"));
  EXPECT_FALSE(some.leads_to("t/b") || some.leads_to("t/a/c") || some.leads_to("t/ab"));
}

}  // namespace

}  // namespace ovl
