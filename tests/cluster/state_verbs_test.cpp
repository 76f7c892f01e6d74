// What a host remembers, and whose its objects are: list, let go, take over, recover. On the real kernel.
#include <algorithm>
#include <vector>

#include "state/state.hpp"
#include "tests/cluster/lab_rig.hpp"
#include "tests/support/everybodys_program.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "held"
[keystore]
url = "sqlite:///var/lib/ovl/keystore.db"
[host.left]
advertise = "192.168.99.104"
[host.right]
advertise = "192.168.99.105"
[endpoint.db]
network = "blue"
host = "right"
)";

constexpr const char* kWeb = "[endpoint.web]\nnetwork = \"blue\"\nhost = \"left\"\n";
constexpr const char* kBlue = "[network.blue]\nsubnet = \"10.0.9.0/24\"\n";

// What an apply may change, without timers.
constexpr const char* kTables =
    "for n in ovl-blue web; do ip -n $n -o addr | grep -v fe80:; ip -n $n route; ip -n $n neigh show nud "
    "permanent; "
    "bridge -n $n fdb; done; nft list tables | sort | while read -r _ f t; do nft -s list table $f $t; done; "
    "ip -o link | wc -l";

std::string manifest(const std::string& more = "") {
  return std::string(kManifest) + kWeb + kBlue + more;
}

// Every part must be in what the command printed.
void says(const Ran& ran, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(ran.code, code) << ran.out;
  for (const std::string& part : parts) EXPECT_TRUE(ran.has(part)) << part << "\n" << ran.out;
}

class StateVerbs : public LabRig {
 protected:
  void both_apply() {
    up(manifest());
    apply("left");
    apply("right");
  }

  [[nodiscard]] std::string index_of(const std::string& netns, const std::string& device) const {
    return on("left", "ip -n " + netns + " -o link show " + device + " | cut -d: -f1").out;
  }

  // By hand, what ovl would make of network blue: its sandbox with bridge and VXLAN device.
  void make_by_hand() const {
    const Ran made = on("left", R"(set -e
      MAC=$(ovl plan | grep -o 'vxlan, vni.*' | grep -o '02:42:[0-9a-f:]*')
      ip netns add ovl-blue
      ip -n ovl-blue link set lo up
      ip -n ovl-blue link add br0 address 02:42:0a:00:09:01 type bridge mcast_snooping 0 stp_state 0
      ip -n ovl-blue link set br0 mtu 1450 addrgenmode none
      ip -n ovl-blue link set br0 up
      ip link add vxlan0 netns ovl-blue address $MAC mtu 1450 type vxlan id 1048576 dstport 4789 \
        local 192.168.99.104 nolearning proxy ttl 255
      ip -n ovl-blue link set vxlan0 addrgenmode none master br0
      bridge -n ovl-blue link set dev vxlan0 learning off flood on
      ip -n ovl-blue link set vxlan0 up
      ip -n ovl-blue addr add 10.0.9.1/24 dev br0)");
    ASSERT_EQ(made.code, 0) << made.out;
  }
};

}  // namespace

TEST_F(StateVerbs, ListShowAndPullNeedNoStore) {
  both_apply();
  ASSERT_EQ(on("left", "rm ovl.toml").code, 0);
  const Ran all = on("left", "ovl state list");
  says(all, 0,
       {"host.left\n", "network.blue\n", "endpoint.web[\"blue\"]\n", "link.ovl-blue[\"vxlan0\"]\n",
        "netns.web\n", "address.web[\"eth0 10.0.9.2/24\"]\n"});
  EXPECT_FALSE(all.has("endpoint.db")) << "another host's";
  const Ran links = on("left", "ovl state list link.ovl-blue");
  EXPECT_EQ(std::ranges::count(links.out, '\n'), 3) << links.out;
  says(on("left", "ovl state list --json netns"), 0,
       {"\"format_version\": \"1.0\"", "\"address\": \"netns.web\""});
  says(on("left", "ovl state show 'link.ovl-blue[vxlan0]'"), 0, {"\"vni\": 1048576", "\"mtu\": 1450"});
  says(on("left", "ovl state show sysctl.host[net/ipv4/conf/eth1/forwarding]"), 0, {"\"original\": \"0\""});
  says(on("left", "ovl state show link.none"), 1, {"this host's state has nothing called link.none"});
  says(on("left", "ovl state pull"), 0,
       {"\"lineage\"", "\"key\": \"networks/blue\"", "\"key\": \"facts/left\"", "\"journal\"",
        "\"generations\""});
  says(on("left", "ovl state list --cluster other"), 1, {"this host has no state of cluster other"});
}

