// Two lists of a manifest at once: what one text makes grows with the text, not with one list times the
// other. Where the other must be, a limit is said before anybody makes it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "reconcile/records/older_builds.hpp"
#include "reconcile/records/places.hpp"
#include "reconcile/records/policy.hpp"
#include "reconcile/run/predict.hpp"
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

// Each refusal is shown with its place.
TEST(PairsOfAPolicy, FindingsAndBlocks) {
  expect_in_step(400, [](Stopwatch& watch, std::size_t count) {
    const Sources sources{{.name = "ovl.toml", .text = kHost + kInternal + on_host("a", count, kInN)}};
    const Parsed parsed = parse(sources);
    const HostName host = HostName::parse("a").value();
    std::size_t found = 0;
    watch.time("places", [&] {
      for (std::size_t i = 0; i < count; ++i) {
        if (place_of(parsed.manifest, host, fmt::format("endpoint.a{}", i))) ++found;
        if (place_of(parsed.manifest, host, fmt::format("netns a{}", i))) ++found;
      }
      return found;
    });
    EXPECT_EQ(found, 2 * count);
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

// ---- limits --------------------------------------------------------------------------------------------

using Said = std::vector<std::string>;

Said said_of(const Sources& sources) {
  Said out;
  for (const Diagnostic& one : parse(sources).diagnostics) {
    out.push_back(fmt::format("{}: {}", one.id.text(), one.message));
  }
  return out;
}

TEST(PairsAreLimited, SubnetsTimesEndpointsOfAHost) {
  const Said refused{
      "too-many-routes: host \"a\" would have more than 100000 routes to the subnets of networks that its "
      "endpoints are in"};
  EXPECT_EQ(said_of(with_routes(250)), Said());
  EXPECT_EQ(said_of(with_routes(260)), refused);
  // Of all networks of a host together, and of each host by itself.
  const std::string network = kHost + internal_network("n", 400);
  const std::string two =
      network + "[network.m]\ninternal = true\n" + array_of("subnets", 400, [](std::size_t i) {
        return fmt::format("172.16.{}.{}/30", i / 64, i % 64 * 4);
      });
  EXPECT_EQ(said_of({{.name = "ovl.toml", .text = two + on_host("a", 130, kInBoth)}}), refused);
  const std::string spread = network + host_number(1) + on_host("a", 250, kInN) + on_host("h1", 250, kInN);
  EXPECT_EQ(said_of({{.name = "ovl.toml", .text = spread}}), Said());
}

TEST(PairsAreLimited, NamesTimesEndpointsOfAHost) {
  EXPECT_EQ(said_of(with_names(700)), Said());
  EXPECT_EQ(said_of(with_names(1000)),
            Said{"too-many-names: the hosts files of host \"a\" would have more than 4 GiB together"});
}

TEST(PairsAreLimited, LabelsTimesNetworksOfAnEndpoint) {
  EXPECT_EQ(said_of(with_labels(1000)), Said());
  EXPECT_EQ(said_of(with_labels(3000)),
            Said{"too-many-labels: the labels of endpoints, once for each network that one is in, have more "
                 "than 512 MiB"});
}

// Records that nobody's manifest has made.
StoreView view_of_records(const Records& records) {
  Snapshot snapshot;
  const StoreLayout layout(Label::parse("demo").value());
  for (const HostRecord& host : records.hosts)
    snapshot.items.push_back({.key = layout.host(host.name), .value = encode(host).json()});
  for (const NetworkRecord& network : records.networks)
    snapshot.items.push_back({.key = layout.network(network.name), .value = encode(network).json()});
  for (const EndpointRecord& one : records.endpoints)
    snapshot.items.push_back({.key = layout.endpoint(one.network, one.name), .value = encode(one).json()});
  std::ranges::sort(snapshot.items, {}, &KeyValue::key);
  return view_of(snapshot, layout);
}

const std::string kInNAndSmall = "networks = { n = {}, small = {} }";
const std::string kSmall = "[network.small]\ninternal = true\nsubnet = \"172.20.0.0/16\"\n";

TEST(PairsAreLimited, InRecordsOneNetworkFreezes) {
  const std::string text = kHost + internal_network("n", 400) + kSmall + on_host("a", 150, kInNAndSmall);
  EXPECT_TRUE(view_of_records(records_of(text)).refused.empty());
  Records records = records_of(text + on_host("b", 150, kInN) + "[host.b]\nadvertise = \"192.0.2.2\"\n");
  for (EndpointRecord& one : records.endpoints) one.host = HostName::parse("a").value();
  const StoreView view = view_of_records(records);
  ASSERT_FALSE(view.refused.empty());
  EXPECT_EQ(view.refused.front().subject, "networks/n");
  EXPECT_EQ(view.refused.front().message, "host a would have more than 100000 routes to subnets by it");
  EXPECT_EQ(view.frozen, std::vector{Label::parse("n").value()});
  EXPECT_EQ(view.frozen_hosts, std::vector<HostName>());
  EXPECT_EQ(view.records.endpoints.size(), 150U);
}

TEST(PairsAreLimited, NamesInRecordsToo) {
  Records records = records_of(kHost + host_number(1) + kInternal + kSmall +
                               on_host("a", 1000, kInNAndSmall) + on_host("h1", 25, kInN));
  std::size_t at = 0;
  for (EndpointRecord& one : records.endpoints) {
    if (one.host.text() != "h1") continue;
    ++at;
    for (std::size_t i = 0; i < 4000; ++i) {
      one.aliases.push_back(Alias::parse(fmt::format("a{:0>59}", at * 10'000 + i)).value());
    }
  }
  const StoreView view = view_of_records(records);
  ASSERT_FALSE(view.refused.empty());
  EXPECT_EQ(view.refused.front().message, "the hosts files of host a would have more than 4 GiB by it");
  EXPECT_EQ(view.frozen, std::vector{Label::parse("n").value()});
  EXPECT_EQ(view.records.endpoints.size(), 1000U);
}

// A hundred endpoints of a network of 100,000 names: their hosts files have ten million lines, made once.
TEST(PairsAreLimited, FarAboveHonestClusters) {
  const std::size_t hosts = 1000;
  Records records = records_of(kStart + kInternal + repeated(hosts, host_number));
  const EndpointRecord some{.network = Label::parse("n").value(), .id = std::string(64, '0')};
  for (std::size_t i = 0; i < 100'000; ++i) {
    EndpointRecord one = some;
    one.name = Label::parse(fmt::format("endpoint-{}", i)).value();
    one.id = fmt::format("{:064x}", i * 0x9e3779b97f4a7c15U);
    std::ranges::reverse(one.id);
    one.host = records.hosts[i % hosts].name;
    one.netns = NetnsName::parse(one.name.text()).value();
    one.interface = IfName::from_kernel("eth0");
    one.addresses = {IpAddress::parse(address_number(i + 2)).value()};
    one.mac = MacAddress::from_ipv4(one.addresses.front());
    records.endpoints.push_back(std::move(one));
  }
  records.sort();
  StoreView view;
  view.records = records;
  validate_set(view);
  EXPECT_TRUE(view.refused.empty()) << view.refused.front().subject << view.refused.front().message;
  const Facts facts;
  const HostName here = records.hosts.front().name;
  const auto project_here = [&] {
    const double before = processor_ms();
    const Projected projected =
        project({.cluster = Label::parse("demo").value(), .host = here, .records = records, .facts = facts});
    EXPECT_TRUE(projected.problems.empty());
    return processor_ms() - before;
  };
  const double hundred = project_here();
  std::erase_if(records.endpoints, [&](const EndpointRecord& one) {
    return one.host == here && one.name.text() != "endpoint-0";
  });
  EXPECT_LE(hundred, 3 * project_here()) << "of one";
}

}  // namespace

}  // namespace ovl::test
