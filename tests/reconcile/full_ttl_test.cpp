// Tunnels send with the highest TTL, say so once it is true, and are held to it by who is on their link.
#include "reconcile/objects/full_ttl.hpp"

#include <algorithm>

#include "model/records/abilities.hpp"
#include "reconcile/objects/filters.hpp"
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "demo"
[keystore]
url = "sqlite:///keystore.db"
[network.net]
subnet = "10.0.0.0/24"
internal = true
[endpoint.web]
network = "net"
host = "a"
[endpoint.far]
network = "net"
host = "b"
[host.b]
advertise = "192.0.2.2"
[host.a]
advertise = "192.0.2.1"
)";

class FullTtl : public OneHost {
 protected:
  Link& tunnel() { return *std::ranges::find(space("ovl-net").links, LinkType::vxlan, &Link::type); }

  // As host b's build would write them.
  void say_as_b(const std::string& version) {
    HostFacts facts{.host = HostName::parse("b").value(), .machine = "machine-b", .version = version};
    facts.vtep = IpAddress::parse("192.0.2.2").value();
    const std::string key = StoreLayout(Label::parse("demo").value()).facts(facts.host);
    const auto keystore = store_.connect();
    ASSERT_TRUE(keystore->commit({.writes = {{.key = key, .value = encode(facts).json()}}}).ok());
  }

  // What the store has of this host.
  [[nodiscard]] std::string said() {
    const auto keystore = store_.connect();
    auto view = read_store(*keystore, StoreLayout(Label::parse("demo").value()));
    const HostFacts* facts = view.ok() ? view.value().facts.host(HostName::parse("a").value()) : nullptr;
    return facts == nullptr ? "nothing" : facts->version;
  }

  // How many VTEPs this host holds to it; -1: it looks at nobody's TTL.
  [[nodiscard]] int held() {
    for (const NftTable& table : space("").nft_tables) {
      const auto set = std::ranges::find(table.sets, kFullTtlSets.front(), &NftSet::name);
      if (set != table.sets.end()) return static_cast<int>(set->elements.size());
    }
    return -1;
  }

  // As the agent does.
  void expect_followed() {
    const auto applied = apply(Scope::host, nullptr);
    ASSERT_TRUE(applied.ok()) << applied.error().message;
    EXPECT_TRUE(applied.value().planned.plan.empty());
  }

  void expect_applied(const std::string& text) {
    const auto applied = apply(text);
    ASSERT_TRUE(applied.ok()) << applied.error().message;
    const auto planned = plan(text);
    ASSERT_TRUE(planned.ok()) << planned.error().message;
    EXPECT_TRUE(planned.value().plan.empty());
  }
};

}  // namespace

TEST_F(FullTtl, ANewHostSaysItAtOnce) {
  expect_applied(kManifest);
  EXPECT_EQ(tunnel().ttl, kFullTtl);
  EXPECT_EQ(said(), "+full-ttl.new-words.shared-aliases");
  EXPECT_EQ(held(), 0) << "nobody else has said it";
}

TEST_F(FullTtl, ATunnelOfAnOlderBuildIsChangedInPlaceAndSaidThen) {
  expect_applied(kManifest);
  tunnel().ttl = 64;
  const auto planned = plan(kManifest);
  ASSERT_TRUE(planned.ok());
  ASSERT_EQ(planned.value().plan.object_changes.size(), 1U);
  EXPECT_EQ(planned.value().plan.object_changes.front().action, Action::update);
  EXPECT_TRUE(planned.value().plan.interruptions.empty());
  kernel_.fail({.nth = kernel_.writes(), .kind = KernelFault::Kind::crash});
  EXPECT_FALSE(apply(kManifest).ok());
  EXPECT_EQ(said(), "+new-words.shared-aliases") << "the kernel comes first";
  kernel_.restart();
  tunnel().ttl = 64;
  expect_applied(kManifest);
  EXPECT_EQ(said(), "+full-ttl.new-words.shared-aliases");
}