TEST_F(StateVerbs, ReadableByOthersWhereTheFileIs) {
  both_apply();
  const test::EverybodysProgram program;
  const Ran ran = on("left",
                     "chmod 755 /var/lib/ovl /var/lib/ovl/clusters /var/lib/ovl/clusters/held && "
                     "chmod 644 /var/lib/ovl/clusters/held/state.db && "
                     "cd / && setpriv --reuid 65534 --regid 65534 --clear-groups " +
                         program.path() + " state list netns");
  says(ran, 0, {"netns.ovl-blue\nnetns.web\n"});
}

// A state that was put back knows less than the kernel has: what carries our marks is found.
TEST_F(StateVerbs, AnOldStateLeavesNothingBehind) {
  both_apply();
  apply("left", "--scope host");  // it has heard what right says of itself
  const std::string states = "/var/lib/ovl/clusters";
  const std::string before = on("left", kTables).out;
  ASSERT_EQ(on("left", "cp -a " + states + " /run/kept").code, 0);
  const std::string put_back = "rm -rf " + states + " && cp -a /run/kept " + states;
  const std::string green =
      "[network.green]\nsubnet = \"10.0.10.0/24\"\n[endpoint.new]\nnetwork = \"green\"\nhost = \"left\"\n";

  write(manifest(green));
  apply("left");
  EXPECT_EQ(on("left", "ip netns exec ovl-green true").code, 0);
  ASSERT_EQ(on("left", put_back).code, 0);
  says(on("left", "ovl doctor"), 1, {"leftovers: new, ovl-green: ovl's marks are there"});
  write(manifest());
  apply("left", "--max-destroy 100%");
  EXPECT_NE(on("left", "ip netns exec ovl-green true").code, 0) << "nobody remembers it, and it is gone";
  EXPECT_EQ(on("left", kTables).out, before);
  EXPECT_TRUE(in_sync("left"));
  EXPECT_TRUE(on("left", "ovl doctor").has("leftovers: nothing of ours"));

  // The state's own last copy, and a destroy.
  write(manifest(green));
  apply("left");
  ASSERT_EQ(
      on("left", "cd " + states + "/held && cp state.db.backup state.db && rm -f state.db-wal state.db-shm")
          .code,
      0);
  says(on("left", "ovl destroy --scope host --auto-approve"), 0, {"Destroy complete"});
  EXPECT_EQ(on("left", "ip netns list").out, "");
}

// Made by hand with a mark of ours: no memory of it, and the state is as new as the kernel.
TEST_F(StateVerbs, DoctorAlwaysLooks) {
  both_apply();
  ASSERT_EQ(
      on("left", "ip netns add ovl-stray && ip -n ovl-stray link set lo alias ovl:held/network/stray").code,
      0);
  EXPECT_TRUE(in_sync("left")) << "an apply does not look into every namespace each time";
  says(on("left", "ovl doctor"), 1, {"leftovers: ovl-stray: ", "remedy: ovl state recover, then ovl apply"});
  ASSERT_EQ(on("left", "ovl state recover").code, 0);
  apply("left");
  EXPECT_NE(on("left", "ip netns exec ovl-stray true").code, 0);
  EXPECT_TRUE(on("left", "ovl doctor").has("leftovers: nothing of ours"));
}

TEST_F(StateVerbs, ALostStateIsWrittenAgainWhenNothingChanges) {
  both_apply();
  ASSERT_EQ(on("left", "rm -rf /var/lib/ovl/clusters").code, 0);
  says(on("left", "ovl state list --cluster held"), 1, {"this host has no state of cluster held"});
  says(on("left", "ovl apply --auto-approve"), 0, {"No changes."});
  EXPECT_TRUE(on("left", "ovl state list").has("endpoint.web")) << on("left", "ovl state list").out;
  const std::string written = on("left", "sha256sum /var/lib/ovl/clusters/held/state.db").out;
  says(on("left", "ovl apply --auto-approve"), 0, {"No changes."});
  EXPECT_EQ(on("left", "sha256sum /var/lib/ovl/clusters/held/state.db").out, written) << "once";
}

