// What keeps the fake kernel honest: the same plans and the same random damage on it and on a real
// kernel; after each step both must lead to the same plan.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>

#include "drivers/kernel/linux.hpp"
#include "proptest/rig.hpp"
#include "reconcile/objects/diff_objects.hpp"
#include "reconcile/objects/operations.hpp"
#include "tests/support/effort.hpp"
#include "tests/support/netns_fixture.hpp"

namespace ovl {

namespace {

struct KeyText {
  std::string operator()(std::monostate) const { return {}; }

  template <class K>
  std::string operator()(const K* object) const {
    std::string out(K::kind);
    for_each_field<K>([&](const auto& field) {
      if (field.role == Role::key) out += " " + encode(object->*field.member).json();
    });
    return out;
  }
};

// A plan as sorted lines: what is changed, how, and in which fields.
std::vector<std::string> lines_of(const Plan& plan) {
  std::vector<std::string> out;
  for (const ObjectChange& change : plan.object_changes) {
    const bool removed = std::holds_alternative<std::monostate>(change.after);
    out.push_back(plan.spaces[change.space].text() + " " + std::string(name_of(change.action)) + " " +
                  std::visit(KeyText{}, removed ? change.before : change.after) + " " +
                  std::to_string(change.fields));
  }
  std::ranges::sort(out);
  return out;
}

// What is in one of the two alone; empty when they are equal.
std::vector<std::string> only_in_one(const std::vector<std::string>& fake,
                                     const std::vector<std::string>& real) {
  std::vector<std::string> out;
  std::ranges::set_difference(fake, real, std::back_inserter(out));
  for (std::string& line : out) line.insert(0, "fake: ");
  std::vector<std::string> other;
  std::ranges::set_difference(real, fake, std::back_inserter(other));
  for (const std::string& line : other) out.push_back("real: " + line);
  return out;
}

Plan plan_against(Kernel& kernel, const Manifest& manifest, const HostObjects& desired) {
  Plan plan;
  plan.cluster = manifest.cluster.value;
  plan.desired = desired;
  HostObjects wanted = desired;
  wanted.at(NetnsName());
  const auto owned = kernel.owned_namespaces();
  if (owned.ok()) {
    for (const NetnsName& name : owned.value()) wanted.at(name);
  }
  auto observed = kernel.observe(wanted);
  if (!observed.ok()) RC_FAIL(observed.error().message);
  plan.observed = std::move(observed).value();
  diff_objects(plan, {});
  return plan;
}

void execute_on(Kernel& kernel, const Plan& plan) {
  for (const OperationGroup& group : operations_of(plan)) {
    const ApplyOutcome outcome = kernel.apply(group.operations);
    if (outcome.error) RC_FAIL(outcome.error->message);
  }
}

// The two worlds, which must not differ.
class Twins {
 public:
  explicit Twins(Kernel& real) : real_(real) {
    HostObjects& objects = fake_.objects();
    objects.at(NetnsName())
        .links.push_back(Link{.name = IfName::from_kernel("eth1"), .type = LinkType::bridge});
    objects.at(NetnsName()).sysctls.push_back(Sysctl{.path = "net/ipv4/conf/eth1/forwarding", .value = "0"});
  }

  // Both plan alike, both execute their own plan, and nothing is left to do.
  void converge(const Manifest& manifest, const HostObjects& desired) {
    step(manifest, desired);
    RC_ASSERT(plan_against(fake_, manifest, desired).object_changes.empty());
    RC_ASSERT(plan_against(real_, manifest, desired).object_changes.empty());
  }

  void damage(const Operation& operation) {
    const ApplyOutcome here = fake_.apply(std::span(&operation, 1));
    const ApplyOutcome there = real_.apply(std::span(&operation, 1));
    RC_ASSERT(here.error.has_value() == there.error.has_value());
  }

  // What `ip route flush` takes from a device, the kernel's own routes among it.
  void flush_routes(const NetnsName& where, const IfName& dev) {
    NamespaceObjects& space = fake_.objects().at(where);
    std::erase_if(space.routes, [&](const Route& route) { return route.dev == dev; });
    for (Address& address : space.addresses) {
      const bool alone = address.address.address.is_ipv4() && address.address.length == 32;
      if (address.dev == dev && !alone) address.routes = AddressRoutes::no_subnet;
    }
    const std::string in = where.empty() ? "ip" : "ip -n " + where.text();
    const std::string flush = " route flush table main dev " + dev.text();
    RC_ASSERT(test::shell(in + " -4" + flush + "; " + in + " -6" + flush).status == 0);
  }

