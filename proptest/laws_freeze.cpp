// A law of the parts of a host: whatever one endpoint's namespace holds, all others come to what is wanted.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "proptest/hits.hpp"
#include "proptest/rig.hpp"
#include "reconcile/objects/freeze.hpp"
#include "reconcile/objects/operations.hpp"
#include "reconcile/objects/project.hpp"

namespace ovl {

namespace {

std::vector<NetnsName> endpoints_in(const Plan& plan) {
  std::vector<NetnsName> out;
  for (const NamespaceObjects& space : plan.desired.namespaces) {
    if (!space.name.empty() && !space.name.text().starts_with(kSandboxPrefix)) out.push_back(space.name);
  }
  return out;
}

// What its root may have made in it, marks of ours among it.
void fill(NamespaceObjects& space, const Manifest& manifest) {
  const auto mark = [&] {
    return *rc::gen::element(std::string(), std::string("ovl:other/endpoint/x/y"),
                             owner_mark(manifest.cluster.value, "endpoint/x/y"));
  };
  if (!space.netns) space.netns = Netns{.name = space.name, .owner = mark()};
  std::vector<std::string> names;
  for (const char* name : {"eth0", "eth1", "eth2", "eth3", "own0"}) {
    if (*rc::gen::arbitrary<bool>()) names.emplace_back(name);
  }
  for (const std::string& name : names) {
    const IfName dev = IfName::from_kernel(name);
    std::erase_if(space.links, [&](const Link& link) { return link.name == dev; });
    space.links.push_back(Link{.name = dev,
                               .type = *rc::gen::element(LinkType::other, LinkType::bridge),
                               .mtu = 1500,
                               .group = *rc::gen::element(0U, kLinkGroup),
                               .alias = mark()});
  }
  space.routes.clear();
  for (const char* to : {"0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/24"}) {
    if (!*rc::gen::arbitrary<bool>() || names.empty()) continue;
    space.routes.push_back(Route{.destination = IpPrefix::parse_exact(to).value(),
                                 .dev = IfName::from_kernel(names.front()),
                                 .protocol = *rc::gen::element<std::uint8_t>(3, kRouteProtocol)});
  }
  if (*rc::gen::arbitrary<bool>()) space.nft_tables = {NftTable{.name = "ovl", .comment = mark()}};
}

// Runs all that can be run; what was left.
FrozenParts run_on(FakeKernel& kernel, const Plan& plan) {
  Freezer freezer(plan);
  for (const OperationGroup& group : operations_of(plan)) {
    const ApplyOutcome outcome = kernel.apply(group.operations, &freezer);
    if (outcome.error) RC_FAIL(outcome.error->message);
  }
  FrozenParts out = freezer.parts();
  for (const NetnsName& space : plan.frozen) out.add(space);
  return out;
}

}  // namespace

TEST(Freeze, ATenantStopsOnlyItself) {
  Hits hits;
  const bool holds = rc::check([&](const Manifest& manifest) {
    Rig rig;
    const HostName host = manifest.hosts.front().name;
    const bool was_applied = *rc::gen::arbitrary<bool>();
    const Plan first = rig.plan(manifest, host);
    const std::vector<NetnsName> endpoints = endpoints_in(first);
    const bool has_some = !endpoints.empty();
    RC_PRE(has_some);
    if (was_applied) RC_ASSERT(run(rig.kernel(host), first).ok());
    const NetnsName tenant = *rc::gen::elementOf(endpoints);
    HostObjects& objects = rig.kernel(host).objects();
    fill(objects.at(tenant), manifest);
    objects.sort();

    const Plan plan = rig.plan(manifest, host);
    const FrozenParts left = run_on(rig.kernel(host), plan);
    hits.count(!left.empty());
    for (const NetnsName& space : left.spaces()) RC_ASSERT(space == tenant);
    Plan again = rig.plan(manifest, host);
    for (const Finding& conflict : again.conflicts) RC_ASSERT(!conflict.part.empty());
    freeze(again, left);
    RC_ASSERT(again.object_changes.empty());
  });
  EXPECT_TRUE(holds);
  hits.expect_one_in(10);
}

}  // namespace ovl