TEST_F(FullTtl, WhatAnotherHostSaysIsNoPlanAndIsFollowed) {
  say_as_b("0.1.0");
  expect_applied(kManifest);
  EXPECT_EQ(held(), 0);
  say_as_b("0.1.0+new-words.full-ttl");
  const auto planned = plan(kManifest);
  ASSERT_TRUE(planned.ok());
  EXPECT_TRUE(planned.value().plan.empty());
  const std::uint64_t writes = kernel_.writes();
  expect_applied(kManifest);
  EXPECT_EQ(held(), 0) << "an apply of nothing writes nothing";
  EXPECT_EQ(kernel_.writes(), writes);
  expect_followed();
  EXPECT_EQ(held(), 1);
  EXPECT_EQ(kernel_.writes(), writes + 1);
  expect_followed();
  EXPECT_EQ(kernel_.writes(), writes + 1);
  // It goes back: what it sends would be lost, so this is drift.
  say_as_b("0.1.0");
  const auto after = plan(kManifest);
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after.value().plan.object_changes.size(), 1U);
  expect_applied(kManifest);
  EXPECT_EQ(held(), 0);
}

TEST_F(FullTtl, AnApplyThatChangesThisHostFollowsToo) {
  say_as_b("0.1.0");
  expect_applied(kManifest);
  say_as_b("0.1.0+full-ttl");
  expect_applied(std::string(kManifest) + "[endpoint.more]\nnetwork = \"net\"\nhost = \"a\"\n");
  EXPECT_EQ(held(), 1);
}

TEST_F(FullTtl, AFilterThatIsMadeAnywayFollowsAtOnce) {
  say_as_b("0.1.0+full-ttl");
  expect_applied(kManifest);
  EXPECT_EQ(held(), 1);
  space("").nft_tables.clear();
  expect_applied(kManifest);
  EXPECT_EQ(held(), 1);
}

TEST_F(FullTtl, NobodyIsHeldToItBehindARouterOrNatOrByWish) {
  say_as_b("0.1.0+full-ttl.new-words");
  kernel_.set_on_link(false);
  expect_applied(kManifest);
  EXPECT_EQ(held(), 0) << "behind a router";
  kernel_.set_on_link(true);
  expect_followed();
  EXPECT_EQ(held(), 1);
  expect_applied(std::string(kManifest) + "bind = \"10.9.9.9\"\n");
  EXPECT_EQ(held(), 0) << "this host is behind NAT";
  expect_applied(std::string(kManifest) + "ttl_check = \"off\"\n");
  EXPECT_EQ(held(), -1);
  std::string other = kManifest;
  other.insert(other.find("[host.a]"), "bind = \"10.9.9.8\"\n");
  expect_applied(other);
  EXPECT_EQ(held(), 0) << "the other one is behind NAT";
}

TEST_F(FullTtl, AStoreThatLostWhatHostsSaidTakesNothingBack) {
  say_as_b("0.1.0+full-ttl");
  expect_applied(kManifest);
  EXPECT_EQ(held(), 1);
  const StoreLayout layout(Label::parse("demo").value());
  const auto keystore = store_.connect();
  ASSERT_TRUE(keystore->commit({.writes = {{.key = layout.facts(HostName::parse("b").value())}}}).ok());
  expect_applied(kManifest);
  EXPECT_EQ(held(), 1);
  space("").nft_tables.clear();
  expect_applied(kManifest);
  EXPECT_EQ(held(), 0) << "nobody knows";
}

TEST_F(FullTtl, FactsOfANewerBuildAreTaken) {
  say_as_b("9.9.9+full-ttl.flies");
  const std::string key = StoreLayout(Label::parse("demo").value()).facts(HostName::parse("b").value());
  const auto keystore = store_.connect();
  auto snapshot = keystore->read(key);
  ASSERT_TRUE(snapshot.ok());
  std::string text = snapshot.value().items.front().value;
  text.insert(1, "\"wings\":{\"left\":1},");
  ASSERT_TRUE(keystore->commit({.writes = {{.key = key, .value = text}}}).ok());
  expect_applied(kManifest);
  EXPECT_EQ(held(), 1);
}

TEST(Abilities, AreWordsBehindTheVersion) {
  EXPECT_EQ(version_saying("1.2.0", {}), "1.2.0");
  EXPECT_EQ(version_saying("1.2.0+old", {Ability::full_ttl, Ability::new_words}), "1.2.0+full-ttl.new-words");
  EXPECT_TRUE(says("1.2.0+full-ttl.new-words", Ability::full_ttl));
  EXPECT_TRUE(says("1.2.0+full-ttl.new-words", Ability::new_words));
  for (const char* version :
       {"", "+", "1.2.0", "full-ttl", "1.full-ttl", "1+full-ttls", "1+x.full", "1+a..b"}) {
    EXPECT_FALSE(says(version, Ability::full_ttl)) << version;
  }
}

}  // namespace ovl
