// What this host's own surroundings say to its filter: routes that differ, forwarding, the store's hosts.
#include <gtest/gtest.h>

#include <algorithm>

#include "drivers/fake/fake_kernel.hpp"
#include "reconcile/health/dropped.hpp"
#include "reconcile/host/observe.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/objects/project.hpp"
#include "reconcile/objects/rules.hpp"
#include "reconcile/records/resolve.hpp"
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

IpAddress ip(const std::string& text) {
  return IpAddress::parse(text).value();
}

FactRoute way(const std::string& destination, const std::string& dev) {
  return {.destination = IpPrefix::parse_exact(destination).value(), .dev = IfName::parse(dev).value()};
}

// A lease that gave it another address since is seen by who follows the records, too.
TEST(OwnFacts, AreOfTheInterfaceAndNotOfTheAddressThatItHad) {
  Records records;
  HostRecord& host = records.hosts.emplace_back();
  host.name = HostName::parse("a").value();
  host.advertise = ip("192.0.2.1");
  EXPECT_EQ(facts_request(host.name, nullptr, records).value().advertise, ip("192.0.2.1"));
  host.interface = IfName::parse("eth1").value();
  const FactsRequest request = facts_request(host.name, nullptr, records).value();
  EXPECT_EQ(request.advertise, std::nullopt);
  EXPECT_EQ(request.interface, host.interface);
  EXPECT_EQ(request.recorded, ip("192.0.2.1")) << "kept while the interface has it";
  const Parsed parsed = parse({{.name = "ovl.toml", .text = R"([cluster]
name = "demo"
[host.a]
advertise = "eth1"
)"}});
  EXPECT_EQ(facts_request(host.name, &parsed.manifest, records).value().recorded, ip("192.0.2.1"));
  host.bind = ip("10.1.0.4");
  EXPECT_EQ(facts_request(host.name, nullptr, records).value().advertise, ip("10.1.0.4"));
}

// Its tunnels leave from the address that it has, whatever who writes records has heard of.
TEST(OwnFacts, AnInterfacesNewAddressCountsBeforeItsRecordSaysIt) {
  Records records;
  HostRecord& host = records.hosts.emplace_back();
  host.name = HostName::parse("a").value();
  host.advertise = ip("192.0.2.1");
  HostRecord& other = records.hosts.emplace_back();
  other.name = HostName::parse("b").value();
  other.advertise = ip("192.0.2.2");
  other.gateway_pool = IpPrefix::parse_exact("172.18.0.0/16").value();
  Facts facts;
  const auto vtep = [&](const std::string& now) {
    facts.set(HostFacts{.host = records.hosts.front().name, .vtep = ip(now)});
    return vtep_of(records.hosts.front(), records, facts);
  };
  EXPECT_EQ(vtep("192.0.2.9"), ip("192.0.2.1")) << "the record says the address itself";
  records.hosts.front().interface = IfName::parse("eth1").value();
  EXPECT_EQ(vtep("192.0.2.9"), ip("192.0.2.9"));
  EXPECT_EQ(vtep("192.0.2.2"), ip("192.0.2.1")) << "another host's";
  EXPECT_EQ(vtep("172.18.4.4"), ip("192.0.2.1")) << "in another host's pool";
  records.hosts.front().bind = ip("10.1.0.4");
  EXPECT_EQ(vtep("192.0.2.9"), ip("192.0.2.1"));
}

class SurroundingsTest : public ::testing::Test {
 protected:
  SurroundingsTest() {
    HostFacts own;
    own.host = HostName::parse("a").value();
    own.vtep = ip("192.0.2.1");
    own.addresses = {ip("192.0.2.1")};
    own.uplinks = {IfName::parse("eth0").value()};
    own.routes = {way("192.0.2.0/24", "eth1")};
    facts_.set(own);
    HostFacts other = own;
    other.host = HostName::parse("b").value();
    other.vtep = ip("192.0.2.2");
    other.addresses = {ip("192.0.2.2"), ip("198.51.100.7")};
    facts_.set(other);
  }

  Projected project(const std::string& of_a = "", std::vector<KeystoreAddress> keystores = {}) {
    const Parsed parsed = parse({{.name = "ovl.toml", .text = cluster_ + networks_ + R"(
[host.b]
advertise = "192.0.2.2"
[host.a]
advertise = "192.0.2.1"
)" + of_a}});
    EXPECT_TRUE(parsed.diagnostics.empty());
    const Resolved resolved = resolve(parsed.manifest, {}, facts_);
    return ovl::project(ProjectInput{.cluster = Label::parse("demo").value(),
                                     .host = HostName::parse(host_).value(),
                                     .records = resolved.records,
                                     .facts = facts_,
                                     .keystores = std::move(keystores)});
  }

  static const NftTable& host_table(const Projected& projected) {
    const NamespaceObjects* host = projected.objects.find(NetnsName());
    return *std::ranges::find(host->nft_tables, NftFamily::inet, &NftTable::family);
  }

  static std::size_t elements(const Projected& projected, std::string_view set) {
    const NftTable& table = host_table(projected);
    const auto at = std::ranges::find(table.sets, set, &NftSet::name);
    return at == table.sets.end() ? 0 : at->elements.size();
  }

  void route(const std::string& destination, const std::string& dev) {
    HostFacts own = *facts_.host(HostName::parse("a").value());
    own.routes.push_back(way(destination, dev));
    facts_.set(own);
  }

  // The machine asks a resolver of its own.
  void resolve_by(std::vector<std::string> lines) {
    resolver_ = Resolver{.stub = ip("127.0.0.53"), .lines = std::move(lines)};
    HostFacts own = *facts_.host(HostName::parse("a").value());
    own.resolver = resolver_;
    facts_.set(own);
  }

  std::optional<Resolver> resolver_;
  std::string host_ = "a";
  std::string cluster_ = "[cluster]\nname = \"demo\"\n[keystore]\nurl = \"sqlite:///keystore.db\"\n";
  std::string networks_ = R"([network.net]
subnet = "10.0.0.0/24"
[endpoint.web]
network = "net"
host = "a"
[endpoint.far]
network = "net"
host = "b"
)";
  Facts facts_;
  Projected kept_;
};

bool warns(const Projected& projected, std::string_view id) {
  return std::ranges::any_of(projected.warnings, [&](const Finding& one) { return one.id.text() == id; });
}

}  // namespace

TEST_F(SurroundingsTest, EndpointsWithAWayOutAskTheServersBehindTheMachinesResolver) {
  const auto asks = [&](const std::string& of_network) {
    networks_.replace(0, networks_.find("subnet"), "[network.net]\n" + of_network);
    const Projected projected = project();
    const auto& files = projected.objects.find(NetnsName::parse("web").value())->hosts_files;
    const auto at = std::ranges::find(files, "resolv.conf", &HostsFile::file);
    EXPECT_EQ(warns(projected, "no-nameserver"), resolver_ && resolver_->lines.empty() && of_network.empty());
    return at == files.end() ? std::optional<HostLines>() : at->lines;
  };
  EXPECT_EQ(asks(""), std::nullopt) << "as the machine does";
  resolve_by({"nameserver 203.0.113.1", "search a"});
  EXPECT_EQ(asks(""), (HostLines{"nameserver 203.0.113.1", "search a"}));
  EXPECT_EQ(asks("internal = true\n"), HostLines());
  resolve_by({});
  EXPECT_EQ(asks(""), std::nullopt);
  EXPECT_EQ(asks("internal = true\n"), HostLines());
}

TEST_F(SurroundingsTest, WaysThatDifferAreToldOnce) {
  EXPECT_FALSE(warns(project(), "asymmetric-route"));
  route("192.0.2.2/32", "eth2");
  EXPECT_TRUE(warns(project(), "asymmetric-route"));
  EXPECT_FALSE(warns(project("source_check = \"loose\""), "asymmetric-route"));
  route("192.0.2.2/32", "eth1");
  EXPECT_FALSE(warns(project(), "asymmetric-route")) << "one of several ways is the VTEP's";
}

// The NAT may be a table of this host's own, which an untracked packet does not pass.
TEST_F(SurroundingsTest, TunnelsOfATranslatedAddressAreTracked) {
  const auto leaves_conntrack_out = [&](const std::string& of_a) {
    const NftTable& table = host_table(kept_ = project(of_a));
    return std::ranges::any_of(table.chains, [](const NftChain& chain) {
      return std::ranges::any_of(chain.rules, [](const NftRule& rule) {
        return std::ranges::any_of(
            rule.exprs, [](const NftExpr& expr) { return std::holds_alternative<NftNotrack>(expr); });
      });
    });
  };
  EXPECT_TRUE(leaves_conntrack_out(""));
  EXPECT_FALSE(leaves_conntrack_out("bind = \"192.0.2.1\""));
}

TEST_F(SurroundingsTest, LooseTakesEveryDeviceWithARouteToAVtep) {
  EXPECT_EQ(elements(project(), "underlays"), 0U);
  route("192.0.2.2/32", "eth2");
  route("203.0.113.0/24", "box");
  EXPECT_EQ(elements(project("source_check = \"loose\""), "underlays"), 3U) << "eth0, eth1, eth2";
}

// Its users and guests could send into the networks of the others.
TEST_F(SurroundingsTest, AHostWithoutEndpointsHasTheFilterToo) {
  host_ = "c";
  const std::string third = "[host.c]\nadvertise = \"192.0.2.3\"\n";
  const Projected idle = project(third);
  ASSERT_NE(idle.objects.find(NetnsName()), nullptr);
  EXPECT_EQ(elements(idle, "vteps4"), 2U);
  EXPECT_EQ(elements(idle, "vxlan_ports"), 1U);
  EXPECT_EQ(elements(idle, "vnis"), 0U);
  networks_.clear();
  EXPECT_EQ(project(third).objects.find(NetnsName()), nullptr) << "there is nothing to send into";
}

TEST_F(SurroundingsTest, TheKeystoresPortsAreShutByEveryAddressOfItsHosts) {
  const UdpPort clients = UdpPort::unchecked(2379);
  const UdpPort peers = UdpPort::unchecked(2380);
  const Projected known = project("", {{ip("192.0.2.2"), clients}, {ip("192.0.2.2"), peers}});
  EXPECT_EQ(elements(known, "keystores"), 8U) << "two addresses, two ports, TCP and UDP";
  EXPECT_EQ(elements(known, "keystore_ports"), 4U);
  const Projected named = project("", {{IpAddress(), clients}});
  EXPECT_EQ(elements(named, "keystores"), 0U);
  EXPECT_EQ(elements(named, "keystore_ports"), 2U) << "shut on this host all the same";
}

TEST(OpenedDevices, AreThoseThatForwardByOvlsWordAlone) {
  const std::vector<IfName> uplinks{IfName::parse("eth0").value(), IfName::parse("eth1").value()};
  FakeKernel kernel;
  NamespaceObjects& host = kernel.objects().at(NetnsName());
  const auto path = [](const std::string& dev) { return "net/ipv4/conf/" + dev + "/forwarding"; };
  host.sysctls = {{.path = path("all"), .value = "0"},
                  {.path = path("eth0"), .value = "0"},
                  {.path = path("eth1"), .value = "1"}};
  kernel.objects().sort();
  const auto opened = [&](const std::vector<ChangedSysctl>& changed) {
    auto found = host_switches(kernel, Label::parse("demo").value(), changed, uplinks);
    EXPECT_TRUE(found.ok());
    return found.ok() ? found.value().opened : std::vector<IfName>();
  };
  EXPECT_EQ(opened({}), std::vector<IfName>{uplinks[0]}) << "eth1 forwarded before";
  EXPECT_EQ(opened({{.netns = {}, .path = path("eth1"), .original = "0", .ours = "1"}}), uplinks);
  NftTable filter{.name = "ovl", .comment = "ovl:demo/host"};
  filter.sets = {{.name = "opened", .elements = {rules::bytes_of(uplinks[1])}}};
  host.nft_tables = {filter};
  EXPECT_EQ(opened({}), uplinks) << "the state was lost, the filter still knows";
  EXPECT_EQ(opened({{.netns = {}, .path = path("eth1"), .original = "1", .ours = "1"}}),
            std::vector<IfName>{uplinks[0]});
  host.sysctls[0].value = "1";
  EXPECT_TRUE(opened({}).empty()) << "somebody made this host a router";
}

TEST(OpenedDevices, KeepTheirPastUnderANewName) {
  const IfName kept = IfName::parse("eth0").value();
  const IfName renamed = IfName::parse("wan0").value();
  const IfName another = IfName::parse("wan1").value();
  FakeKernel kernel;
  NamespaceObjects& host = kernel.objects().at(NetnsName());
  const auto path = [](const std::string& dev) { return "net/ipv4/conf/" + dev + "/forwarding"; };
  host.sysctls = {{.path = path("all"), .value = "0"},
                  {.path = path("default"), .value = "0"},
                  {.path = path("eth0"), .value = "1"},
                  {.path = path("wan0"), .value = "1"},
                  {.path = path("wan1"), .value = "1"}};
  kernel.objects().sort();
  NftTable filter{.name = "ovl", .comment = "ovl:demo/host"};
  const auto opened = [&](const std::vector<ChangedSysctl>& changed, const std::vector<IfName>& uplinks) {
    auto found = host_switches(kernel, Label::parse("demo").value(), changed, uplinks);
    EXPECT_TRUE(found.ok());
    return found.ok() ? found.value().opened : std::vector<IfName>();
  };
  const auto stands = [&](const std::vector<std::string>& in_opened,
                          const std::vector<std::string>& in_uplinks) {
    filter.sets = {{.name = "opened"}, {.name = "uplinks"}};
    for (const std::string& dev : in_opened)
      filter.sets[0].elements.push_back(rules::bytes_of(IfName::parse(dev).value()));
    for (const std::string& dev : in_uplinks)
      filter.sets[1].elements.push_back(rules::bytes_of(IfName::parse(dev).value()));
    host.nft_tables = {filter};
  };
  const std::vector<ChangedSysctl> changed{{.netns = {}, .path = path("eth1"), .original = "0", .ours = "1"}};
  stands({"eth1"}, {"eth0", "eth1"});
  EXPECT_EQ(opened(changed, {kept, renamed}), std::vector{renamed}) << "eth1 is gone";
  EXPECT_EQ(opened({}, {kept, renamed}), std::vector{renamed}) << "and the state was lost";
  stands({"wan0"}, {"eth0", "wan0"});
  EXPECT_EQ(opened(changed, {kept, renamed}), std::vector{renamed}) << "ever after";
  EXPECT_EQ(opened(changed, {kept, renamed, another}), std::vector{renamed}) << "one name for one device";
  stands({"eth1"}, {"eth0", "eth1", "wan0"});
  EXPECT_TRUE(opened(changed, {kept, renamed}).empty()) << "it was there before";
  stands({"eth1"}, {"eth0", "eth1"});
  host.sysctls[1].value = "1";
  EXPECT_TRUE(opened(changed, {kept, renamed}).empty()) << "every new device forwards here";
}

TEST(Dropped, IsSummedByReasonOverTheClustersTables) {
  HostObjects seen;
  NftTable one{.name = "ovl", .counters = {{.name = "dropped_mac", .packets = 2}}, .comment = "ovl:demo/x"};
  NftTable other = one;
  other.family = NftFamily::bridge;
  NftTable theirs = one;
  theirs.name = "b";
  theirs.comment = "ovl:else/x";
  NftTable later = one;
  later.counters.push_back({.name = "dropped_for \x1b[2Jfun", .packets = 7});
  seen.at(NetnsName()).nft_tables = {one, later, theirs};
  seen.at(NetnsName::parse("ovl-net").value()).nft_tables = {other};
  // Its root writes there what it likes.
  seen.at(NetnsName::parse("web").value()).nft_tables = {one};
  const std::vector<Dropped> expected{{.reason = "mac", .packets = 6}};
  EXPECT_EQ(dropped_by(seen, Label::parse("demo").value()), expected);
  for (const NftTable& table : {host_filter({.owner = "x", .gateway = GatewayFilter{}}),
                                port_filter("x", std::vector<FilteredPort>())}) {
    for (const NftCounter& counter : table.counters) {
      const std::string reason = counter.name.substr(8);
      EXPECT_NE(meaning_of_drop(reason), reason) << "for people";
    }
  }
}

// Its rules take what conntrack has a state for, as a rule.
TEST_F(OneHost, TunnelsAreTrackedWhereAnotherFilterShutsTheHost) {
  const auto is_tracked = [&] {
    const NftTable& table = space("").nft_tables.front();
    const auto at = std::ranges::find(table.chains, "untracked", &NftChain::name);
    return at != table.chains.end() && at->rules.empty();
  };
  for (const bool shut : {false, true, false}) {
    kernel_.set_shut_by_others(shut);
    ASSERT_TRUE(apply(kOneEndpoint).ok());
    EXPECT_EQ(is_tracked(), shut);
  }
}

// Docker, as an example, made it a router later: its word on each device is the last.
TEST_F(OneHost, ARouterThatBecameOneAfterOvlStaysOne) {
  for (const bool router : {false, true}) {
    HostFacts facts;
    facts.machine = "machine-a";
    facts.uplinks = {IfName::parse("eth0").value()};
    kernel_.set_facts(std::move(facts));
    const auto forwarding = [&](const std::string& device) -> std::string& {
      std::vector<Sysctl>& sysctls = space("").sysctls;
      const std::string path = "net/ipv4/conf/" + device + "/forwarding";
      auto at = std::ranges::find(sysctls, path, &Sysctl::path);
      if (at == sysctls.end()) at = sysctls.insert(sysctls.end(), Sysctl{.path = path});
      return at->value;
    };
    for (const char* device : {"all", "default", "eth0"}) forwarding(device) = "0";
    kernel_.objects().sort();
    ASSERT_TRUE(apply(kOneEndpoint).ok());
    EXPECT_EQ(forwarding("eth0"), "1");
    if (router) forwarding("all") = "1";
    ASSERT_TRUE(destroy().ok());
    EXPECT_EQ(forwarding("eth0"), router ? "1" : "0");
  }
}

}  // namespace ovl
