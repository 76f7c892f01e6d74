// What a Value is written as: JSON for every reader, whatever bytes the kernel or a tenant gave.
#include <gtest/gtest.h>

#include "model/base/value.hpp"

namespace ovl {

namespace {

TEST(ValueText, IsUtf8WhateverItsStringsAre) {
  const std::string text =
      "a\xff\xc3(\xe2\x82\x1b[2J \xed\xa0\x80 \xc3\xbc \xf0\x9f\x98\x80 \xc0\xaf\xf0\x9f";
  const std::string r = "\xef\xbf\xbd";
  Value value = Value::object();
  value.set("k\xfe", text);
  const auto read = Value::parse_json(value.json());
  ASSERT_TRUE(read.ok()) << read.error().message;
  const Value* back = read.value().find("k" + r);
  ASSERT_NE(back, nullptr);
  const std::string expected =
      "a" + r + r + "(" + r + r + "\x1b[2J " + r + r + r + " \xc3\xbc \xf0\x9f\x98\x80 " + r + r + r + r;
  EXPECT_EQ(*back->as_string(), expected);
  EXPECT_EQ(read.value().json(), value.json()) << "what was replaced once stays";
}

}  // namespace

}  // namespace ovl
