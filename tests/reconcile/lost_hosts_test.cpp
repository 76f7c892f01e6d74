// A host whose machine is gone for good stops nobody, keeps what it has, and is let in again when it has
// caught up.
#include "reconcile/cluster/lost_hosts.hpp"

#include <gmock/gmock.h>

#include "reconcile/cluster/execute_records.hpp"
#include "reconcile/cluster/standing.hpp"
#include "reconcile/host/host_status.hpp"
#include "reconcile/run/closing.hpp"
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

using ::testing::HasSubstr;

constexpr const char* kManifest = R"([cluster]
name = "demo"
[host.a]
advertise = "192.0.2.1"
[host.b]
advertise = "192.0.2.2"
[network.web]
vni = 4000
subnet = "10.0.9.0/24"
[endpoint.x]
network = "web"
host = "a"
[endpoint.y]
network = "web"
host = "b"
)";

class LostHosts : public OneHost {
 protected:
  void SetUp() override {
    OneHost::SetUp();
    ASSERT_TRUE(apply(kManifest).ok());
    say({.serial = 1, .when = 1, .apply_id = "x", .result = "ok"});
  }

  static std::string with_vni(const std::string& vni) {
    std::string out = kManifest;
    return out.replace(out.find("4000"), 4, vni);
  }

  StoreView view() {
    const auto keystore = store_.connect();
    return test::must(read_store(*keystore, layout_));
  }

  void say(const HostStatus& status) {
    const auto keystore = store_.connect();
    ASSERT_TRUE(publish(*keystore, layout_.status(b_), encode(status)).ok());
  }

