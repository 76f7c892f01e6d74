// Consul's answer, taken apart as it comes: in whatever parts that is, and whatever is in it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "drivers/keystore/consul/kv_json.hpp"

namespace ovl {

namespace {

// What is taken of an answer that comes in parts of so many bytes, or the error.
std::string taken(const std::string& answer, std::size_t part, std::size_t most = 100) {
  std::string out;
  EntryStream stream(most, [&](const KvEntry& entry) -> Status {
    out += fmt::format("{}={}/{}{} ", entry.item.key.substr(0, 20), entry.item.value, entry.item.left_out,
                       entry.cut ? " cut" : "");
    return {};
  });
  for (std::size_t at = 0; at < answer.size(); at += part) {
    const Status fed = stream.feed(std::string_view(answer).substr(at, part));
    if (!fed.ok()) return "broken";
  }
  return stream.finish().ok() ? out : "broken";
}

std::string entry(const std::string& key, const std::string& value) {
  return fmt::format(R"({{"LockIndex":0,"Key":"{}","Flags":9,"Value":"{}","CreateIndex":7,"ModifyIndex":8}})",
                     key, to_base64(value));
}

TEST(ConsulStream, PartsOfAnyLengthMakeTheSameEntries) {
  const std::string answer = "[ " + entry("a\\u0026\\\"b\\\\", "one") + " ,\n" + entry("c", "") + "," +
                             R"({"Key":"d","Value":null,"Session":"x}]\"y"})" + "]\n";
  for (const std::size_t part : {1U, 2U, 3U, 7U, 64U, 10'000U}) {
    EXPECT_EQ(taken(answer, part), "a&\"b\\=one/0 c=/0 d=/0 ") << part;
  }
  EXPECT_EQ(taken("[]", 1), "");
}

TEST(ConsulStream, OfALongValueOnlyTheLengthIsKept) {
  for (const std::size_t size : {101U, 102U, 103U, 104U, 500U, 70'000U}) {
    const std::string answer = "[" + entry("a", std::string(size, 'x')) + "," + entry("b", "1") + "]";
    for (const std::size_t part : {1U, 100U, 16'384U}) {
      // A byte or two more are the same length in base64: the tally drops those.
      const std::string expected = size <= 102 ? fmt::format("a={}/0 b=1/0 ", std::string(size, 'x'))
                                               : fmt::format("a=/{} b=1/0 ", size);
      EXPECT_EQ(taken(answer, part), expected) << size << " in parts of " << part;
    }
  }
}

TEST(ConsulStream, ALongKeyIsCut) {
  for (const std::string escape : {"", "\\u0026"}) {
    const std::string answer =
        "[" + entry("key" + escape + std::string(100'000, 'k'), "1") + "," + entry("b", "1") + "]";
    const std::string out = taken(answer, 1000);
    EXPECT_TRUE(out.starts_with("key") && out.ends_with(" cut b=1/0 ")) << out;
  }
}

TEST(ConsulStream, WhatIsNoListOfKeysIsRefused) {
  for (const std::string answer : {"", "[", "null", "[{]", "[]x", "[{},]", "[,]", "{}", "[{\"Key\":\"a\"",
                                   "[{\"Key\":}]", "[{\"Key\":[]}]", "[{\"Value\":\"%%%%\"}]"}) {
    EXPECT_EQ(taken(answer, 1), "broken") << answer;
    EXPECT_EQ(taken(answer, 1000), "broken") << answer;
  }
}

}  // namespace

}  // namespace ovl
