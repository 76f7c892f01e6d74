// Laws of apply over the fake kernel: convergence, idempotence, prefix safety, and that what is not
// ours stays as it is.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "proptest/hits.hpp"
#include "proptest/rig.hpp"
#include "reconcile/objects/project.hpp"

namespace ovl {

namespace {

HostName first_host(const Manifest& manifest) {
  return manifest.hosts.front().name;
}

// Things of other people, with names like ours.
HostObjects put_foreign(FakeKernel& kernel) {
  const auto name = [](const char* text) { return NetnsName::parse(text).value(); };
  const auto dev = [](const char* text) { return IfName::from_kernel(text); };
  HostObjects& objects = kernel.objects();
  objects.at(name("ovl-other")).netns = Netns{.name = name("ovl-other"), .owner = "ovl:other/network/x"};
  objects.at(name("ovl-other")).links.push_back(Link{.name = dev("br0"), .type = LinkType::bridge});
  objects.at(NetnsName()).links.push_back(Link{.name = dev("ovl-gw2"), .type = LinkType::bridge});
  objects.at(NetnsName())
      .routes.push_back(Route{.destination = IpPrefix::parse_exact("198.51.100.0/24").value(),
                              .dev = dev("ovl-gw2"),
                              .protocol = 4});
  objects.at(NetnsName()).nft_tables.push_back(NftTable{.name = "ovl2", .comment = "mine"});
  objects.sort();
  return objects;
}

// The foreign part of what is there now.
bool still_has(const FakeKernel& kernel, const HostObjects& foreign) {
  HostObjects& now = const_cast<FakeKernel&>(kernel).objects();
  for (const NamespaceObjects& space : foreign.namespaces) {
    const NamespaceObjects* there = now.find(space.name);
    if (there == nullptr || (space.netns && !(there->netns == space.netns))) return false;
    bool all = true;
    for_each_kind([&](auto member) {
      for (const auto& item : space.*member) {
        all = all && std::ranges::find(there->*member, item) != (there->*member).end();
      }
    });
    if (!all) return false;
  }
  return true;
}

}  // namespace

RC_GTEST_PROP(Apply, ThenPlanIsEmpty, (const Manifest& manifest)) {
  Rig rig;
  const Status applied = rig.apply_all(manifest);
  if (!applied.ok()) RC_FAIL(applied.error().message);
  for (const HostBlock& host : manifest.hosts) {
    const Plan again = rig.plan(manifest, host.name);
    RC_ASSERT(again.conflicts.empty());
    RC_ASSERT(again.object_changes.empty());
  }
}

RC_GTEST_PROP(Apply, ConvergesFromAnyManifestToAnyOther, (const Manifest& before, const Manifest& after)) {
  Rig rig;
  const HostName host = first_host(after);
  const Status first = rig.apply(before, host);
  if (!first.ok()) RC_FAIL(first.error().message);
  const Status second = rig.apply(after, host);
  if (!second.ok()) RC_FAIL(second.error().message);
  RC_ASSERT(rig.plan(after, host).object_changes.empty());
}

TEST(Apply, HealsAnyFault) {
  Hits hits;
  const bool holds = rc::check([&](const Manifest& before, const Manifest& after) {
    Rig rig;
    const HostName host = first_host(after);
    RC_ASSERT(rig.apply(before, host).ok());
    const auto kind =
        *rc::gen::element(KernelFault::Kind::before, KernelFault::Kind::after, KernelFault::Kind::crash);
    const std::uint64_t nth = rig.kernel(host).writes() + *rc::gen::inRange<std::uint64_t>(0, 60);
    RC_LOG() << name_of(kind) << " at " << nth << "\n";
    rig.kernel(host).fail(KernelFault{.nth = nth, .kind = kind});
    const Status faulty = rig.apply(after, host);
    hits.count(!faulty.ok());
    rig.kernel(host).restart();
    const Status healed = rig.apply(after, host);
    if (!healed.ok()) RC_FAIL(healed.error().message);
    RC_ASSERT(rig.plan(after, host).object_changes.empty());
  });
  EXPECT_TRUE(holds);
  hits.expect_one_in(2);
}

RC_GTEST_PROP(Apply, LeavesForeignObjectsAlone, (const Manifest& before, const Manifest& after)) {
  Rig rig;
  const HostName host = first_host(after);
  const HostObjects foreign = put_foreign(rig.kernel(host));
  RC_ASSERT(rig.apply(before, host).ok());
  RC_ASSERT(still_has(rig.kernel(host), foreign));
  RC_ASSERT(rig.apply(after, host).ok());
  RC_ASSERT(still_has(rig.kernel(host), foreign));
}

RC_GTEST_PROP(Apply, OfNothingRestoresAnEmptyHost, (const Manifest& manifest)) {
  Rig rig;
  const HostName host = first_host(manifest);
  HostObjects& objects = rig.kernel(host).objects();
  objects.at(NetnsName()).sysctls.clear();
  RC_ASSERT(rig.apply(manifest, host).ok());
  const Plan nothing = plan_of(rig.kernel(host), manifest.cluster.value, host, HostObjects());
  RC_ASSERT(run(rig.kernel(host), nothing).ok());
  for (const NamespaceObjects& space : rig.kernel(host).objects().namespaces) {
    RC_ASSERT(!space.netns);
    RC_ASSERT(space.links.empty() && space.hosts_files.empty() && space.nft_tables.empty());
  }
}

RC_GTEST_PROP(Plan, NamesEveryObjectOnce, (const Manifest& before, const Manifest& after)) {
  Rig rig;
  const HostName host = first_host(after);
  RC_ASSERT(rig.apply(before, host).ok());
  const Plan plan = rig.plan(after, host);
  for (std::size_t i = 0; i < plan.object_changes.size(); ++i) {
    for (std::size_t j = i + 1; j < plan.object_changes.size(); ++j) {
      const ObjectRef& a = plan.object_changes[i].after;
      RC_ASSERT(std::holds_alternative<std::monostate>(a) || a != plan.object_changes[j].after);
    }
  }
}

RC_GTEST_PROP(Plan, RepairsExactlyWhatDrifted, (const Manifest& manifest)) {
  Rig rig;
  const HostName host = first_host(manifest);
  RC_ASSERT(rig.apply(manifest, host).ok());
  std::vector<Neighbour>* entries = nullptr;
  for (NamespaceObjects& space : rig.kernel(host).objects().namespaces) {
    if (!space.neighbours.empty()) entries = &space.neighbours;
  }
  const bool has_peers = entries != nullptr;
  RC_PRE(has_peers);
  entries->erase(entries->begin() +
                 *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(entries->size())));
  const Plan plan = rig.plan(manifest, host);
  RC_ASSERT(plan.object_changes.size() == 1u);
  RC_ASSERT(plan.object_changes.front().action == Action::create);
  RC_ASSERT(rig.apply(manifest, host).ok());
  RC_ASSERT(rig.plan(manifest, host).object_changes.empty());
}

// What whoever is root in a namespace can do to the kernel's own routes, and what goes with them.
RC_GTEST_PROP(Plan, RepairsTheRoutesOfAddresses, (const Manifest& manifest)) {
  Rig rig;
  const HostName host = first_host(manifest);
  RC_ASSERT(rig.apply(manifest, host).ok());
  std::size_t lost = 0;
  for (NamespaceObjects& space : rig.kernel(host).objects().namespaces) {
    for (Address& address : space.addresses) {
      address.routes = *rc::gen::element(AddressRoutes::complete, AddressRoutes::no_subnet,
                                         AddressRoutes::no_own, AddressRoutes::none);
      if (address.routes == AddressRoutes::complete) continue;
      ++lost;
      const auto on_it = [&](const Route& route) { return route.dev == address.dev; };
      lost += std::erase_if(space.routes, on_it);
    }
  }
  const Plan plan = rig.plan(manifest, host);
  RC_ASSERT(plan.object_changes.size() == lost);
  RC_ASSERT(plan.conflicts.empty());
  RC_ASSERT(rig.apply(manifest, host).ok());
  RC_ASSERT(rig.plan(manifest, host).object_changes.empty());
}

}  // namespace ovl
