#include "proptest/rig.hpp"

#include <rapidcheck.h>

#include <algorithm>

#include "reconcile/cluster/draft.hpp"
#include "reconcile/host/wish.hpp"
#include "reconcile/objects/diff_objects.hpp"
#include "reconcile/objects/operations.hpp"
#include "reconcile/words/change_name.hpp"

namespace ovl {

HostObjects Rig::desired(const Manifest& manifest, const HostName& host) {
  const Facts facts = gen::facts(manifest);
  records_ = drafted(manifest, records_, facts);
  return wished(manifest, host, records_, facts);
}

Plan Rig::plan(const Manifest& manifest, const HostName& host) {
  return plan_of(kernels_[host], manifest.cluster.value, host, desired(manifest, host));
}

Status Rig::apply(const Manifest& manifest, const HostName& host) {
  return run(kernels_[host], plan(manifest, host));
}

Status Rig::apply_all(const Manifest& manifest) {
  for (const HostBlock& block : manifest.hosts) OVL_CHECK(apply(manifest, block.name));
  return {};
}

Records drafted(const Manifest& manifest, const Records& before, const Facts& facts) {
  Task task;
  task.cluster = manifest.cluster.value;
  task.manifest = &manifest;
  task.max_destroy = DestroyLimit{.value = 100, .percent = true};
  Cluster cluster;
  cluster.view.head = Head{.lineage = "l", .serial = 1};
  cluster.view.records = before;
  cluster.view.facts = facts;
  for (const HostRecord& host : before.hosts) cluster.view.status[host.name.text()].serial = 1;
  cluster.known = before;
  const Want want = Declared{&manifest};
  auto out = draft({.task = task, .want = want, .cluster = cluster, .around = {}, .descent = {}, .now = 0});
  if (!out.ok()) RC_FAIL(out.error().message);
  return std::move(out).value().desired;
}

HostObjects wished(const Manifest& manifest, const HostName& host, const Records& records,
                   const Facts& facts) {
  Task task;
  task.cluster = manifest.cluster.value;
  task.host = host;
  const Own own;
  const FullTtlWord silent;
  return wish({.task = task, .own = own, .full_ttl = silent, .lost = {}}, records, facts).objects;
}

Plan plan_of(FakeKernel& kernel, const Label& cluster, const HostName& host, HostObjects desired) {
  Plan plan;
  plan.cluster = cluster;
  plan.host = host;
  plan.desired = std::move(desired);
  HostObjects wanted = plan.desired;
  wanted.at(NetnsName());
  const auto owned = kernel.owned_namespaces();
  for (const NetnsName& name : owned.value()) wanted.at(name);
  auto observed = kernel.observe(wanted);
  if (observed.ok()) plan.observed = std::move(observed).value();
  diff_objects(plan, {});
  return plan;
}

Status run(FakeKernel& kernel, const Plan& plan) {
  for (const OperationGroup& group : operations_of(plan)) {
    ApplyOutcome outcome = kernel.apply(group.operations);
    if (outcome.error) return *outcome.error;
  }
  return {};
}

namespace {

std::vector<std::string> lines_of(const HostObjects& objects) {
  std::vector<std::string> out;
  const auto add = [&](const NetnsName& space, const auto& object) {
    out.push_back(name_of(space, &object).address() + " " + encode(object).json());
  };
  for (const NamespaceObjects& space : objects.namespaces) {
    if (space.netns) add(space.name, *space.netns);
    for_each_kind([&](auto member) {
      for (const auto& object : space.*member) add(space.name, object);
    });
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

std::vector<std::string> differences_of(const HostObjects& a, const HostObjects& b) {
  const std::vector<std::string> left = lines_of(a);
  const std::vector<std::string> right = lines_of(b);
  std::vector<std::string> out;
  std::ranges::set_difference(left, right, std::back_inserter(out));
  for (std::string& line : out) line.insert(0, "a: ");
  const auto middle = static_cast<std::ptrdiff_t>(out.size());
  std::ranges::set_difference(right, left, std::back_inserter(out));
  std::for_each(out.begin() + middle, out.end(), [](std::string& line) { line.insert(0, "b: "); });
  return out;
}

}  // namespace ovl
