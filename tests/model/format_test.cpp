// Records of builds that are newer than this one.
#include <gtest/gtest.h>

#include "model/records/records.hpp"

namespace ovl {

namespace {

constexpr std::string_view kNetwork =
    R"({"gateways":["10.0.9.1"],"id":"i","internal":false,"name":"web","port":4789,"protect":false,"subnets":["10.0.9.0/24"],"vni":7)";

Result<NetworkRecord> read(const std::string& more) {
  OVL_TRY(const Value value, Value::parse_json(std::string(kNetwork) + more + "}"));
  return decode<NetworkRecord>(value);
}

std::string why(const std::string& more) {
  const auto record = read(more);
  return record.ok() ? "read" : record.error().message;
}

}  // namespace

TEST(Format, IsTwoNumbers) {
  for (const char* text : {"1.0", "1.7", "12.345", "999999.999999"}) {
    const auto format = RecordFormat::parse(text);
    ASSERT_TRUE(format.ok()) << text;
    EXPECT_EQ(format.value().text(), text);
  }
  for (const char* text :
       {"", "1", ".", "1.", ".1", "01.0", "1.00", "+1.0", "1.0.0", "1.x", "0.1", "1000000.0", " 1.0"}) {
    EXPECT_FALSE(RecordFormat::parse(text).ok()) << text;
  }
}

TEST(Format, WhatANewerMinorOneHasIsKept) {
  const std::string more = R"(,"flavour":{"a":[1,"x"]},"format":"1.3","zone":"b")";
  const auto record = read(more);
  ASSERT_TRUE(record.ok()) << record.error().message;
  EXPECT_EQ(record.value().vni.number(), 7U);
  EXPECT_EQ(record.value().newer.members.size(), 2U);
  const Value again = encode(record.value());
  EXPECT_EQ(again, Value::parse_json(std::string(kNetwork) + more + "}").value());
}

TEST(Format, ANewerMinorOneMayHaveNothingElse) {
  const auto record = read(R"(,"format":"1.3")");
  ASSERT_TRUE(record.ok()) << record.error().message;
  EXPECT_EQ(*encode(record.value()).find("format")->as_string(), "1.3");
}

TEST(Format, ThisOneIsNotWrittenAndMayBeSaid) {
  EXPECT_EQ(encode(read("").value()).find("format"), nullptr) << "builds before formats take no such member";
  EXPECT_EQ(read(R"(,"format":"1.0")").value(), read("").value());
}

TEST(Format, OfThisOneNothingIsUnknown) {
  EXPECT_EQ(why(R"(,"zone":"b")"), "unknown member \"zone\"");
  EXPECT_EQ(why(R"(,"format":"1.0","zone":"b")"), "unknown member \"zone\"");
  EXPECT_EQ(why(R"(,"format":"1.3","twin":{"role":"coming","vni":8,"port":4789,"since":1,"zone":"b"})"),
            "twin: unknown member \"zone\"")
      << "a member's own members belong to its meaning";
}

// They are shown as they are, on terminals too.
TEST(Format, AMembersNameIsAWord) {
  for (const std::string& name : {std::string("zone"), std::string("zone_2"), std::string(64, 'z')}) {
    EXPECT_EQ(why(",\"format\":\"1.3\",\"" + name + "\":1"), "read") << name;
  }
  for (const std::string& name :
       {std::string(), std::string("Zone"), std::string("a b"), std::string("zo\\u001b[31m"),
        std::string("2nd"), std::string("_z"), std::string("z\xc3\xb6"), std::string(65, 'z')}) {
    EXPECT_TRUE(why(",\"format\":\"1.3\",\"" + name + "\":1").starts_with("unknown member")) << name;
  }
}

TEST(Format, AnotherMajorOneIsNotRead) {
  const std::string words = "it has format 2.0, and this build of ovl reads format 1: update ovl here";
  EXPECT_EQ(why(R"(,"format":"2.0")"), words);
  EXPECT_EQ(why(R"(,"format":"2.0","twin":"another thing")"), words) << "whatever else it says";
  EXPECT_EQ(why(R"(,"format":2)"), "\"2\" is no format, as 1.0 is one");
  EXPECT_EQ(why(R"(,"format":"two")"), "\"two\" is no format, as 1.0 is one");
}

TEST(Format, WhatAHostSaysOfItselfIsReadAlike) {
  const std::string facts = R"({"host":"a","machine":"m","underlay_mtu":1500,"kernel":"k","version":"v")";
  const auto read_facts = [&](const std::string& more) {
    return decode<HostFacts>(Value::parse_json(facts + more + "}").value());
  };
  EXPECT_TRUE(read_facts(R"(,"zone":"b")").ok());
  EXPECT_TRUE(read_facts(R"(,"format":"1.9","zone":"b")").ok());
  EXPECT_FALSE(read_facts(R"(,"format":"2.0")").ok());
}

}  // namespace ovl
