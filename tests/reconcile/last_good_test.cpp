// What another host's record says, wrong or not, stops no more here than what it is about.
#include <gmock/gmock.h>

#include "reconcile/cluster/guards.hpp"
#include "reconcile/cluster/transfer.hpp"
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

using ::testing::HasSubstr;

constexpr const char* kManifest = R"(
[cluster]
name = "demo"
[keystore]
url = "sqlite:///keystore.db"
[host.a]
advertise = "192.0.2.1"
gateway_pool = "172.18.0.0/16"
[host.b]
advertise = "192.0.2.2"
gateway_pool = "172.18.0.0/16"
[host.c]
advertise = "192.0.2.3"
[network.net]
subnet = "10.0.0.0/24"
[network.other]
subnet = "10.0.1.0/24"
[endpoint.web]
network = "net"
host = "a"
[endpoint.db]
network = "other"
host = "a"
[endpoint.far]
network = "net"
host = "b"
[endpoint.third]
network = "net"
host = "c"
)";

class LastGood : public OneHost {
 protected:
  void SetUp() override {
    OneHost::SetUp();
    const auto done = apply(kManifest);
    ASSERT_TRUE(done.ok()) << done.error().message;
  }

  // As somebody does who writes the store past ovl.
  void edit(const std::string& host, const std::string& key, const Value& value) {
    const auto store = store_.connect();
    const std::string path = StoreLayout(Label::parse("demo").value()).host(HostName::parse(host).value());
    Value record = Value::parse_json(store->get(path).value()->value).value();
    record.set(key, value);
    ASSERT_TRUE(store->commit({{}, {{.key = path, .value = record.json()}}}).value().committed);
  }

  // Of a generation with the records that are there.
  void write_next_head() {
    const auto store = store_.connect();
    const StoreLayout layout(Label::parse("demo").value());
    const auto view = read_store(*store, layout);
    ASSERT_TRUE(view.ok());
    Head head = *view.value().head;
    ++head.serial;
    head.digest = digest_of(view.value().records);
    ASSERT_TRUE(
        store->commit({{}, {{.key = layout.head(), .value = encode(head).json()}}}).value().committed);
  }

  // This host goes on as before, and says which record is refused.
  void stands(const std::string& refused) {
    space("db").addresses.clear();
    space("web").addresses.clear();
    const Plan before = as_it_is();
    const auto done = apply(Scope::host, nullptr);
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_TRUE(done.value().left.empty());
    for (const char* name : {"db", "web"}) {
      EXPECT_TRUE(std::ranges::any_of(space(name).addresses, [](const Address& address) {
        return address.dev.view() == "eth0";
      })) << name;
    }
    std::vector<std::string> keys;
    for (const Finding& finding : done.value().planned.cluster.view.refused) keys.push_back(finding.subject);
    for (const Finding& finding : done.value().planned.plan.warnings) keys.push_back(finding.subject);
    EXPECT_THAT(keys, ::testing::Contains(refused));
    const auto again = plan_of_host();
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again.value().plan.empty());
    EXPECT_TRUE(again.value().plan.desired == before.desired) << "what was good stands";
    // Whoever has the manifest writes it anew.
    ASSERT_TRUE(apply(kManifest).ok());
    const auto healed = plan_of_host();
    ASSERT_TRUE(healed.ok());
    EXPECT_TRUE(healed.value().cluster.view.refused.empty());
  }

 private:
  Plan as_it_is() {
    const auto planned = plan(kManifest);
    EXPECT_TRUE(planned.ok());
    return planned.ok() ? planned.value().plan : Plan();
  }
};

TEST_F(LastGood, AnotherPoolOfAnotherHost) {
  edit("b", "gateway_pool", "172.19.0.0/16");
  stands("hosts/b");
}

TEST_F(LastGood, AVtepInThisHostsPool) {
  edit("b", "advertise", "172.18.0.5");
  stands("cluster demo");  // it passes by itself, and is not what the head was written with
}

TEST_F(LastGood, AVtepInThisHostsPoolOfAWholeGeneration) {
  edit("b", "advertise", "172.18.0.5");
  write_next_head();
  stands("hosts/b");
}

TEST_F(LastGood, AVtepOfAnotherFamily) {
  edit("b", "advertise", "fd00::82");
  stands("hosts/b");
}

TEST_F(LastGood, ThisHostsOwnRecord) {
  edit("a", "gateway_pool", "172.19.0.0/16");
  stands("hosts/a");
}

// Also in a generation that is whole.
TEST_F(LastGood, AnAddressThatThisHostDoesNotHave) {
  kernel_.lack_address(IpAddress::parse("192.0.2.77").value());
  for (const char* key : {"advertise", "bind"}) {
    edit("a", key, "192.0.2.77");
    write_next_head();
    stands("hosts/a");
  }
}

// A host's facts are its own to write, and no manifest's.
TEST_F(LastGood, ThisHostsOwnFactsAreWrittenAnew) {
  const auto store = store_.connect();
  const StoreLayout layout(Label::parse("demo").value());
  for (const Scope scope : {Scope::host, Scope::all}) {
    const std::string key = layout.facts(HostName::parse("a").value());
    const std::string good = store->get(key).value()->value;
    ASSERT_TRUE(store->commit({{}, {{.key = key, .value = "{}"}}}).value().committed);
    ASSERT_TRUE((scope == Scope::host ? apply(scope, nullptr) : apply(kManifest)).ok());
    EXPECT_EQ(store->get(key).value()->value, good);
  }
}

TEST_F(LastGood, ThisHostsOwnPoolAroundAnothersVtep) {
  edit("a", "gateway_pool", "192.0.2.0/24");
  stands("hosts/a");
}

// It stops nobody, and who checks the store is told.
TEST_F(LastGood, AGenerationThatCannotBeReadIsFoundByTheCheck) {
  const auto store = store_.connect();
  const StoreLayout layout(Label::parse("demo").value());
  ASSERT_TRUE(store->commit({{}, {{.key = layout.generation(7), .value = "{"}}}).value().committed);
  const auto view = read_store(*store, layout);
  ASSERT_TRUE(view.ok());
  EXPECT_TRUE(view.value().refused.empty());
  const std::vector<Finding> found = check_cluster_tree(view.value());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().subject, "generations/0000000007");
}

}  // namespace

}  // namespace ovl