// Hosts of a lab share the machine's id; name and address are their own.
TEST_F(StateVerbs, ACopyOnAnotherMachineIsRefused) {
  both_apply();
  const std::string copy = directory() + "/copy";
  ASSERT_EQ(on("left", "cp -a /var/lib/ovl " + copy).code, 0);
  for (const std::string verb : {"plan", "apply --auto-approve", "destroy --scope host --auto-approve",
                                 "state list", "state rm 'endpoint.web[blue]' --auto-approve"}) {
    says(on("right", "ovl " + verb + " --state-dir " + copy), 12,
         {copy + "/clusters/held/state.db is another machine's: host name left (here: right), address "
                 "192.168.99.104",
          "ovl state adopt"});
  }
  ASSERT_TRUE(in_sync("right"));
  EXPECT_EQ(on("right", "ovl state adopt --state-dir " + copy).code, 1) << "nobody said yes";
  says(on("right", "ovl state adopt --auto-approve --state-dir " + copy), 0, {"It is this machine's now."});
  says(on("right", "ovl state adopt --state-dir " + copy), 0, {" is this machine's."});
  says(on("right", "ovl apply --auto-approve --state-dir " + copy), 0, {"No changes."});
  says(on("left", "ovl plan --state-dir " + copy), 12, {"is another machine's"});
  // A host that is called otherwise now is the same one.
  says(on("left", "hostname other && ovl plan --host left; hostname left"), 0, {"No changes."});
}

TEST_F(StateVerbs, LetGoIsLeftInPlaceAndTakenOverAgain) {
  both_apply();
  says(on("left", "ovl state rm 'endpoint.web[blue]'"), 1, {"there is no terminal to ask on"});
  ASSERT_TRUE(in_sync("left"));
  const std::string before = index_of("web", "eth0");
  says(on("left", "ovl state rm 'endpoint.web[blue]' --auto-approve"), 0,
       {"Plan: objects on left: 6 to forget.", "Let go: 6 objects.",
        "ovl state import 'endpoint.web[\"blue\"]' netns.web"});
  EXPECT_EQ(in("right", "db", "ping -c 1 -W 2 10.0.9.2").code, 0) << "it stays as it is";
  EXPECT_FALSE(on("left", "ovl state list").has("link.web")) << "it is not ours any more";
  says(on("left", "ovl plan"), 12,
       {"link web:eth0: a device of this name exists and is not ovl's",
        "ovl state import 'link.web[\"eth0\"]'"});
  EXPECT_EQ(on("left", "ovl apply --auto-approve").code, 1);
  says(on("left", "ovl state import 'endpoint.web[blue]' netns.web --auto-approve"), 0,
       {"5 to adopt", "Taken over: 5 objects."});
  EXPECT_EQ(index_of("web", "eth0"), before);
  EXPECT_TRUE(in_sync("left"));
  EXPECT_TRUE(on("left", "ovl state list").has("link.web[\"eth0\"]"));
}

TEST_F(StateVerbs, LetGoIsNeverRemoved) {
  both_apply();
  ASSERT_EQ(on("left", "ovl state rm endpoint.web --auto-approve").code, 0);
  write(std::string(kManifest) + kBlue);
  apply("left");
  EXPECT_EQ(on("left", "ip netns list | grep -c ovl-blue").out, "0\n") << "the sandbox was ours";
  EXPECT_EQ(on("left", "ip netns list | grep -c web").out, "1\n") << "this one was let go";
  EXPECT_EQ(on("left", "ip -n web link show lo && test -s /etc/netns/web/hosts").code, 0);
  EXPECT_EQ(on("left", "ovl destroy --scope host --auto-approve").code, 0);
  EXPECT_EQ(on("left", "ip netns list | grep -c web").out, "1\n");
}

TEST_F(StateVerbs, TakingOverLosesNoPacket) {
  both_apply();
  ASSERT_EQ(on("left", "ovl state rm network.blue --auto-approve").code, 0);
  const std::string lab = std::string(OVL_BINARY) + " lab exec --lab " + directory() + " ";
  const Ran took =
      shell("cd " + directory() + " && { " + lab + "right -- " + OVL_BINARY +
            " exec db -- ping -q -i 0.005 -c 400 10.0.9.2 >ping.txt & P=$!; " + lab + "left -- " +
            OVL_BINARY + " state import network.blue netns.web --auto-approve; wait $P; }; cat ping.txt");
  says(took, 0,
       {"9 to adopt", "Taken over: 9 objects.", "400 packets transmitted, 400 received, 0% packet loss"});
  EXPECT_TRUE(in_sync("left"));
}

