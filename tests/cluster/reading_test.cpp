// What status and inspect say of what is wanted, recorded and there.
#include "drivers/keystore/keystore.hpp"
#include "tests/cluster/lab_rig.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "read"
[keystore]
url = "sqlite:///var/lib/ovl/keystore.db"
[host.left]
advertise = "192.168.99.104"
[host.right]
advertise = "192.168.99.105"
[endpoint.web]
network = "blue"
host = "left"
[endpoint.db]
network = "blue"
host = "right"
[network.blue]
subnet = "10.0.9.0/24"
)";

void says(const Ran& ran, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(ran.code, code) << ran.out;
  for (const std::string& part : parts) EXPECT_TRUE(ran.has(part)) << part << "\n" << ran.out;
}

class Reading : public LabRig {
 protected:
  void both() {
    up(kManifest);
    apply("left");
    apply("right");
  }
};

}  // namespace

TEST_F(Reading, StatusSaysWhatDiffersHereNow) {
  both();
  const Ran fine = on("left", "ovl status");
  says(
      fine, 0,
      {"Cluster read: generation 1, ", " ago), by root@left\n2 hosts: 2 up to date; 1 network; 2 endpoints\n",
       "left   up to date  for ", "right  up to date  for "});
  EXPECT_FALSE(fine.has("differ")) << fine.out;
  ASSERT_EQ(on("left", "ip -n web link set eth0 mtu 1400").code, 0);
  says(on("left", "ovl status"), 0, {"left, looked at now: 1 object differs\n  link.web[\"eth0\"]\n"});
  EXPECT_FALSE(on("right", "ovl status").has("differ")) << "nobody has told";
  says(on("left", "ovl status --json"), 0,
       {"\"format_version\": \"1.0\"", "\"observed\": {\n", "\"drift\": 1", "\"link.web[\\\"eth0\\\"]\"",
        "\"since\": "});
}

// A failure that lasts keeps its beginning; what differed is told to the others.
TEST_F(Reading, OthersSeeWhatAFailedApplyLeft) {
  both();
  ASSERT_EQ(on("left",
               "ip -n ovl-blue link del vxlan0; "
               "ip link add thief type vxlan id 1048576 dstport 4789 local 192.168.99.104")
                .code,
            0);
  EXPECT_EQ(on("left", "ovl apply --auto-approve").code, 1);
  const auto since = [&] { return on("right", "ovl status --json | grep -m1 '\"since\"'").out; };
  const std::string first = since();
  says(on("right", "ovl status"), 0,
       {"left   frozen: network blue: link ovl-blue:vxlan0: device thief in the host's own namespace has VNI "
        "1048576"});
  ASSERT_EQ(
      on("left", "S=$(date +%s); while [ $(date +%s) = $S ]; do :; done; ovl apply --auto-approve").code, 1);
  EXPECT_EQ(since(), first);
  ASSERT_EQ(on("left", "ip link del thief").code, 0);
  apply("left");
  EXPECT_NE(since(), first);
  says(on("right", "ovl status"), 0, {"left   up to date  for "});
}

TEST_F(Reading, AFrozenHostSaysSo) {
  up(kManifest);
  const std::string where = " --keystore sqlite://" + directory() + "/k.db";
  ASSERT_EQ(on("left", "ovl apply --auto-approve" + where).code, 0);
  auto store = open_keystore({.url = "sqlite://" + directory() + "/k.db"});
  ASSERT_TRUE(store.ok()) << store.error().message;
  const auto put = [&](const std::string& value) {
    auto done = store.value()->commit(
        {.guards = {}, .writes = {{.key = "ovl/read/v1/networks/blue", .value = value}}});
    ASSERT_TRUE(done.ok() && done.value().committed);
  };
  const auto good = store.value()->get("ovl/read/v1/networks/blue");
  ASSERT_TRUE(good.ok() && good.value());
  put("{}");
  says(on("left", "ovl apply --auto-approve --scope host" + where), 1,
       {"No changes. What this host had before stands for 3 refused records.",
        "what this host had before stands for 3 refused records: networks/blue: "});
  says(on("left", "ovl status" + where), 0,
       {"left   frozen: 3 records refused", "refused record networks/blue: "});
  EXPECT_EQ(on("left", "ovl status --wait 300ms" + where).code, 1);
  put(good.value()->value);
  says(on("left", "ovl apply --auto-approve --scope host" + where), 0, {"No changes."});
  says(on("left", "ovl status" + where), 0, {"left   up to date"});
}

TEST_F(Reading, InspectShowsAllSidesAndWhatDiffers) {
  both();
  ASSERT_EQ(on("left", "ip -n ovl-blue link set vxlan0 mtu 1400").code, 0);
  write(std::string(kManifest) + "mtu = 1300\n");
  const Ran network = on("left", "ovl network inspect --json blue");
  says(network, 0,
       {"\"format_version\": \"1.0\"", "\"desired\": {\n", "\"recorded\": {\n", "\"observed\": [\n"});
  const Ran differs =
      on("left", "ovl network inspect --json blue | tr -d ' \\n' | grep -o '\"differs\":\\[.*\\],\"dropped'");
  says(
      differs, 0,
      {R"({"address":"network.blue","change":"update","field":"mtu","found":null,"wanted":1300})",
       R"({"address":"link.ovl-blue[\"vxlan0\"]","change":"update","field":"mtu","found":1400,"wanted":1450})"});
  says(on("left", "ovl endpoint inspect --json web"), 0, {"\"netns\": \"web\"", "\"differs\": []"});
  says(on("left", "ovl host inspect --json left"), 0, {"\"facts\": {", "\"ovl-gw\"", "\"differs\": []"});
  says(on("left", "ovl network inspect blue"), 0,
       {"network blue\nWanted:\n", "Recorded:\n  name  ", "On this host:\n  netns ovl-blue  exists true\n",
        "name vxlan0  ", "  update  mtu: none -> 1300\n", "  update  mtu: 1400 -> 1450\n", "Declared:\n  "});
  says(on("left", "ovl endpoint inspect web"), 0, {"  attachments:\n    name web  ", "Differs: nothing\n"});
  says(on("left", "ovl host inspect left"), 0, {"Wanted: as it is recorded\n", "  facts:\n", "  status:\n"});
  says(on("right", "rm ovl.toml; ovl endpoint inspect --json db"), 0,
       {"\"desired\": null", "\"differs\": []"});
  says(on("right", "ovl network inspect blue"), 0, {"Wanted: unknown; no valid manifest here has it\n"});
  says(on("left", "ovl network inspect none"), 1, {"there is no network none"});
}

}  // namespace ovl
