// Laws of policy: it says no, and changes nothing else.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "proptest/hits.hpp"
#include "proptest/site.hpp"
#include "reconcile/words/change_name.hpp"

namespace ovl {

namespace {

template <class T>
T parsed(const std::string& text) {
  return T::parse(text).value();
}

// Rules that the small manifests break now and then, and now and then don't.
rc::Gen<Policy> policies() {
  return rc::gen::exec([] {
    Policy policy{.origin = "a test"};
    const auto maybe = [](int percent) { return *rc::gen::inRange(0, 100) < percent; };
    if (maybe(15)) policy.max_destroy = DestroyLimit{.value = *rc::gen::inRange<std::size_t>(0, 4)};
    for (const char* text : {"network.n0", "endpoint.e*", "host.c"}) {
      if (maybe(8)) policy.protect.push_back(parsed<RecordPattern>(text));
    }
    for (const char* text : {"create endpoint", "remove network", "update network.vni", "update host"}) {
      if (maybe(7)) policy.forbid.push_back(parsed<ForbiddenChange>(text));
    }
    if (maybe(7)) policy.hosts = {parsed<HostPattern>("a"), parsed<HostPattern>("b")};
    if (maybe(7)) policy.subnets = {IpPrefix::parse_exact("10.0.0.0/8").value()};
    if (maybe(7)) policy.vni = VniRange{.min = Vni::unchecked(1'048'576)};
    if (maybe(7)) policy.windows = {{.from = {0}, .to = {*rc::gen::inRange(1, 1441)}}};
    policy.require_signed = maybe(5);
    return policy;
  });
}

std::vector<std::string> changes_of(const Plan& plan) {
  std::vector<std::string> out;
  for (const RecordChange& change : plan.record_changes) {
    out.push_back(std::string(name_of(change.action)) + " " + name_of(change).address() + " " +
                  change.after.json());
  }
  for (const ObjectChange& change : plan.object_changes) {
    out.push_back(std::string(name_of(change.action)) + " " + name_of(plan, change).address());
  }
  return out;
}

}  // namespace

TEST(Policy, ChangesNoPlanButWhatIsRefused) {
  Hits hits;
  const bool holds = rc::check([&](const Manifest& before, const Manifest& after) {
    Site site;
    const Status settled = site.settle(before);
    if (!settled.ok()) RC_FAIL(settled.error().message);
    const HostName host = after.hosts.front().name;
    Manifest held = after;
    held.policy = *policies();
    const auto without = site.plan(after, host);
    const auto with = site.plan(held, host);
    RC_ASSERT(without.ok() && with.ok());
    const auto same = changes_of(without.value().plan) == changes_of(with.value().plan);
    RC_ASSERT(same);
    const std::size_t refused = with.value().plan.refused.size();
    RC_ASSERT(refused >= without.value().plan.refused.size());
    hits.count(refused > 0);
    if (refused == 0) return;
    const Records standing = site.view(before).records;
    const auto applied = site.apply(held, host);
    RC_ASSERT(!applied.ok());
    RC_ASSERT(applied.error().code == Errc::guard);
    const bool untouched = site.view(before).records == standing;
    RC_ASSERT(untouched);
  });
  EXPECT_TRUE(holds);
  hits.expect_one_in(4);
}

}  // namespace ovl
