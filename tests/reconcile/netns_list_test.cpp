// Whose namespaces a store or a push may pull in: those that the host lists, and those it had before.
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "demo"
[keystore]
url = "sqlite:///keystore.db"
[host.a]
advertise = "192.0.2.1"
[network.net]
subnet = "10.0.0.0/24"
[endpoint.web]
network = "net"
host = "a"
[endpoint.guest]
network = "net"
host = "a"
netns = "app-1"
)";

class NetnsListTest : public OneHost {
 protected:
  void SetUp() override {
    OneHost::SetUp();
    own_words_ = false;
    space("app-1").netns = Netns{.name = netns("app-1")};
  }

  // What the apply left as it is; empty: nothing.
  std::string left() {
    const auto done = apply(kManifest);
    if (!done.ok()) return "failed: " + done.error().message;
    if (done.value().left.empty()) return {};
    const Finding& first = done.value().left.front();
    EXPECT_EQ(first.code, Errc::guard);
    return first.part + ": " + first.hint;
  }
};

TEST_F(NetnsListTest, AStrangersNamespaceIsNotTaken) {
  EXPECT_EQ(left(), "endpoint guest: if it is meant, let /etc/ovl/netns.toml say: netns = [\"app-1\"]");
  EXPECT_TRUE(space("app-1").links.empty());
  EXPECT_FALSE(space("web").links.empty()) << "what ovl makes needs no list";
  EXPECT_NE(left(), "") << "having been refused is no consent";
}

TEST_F(NetnsListTest, OneOnTheListIs) {
  list_.patterns = {"db", "app-*"};
  EXPECT_EQ(left(), "");
  EXPECT_FALSE(space("app-1").links.empty());
}

TEST_F(NetnsListTest, TheLineKeepsWhatTheListHas) {
  list_.patterns = {"db"};
  EXPECT_NE(left().find("netns = [\"db\", \"app-1\"]"), std::string::npos) << left();
}

TEST_F(NetnsListTest, WhatThisHostHasStays) {
  own_words_ = true;
  EXPECT_EQ(left(), "");
  own_words_ = false;
  space("app-1").addresses.clear();
  EXPECT_EQ(left(), "") << "root took it by a manifest of its own";
  EXPECT_FALSE(space("app-1").addresses.empty());
}

TEST_F(NetnsListTest, WhatRootGaveStaysGivenWhileSomethingElseIsInTheWay) {
  own_words_ = true;
  space("app-1").links.push_back(Link{.name = IfName::from_kernel("eth0"), .type = LinkType::other});
  ASSERT_EQ(apply(kManifest).value().left.front().code, Errc::conflict);
  own_words_ = false;
  space("app-1").links.clear();
  EXPECT_EQ(left(), "");
}

TEST_F(NetnsListTest, AMarkInItIsNoConsent) {
  space("app-1").netns->owner = "ovl:demo/endpoint/guest";
  EXPECT_NE(left(), "");
}

TEST_F(NetnsListTest, AListedNameIsNotOvlsByItsMark) {
  own_words_ = true;
  space("web").netns = Netns{.name = netns("web")};
  list_.patterns = {"web"};
  EXPECT_EQ(left(), "");
  space("web").netns->owner = "ovl:demo/endpoint/web";
  lose_state();
  ASSERT_TRUE(apply("[cluster]\nname = \"demo\"\n[keystore]\nurl = \"sqlite:///keystore.db\"\n[host.a]\n"
                    "advertise = \"192.0.2.1\"\n")
                  .ok());
  EXPECT_TRUE(exists("web"));
}

TEST(NetnsListFile, SaysNamesAndNothingElse) {
  const auto parsed = [](const std::string& text) {
    return parse_netns_list({.name = "n.toml", .text = text});
  };
  const auto name = [](const char* text) { return NetnsName::parse(text).value(); };
  const auto list = parsed("netns = [\"web\", \"a*-*z\"]\n");
  ASSERT_TRUE(list.ok()) << list.error().message;
  for (const char* text : {"web", "a-z", "app-1z", "a--z-z"})
    EXPECT_TRUE(list.value().allows(name(text))) << text;
  for (const char* text : {"webb", "we", "a-", "az", "b-z"})
    EXPECT_FALSE(list.value().allows(name(text))) << text;
  EXPECT_TRUE(parsed("").value().patterns.empty());
  EXPECT_EQ(parsed("netns = \"web\"\n").error().code, Errc::manifest);
  EXPECT_EQ(parsed("netns = [1]\n").error().code, Errc::manifest);
  EXPECT_EQ(parsed("nets = [\"web\"]\n").error().code, Errc::manifest);
  EXPECT_EQ(parsed("netns = [\n").error().code, Errc::manifest);
}

}  // namespace

}  // namespace ovl
