// What an apply comes to while others write, and what they learn of it.
#include <algorithm>

#include "reconcile/cluster/execute_records.hpp"
#include "reconcile/cluster/write.hpp"
#include "reconcile/run/compare_manifests.hpp"
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

constexpr const char* kTwoHosts = R"([cluster]
name = "demo"
[host.a]
advertise = "192.0.2.1"
[host.b]
advertise = "eth7"
[network.web]
subnet = "10.0.9.0/24"
vni = 100
[endpoint.x]
network = "web"
host = "a"
[endpoint.y]
network = "web"
host = "b"
)";

std::string with_vni(const std::string& vni) {
  std::string out = kTwoHosts;
  out.replace(out.find("100"), 3, vni);
  return out;
}

class Courses : public OneHost {
 protected:
  Status publish_facts_of_b(const std::string& vtep) {
    const auto keystore = store_.connect();
    HostFacts facts{.host = HostName::parse("b").value(), .vtep = IpAddress::parse(vtep).value()};
    facts.machine = "machine-b";
    OVL_TRY(const StoreView view, read_store(*keystore, layout_));
    return publish_facts(*keystore, layout_, view, facts);
  }

  std::string result_of_a() {
    const auto view = read_store(*store_.connect(), layout_);
    if (!view.ok() || !view.value().status.contains("a")) return "none";
    return view.value().status.at("a").result;
  }

  Fingerprint fingerprint() {
    const auto view = read_store(*store_.connect(), layout_);
    EXPECT_TRUE(view.ok());
    return {view.value(), layout_, HostName::parse("a").value()};
  }

  const StoreLayout layout_{Label::parse("demo").value()};
};

TEST_F(Courses, WhatAnotherHostSaysMeanwhileFailsNoApply) {
  const Manifest manifest = parsed(kTwoHosts);
  const auto applied =
      apply(Scope::all, &manifest, [&](const Plan&) { return publish_facts_of_b("192.0.2.2"); });
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  const auto after = plan(kTwoHosts);
  ASSERT_TRUE(after.ok());
  EXPECT_FALSE(after.value().plan.object_changes.empty()) << "that is the next apply's";
}

// Between the plan and the lock, where nobody was asked.
TEST_F(Courses, WhatIsSaidBeforeTheLockIsPlannedAnew) {
  const Manifest manifest = parsed(kTwoHosts);
  const auto keystore = store_.connect();
  World world{.kernel = &kernel_, .keystore = keystore.get(), .state = state_.get()};
  world.now = 1'700'000'000;
  world.holder = {.who = "tester", .host = "a", .boot = "b", .pid = 1, .since = 1};
  bool said = false;
  world.stop = [&] {
    if (!said) said = publish_facts_of_b("192.0.2.2").ok();
    return false;
  };
  const auto applied = ovl::apply(request(Scope::all, &manifest), world, approve_all, Progress());
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  EXPECT_TRUE(said);
  const auto is_tunnels = [](const Fdb& entry) { return entry.table == FdbTable::self; };
  EXPECT_TRUE(std::ranges::any_of(space("ovl-web").fdb, is_tunnels)) << "the way to b's endpoint";
}

TEST_F(Courses, ARefusalIsSeenByTheOthers) {
  ASSERT_TRUE(apply(kTwoHosts).ok());
  EXPECT_EQ(result_of_a(), "ok");
  const Manifest fewer = parsed("[cluster]\nname = \"demo\"\n[host.a]\nadvertise = \"192.0.2.1\"\n");
  Request asked = request(Scope::all, &fewer);
  asked.max_destroy = DestroyLimit::parse("1").value();
  asked.origin.commit = "0123456789abcdef";
  ASSERT_EQ(run(asked).error().code, Errc::guard);
  EXPECT_TRUE(result_of_a().starts_with("commit 0123456789ab: ")) << result_of_a();
  ASSERT_TRUE(apply(kTwoHosts).ok());
  EXPECT_EQ(result_of_a(), "ok");
}

TEST_F(Courses, ADiffTellsThePlanThatAnApplyMakes) {
  ASSERT_TRUE(apply(kTwoHosts).ok());
  const auto real = plan(with_vni("4242"));
  ASSERT_TRUE(real.ok());
  const Manifest before = parsed(kTwoHosts);
  const Manifest after = parsed(with_vni("4242"));
  const auto view = read_store(*store_.connect(), layout_);
  ASSERT_TRUE(view.ok());
  const auto told = compare_manifests(before, request(Scope::all, &after), view.value(), 0);
  ASSERT_TRUE(told.ok()) << told.error().message;
  ASSERT_EQ(told.value().plan.record_changes.size(), real.value().plan.record_changes.size());
  ASSERT_EQ(told.value().plan.record_changes.size(), 1U);
  EXPECT_TRUE(told.value().plan.record_changes.front().after ==
              real.value().plan.record_changes.front().after)
      << "the twin comes first";
}

TEST_F(Courses, WhatADraftReadsIsItsFingerprint) {
  ASSERT_TRUE(apply(kTwoHosts).ok());
  const Fingerprint before = fingerprint();
  const auto keystore = store_.connect();
  EXPECT_TRUE(Fingerprint(keystore->read(layout_.tree()).value(), layout_, HostName::parse("a").value()) ==
              before)
      << "decoded or not";
  const auto put_status = [&](const char* host, std::int64_t serial) {
    const HostStatus status{.serial = serial, .when = 5, .result = "ok"};
    return publish(*keystore, layout_.status(HostName::parse(host).value()), encode(status)).ok();
  };
  ASSERT_TRUE(put_status("a", 7));
  EXPECT_TRUE(fingerprint() == before) << "its own";
  ASSERT_TRUE(put_status("b", 1));
  const Fingerprint realised = fingerprint();
  EXPECT_FALSE(realised == before) << "what b has realised decides about steps";
  ASSERT_TRUE(publish(*keystore, layout_.status(HostName::parse("b").value()),
                      encode(HostStatus{.serial = 1, .when = 9, .result = "ok", .drift = 3}))
                  .ok());
  EXPECT_TRUE(fingerprint() == realised) << "that it drifts decides nothing";
  ASSERT_TRUE(publish_facts_of_b("192.0.2.2").ok());
  EXPECT_FALSE(fingerprint() == realised);
}

}  // namespace

}  // namespace ovl
