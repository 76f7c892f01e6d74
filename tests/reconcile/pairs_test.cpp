// Two lists of a manifest at once: what one text makes grows with the text, not with one list times the
// other. Where the other must be, a limit is said before anybody makes it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "reconcile/older_builds.hpp"
#include "reconcile/policy.hpp"
#include "reconcile/predict.hpp"
#include "tests/reconcile/beyond_limits.hpp"

namespace ovl::test {

namespace {

Records records_of(const std::string& text) {
  const Sources sources{{.name = "ovl.toml", .text = text}};
  return resolve(parse(sources).manifest, {}, {}).records;
}

const std::string kInBoth = "networks = { n = {}, m = {} }";

const Case kPairs[] = {
    {"EndpointsAndNames", 100, true, [](std::size_t n) { return kHost + kInternal + on_host("a", n, kInN); }},
    {"EndpointsAndNamesOfSeveralNetworks", 60, true,
     [](std::size_t n) {
       return kHost + kInternal + "[network.m]\ninternal = true\nsubnet = \"172.20.0.0/16\"\n" +
              on_host("a", n, kInBoth);
     }},
    {"EndpointsAndAliases", 100, true,
     [](std::size_t n) {
       return kHost + kInternal + on_host("a", n, kInN) +
              endpoint(1, kInN + "\n" + array_of("aliases", n, [](std::size_t i) {
                            return fmt::format("alias-{}", i);
                          }));
     }},
    {"EndpointsAndSubnetsElsewhere", 35, true,
     [](std::size_t n) {
       return kHost + host_number(1) + internal_network("n", n) + on_host("h1", n - 2, kInN) +
              on_host("a", 2, kInN);
     }},
    {"EndpointsAndReserved", 100, true,
     [](std::size_t n) {
       return kHost + kInternal +
              array_of("reserved", n, [](std::size_t i) { return address_number(i + 2); }) +
              on_host("a", n, kInN);
     }},
    {"EndpointsAndRanges", 35, true,
     [](std::size_t n) {
       return kHost + host_number(1) + internal_network("n", n) +
              array_of("ip_range", n, [](std::size_t i) { return address_number(i * 4 + 2) + "/32"; }) +
              on_host("h1", n - 1, kInN) + on_host("a", 1, kInN);
     }},
    {"AddressesOutsideAndSubnets", 120, false,
     [](std::size_t n) {
       return kHost + internal_network("n", n) + repeated(n, [](std::size_t i) {
                return endpoint(i, kInN + fmt::format("\naddress = \"172.16.{}.{}\"", i / 256, i % 256));
              });
     }},
    {"HostsAndSubnets", 120, true,
     [](std::size_t n) {
       return kStart + network_of(n) + repeated(n, host_number) + repeated(n, [](std::size_t i) {
                return fmt::format("[endpoint.e{0}]\nhost = \"h{0}\"\nnetwork = \"n\"\n", i);
              });
     }},
    {"HostsAndNetworks", 120, true,
     [](std::size_t n) {
       return kStart + repeated(n, network_number) + repeated(n, host_number) +
              repeated(n, [](std::size_t i) {
                return fmt::format("[endpoint.e{0}]\nhost = \"h{0}\"\nnetwork = \"n{0}\"\n", i);
              });
     }},
    {"NetworksAndSubnetsOfAnother", 200, true,
     [](std::size_t n) { return kHost + internal_network("large", n) + repeated(n, network_number); }},
    {"NetworksAndVnis", 200, true,
     [](std::size_t n) {
       return kHost + repeated(n, network_number) + repeated(n, [](std::size_t i) {
                return fmt::format("[network.v{}]\ninternal = true\nvni = {}\n", i, 1'048'576 + i);
              });
     }},
    {"NetworksOfOneAndSubnetsOfAnother", 100, true,
     [](std::size_t n) {
       return kHost + internal_network("large", n) +
              repeated(n,
                       [](std::size_t i) {
                         return fmt::format("[network.n{}]\ninternal = true\nsubnet = \"172.{}.{}.0/24\"\n",
                                            i, 16 + i / 256, i % 256);
                       }) +
              "[endpoint.e]\nhost = \"a\"\n[endpoint.e.networks]\nlarge = {}\n" +
              repeated(n, [](std::size_t i) { return fmt::format("n{} = {{}}\n", i); });
     }},
};

class Pairs : public testing::TestWithParam<Case> {};

TEST_P(Pairs, TakeNoMoreThanTheirShare) {
  expect_in_step(GetParam().count,
                 [](Stopwatch& watch, std::size_t count) { run(GetParam(), count, watch); });
}

INSTANTIATE_TEST_SUITE_P(Manifests, Pairs, testing::ValuesIn(kPairs),
                         [](const auto& of) { return std::string(of.param.name); });

// ---- beside the manifest's blocks ------------------------------------------------------------------

// What a host with the keystore's servers says of its own addresses, times the servers.
TEST(PairsOfFacts, AddressesOfHostsAndServers) {
  expect_in_step(300, [](Stopwatch& watch, std::size_t count) {
    const Sources sources{{.name = "ovl.toml",
                           .text = "[host.a]\nadvertise = \"198.51.100.1\"\n" + kStart +
                                   repeated(count, host_number) + "[network.n]\nsubnet = \"10.0.0.0/8\"\n" +
                                   endpoint(1, kInN)}};
    const Parsed parsed = parse(sources);
    Facts facts;
    const Records records = resolve(parsed.manifest, {}, facts).records;
    std::vector<KeystoreAddress> keystores;
    for (std::size_t i = 0; i < count; ++i) {
      const HostRecord& host = records.hosts[i + 1];
      facts.set(HostFacts{.host = host.name, .vtep = host.advertise, .addresses = {*host.advertise}});
      keystores.push_back({.address = *host.advertise, .port = UdpPort::unchecked(2379)});
    }
    const HostName here = HostName::parse("a").value();
    watch.time("project", [&] {
      return project({.cluster = parsed.manifest.cluster.value,
                      .host = here,
                      .records = records,
                      .facts = facts,
                      .keystores = keystores});
    });
  });
}

// Hosts of an older build, times the changes that it can't read.
TEST(PairsOfFacts, HostsOfOlderBuildsAndChanges) {
  const auto words = [](std::size_t count) {
    const Sources sources{{.name = "ovl.toml", .text = kStart + repeated(count, [](std::size_t i) {
                                                         return host_number(i) + "ttl_check = \"off\"\n";
                                                       })}};
    Facts facts;
    Records records = resolve(parse(sources).manifest, {}, facts).records;
    for (const HostRecord& host : records.hosts) facts.set(HostFacts{.host = host.name, .version = "0"});
    Plan plan;
    plan.record_changes = diff_records(records, {});
    std::size_t bytes = 0;
    for (const Finding& one : words_for_older_builds(plan, records, facts)) {
      bytes += one.message.size() + one.hint.size();
    }
    return bytes;
  };
  const std::size_t few = words(50);
  EXPECT_GT(few, 50U);
  EXPECT_LE(words(50 * kMore), 2 * kMore * few);
}

// Networks that wait for each other's VNI: one behind the other, and each for the next in a circle.
TEST(PairsOfNetworks, VnisThatChangePlaces) {
  for (const bool circle : {false, true}) {
    expect_in_step(200, [&](Stopwatch& watch, std::size_t count) {
      const auto text = [&](std::size_t by) {
        return kStart + repeated(count, [&](std::size_t i) {
                 const std::size_t place = circle ? (i + by) % count : i + by;
                 return fmt::format("[network.n{}]\nsubnet = \"{}\"\nvni = {}\n", i, subnet_number(i),
                                    place + 1);
               });
      };
      const Records current = records_of(text(0));
      Records desired = records_of(text(1));
      std::vector<std::string> waiting;
      watch.time("switches", [&] {
        stage_switches({.current = current,
                        .next_serial = 2,
                        .has_realised = [](const HostName&, std::int64_t) { return true; }},
                       desired, waiting);
        return 0;
      });
      EXPECT_EQ(waiting.size(), circle ? 0 : count - 1);
    });
  }
}

// All hosts get other VTEPs and all endpoints other MACs: each tells whom it cuts off.
TEST(PairsOfNetworks, ChangesAndHosts) {
  expect_in_step(60, [](Stopwatch& watch, std::size_t count) {
    const auto text = [&](int by) {
      return kStart + kInternal + repeated(count, [&](std::size_t i) {
               return fmt::format(
                   "[host.h{0}]\nadvertise = \"192.{1}.{2}.{3}\"\n[endpoint.e{0}]\nhost = \"h{0}\"\n"
                   "network = \"n\"\nmac = \"02:00:{1:02x}:00:{2:02x}:{3:02x}\"\n",
                   i, by, i / 256, i % 256);
             });
    };
    const Records current = records_of(text(1));
    const Records desired = records_of(text(2));
    Plan plan;
    plan.record_changes = diff_records(desired, current);
    EXPECT_EQ(plan.record_changes.size(), 2 * count);
    const auto cut_off = watch.time("predict", [&] { return predict(plan, desired); });
    EXPECT_EQ(cut_off.size(), 2 * count);
    EXPECT_EQ(cut_off.front().until.size(), 16U);
    EXPECT_TRUE(cut_off.front().others);
  });
}

// A policy in a manifest is as long as its writer likes.
TEST(PairsOfAPolicy, PatternsAndRecords) {
  expect_in_step(150, [](Stopwatch& watch, std::size_t count) {
    const Sources sources{{.name = "ovl.toml", .text = kStart + repeated(count, host_number)}};
    const Records current = resolve(parse(sources).manifest, {}, {}).records;
    Policy policy{.origin = "a policy"};
    Plan plan;
    plan.cluster = Label::parse("demo").value();
    plan.record_changes = diff_records({}, current);
    for (std::size_t i = 0; i < count; ++i) {
      policy.protect.push_back(RecordPattern::parse(fmt::format("host.x{}", i)).value());
      policy.protect.push_back(RecordPattern::parse("host.h*").value());
      policy.forbid.push_back(ForbiddenChange::parse("remove host").value());
      policy.hosts.push_back(HostPattern::parse(fmt::format("x{}", i)).value());
    }
    const auto said = watch.time("violations", [&] {
      return violations({.plan = plan, .desired = current, .current = current}, policy);
    });
    EXPECT_LE(said.size(), 3 * count);
    EXPECT_GE(said.size(), 3 * count);
  });
}

}  // namespace

}  // namespace ovl::test