 private:
  void step(const Manifest& manifest, const HostObjects& desired) {
    const Plan here = plan_against(fake_, manifest, desired);
    Plan there = plan_against(real_, manifest, desired);
    // A kernel takes a namespace apart in its own time (cleanup_net()).
    test::wait_until([&] {
      if (lines_of(here) == lines_of(there)) return true;
      there = plan_against(real_, manifest, desired);
      return false;
    });
    RC_ASSERT(only_in_one(lines_of(here), lines_of(there)) == std::vector<std::string>());
    execute_on(fake_, here);
    execute_on(real_, there);
  }

  FakeKernel fake_;
  Kernel& real_;
};

HostObjects desired_of(const Manifest& manifest, Records& records) {
  const Facts facts = gen::facts(manifest);
  records = drafted(manifest, records, facts);
  return wished(manifest, manifest.hosts.front().name, records, facts);
}

// One thing broken on purpose, somewhere in what was desired.
void break_something(Twins& twins, const HostObjects& desired) {
  if (desired.namespaces.empty()) return;
  const std::size_t index = *rc::gen::inRange<std::size_t>(0, desired.namespaces.size());
  const NamespaceObjects& space = desired.namespaces[index];
  Operation operation{.netns = &space.name};
  Link down;
  const int what = *rc::gen::element(0, 1, 2, 3, 4, 5);
  if (what == 5 && !space.addresses.empty()) {
    return twins.flush_routes(space.name, space.addresses.front().dev);
  }
  if (what == 0 && space.netns) {
    operation.before = &*space.netns;
  } else if (what <= 2 && !space.links.empty()) {
    const Link& link = space.links[*rc::gen::inRange<std::size_t>(0, space.links.size())];
    operation.before = &link;
    if (what == 2) {
      down = link;
      down.up = false;
      operation.after = &down;
      operation.changed = differing(down, link);
    }
  } else if (what == 3 && !space.neighbours.empty()) {
    operation.before = &space.neighbours.front();
  } else if (!space.addresses.empty()) {
    operation.before = &space.addresses.front();
  } else {
    return;
  }
  twins.damage(operation);
}

using FakeKernelTest = test::NetnsTest;

}  // namespace

TEST_F(FakeKernelTest, IsAsTheRealOne) {
  ASSERT_EQ(test::shell("ip link add eth1 type bridge && ip link set eth1 up").status, 0);
  auto real = open_linux_kernel({});
  ASSERT_TRUE(real.ok()) << real.error().message;
  const bool same = rc::check("the fake and the real kernel lead to the same plans", [&] {
    const auto before = *gen::manifest();
    const auto after = *gen::manifest();
    // A case that failed has left things behind.
    execute_on(*real.value(), plan_against(*real.value(), before, HostObjects()));
    const auto cleaned = test::shell("rm -rf /etc/netns/*; echo 0 > /proc/sys/net/ipv4/conf/eth1/forwarding");
    RC_ASSERT(cleaned.status == 0);
    Twins twins(*real.value());
    Records records;
    twins.converge(before, desired_of(before, records));
    const HostObjects desired = desired_of(after, records);
    twins.converge(after, desired);
    for (int i = 0; i < 3; ++i) {
      break_something(twins, desired);
      twins.converge(after, desired);
    }
    twins.converge(after, HostObjects());
  });
  EXPECT_TRUE(same);
}

// A, B and A: the kernel holds the same, but for the device numbers that it gives out itself.
TEST_F(FakeKernelTest, ThereAndBackTheRealOneIsAsBefore) {
  const auto pairs = static_cast<std::uint64_t>(test::effort(30, 8));
  ASSERT_EQ(test::shell("ip link add eth1 type bridge && ip link set eth1 up").status, 0);
  auto opened = open_linux_kernel({});
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  Kernel& kernel = *opened.value();
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  const auto sample = [&](std::uint64_t number) {
    return gen::left_open(gen::manifest()(rc::Random(seed + number), rc::kNominalSize).value());
  };
  for (std::uint64_t pair = 0; pair < pairs; ++pair) {
    const Manifest there = sample(2 * pair);
    const Manifest back = gen::giving_no_more(there, sample(2 * pair + 1));
    Records records;
    const auto make = [&](const Manifest& manifest) {
      const HostObjects desired = desired_of(manifest, records);
      execute_on(kernel, plan_against(kernel, manifest, desired));
      return plan_against(kernel, manifest, desired).observed;
    };
    const HostObjects was = make(there);
    const Records were = records;
    make(back);
    const HostObjects is = make(there);
    EXPECT_TRUE(records == were) << "pair " << pair;
    EXPECT_EQ(differences_of(is, was), std::vector<std::string>()) << "pair " << pair;
    execute_on(kernel, plan_against(kernel, there, HostObjects()));
  }
}

}  // namespace ovl
