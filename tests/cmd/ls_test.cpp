// What `ovl ... ls` asks of a store: the program itself, at a Consul agent that counts its requests.
#include <fmt/format.h>

#include "drivers/keystore/consul/kv_json.hpp"
#include "model/fields.hpp"
#include "reconcile/store_view.hpp"
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
  return record;
}

// A cluster with that many networks, as GET /v1/kv/?recurse answers.
FakeHttp agent_with(int networks) {
  std::string body;
  for (int i = 0; i < networks; ++i) {
    const NetworkRecord record = network(i);
    body +=
        fmt::format(R"({}{{"Key":"{}","Value":"{}","CreateIndex":7,"ModifyIndex":7}})",
                    body.empty() ? "" : ",", layout().network(record.name), to_base64(encode(record).json()));
  }
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

}  // namespace

}  // namespace ovl::test
