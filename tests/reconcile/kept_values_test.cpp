// What a manifest leaves out again, after it gave it; and what it wants chosen anew.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "reconcile/manifest/parse.hpp"
#include "reconcile/records/resolve.hpp"
#include "reconcile/records/switch_over.hpp"

namespace ovl {

namespace {

Resolved resolved(const std::string& text, const Records& current = {}) {
  const Parsed parsed = parse({{.name = "ovl.toml", .text = text}});
  for (const Diagnostic& found : parsed.diagnostics) ADD_FAILURE() << found.message << "\n" << text;
  return resolve(parsed.manifest, current, {});
}

// One host, one network, one endpoint, with these keys.
std::string manifest(const std::string& host, const std::string& network, const std::string& endpoint) {
  return fmt::format(
      "[cluster]\nname = \"demo\"\n[host.a]\nadvertise = \"192.0.2.1\"\n{}[network.net]\n{}"
      "[endpoint.web]\nhost = \"a\"\nnetwork = \"net\"\n{}",
      host, network, endpoint);
}

const std::string kGiven = manifest("gateway_pool = \"172.30.0.0/16\"\n",
                                    "subnets = [\"10.44.9.0/24\", \"fd00:9::/64\"]\ngateway = "
                                    "\"10.44.9.254\"\nip_range = \"10.44.9.128/25\"\n"
                                    "vni = 5000\nport = 4800\n",
                                    "address = \"10.44.9.7\"\nmac = \"02:00:00:00:00:07\"\n");

TEST(KeptValues, AreThoseOfKeysThatAreLeftOutAgain) {
  const Records given = resolved(kGiven).records;
  EXPECT_EQ(resolved(manifest("", "", ""), given).records.endpoints, given.endpoints);
  EXPECT_EQ(resolved(manifest("", "", ""), given).records.hosts, given.hosts);
  NetworkRecord network = given.networks.front();
  network.ip_range.clear();
  EXPECT_EQ(resolved(manifest("", "", ""), given).records.networks.front(), network);
}

TEST(KeptValues, HoldTheAddressesThatAreStillGiven) {
  const Records given = resolved(kGiven).records;
  const std::string address = "address = \"10.44.9.7\"\n";
  const std::string within =
      "gateway = \"10.44.9.254\"\nip_range = \"10.44.9.128/25\"\nreserved = [\"10.44.9.8\"]\n";
  const Resolved kept = resolved(manifest("", within, address), given);
  ASSERT_TRUE(kept.problems.empty()) << kept.problems.front().message;
  EXPECT_EQ(kept.records.networks.front().subnets, given.networks.front().subnets);
  EXPECT_EQ(kept.records.endpoints, given.endpoints);
}

// Each with its place: nothing of it is left to chance.
TEST(KeptValues, SayWhatTheyDoNotHold) {
  const Records given = resolved(kGiven).records;
  const auto first_problem = [&](const std::string& network, const std::string& endpoint,
                                 const Records& current) {
    const Resolved out = resolved(manifest("", network, endpoint), current);
    return out.problems.empty() ? std::string() : out.problems.front().message;
  };
  EXPECT_NE(first_problem("", "address = \"10.55.0.7\"\n", given).find("is in no subnet of network \"net\""),
            std::string::npos);
  EXPECT_NE(first_problem("reserved = [\"10.55.0.7\"]\n", "", given).find("the reserved address 10.55.0.7"),
            std::string::npos);
  EXPECT_NE(first_problem("gateway = \"10.55.0.7\"\n", "", given).find("the gateway 10.55.0.7"),
            std::string::npos);
  EXPECT_NE(first_problem("ip_range = \"10.55.0.0/25\"\n", "", given).find("the range 10.55.0.0/25"),
            std::string::npos);
  EXPECT_NE(first_problem("gateway = \"10.44.9.254\"\n", "address = \"10.44.9.254\"\n", given)
                .find("is the gateway"),
            std::string::npos);
  EXPECT_NE(first_problem("", "address = \"10.44.9.0\"\n", given).find("no address of a machine"),
            std::string::npos);
  EXPECT_NE(first_problem("", "address = \"10.44.9.7\"\n", {}).find("is in no subnet"), std::string::npos)
      << "nothing is kept yet";
}

TEST(KeptValues, AreChosenAnewWhereThatIsAskedFor) {
  const std::string anew = manifest("gateway_pool = \"auto\"\n",
                                    "subnet = \"auto\"\ngateway = \"auto\"\nvni = \"auto\"\nport = 4789\n",
                                    "address = \"auto\"\nmac = \"auto\"\n");
  const Records given = resolved(kGiven).records;
  const Records chosen = resolved(anew, given).records;
  const Records fresh = resolved(anew).records;
  EXPECT_EQ(chosen.hosts, fresh.hosts);
  EXPECT_EQ(chosen.networks, fresh.networks);
  EXPECT_EQ(chosen.endpoints, fresh.endpoints);
  EXPECT_EQ(resolved(anew, chosen).records, chosen) << "what was chosen stays";
  EXPECT_EQ(resolved(manifest("", "", ""), chosen).records, chosen) << "also without the word";
}

TEST(KeptValues, GiveWayToWhatAnotherBlockIsGiven) {
  const auto two = [](const std::string& one, const std::string& other) {
    return resolved("[cluster]\nname = \"demo\"\n[network.one]\n" + one + "[network.two]\n" + other);
  };
  const Records given = two("vni = 5000\n", "").records;
  const Records after =
      resolved("[cluster]\nname = \"demo\"\n[network.one]\n[network.two]\nvni = 5000\n", given).records;
  EXPECT_EQ(after.networks[1].vni.number(), 5000U);
  EXPECT_NE(after.networks[0].vni.number(), 5000U);
  const std::string other = "[endpoint.db]\nhost = \"a\"\nnetwork = \"net\"\n";
  const std::string subnet = "subnet = \"10.44.9.0/24\"\n";
  const Records web =
      resolved(manifest("", subnet, "address = \"10.44.9.7\"\nmac = \"02:00:00:00:00:07\"\n")).records;
  const Records both =
      resolved(manifest("", subnet, "") + other + "address = \"10.44.9.7\"\nmac = \"02:00:00:00:00:07\"\n",
               web)
          .records;
  EXPECT_EQ(both.endpoints[0].addresses[0].text(), "10.44.9.7") << "db's";
  EXPECT_NE(both.endpoints[1].addresses[0].text(), "10.44.9.7");
  EXPECT_NE(both.endpoints[1].mac, both.endpoints[0].mac);
}

TEST(KeptValues, AGatewayGivesWayToAnEndpoint) {
  const Records given =
      resolved(manifest("", "subnet = \"10.44.9.0/24\"\ngateway = \"10.44.9.254\"\n", "")).records;
  const std::string taken = manifest("", "subnet = \"10.44.9.0/24\"\n", "address = \"10.44.9.254\"\n");
  EXPECT_EQ(resolved(taken, given).records.networks[0].gateways[0].text(), "10.44.9.1");
  const std::string larger = manifest("", "subnet = \"10.44.8.0/23\"\n", "");
  EXPECT_EQ(resolved(larger, given).records.networks[0].gateways[0].text(), "10.44.9.254");
}

TEST(KeptValues, OfNetworksThatOverlapAreToldInOneEndpoint) {
  const auto text = [](const std::string& keys, const std::string& web) {
    return "[cluster]\nname = \"demo\"\n[host.a]\nadvertise = \"192.0.2.1\"\n[network.one]\n" + keys +
           "[network.two]\n" + keys + "[endpoint.web]\nhost = \"a\"\n" + web;
  };
  const std::string in_one = "[endpoint.web.networks.one]\n";
  const Records given = resolved(text("subnet = \"10.44.9.0/24\"\n", in_one)).records;
  EXPECT_TRUE(resolved(text("", in_one), given).problems.empty());
  const Resolved both = resolved(text("", in_one + "[endpoint.web.networks.two]\n"), given);
  ASSERT_EQ(both.problems.size(), 1U);
  EXPECT_EQ(both.problems[0].message,
            "endpoint \"web\" would be in network \"one\" (10.44.9.0/24) and in network \"two\" "
            "(10.44.9.0/24, given "
            "earlier), which overlap");
}

// An address beside those that stay: nobody's packets look otherwise.
TEST(KeptValues, AMacStaysBesideANewAddress) {
  const Records given = resolved(manifest("", "subnet = \"fd00:9::/64\"\n", "")).records;
  const Records more =
      resolved(manifest("", "subnets = [\"fd00:9::/64\", \"10.44.9.0/24\"]\n", ""), given).records;
  ASSERT_EQ(more.endpoints[0].addresses.size(), 2U);
  EXPECT_EQ(more.endpoints[0].mac, given.endpoints[0].mac);
}

// ---- on the way to another VNI or port ------------------------------------------------------------

std::string two_hosts(const std::string& network) {
  return "[cluster]\nname = \"demo\"\n[host.a]\nadvertise = \"192.0.2.1\"\n[host.b]\nadvertise = "
         "\"192.0.2.2\"\n"
         "[network.net]\n" +
         network +
         "[endpoint.one]\nhost = \"a\"\nnetwork = \"net\"\n[endpoint.two]\nhost = \"b\"\nnetwork = \"net\"\n";
}

// What is written next, where the hosts have realised everything, or nothing yet.
Records next(const std::string& network, const Records& current, bool realised = false) {
  Records out = resolved(two_hosts(network), current).records;
  std::vector<std::string> waiting;
  stage_switches({.current = current,
                  .next_serial = 7,
                  .has_realised = [&](const HostName&, std::int64_t) { return realised; }},
                 out, waiting);
  return out;
}

TEST(KeptValues, AChangeThatIsTakenBackHalfWayGoesBack) {
  const Records before = resolved(two_hosts("")).records;
  for (const char* keys : {"vni = 5000\n", "port = 4800\n", "vni = 5000\nport = 4800\n"}) {
    const Records coming = next(keys, before);
    ASSERT_TRUE(coming.networks[0].twin) << keys;
    const Records back = next("", coming);
    EXPECT_FALSE(back.networks[0].twin) << keys;
    EXPECT_EQ(back.networks[0].vni, before.networks[0].vni) << keys;
    EXPECT_EQ(back.networks[0].port, before.networks[0].port) << keys;
    const Records switched = next(keys, coming, true);
    ASSERT_EQ(switched.networks[0].twin->role, TwinRole::going) << keys;
    const Records stays = next("", switched, true);
    EXPECT_FALSE(stays.networks[0].twin) << keys;
    EXPECT_EQ(stays.networks[0].vni, switched.networks[0].vni) << keys;
    EXPECT_EQ(stays.networks[0].port, switched.networks[0].port) << keys;
  }
}

TEST(KeptValues, APortTakesItsVniAlong) {
  const Records before = resolved(two_hosts("")).records;
  const Records coming = next("port = 4800\n", before);
  ASSERT_TRUE(coming.networks[0].twin);
  EXPECT_EQ(coming.networks[0].twin->vni, before.networks[0].vni);
  EXPECT_EQ(next("port = 4800\n", coming).networks[0], coming.networks[0]) << "it waits";
  EXPECT_EQ(next("port = 4800\n", coming, true).networks[0].vni, before.networks[0].vni);
}

// What ovl chooses takes its steps as what is given does.
TEST(KeptValues, AVniThatIsChosenAnewArrives) {
  const Records given = resolved(two_hosts("vni = 5000\n")).records;
  const Records coming = next("vni = \"auto\"\n", given);
  ASSERT_TRUE(coming.networks[0].twin);
  const Vni chosen = coming.networks[0].twin->vni;
  EXPECT_EQ(next("vni = \"auto\"\n", coming).networks[0], coming.networks[0]) << "it waits";
  for (const char* keys : {"vni = \"auto\"\n", ""}) {
    const Records switched = next(keys, coming, true);
    EXPECT_EQ(switched.networks[0].vni, chosen);
    const Records done = next(keys, switched, true);
    EXPECT_FALSE(done.networks[0].twin);
    EXPECT_EQ(done.networks[0].vni, chosen);
  }
}

}  // namespace

}  // namespace ovl
