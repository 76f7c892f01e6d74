// Whoever may push chooses how long a manifest's lists are: no stage may take more than its share for a
// longer one, whether it is taken or refused, and neither may the words about it.
#include "tests/reconcile/doubling.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "reconcile/objects/diff_objects.hpp"
#include "reconcile/objects/operations.hpp"

namespace ovl::test {

namespace {

const Case kCases[] = {
    {"Subnets", 400, true,
     [](std::size_t n) { return kHost + network_of(n) + endpoint(1, "network = \"n\""); }},
    {"SubnetsThatAreOne", 250, false,
     [](std::size_t n) {
       return kStart + "[network.n]\n" +
              array_of("subnets", n, [](std::size_t) { return std::string("10.0.0.0/24"); });
     }},
    {"SubnetsInOneLarge", 250, false,
     [](std::size_t n) {
       return kStart + "[network.n]\n" + array_of("subnets", n, [](std::size_t i) {
                return i == 0 ? std::string("10.0.0.0/8") : subnet_number(i);
              });
     }},
    {"SubnetsThatAreUnfit", 250, false,
     [](std::size_t n) {
       return kStart + "[network.n]\n" + array_of("subnets", n, [](std::size_t i) {
                return fmt::format("127.0.{}.{}/32", i >> 8, i % 256);
              });
     }},
    {"SubnetsOfOneEndpoint", 250, false,
     [](std::size_t n) {
       return kHost +
              repeated(n,
                       [](std::size_t i) {
                         return fmt::format("[network.n{}]\nsubnet = \"{}\"\n", i,
                                            i % 2 == 0 ? "10.0.0.0/24" : subnet_number(i));
                       }) +
              "[endpoint.e]\nhost = \"a\"\n[endpoint.e.networks]\n" +
              repeated(n, [](std::size_t i) { return fmt::format("n{} = {{}}\n", i); });
     }},
    {"Gateways", 400, true,
     [](std::size_t n) {
       return kHost + network_of(n) +
              array_of("gateway", n, [](std::size_t i) { return address_number(i * 4 + 2); });
     }},
    {"GatewaysOutside", 250, false,
     [](std::size_t n) {
       return kHost + network_of(n) + array_of("gateway", n, [](std::size_t i) {
                return fmt::format("172.16.{}.{}", i >> 8, i % 256);
              });
     }},
    {"Ranges", 400, true,
     [](std::size_t n) {
       return kHost + network_of(n) +
              array_of("ip_range", n, [](std::size_t i) { return address_number(i * 4 + 2) + "/31"; });
     }},
    {"RangesOutside", 250, false,
     [](std::size_t n) {
       return kHost + network_of(n) + array_of("ip_range", n, [](std::size_t i) {
                return fmt::format("172.16.{}.{}/32", i >> 8, i % 256);
              });
     }},
    {"Reserved", 400, true,
     [](std::size_t n) {
       return kHost + network_of(n) +
              array_of("reserved", n, [](std::size_t i) { return address_number(i * 4 + 1); }) +
              endpoint(1, "network = \"n\"");
     }},
    {"ReservedOutside", 250, false,
     [](std::size_t n) {
       return kHost + network_of(n) + array_of("reserved", n, [](std::size_t i) {
                return fmt::format("172.16.{}.{}", i >> 8, i % 256);
              });
     }},
    {"ReservedAndGiven", 250, false,
     [](std::size_t n) {
       return kHost + kInternal +
              array_of("reserved", n, [](std::size_t i) { return address_number(i + 2); }) +
              repeated(n, [](std::size_t i) {
                return endpoint(i, "network = \"n\"\naddress = " + quoted(address_number(i + 2)));
              });
     }},
    {"Addresses", 400, true,
     [](std::size_t n) {
       return kHost + network_of(n) + "internal = true\n" +
              repeated(std::min<std::size_t>(n, 20), [](std::size_t i) {
                return endpoint(i, "network = \"n\"\naddress = " + quoted(address_number(i * 4 + 2)));
              });
     }},
    {"AddressesOfOne", 250, false,
     [](std::size_t n) {
       return kHost + kInternal + endpoint(1, "network = \"n\"\n" + array_of("address", n, [](std::size_t i) {
                                                return address_number(i + 2);
                                              }));
     }},
    {"Aliases", 400, true,
     [](std::size_t n) {
       return kHost + kInternal + endpoint(1, "network = \"n\"\n" + array_of("aliases", n, [](std::size_t i) {
                                                return fmt::format("alias-{}", i);
                                              }));
     }},
    {"AliasesThatAreOne", 250, false,
     [](std::size_t n) {
       return kHost + kInternal + endpoint(1, "network = \"n\"\n" + array_of("aliases", n, [](std::size_t) {
                                                return std::string("same");
                                              }));
     }},
    {"Labels", 400, true,
     [](std::size_t n) {
       return kHost + "[host.a.labels]\n" +
              repeated(n, [](std::size_t i) { return fmt::format("l{} = \"x\"\n", i); });
     }},
    {"LabelsThatAreNone", 250, false,
     [](std::size_t n) {
       return kHost + "labels = { " + listed(n, [](std::size_t i) { return fmt::format("l{} = 1", i); }) +
              " }\n";
     }},
    {"Hosts", 400, true, [](std::size_t n) { return kStart + repeated(n, host_number); }},
    {"HostsOfOneAddress", 250, false,
     [](std::size_t n) {
       return kStart + repeated(n, [](std::size_t i) {
                return fmt::format("[host.h{}]\nadvertise = \"192.0.2.1\"\n", i);
              });
     }},
    {"HostsAndEndpoints", 250, true,
     [](std::size_t n) {
       return kStart + kInternal + repeated(n, [](std::size_t i) {
                return host_number(i) +
                       fmt::format("[endpoint.e{}]\nhost = \"h{}\"\nnetwork = \"n\"\n", i, i);
              });
     }},
    {"Networks", 500, true,
     [](std::size_t n) {
       return kHost + repeated(n, network_number) + endpoint(1, "network = \"n1\"") +
              endpoint(2, "network = \"n2\"");
     }},
    {"NetworksOfOneEndpoint", 150, true,
     [](std::size_t n) {
       return kHost + repeated(n, network_number) + "[endpoint.e]\nhost = \"a\"\n[endpoint.e.networks]\n" +
              repeated(n, [](std::size_t i) { return fmt::format("n{} = {{}}\n", i); });
     }},
    {"NetworksOfOneVni", 250, false,
     [](std::size_t n) {
       return kHost + repeated(n, [](std::size_t i) { return fmt::format("[network.n{}]\nvni = 7\n", i); });
     }},
    {"NetworksWithOneEndpointEach", 120, true,
     [](std::size_t n) {
       return kHost + repeated(n, [](std::size_t i) {
                return network_number(i) + endpoint(i, fmt::format("network = \"n{}\"", i));
              });
     }},
    {"EndpointsWithoutNetwork", 250, false,
     [](std::size_t n) {
       return kHost + repeated(n, network_number) +
              repeated(n, [](std::size_t i) { return endpoint(i, fmt::format("network = \"m{}\"", i)); });
     }},
    {"EndpointsWithoutHost", 250, false,
     [](std::size_t n) {
       return kInternal + kStart + repeated(n, host_number) + repeated(n, [](std::size_t i) {
                return fmt::format("[endpoint.e{}]\nhost = \"g{}\"\nnetwork = \"n\"\n", i, i);
              });
     }},
    {"EndpointsOfOneMac", 250, false,
     [](std::size_t n) {
       return kHost + kInternal + repeated(n, [](std::size_t i) {
                return endpoint(i, "network = \"n\"\nmac = \"02:00:00:00:00:01\"");
              });
     }},
    {"EndpointsOfOneNamespace", 250, false,
     [](std::size_t n) {
       return kHost + kInternal +
              repeated(n, [](std::size_t i) { return endpoint(i, "network = \"n\"\nnetns = \"one\""); });
     }},
    {"Moved", 400, true,
     [](std::size_t n) {
       return kHost + repeated(n, network_number) + repeated(n, [](std::size_t i) {
                return fmt::format("[[moved]]\nfrom = \"network.o{}\"\nto = \"network.n{}\"\n", i, i);
              });
     }},
    {"MovedToNowhere", 250, false,
     [](std::size_t n) {
       return kHost + repeated(n, network_number) + repeated(n, [](std::size_t i) {
                return fmt::format("[[moved]]\nfrom = \"network.o{}\"\nto = \"network.m{}\"\n", i, i);
              });
     }},
    {"MovedTwice", 250, false,
     [](std::size_t n) {
       return kHost + repeated(n, [](std::size_t) {
                return std::string("[[moved]]\nfrom = \"network.o\"\nto = \"network.n\"\n");
              });
     }},
    {"StoreServers", 400, true,
     [](std::size_t n) {
       return kHost + "[keystore]\nallow_plaintext = true\nurl = \"etcd://" +
              listed(
                  n, [](std::size_t i) { return address_number(i); }, ",") +
              "\"\n";
     }},
    {"PolicyLists", 400, true,
     [](std::size_t n) {
       return kHost + "[policy]\n" + array_of("subnets", n, subnet_number) +
              array_of("protect", n, [](std::size_t i) { return fmt::format("network.n{}", i); }) +
              array_of("hosts", n, [](std::size_t i) { return fmt::format("h{}", i); }) +
              array_of("forbid", n, [](std::size_t) { return std::string("remove network"); });
     }},
    {"UnknownKeys", 250, false,
     [](std::size_t n) {
       return kHost + repeated(n, [](std::size_t i) { return fmt::format("key{} = 1\n", i); });
     }},
    {"UnknownBlocks", 250, false,
     [](std::size_t n) {
       return kHost + repeated(n, [](std::size_t i) { return fmt::format("[block{}]\n", i); });
     }},
    {"KeysSetTwice", 250, false,
     [](std::size_t n) {
       return kHost +
              repeated(n, [](std::size_t i) { return fmt::format("[network.n{}]\nvni = 1\nvni = 1\n", i); });
     }},
    {"BlocksOpenedTwice", 250, false,
     [](std::size_t n) {
       return kHost + repeated(n, [](std::size_t i) {
                return fmt::format("[network.n{}]\nvni = 1\n[network.n{}]\n", i, i);
              });
     }},
    {"NamesThatDifferInCase", 250, false,
     [](std::size_t n) {
       return kHost + repeated(n, [](std::size_t i) {
                return fmt::format("[network.n{}]\nvni = {}\n[network.N{}]\n", i, i + 1, i);
              });
     }},
    {"ErrorsOnOneLine", 250, false,
     [](std::size_t n) {
       return kHost + "[network.n]\nreserved = [" +
              listed(n, [](std::size_t i) { return fmt::format("\"no address {}\"", i); }) + "]\n";
     }},
    {"ErrorsOnOneLineWithLongValues", 500, false,
     [](std::size_t n) {
       return kHost + "[network.n]\nreserved = [" +
              listed(n, [](std::size_t) { return quoted(std::string(500, 'x')); }) + "]\n";
     }},
    {"ErrorsBelowALongFile", 250, false,
     [](std::size_t n) {
       return kHost + std::string(n * 20, '\n') +
              repeated(n, [](std::size_t i) { return fmt::format("key{} = 1\n", i); });
     }},
    {"QuotesOnOneLine", 250, false,
     [](std::size_t n) {
       return kHost + "[keystore]\nurl = { " +
              listed(n, [](std::size_t i) { return fmt::format("a{} = \"b://c@d\"", i); }) + " }\n";
     }},
    {"DottedKeys", 250, false,
     [](std::size_t n) {
       return kHost + repeated(n, [](std::size_t i) { return fmt::format("labels.a{}.b.c.d = 1\n", i); });
     }},
    {"ArraysOfTables", 250, false,
     [](std::size_t n) {
       return kHost + repeated(n, [](std::size_t) { return std::string("[[network]]\n[[network.a]]\n"); });
     }},
};

class Doubling : public testing::TestWithParam<Case> {};

TEST_P(Doubling, TakesNoMoreThanItsShare) {
  expect_in_step(GetParam().count,
                 [](Stopwatch& watch, std::size_t count) { run(GetParam(), count, watch); });
}

// Where nothing is free, that is found out once: each search looks at all that there is.
TEST(DoublingOfNone, NoSubnetIsSearchedForOnce) {
  const auto resolved = [](Stopwatch& watch, const char* step, std::size_t count) {
    const std::string text =
        kHost + "[network.all]\nsubnet = \"10.0.0.0/8\"\n" + repeated(count, network_number);
    const Parsed parsed = parse({{.name = "ovl.toml", .text = text}});
    ASSERT_TRUE(parsed.diagnostics.empty());
    const Resolved out = watch.time(step, [&] { return resolve(parsed.manifest, {}, {}); });
    EXPECT_EQ(out.problems.size(), count);
  };
  Stopwatch watch;
  for (int i = 0; i < 2; ++i) resolved(watch, "one", 1);
  resolved(watch, "many", 60);
  EXPECT_LE(watch.took().at("many"), 10 * watch.took().at("one"));
}

// What a tenant fills its own namespace with: as many addresses as routes, on the device that ovl gave it.
void diff_full_namespace(std::size_t count, Stopwatch& watch) {
  Plan plan;
  plan.cluster = Label::parse("demo").value();
  const NetnsName web = NetnsName::parse("web").value();
  const IfName dev = IfName::from_kernel("eth0");
  NamespaceObjects& wanted = plan.desired.at(web);
  wanted.netns = Netns{.name = web, .owner = "ovl:demo/endpoint/web"};
  wanted.links.push_back(
      Link{.name = dev, .type = LinkType::veth, .group = kLinkGroup, .alias = "ovl:demo/x"});
  NamespaceObjects& there = plan.observed.at(web);
  there = wanted;
  for (std::size_t i = 0; i < count; ++i) {
    const IpAddress address = IpAddress::parse(address_number(i)).value();
    wanted.addresses.push_back(Address{.dev = dev, .address = {.address = address, .length = 31}});
    there.addresses.push_back(Address{.dev = dev, .address = {.address = address, .length = 32}});
    there.routes.push_back(
        Route{.destination = IpPrefix::masked(address, 32), .dev = dev, .protocol = kRouteProtocol});
  }
  plan.desired.sort();
  plan.observed.sort();
  watch.time("diff of objects", [&] {
    diff_objects(plan, {}, {}, {});
    return 0;
  });
  EXPECT_EQ(watch.time("operations", [&] { return operations_of(plan); }).empty(), count == 0);
}

TEST(DoublingOnAHost, AFullNamespaceTakesNoMoreThanItsShare) {
  expect_in_step(500, [](Stopwatch& watch, std::size_t count) { diff_full_namespace(count, watch); });
}

INSTANTIATE_TEST_SUITE_P(Manifests, Doubling, testing::ValuesIn(kCases),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace

}  // namespace ovl::test
