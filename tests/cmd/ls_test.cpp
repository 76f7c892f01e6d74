// What `ovl ... ls` asks of a store: the program itself, at a Consul agent that counts its requests.
#include <fmt/format.h>

#include "drivers/keystore/consul/kv_json.hpp"
#include "model/base/fields.hpp"
#include "reconcile/store/store_view.hpp"
#include "tests/stores/consul_fake_http.hpp"
#include "tests/support/program.hpp"

namespace ovl::test {

namespace {

const StoreLayout& layout() {
  static const StoreLayout layout(Label::parse("demo").value());
  return layout;
}

NetworkRecord network(int number) {
  NetworkRecord record;
  record.name = Label::parse(fmt::format("net{}", number)).value();
  record.id = std::string(64, 'a');
  record.vni = Vni::from(1000 + number).value();
  record.port = UdpPort::from(4789).value();
  record.subnets = {IpPrefix::parse_exact(fmt::format("10.{}.0.0/16", number)).value()};
  record.gateways = {IpAddress::parse(fmt::format("10.{}.0.1", number)).value()};
  record.internal = true;
  record.labels = {{"zone", number == 0 ? "a" : "b"}};
  if (number == 2) record.labels["tier"] = "front=1";
  return record;
}

EndpointRecord endpoint(const std::string& network, const std::string& name) {
  EndpointRecord record;
  record.network = Label::parse(network).value();
  record.name = Label::parse(name).value();
  record.id = std::string(64, network.back());
  record.host = HostName::parse("n1").value();
  record.netns = NetnsName::parse(name).value();
  record.interface = IfName::parse("eth" + network.substr(3)).value();
  record.addresses = {IpAddress::parse(fmt::format("10.{}.0.2", network.substr(3))).value()};
  record.mac = MacAddress::parse("02:42:0a:00:00:02").value();
  record.labels = {{"of", name}};
  return record;
}

std::string entry(const std::string& key, const Value& record) {
  return fmt::format(R"(,{{"Key":"{}","Value":"{}","CreateIndex":7,"ModifyIndex":7}})", key,
                     to_base64(record.json()));
}

HostRecord only_host() {
  HostRecord record;
  record.name = HostName::parse("n1").value();
  record.id = std::string(64, 'c');
  record.advertise = IpAddress::parse("192.0.2.1").value();
  return record;
}

// A cluster of one host with that many networks, and an endpoint web on the first two, as GET /v1/kv/?recurse
// answers.
FakeHttp agent_with(int networks) {
  std::string body;  // sorted by key, as Consul answers
  for (const char* name : {"net0", "net1"}) {
    const EndpointRecord web = endpoint(name, "web");
    if (networks > 1) body += entry(layout().endpoint(web.network, web.name), encode(web));
  }
  body += entry(layout().host(only_host().name), encode(only_host()));
  for (int i = 0; i < networks; ++i) body += entry(layout().network(network(i).name), encode(network(i)));
  body.erase(0, 1);
  return FakeHttp(
      [body](const std::string&) { return http_reply(200, "[" + body + "]", "X-Consul-Index: 7\r\n"); });
}

std::vector<std::string> requests_of_ls(int networks) {
  const FakeHttp agent = agent_with(networks);
  const Ran ran = run_program("network ls --cluster demo --keystore " + agent.url());
  EXPECT_TRUE(ran.ok) << ran.out;
  EXPECT_NE(ran.out.find(fmt::format("net{} ", networks - 1)), std::string::npos) << ran.out;
  return agent.requests();
}

TEST(Ls, AHundredNetworksTakeAsManyReadsAsOne) {
  const auto one = requests_of_ls(1);
  EXPECT_EQ(one.size(), 1U);
  EXPECT_EQ(requests_of_ls(100), one);
}

TEST(Ls, PrintsNamesAloneOfWhatTheLabelsSelect) {
  const FakeHttp agent = agent_with(4);
  const auto listed = [&](const std::string& what) {
    return run_program(what + " --cluster demo --keystore " + agent.url() + " 2>&1").out;
  };
  EXPECT_EQ(listed("network ls -q"), "net0\nnet1\nnet2\nnet3\n");
  EXPECT_EQ(listed("network ls -q -l zone=b"), "net1\nnet2\nnet3\n");
  EXPECT_EQ(listed("network ls --quiet --label zone=b --label tier"), "net2\n");
  EXPECT_EQ(listed("network ls -q -l tier=front=1"), "net2\n");
  EXPECT_EQ(listed("network ls -q -l tier=front"), "");
  EXPECT_EQ(listed("network ls -q -l zone="), "");
  EXPECT_EQ(listed("network ls -q -l zone=a -l zone=b"), "");
  // Once, whatever it is attached to.
  EXPECT_EQ(listed("endpoint ls -q"), "web\n");
  EXPECT_EQ(listed("endpoint ls -q -l of=web"), "web\n");
  EXPECT_EQ(listed("endpoint ls -q -l zone"), "");
}

TEST(Ls, SelectsInTablesAndInJsonToo) {
  const FakeHttp agent = agent_with(4);
  const std::string where = " --cluster demo --keystore " + agent.url() + " 2>&1";
  for (const std::string form : {"", " --json"}) {
    const std::string out = run_program("network ls -l tier" + form + where).out;
    EXPECT_NE(out.find("net2"), std::string::npos) << out;
    EXPECT_EQ(out.find("net1"), std::string::npos) << out;
  }
  const Ran nameless = run_program("network ls -l =a" + where);
  EXPECT_FALSE(nameless.ok);
  EXPECT_NE(nameless.out.find("--label \"=a\" names no label"), std::string::npos) << nameless.out;
  EXPECT_FALSE(run_program("network ls -q --json" + where).ok);
}

}  // namespace

}  // namespace ovl::test
