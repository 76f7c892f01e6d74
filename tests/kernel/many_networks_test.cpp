// A host with more networks than a search by indexes alone could tell apart.
#include "reconcile/host/observe.hpp"
#include "tests/kernel/kernel_test.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

using ManyNetworksTest = KernelTest;

constexpr int kNetworks = 80;

// In every sandbox the port has the same index, and so has the end in every endpoint's namespace.
TEST_F(ManyNetworksTest, EachPairIsFoundAmongManyWithTheSameIndexes) {
  const TemporaryDirectory directory;
  auto state = State::open({.root = directory.path(), .cluster = Label::parse("demo").value()});
  ASSERT_TRUE(state.ok()) << state.error().message;
  Operations namespaces;
  Operations pairs;
  HostObjects desired;
  for (int i = 0; i < kNetworks; ++i) {
    const std::string sandbox = "ovl-n" + std::to_string(i);
    const std::string inside = "web" + std::to_string(i);
    namespaces.create(sandbox, owned_netns(sandbox)).create(inside, owned_netns(inside));
    const Link port = outer_link("v1", inside, "");
    pairs.create(sandbox, port);
    desired.at(netns(sandbox)).links.push_back(port);
    desired.at(netns(inside));
  }
  apply(namespaces);
  apply(pairs);

  const auto seen = ovl::observe(*kernel, state.value(), desired, {});
  ASSERT_TRUE(seen.ok()) << seen.error().message;
  for (const NamespaceObjects& wanted : desired.namespaces) {
    for (const Link& port : wanted.links) {
      const Link* found = find_like(seen.value().find(wanted.name)->links, port);
      ASSERT_NE(found, nullptr) << wanted.name.text();
      EXPECT_EQ(found->peer, port.peer) << wanted.name.text();
    }
  }
}

}  // namespace

}  // namespace ovl::test
