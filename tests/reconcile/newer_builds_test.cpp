// A cluster in which newer builds write records, too.
#include <gmock/gmock.h>

#include "reconcile/cluster/execute_records.hpp"
#include "reconcile/cluster/guards.hpp"
#include "reconcile/store/store_view.hpp"
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

using ::testing::HasSubstr;

constexpr const char* kTwoNetworks = R"([cluster]
name = "demo"
[host.a]
advertise = "192.0.2.1"
[network.web]
subnet = "10.0.9.0/24"
[network.db]
subnet = "10.0.10.0/24"
[endpoint.x]
network = "web"
host = "a"
[endpoint.y]
network = "db"
host = "a"
)";

class NewerBuilds : public OneHost {
 protected:
  Value value_at(const std::string& key) {
    const auto found = store_.connect()->get(key);
    EXPECT_TRUE(found.ok() && found.value()) << key;
    return Value::parse_json(found.value()->value).value();
  }

  // As a newer build writes it.
  void rewrite(const std::string& key, const std::string& format) {
    Value value = value_at(key);
    value.set("format", format);
    value.set("zone", Value("b\x1b[31m"));
    ASSERT_TRUE(publish(*store_.connect(), key, value).ok());
  }

  // And the head that it belongs to.
  void rewrite_head() {
    const auto keystore = store_.connect();
    const auto view = read_store(*keystore, layout_);
    ASSERT_TRUE(view.ok());
    Head head = *view.value().head;
    head.digest = digest_of(view.value().records);
    ASSERT_TRUE(publish(*keystore, layout_.head(), encode(head)).ok());
  }

  const StoreLayout layout_{Label::parse("demo").value()};
  const std::string web_ = layout_.root() + "networks/web";
  const std::string x_ = layout_.root() + "endpoints/web/x";
  const std::string a_ = layout_.root() + "hosts/a";
};

}  // namespace

TEST_F(NewerBuilds, WhatTheyPutBesideIsNoChangeAndStaysThroughOne) {
  ASSERT_TRUE(apply(kTwoNetworks).ok());
  for (const std::string& key : {web_, x_, a_}) rewrite(key, "1.4");
  rewrite_head();
  const auto nothing = plan(kTwoNetworks);
  ASSERT_TRUE(nothing.ok());
  EXPECT_TRUE(nothing.value().plan.empty());
  EXPECT_TRUE(nothing.value().plan.refused.empty());
  std::string labelled(kTwoNetworks);
  for (const char* block : {"[host.a]\n", "[network.web]\n", "[endpoint.x]\n"}) {
    labelled.insert(labelled.find(block) + std::string(block).size(), "labels = { zone = \"c\" }\n");
  }
  const auto applied = apply(labelled);
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  for (const std::string& key : {web_, x_, a_}) {
    const Value after = value_at(key);
    EXPECT_NE(after.find("labels"), nullptr) << key;
    ASSERT_NE(after.find("zone"), nullptr) << key;
    EXPECT_EQ(*after.find("format")->as_string(), "1.4") << key;
  }
}

TEST_F(NewerBuilds, AnotherMajorFormatFreezesItsNetworkAlone) {
  ASSERT_TRUE(apply(kTwoNetworks).ok());
  rewrite(web_, "2.0");
  const auto planned = plan_of_host();
  ASSERT_TRUE(planned.ok()) << planned.error().message;
  ASSERT_FALSE(planned.value().plan.warnings.empty());
  EXPECT_THAT(planned.value().plan.warnings.front().message, HasSubstr("update ovl here"));
  space("ovl-db").neighbours.clear();
  space("ovl-db").links.clear();
  const auto repaired = run(request(Scope::host, nullptr));
  ASSERT_TRUE(repaired.ok()) << repaired.error().message;
  EXPECT_FALSE(space("ovl-db").links.empty()) << "the other network is repaired";
  EXPECT_TRUE(exists("ovl-web")) << "nothing is taken away";
}

TEST_F(NewerBuilds, WhatHasAnotherMajorFormatIsNeitherOverwrittenNorRemoved) {
  ASSERT_TRUE(apply(kTwoNetworks).ok());
  rewrite(web_, "2.0");
  const Value before = value_at(web_);
  const auto applied = apply(kTwoNetworks);
  ASSERT_FALSE(applied.ok());
  EXPECT_EQ(applied.error().code, Errc::guard);
  EXPECT_THAT(applied.error().message, HasSubstr("networks/web: a newer ovl wrote it"));
  const auto destroyed = destroy(Scope::all);
  ASSERT_FALSE(destroyed.ok());
  EXPECT_EQ(destroyed.error().code, Errc::guard);
  EXPECT_EQ(value_at(web_), before);
  EXPECT_TRUE(exists("ovl-web"));
  // Where no build is newer, and somebody else wrote it.
  ASSERT_TRUE(store_.connect()->commit({.guards = {}, .writes = {{.key = web_}}}).ok());
  const auto again = apply(kTwoNetworks);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(value_at(web_).find("format"), nullptr);
}

TEST_F(NewerBuilds, AHeadOfAnotherMajorFormatIsWrittenByNobodyHere) {
  ASSERT_TRUE(apply(kTwoNetworks).ok());
  rewrite(layout_.head(), "2.0");
  std::string fewer(kTwoNetworks);
  fewer.resize(fewer.find("[endpoint.y]"));
  const Value before = value_at(layout_.head());
  const auto applied = apply(fewer);
  ASSERT_FALSE(applied.ok());
  EXPECT_EQ(applied.error().code, Errc::unsupported);
  EXPECT_EQ(value_at(layout_.head()), before);
  const HostObjects had = kernel_.objects();
  const auto followed = run(request(Scope::host, nullptr));
  ASSERT_FALSE(followed.ok());
  EXPECT_EQ(followed.error().code, Errc::unsupported);
  EXPECT_EQ(kernel_.objects(), had);
}

}  // namespace ovl