  Status lose(const HostName& host) {
    const auto keystore = store_.connect();
    return say_lost(*keystore, layout_, host, {.who = "root@a", .when = 1'700'000'000});
  }

  Standing standing() { return standing_of(view(), b_); }

  // What host a refuses.
  std::size_t refused_vteps() {
    std::size_t out = 0;
    for (const NftTable& table : space("").nft_tables) {
      const auto lost = std::ranges::find(table.sets, "lost4", &NftSet::name);
      if (lost != table.sets.end()) out += lost->elements.size();
    }
    return out;
  }

  StoreLayout layout_{Label::parse("demo").value()};
  HostName b_ = HostName::parse("b").value();
};

}  // namespace

TEST_F(LostHosts, DoNotHoldUpAChangeOfVni) {
  ASSERT_TRUE(apply(with_vni("5000")).ok());
  ASSERT_TRUE(apply(with_vni("5000")).ok());
  EXPECT_TRUE(view().records.networks.front().twin) << "it waits for host b";
  ASSERT_TRUE(lose(b_).ok());
  for (const NotCurrent& other : not_current(view(), view().records)) EXPECT_NE(other.host, b_);
  for (int step = 0; step < 2; ++step) ASSERT_TRUE(apply(with_vni("5000")).ok());
  EXPECT_FALSE(view().records.networks.front().twin);
  EXPECT_EQ(view().records.networks.front().vni.number(), 5000U);
  const auto done = plan(with_vni("5000"));
  ASSERT_TRUE(done.ok());
  EXPECT_TRUE(done.value().plan.empty());
  EXPECT_TRUE(done.value().plan.waiting.empty());
}

TEST_F(LostHosts, KeepWhatTheyHaveAndAreRefusedUntilTheyAreBack) {
  const Records before = view().records;
  ASSERT_TRUE(lose(b_).ok());
  ASSERT_TRUE(apply(kManifest).ok());
  EXPECT_EQ(view().records, before);
  EXPECT_EQ(refused_vteps(), 1U);
  EXPECT_EQ(standing().kind, Standing::Kind::lost);
  EXPECT_THAT(standing().text, HasSubstr("lost: root@a said so at 2023-11-14"));
  // Back, and not there yet.
  const auto keystore = store_.connect();
  const Error error{.code = Errc::kernel, .message = "no room"};
  ASSERT_TRUE(tell_failure(*keystore, layout_, b_, failure_text("", error), 1).ok());
  EXPECT_EQ(standing().kind, Standing::Kind::lost);
  EXPECT_THAT(standing().text, HasSubstr("; it is back and fails: no room"));
  ASSERT_TRUE(apply(kManifest).ok());
  EXPECT_EQ(refused_vteps(), 1U);
  say({.serial = view().head->serial, .when = 2, .apply_id = "y", .result = "ok"});
  ASSERT_TRUE(apply(kManifest).ok());
  EXPECT_EQ(refused_vteps(), 0U);
  EXPECT_EQ(standing().kind, Standing::Kind::current);
}

// Traffic is what it shall be when the others have followed, and no sooner.
TEST_F(LostHosts, AreFollowedByEachHostAndNoneIsUpToDateBefore) {
  const HostName a = HostName::parse("a").value();
  const auto stands = [&] { return standing_of(view(), a).text; };
  EXPECT_EQ(stands(), "up to date");
  const std::int64_t applied = view().status.at("b").when;
  ASSERT_TRUE(lose(b_).ok());
  EXPECT_EQ(view().status.at("b").when, applied) << "nothing was applied there";
  EXPECT_EQ(stands(), "behind: does not refuse b yet, which is lost");
  const auto planned = plan(kManifest);
  ASSERT_TRUE(planned.ok());
  ASSERT_EQ(planned.value().plan.object_changes.size(), 1U);
  EXPECT_FALSE(planned.value().plan.object_changes.front().drift) << "nobody has moved anything";
  ASSERT_TRUE(apply(kManifest).ok());
  EXPECT_EQ(stands(), "up to date");
  say({.serial = view().head->serial, .when = 2, .apply_id = "y", .result = "ok"});
  EXPECT_EQ(stands(), "behind: still refuses b, which is back");
  ASSERT_TRUE(apply(kManifest).ok());
  EXPECT_EQ(stands(), "up to date");
}

TEST_F(LostHosts, SayThatTheyAreBackWithAnApplyThatChangesNothing) {
  const HostName a = HostName::parse("a").value();
  ASSERT_TRUE(lose(a).ok());
  const auto planned = plan(kManifest);
  ASSERT_TRUE(planned.ok());
  const Closing before = closing(closing_facts(planned.value().plan));
  EXPECT_EQ(before.words, "No changes. This host has yet to report it (here: ovl apply).");
  EXPECT_FALSE(before.is_settled);
  const auto applied = apply(kManifest);
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  const Applied& done = applied.value();
  EXPECT_EQ(closing(closing_facts(done.planned.plan, done.serial, done.left)).words,
            "No changes. The cluster matches the manifest.");
}

TEST_F(LostHosts, StayLostUnderAnotherName) {
  ASSERT_TRUE(lose(b_).ok());
  std::string renamed = kManifest;
  for (std::size_t at = 0; (at = renamed.find("[host.b]", at)) != std::string::npos;)
    renamed.replace(at, 8, "[host.c]");
  renamed.replace(renamed.find("host = \"b\""), 10, "host = \"c\"");
  const auto applied = apply(renamed + "[[moved]]\nfrom = \"host.b\"\nto = \"host.c\"\n");
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  EXPECT_TRUE(applied.value().planned.plan.interruptions.empty()) << "it is the same machine";
  EXPECT_EQ(standing_of(view(), HostName::parse("c").value()).kind, Standing::Kind::lost);
  EXPECT_FALSE(view().status.contains("b"));
  EXPECT_EQ(refused_vteps(), 1U);
}

TEST_F(LostHosts, AreRememberedWhileTheStoreIsAway) {
  ASSERT_TRUE(lose(b_).ok());
  ASSERT_TRUE(apply(kManifest).ok());
  const auto alone = plan_alone();
  ASSERT_TRUE(alone.ok()) << alone.error().message;
  EXPECT_TRUE(alone.value().cluster.away);
  EXPECT_TRUE(alone.value().plan.empty()) << "host b is refused as before";
}

// Nobody has applied there when it was given up.
TEST_F(LostHosts, SayWhenTheyAppliedLast) {
  ASSERT_TRUE(lose(b_).ok());
  EXPECT_EQ(health_of(view(), b_, 301), "last apply 5m ago");
  const auto keystore = store_.connect();
  ASSERT_TRUE(keystore->commit({.writes = {{.key = layout_.status(b_), .value = {}}}}).ok());
  ASSERT_TRUE(lose(b_).ok());
  EXPECT_EQ(health_of(view(), b_, 1'700'000'001), "never");
  EXPECT_EQ(standing_since(view(), b_, 1'700'000'005), "5s");
}

TEST_F(LostHosts, AreNotThoseThatLiveOrAreNotThere) {
  const auto nobody = lose(HostName::parse("c").value());
  ASSERT_FALSE(nobody.ok());
  EXPECT_EQ(nobody.error().code, Errc::not_found);
  const auto keystore = store_.connect();
  ASSERT_TRUE(
      keystore->commit({.guards = {}, .writes = {{.key = layout_.presence(b_), .value = "{}"}}}).ok());
  const auto living = lose(b_);
  ASSERT_FALSE(living.ok());
  EXPECT_EQ(living.error().code, Errc::guard);
  EXPECT_EQ(standing().kind, Standing::Kind::current);
}

}  // namespace ovl
