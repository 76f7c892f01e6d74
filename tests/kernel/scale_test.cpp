// Many objects at once, and what a failure in the middle of a batch says.
#include <sys/resource.h>

#include <chrono>

#include "tests/kernel/kernel_test.hpp"

namespace ovl::test {

namespace {

using ScaleTest = KernelTest;

constexpr std::uint32_t kEntries = 20'000;

using Clock = std::chrono::steady_clock;

int ms(Clock::time_point from, Clock::time_point to) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count());
}

std::string sandbox(std::uint32_t number) {
  return "ovl-n" + std::to_string(number);
}

struct Entry {
  Neighbour neighbour;
  Fdb fdb;
};

std::vector<Entry> entries(std::uint32_t count) {
  std::vector<Entry> out;
  for (std::uint32_t i = 0; i < count; ++i) {
    const IpAddress address = ip("10.0.0.2").plus(i).value();
    const MacAddress mac = MacAddress::from_ipv4(address);
    out.push_back(
        Entry{.neighbour = {dev("vxlan0"), address, mac},
              .fdb = {dev("vxlan0"), FdbTable::self, mac, ip("192.168.50.2").plus(i % 50).value()}});
  }
  return out;
}

TEST_F(ScaleTest, TwentyThousandEndpointsInOneApply) {
  make_sandbox("ovl-net");
  const std::vector<Entry> all = entries(kEntries);
  const NetnsName name = netns("ovl-net");
  std::vector<Operation> operations;
  for (const Entry& entry : all) operations.push_back({.netns = &name, .after = &entry.neighbour});
  for (const Entry& entry : all) operations.push_back({.netns = &name, .after = &entry.fdb});
  const std::uint64_t before = kernel->writes();

  const Clock::time_point start = Clock::now();
  const ApplyOutcome outcome = kernel->apply(operations);
  const Clock::time_point applied = Clock::now();
  ASSERT_FALSE(outcome.error.has_value()) << text_of(outcome);
  EXPECT_EQ(kernel->writes(), before + std::uint64_t{2} * kEntries);

  const NamespaceObjects seen = observe_one("ovl-net");
  const Clock::time_point observed = Clock::now();
  ASSERT_EQ(seen.neighbours.size(), all.size());
  ASSERT_EQ(seen.fdb.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(seen.neighbours[i], all[i].neighbour);
    ASSERT_EQ(seen.fdb[i], all[i].fdb);
  }
  RecordProperty("apply_ms", ms(start, applied));
  RecordProperty("observe_ms", ms(applied, observed));
}

TEST_F(ScaleTest, FiftySandboxesComeAndGo) {
  HostObjects wanted;
  Operations births;
  Operations deaths;
  for (std::uint32_t i = 0; i < 50; ++i) births.create(sandbox(i), owned_netns(sandbox(i)));
  for (std::uint32_t i = 0; i < 50; ++i) births.create(sandbox(i), bridge_link());
  for (std::uint32_t i = 0; i < 50; ++i) births.create(sandbox(i), vxlan_link(1'048'576 + i));
  for (std::uint32_t i = 0; i < 50; ++i) {
    deaths.remove(sandbox(i), owned_netns(sandbox(i)));
    wanted.at(netns(sandbox(i)));
  }
  for (int round = 0; round < 2; ++round) {
    const Clock::time_point start = Clock::now();
    apply(births);
    const Clock::time_point born = Clock::now();
    for (const NamespaceObjects& space : observe(wanted).namespaces) EXPECT_EQ(space.links.size(), 2U);
    const Clock::time_point seen = Clock::now();
    apply(deaths);
    RecordProperty("create_ms", ms(start, born));
    RecordProperty("observe_ms", ms(born, seen));
    RecordProperty("remove_ms", ms(seen, Clock::now()));
  }
  EXPECT_EQ(must("ip netns list"), "");
}

TEST_F(ScaleTest, TheFailingMessageOfABatchIsNamed) {
  make_sandbox("ovl-net");
  const std::vector<Entry> all = entries(100);
  apply(Operations().create("ovl-net", all[50].fdb));
  Operations operations;
  for (const Entry& entry : all) operations.create("ovl-net", entry.neighbour).create("ovl-net", entry.fdb);
  const Error error = failure_of(operations, 101);
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_EQ(error.os_errno, EEXIST);
  EXPECT_TRUE(error.message.starts_with("RTM_NEWNEIGH fdb ovl-net:vxlan0 self 02:42:0a:00:00:34: EEXIST"))
      << error.message;
  const NamespaceObjects seen = observe_one("ovl-net");
  EXPECT_GE(seen.neighbours.size(), 51U);
}

TEST_F(ScaleTest, OperationsBeforeAFailureAreDoneAndNoneOfALaterNamespaceIs) {
  make_sandbox("ovl-net");
  const Entry one = entries(1)[0];
  Fdb bad = one.fdb;
  bad.vtep = ip("fd00::1");
  (void)failure_of(
      Operations().create("ovl-net", one.neighbour).create("ovl-net", bad).create("web", owned_netns("web")),
      1);
  EXPECT_EQ(observe_one("ovl-net").neighbours.size(), 1U);
  EXPECT_FALSE(observe_one("web").netns.has_value());
}

TEST_F(ScaleTest, ALackOfPrivilegeIsSaidWithItsRemedy) {
  ASSERT_EQ(seteuid(65534), 0);
  const Error link = failure_of(Operations().create("", bridge_link()), 0);
  const Error space = failure_of(Operations().create("web", owned_netns("web")), 0);
  ASSERT_EQ(seteuid(0), 0);
  for (const Error& error : {link, space}) {
    EXPECT_EQ(error.code, Errc::privilege) << error.message;
    EXPECT_EQ(error.hint, "run as root");
  }
}

TEST_F(ScaleTest, MoreNamespacesThanDescriptorsAllow) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = 128;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  kernel = std::move(open_linux_kernel(LinuxKernelOptions{})).value();
  constexpr int kCount = 60;
  HostObjects wanted;
  Operations namespaces;
  Operations links;
  for (int i = 0; i < kCount; ++i) {
    const std::string name = "ovl-n" + std::to_string(i);
    namespaces.create(name, owned_netns(name));
    links.create(name, bridge_link());
    wanted.at(netns(name));
  }
  for (int i = 0; i < kCount; ++i) {
    links.create("ovl-n" + std::to_string(i), vxlan_link(1'048'576 + static_cast<std::uint32_t>(i)));
  }
  apply(namespaces);
  apply(links);
  HostObjects seen = observe(wanted);
  for (const NamespaceObjects& space : seen.namespaces)
    EXPECT_EQ(space.links.size(), 2U) << space.name.text();
}

}  // namespace

}  // namespace ovl::test
