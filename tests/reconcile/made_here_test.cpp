// Which namespaces ovl removes: those that it made, whatever is written in them.
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

constexpr const char* kBase = R"(
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
)";
constexpr const char* kGuest = "[endpoint.guest]\nnetwork = \"net\"\nhost = \"a\"\nnetns = \"theirs\"\n";

class MadeHere : public OneHost {
 protected:
  void applied(const std::string& text) {
    const auto done = apply(text);
    ASSERT_TRUE(done.ok()) << done.error().message;
    const auto again = plan(text);
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_TRUE(again.value().plan.object_changes.empty());
  }

  // Somebody else makes a namespace.
  void found(const std::string& name) { space(name).netns = Netns{.name = netns(name)}; }

  // Whoever is root in it writes on its lo.
  void write_mark(const std::string& name, const std::string& mark) { space(name).netns->owner = mark; }

  static std::string with_guest() { return std::string(kBase) + kGuest; }
};

TEST_F(MadeHere, AMarkDoesNotMakeANamespaceThatExistedOurs) {
  found("theirs");
  applied(with_guest());
  write_mark("theirs", "ovl:demo/endpoint/guest");
  applied(with_guest());
  applied(kBase);
  EXPECT_TRUE(exists("theirs"));
  EXPECT_TRUE(space("theirs").links.empty()) << "what ovl put there is gone";
}

TEST_F(MadeHere, ANamespaceThatExistedGetsItsLoUpAndStaysSomebodyElses) {
  found("theirs");
  space("theirs").netns->lo_up = false;
  applied(with_guest());
  EXPECT_TRUE(space("theirs").netns->lo_up);
  EXPECT_EQ(space("theirs").netns->owner, "");
  space("theirs").netns->lo_up = false;
  applied(with_guest());
  EXPECT_TRUE(space("theirs").netns->lo_up) << "drift like any other";
  applied(kBase);
  EXPECT_TRUE(exists("theirs"));
}

TEST_F(MadeHere, WhatOvlMadeGoesWithItsEndpoint) {
  applied(with_guest());
  ASSERT_TRUE(exists("theirs"));
  applied(kBase);
  EXPECT_FALSE(exists("theirs"));
}

TEST_F(MadeHere, AnotherOfTheSameNameIsNotWhatOvlMade) {
  applied(with_guest());
  space("theirs") = NamespaceObjects{.name = netns("theirs")};
  found("theirs");
  applied(with_guest());
  write_mark("theirs", "ovl:demo/endpoint/guest");
  applied(kBase);
  EXPECT_TRUE(exists("theirs"));
}

TEST_F(MadeHere, WithoutMemoryAChosenNameIsSomebodyElses) {
  found("theirs");
  applied(with_guest());
  write_mark("theirs", "ovl:demo/endpoint/guest");
  lose_state();
  applied(kBase);
  EXPECT_TRUE(exists("theirs"));
}

TEST_F(MadeHere, WithoutMemoryOvlsOwnNamesGo) {
  applied(with_guest());
  lose_state();
  applied(
      "[cluster]\nname = \"demo\"\n[keystore]\nurl = \"sqlite:///keystore.db\"\n[host.a]\nadvertise = "
      "\"192.0.2.1\"\n");
  EXPECT_FALSE(exists("web"));
  EXPECT_FALSE(exists("ovl-net"));
}

// Whoever is root in it keeps nothing by what it writes.
TEST_F(MadeHere, WhatOvlMadeGoesWhateverIsWrittenInIt) {
  for (const char* mark : {"", "foreign", "ovl:other/endpoint/guest", "ovl:demo/endpoint/web"}) {
    applied(with_guest());
    write_mark("theirs", mark);
    applied(kBase);
    EXPECT_FALSE(exists("theirs")) << mark;
  }
  applied(with_guest());
  write_mark("theirs", "foreign");
  applied(with_guest());
  EXPECT_EQ(space("theirs").netns->owner, "ovl:demo/endpoint/guest") << "a changed mark is drift";
}

// Its birth says which one it is: not its name, and not what is written in it.
TEST_F(MadeHere, AnotherInItsPlaceWithItsMarkStays) {
  applied(with_guest());
  const std::string mark = space("theirs").netns->owner;
  space("theirs") = NamespaceObjects{.name = netns("theirs")};
  found("theirs");
  space("theirs").netns->born = "boot another";
  write_mark("theirs", mark);
  applied(kBase);
  EXPECT_TRUE(exists("theirs"));
}

// Made anew by ovl, after the machine's boot.
TEST_F(MadeHere, WhatOvlMadeAgainIsOvls) {
  applied(with_guest());
  space("theirs") = NamespaceObjects{.name = netns("theirs")};
  applied(with_guest());
  write_mark("theirs", "foreign");
  applied(kBase);
  EXPECT_FALSE(exists("theirs"));
}

// Before it was kept who made a namespace, the mark said so.
TEST_F(MadeHere, AStateOfAnEarlierOvlStaysGood) {
  applied(with_guest());
  std::vector<OwnedKey> rows;
  for (const OwnedObject& item : state_->owned().value()) rows.push_back(item.id);
  ASSERT_FALSE(rows.empty());
  ASSERT_TRUE(state_->record({}, rows).ok());
  applied(kBase);
  EXPECT_FALSE(exists("theirs"));
}

// A making that was cut short leaves a name with nothing behind it.
TEST_F(MadeHere, ANameThatWasNeverFinishedGoes) {
  kernel_.fail({.nth = 0, .kind = KernelFault::Kind::crash});
  ASSERT_FALSE(apply(with_guest()).ok());
  kernel_.restart();
  for (const char* name : {"theirs", "ovl-net", "nobodys"}) {
    space(name) =
        NamespaceObjects{.name = netns(name), .netns = Netns{.name = netns(name), .unfinished = true}};
  }
  applied(
      "[cluster]\nname = \"demo\"\n[keystore]\nurl = \"sqlite:///keystore.db\"\n[host.a]\nadvertise = "
      "\"192.0.2.1\"\n");
  EXPECT_FALSE(exists("theirs"));
  EXPECT_FALSE(exists("ovl-net"));
  EXPECT_TRUE(exists("nobodys"));
}

TEST_F(MadeHere, ANameThatWasNeverFinishedIsFinished) {
  space("ovl-net").netns = Netns{.name = netns("ovl-net"), .unfinished = true};
  applied(kBase);
  EXPECT_FALSE(space("ovl-net").netns->unfinished);
}

}  // namespace

}  // namespace ovl