TEST_F(StateVerbs, HandMadeDevicesAreTakenOverOnlyWhenEqual) {
  up(manifest());
  apply("left", "--scope cluster");
  make_by_hand();
  says(on("left", "ovl plan"), 12, {"netns ovl-blue: the namespace exists and is not ovl's"});
  EXPECT_EQ(on("left", "ovl apply --auto-approve").code, 1);
  write(manifest("adopt = \"if-equal\"\n"));
  ASSERT_EQ(on("left", "ip -n ovl-blue link set vxlan0 mtu 1400").code, 0);
  says(on("left", "ovl apply --auto-approve"), 1,
       {"the device exists, is not ovl's, and is not as wanted: mtu is 1400, wanted 1450"});
  ASSERT_EQ(
      on("left", "ip -n ovl-blue link set vxlan0 mtu 1450; ip -n ovl-blue addr add 10.9.9.9/32 dev br0").code,
      0);
  says(on("left", "ovl apply --auto-approve"), 1,
       {"address.ovl-blue[\"br0 10.9.9.9/32\"]: it stands on a device that would be taken over"});
  ASSERT_EQ(on("left", "ip -n ovl-blue addr del 10.9.9.9/32 dev br0").code, 0);
  const std::string before = index_of("ovl-blue", "vxlan0");
  says(on("left", "ovl plan --json"), 0, {"\"importing\": {\n"});
  apply("left");
  EXPECT_EQ(index_of("ovl-blue", "vxlan0"), before);
  EXPECT_TRUE(in_sync("left"));
  apply("right");
  EXPECT_EQ(in("right", "db", "ping -c 1 -W 2 10.0.9.2").code, 0);
  EXPECT_EQ(on("left", "ovl destroy --scope host --auto-approve").code, 0);
  EXPECT_EQ(on("left", "ip netns list | grep -c ovl-blue").out, "0\n");
}

TEST_F(StateVerbs, AnotherClustersDevicesAreNot) {
  both_apply();
  ASSERT_EQ(on("left", "ip -n web link set eth0 alias ovl:other/endpoint/blue/web").code, 0);
  says(on("left", "ovl state import endpoint.web --auto-approve"), 1,
       {"the device belongs to another cluster: ovl:other/endpoint/blue/web"});
  says(on("left", "ovl state import network.red --auto-approve"), 1,
       {"nothing that could be taken over on this host is called network.red"});
}

TEST_F(StateVerbs, ACutApplyIsSettledByLooking) {
  up(manifest());
  const std::string where = directory() + "/state";
  apply("left", "--state-dir " + where);
  const std::string recover = "ovl state recover --state-dir " + where;
  says(on("left", recover), 0,
       {"No apply was cut short here.", "No changes. This host matches the records."});
  ASSERT_EQ(on("left",
               "PORT=$(ip -n ovl-blue -o link | grep -o 'veth[0-9a-f]*' | head -1); "
               "bridge -n ovl-blue fdb del 02:42:0a:00:09:02 dev $PORT master")
                .code,
            0);
  {
    auto state = State::open({.root = where, .cluster = Label::parse("held").value()});
    ASSERT_TRUE(state.ok()) << state.error().message;
    ASSERT_TRUE(state.value().begin("0123456789abcdef", "set fdb", 3).ok());
    ASSERT_TRUE(state.value().begin("0123456789abcdef", "set neighbours", 1).ok());
    ASSERT_TRUE(state.value().begin("0123456789abcdef", "destroy: remove links", 2).ok());
  }
  const std::string before = on("left", kTables).out;
  says(on("left", "ovl state list --state-dir " + where), 0, {"an apply was cut short here"});
  says(on("left", recover), 0,
       {"Apply 0123456789ab was cut short: set fdb (3 operations): partial: 2 of 3 are done",
        "set neighbours (1 operations): done", "destroy: remove links (2 operations): not done",
        "on left: 1 to create."});
  EXPECT_EQ(on("left", kTables).out, before) << "it only looked";
  says(on("left", recover), 0, {"No apply was cut short here."});
  // Without the store the last good records tell.
  says(on("left", recover + " --keystore etcd://127.0.0.1:1 --timeout 500ms"), 0,
       {"Compared with what was last recorded, as the keystore could not be asked", "on left: 1 to create."});
}

}  // namespace ovl
