// What every verb prints with --json, in a lab, held against its schema; and that broken copies of it are not
// taken.
#include <fstream>

#include "drivers/keystore/sqlite/keystore.hpp"
#include "reconcile/store/store_lock.hpp"
#include "tests/cluster/lab_rig.hpp"
#include "tests/support/process.hpp"
#include "tests/support/schema_check.hpp"

namespace ovl {

namespace {

constexpr const char* kStart = R"(
[cluster]
name = "demo"
[keystore]
url = "sqlite:///var/lib/ovl/keystore.db"
[host.left]
advertise = "192.168.99.104"
labels = { rack = "a" }
[host.right]
advertise = "eth1"
)";

constexpr const char* kNetworks = R"(
[network.my-net]
subnets = ["10.0.9.0/24", "fd00:9::/64"]
ip_range = "10.0.9.128/25"
reserved = ["10.0.9.130"]
[network.quiet]
internal = true
)";

constexpr const char* kProtected = "protect = true\n";

constexpr const char* kEndpoints = R"(
[endpoint.web]
host = "left"
[endpoint.web.networks.my-net]
aliases = ["www"]
[endpoint.web.networks.quiet]
[endpoint.client]
host = "right"
network = "my-net"
)";

constexpr const char* kEndpointOfOne = "[endpoint.web]\nhost = \"left\"\nnetwork = \"my-net\"\n";

class Json : public LabRig {
 protected:
  void SetUp() override {
    if (!test::has_schema_validator()) GTEST_SKIP() << "needs python3-jsonschema";
    LabRig::SetUp();
  }

  // What the command prints on stdout fits the schema, and broken copies do not.
  std::string fits(const std::string& schema, const std::string& host, const std::string& command,
                   int code = 0) const {
    const Ran ran = on(host, command + " 2>/dev/null");
    EXPECT_EQ(ran.code, code) << command << "\n" << ran.out;
    const test::TemporaryDirectory out;
    const std::string file = out.file(schema + ".json");
    std::ofstream(file) << ran.out;
    SCOPED_TRACE(command);
    test::expect_fits(schema, {file}, true);
    return ran.out;
  }

  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
};

}  // namespace

TEST_F(Json, OfEveryVerbFitsItsSchema) {
  const std::string all = std::string(kStart) + kNetworks + kProtected + kEndpoints;
  up(all);
  fits("validate", "left", "ovl validate --json");
  fits("plan", "left", "ovl plan --json");
  fits("status", "left", "ovl status --json");
  fits("plan", "left", "ovl plan --out /tmp/saved.plan >/dev/null && ovl show --json /tmp/saved.plan");
  fits("plan", "left", "ovl apply --auto-approve --json");
  apply("right");
  fits("plan", "right", "ovl plan --json");
  fits("status", "left", "ovl status --json");
  for (const std::string kind : {"network", "host", "endpoint"}) {
    fits(kind + "-ls", "left", "ovl " + kind + " ls --json");
  }
  for (const std::string name : {"my-net", "quiet"}) {
    fits("network-inspect", "left", "ovl network inspect --json " + name);
  }
  for (const std::string name : {"left", "right"})
    fits("host-inspect", "left", "ovl host inspect --json " + name);
  for (const std::string name : {"web", "client"}) {
    fits("endpoint-inspect", "left", "ovl endpoint inspect --json " + name);
  }
  EXPECT_TRUE(has(fits("history", "left", "ovl history --json"), "\"serial\": 1"));
  fits("lock-ls", "left", "ovl lock ls --json");
  // This host has not applied since the other one did.
  EXPECT_TRUE(has(fits("doctor", "left", "ovl doctor --json", 1), "this host is not as it shall be"));
}

TEST_F(Json, OfPlansThatChangeRepairAndRefuseFits) {
  const std::string all = std::string(kStart) + kNetworks + kProtected + kEndpoints;
  up(all);
  apply("left");
  ASSERT_EQ(on("right", "ip netns add ovl-my-net").code, 0);
  EXPECT_TRUE(has(fits("plan", "right", "ovl plan --json", 12), "\"id\": \"foreign-netns\""));
  ASSERT_EQ(on("right", "ip netns delete ovl-my-net").code, 0);
  apply("right");
  ASSERT_EQ(on("left",
               "ip netns exec ovl-my-net bridge fdb add 02:00:00:00:00:09 dev vxlan0 dst 192.168.99.9; "
               "ip netns exec ovl-my-net ip link set vxlan0 mtu 1300; ip netns delete ovl-quiet; "
               "nft add table ip filter; "
               "nft 'add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'")
                .code,
            0);
  const std::string repair = fits("plan", "left", "ovl plan --json");
  EXPECT_TRUE(has(repair, "\"forward-drop\"")) << repair;
  EXPECT_TRUE(has(repair, "\"stray\"")) << repair;
  write(std::string(kStart) + "[network.my-net]\nvni = 77\n" + kEndpointOfOne);
  const std::string changed = fits("plan", "left", "ovl plan --json --max-destroy 90%", 12);
  for (const char* reason : {"fixed-field", "not-desired", "protected"}) {
    EXPECT_TRUE(has(changed, reason)) << reason << "\n" << changed;
  }
  write(kStart);
  const std::string refused = fits("plan", "left", "ovl plan --json", 12);
  EXPECT_TRUE(has(refused, "\"id\": \"protected\"")) << refused;
  EXPECT_TRUE(has(refused, "\"id\": \"max-destroy\"")) << refused;
  write("[cluster]\n");
  fits("validate", "left", "ovl validate --json", 13);
}

TEST(JsonOfAStore, RefusedRecordsAndHeldLocksFit) {
  if (!test::has_schema_validator()) GTEST_SKIP() << "needs python3-jsonschema";
  const test::TemporaryDirectory directory;
  const std::string store = directory.file("keystore.db");
  std::ofstream(directory.file("ovl.toml")) << "[cluster]\nname = \"past\"\n[keystore]\nurl = \"sqlite://"
                                            << store << "\"\n[host.left]\nadvertise = \"192.0.2.1\"\n";
  const auto ovl = [&](const std::string& arguments) {
    return shell("cd " + directory.path() + " && " + OVL_BINARY + " " + arguments);
  };
  const Ran applied = ovl("apply --auto-approve --scope cluster");
  ASSERT_EQ(applied.code, 0) << applied.out;
  const StoreLayout layout(Label::parse("past").value());
  const auto keystore = SqliteKeystore::open({.path = store}).value();
  ASSERT_TRUE(keystore
                  ->commit({.guards = {},
                            .writes = {{.key = layout.root() + "networks/bad", .value = "{"},
                                       {.key = layout.generations() + "9", .value = "{"}}})
                  .ok());
  auto lock = StoreLock::acquire(
      *keystore, layout, {.who = "ada@there", .host = "there", .boot = "b", .pid = 77, .since = 1}, {});
  ASSERT_TRUE(lock.ok());
  for (const std::string name : {"status", "history", "lock-ls"}) {
    const std::string verb = name == "lock-ls" ? "lock ls" : name;
    const std::string file = directory.file(name + ".json");
    const Ran ran = ovl(verb + " --json > " + file);
    EXPECT_EQ(ran.code, 0) << ran.out;
    test::expect_fits(name, {file}, true);
    const std::string text = shell("cat " + file).out;
    EXPECT_NE(text.find(name == "lock-ls" ? "ada@there" : "\"refused-record\""), std::string::npos) << text;
  }
}

}  // namespace ovl
