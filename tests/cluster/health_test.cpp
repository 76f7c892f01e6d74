// What ovl doctor finds when something is wrong, and whose a host's name is.
#include <vector>

#include "tests/cluster/lab_rig.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "health"
[keystore]
url = "sqlite:///var/lib/ovl/keystore.db"
[host.left]
advertise = "eth1"
[host.right]
advertise = "eth1"
[network.net]
subnet = "10.7.0.0/24"
[endpoint.one]
network = "net"
host = "left"
[endpoint.two]
network = "net"
host = "right"
)";

class Health : public LabRig {
 protected:
  void both() {
    up(kManifest);
    for (const char* host : {"left", "right", "left"}) apply(host);
  }
};

// What is done to a host, and what doctor says of it on the left one.
struct Damage {
  std::string host;
  std::string make;
  std::string undo;
  std::vector<std::string> named;
  std::string doctor = "ovl doctor";
};

// A filter that lets in what has begun, and nothing new but pings.
constexpr const char* kShut =
    "nft -f - <<'N'\ntable inet firewall {\nchain input { type filter hook input priority 0; policy drop; "
    "ct state established,related accept; meta l4proto icmp accept; }\n}\nN";

// A tunnel gives its port up when it goes down.
constexpr const char* kHoldPort = R"(ip netns exec ovl-net ip link set vxlan0 down
python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 4789)); open("/run/held", "w")
time.sleep(100)' >/dev/null 2>&1 & echo $! >/run/holder
timeout 20 sh -c 'until [ -e /run/held ]; do :; done')";

std::vector<Damage> damages() {
  return {
      {"left",
       kShut,
       "nft delete table inet firewall",
       {"chain inet firewall input: its policy drops UDP port 4789 from right",
        "one way only in network net: it answers, and its packets are dropped on this host",
        "nft insert rule inet firewall input udp dport 4789 accept"}},
      {"right",
       kShut,
       "nft delete table inet firewall",
       {"nothing comes back through the tunnel of network net: the host answers pings",
        "ovl doctor on right sees what drops it there"}},
      {"left",
       "nft add table ip filter; nft add chain ip filter DOCKER-USER; "
       "nft 'add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'; "
       "nft add rule ip filter FORWARD jump DOCKER-USER",
       "nft delete table ip filter",
       {"chain ip filter FORWARD: its policy drops what this host forwards",
        "iptables -I DOCKER-USER -i ovl-gw -j ACCEPT"}},
      {"left",
       kHoldPort,
       "kill $(cat /run/holder); tail --pid=$(cat /run/holder) -f /dev/null; ovl apply --auto-approve",
       {"UDP port 4789: held by python3 (process "}},
      {"left",
       "nft delete table inet ovl",
       "ovl apply --auto-approve",
       {"filter: table inet ovl of this host is missing"}},
      {"left",
       "ip -n one addr flush dev eth0",
       "ovl apply --auto-approve",
       {"1 object of this host is not as it shall be: ", "ovl plan, then ovl apply"}},
      {"left",
       "ip -n one route replace default dev eth0",
       "ip -n one route del default; ovl apply --auto-approve",
       {"1 object of this host is not as it shall be: ", "route.one[\"default\"]"}},
      {"right",
       "ip link set eth1 mtu 1400",
       "ip link set eth1 mtu 1500",
       {"packets of 1500 bytes do not pass whole in network net: only small ones do"}},
      {"right",
       "ip link set eth1 down",
       "ip link set eth1 up",
       {"peer right (", "the host does not answer pings either"}},
      {"left",
       "true",
       "true",
       {"this process has no CAP_NET_RAW"},
       "setpriv --bounding-set=-net_raw --inh-caps=-net_raw ovl doctor"},
      {"left",
       "ip -n one rule add to 10.7.0.0/24 prohibit",
       "ip -n one rule del to 10.7.0.0/24 prohibit",
       {"what endpoint one sends does not leave this host", "ip -n one rule"}},
      {"left",
       "ip -n one link set eth0 arp off",
       "ip -n one link set eth0 arp on",
       {"what endpoint one sends does not leave this host"}},
      {"left",
       "nft -f - <<'N'\ntable netdev fw {\nchain in { type filter hook ingress device eth1 priority 0; udp "
       "dport "
       "4789 drop; }\n}\nN",
       "nft delete table netdev fw",
       {"one way only in network net", "nft list ruleset"}},
      {"left",
       "nft add table bridge fw; nft 'add chain bridge fw pre { type filter hook prerouting priority 0; "
       "policy drop; "
       "}'",
       "nft delete table bridge fw",
       {"chain bridge fw pre: its policy drops what this host forwards",
        "nft insert rule bridge fw pre meta ibrname \"ovl-gw\" accept"}},
      {"left",
       "nft add table ip fw; nft 'add chain ip fw pre { type filter hook prerouting priority -310; }'; "
       "nft add rule ip fw pre iifname ovl-gw drop",
       "nft delete table ip fw",
       {"chain ip fw pre: a rule of it drops what this host forwards",
        "nft insert rule ip fw pre iifname \"ovl-gw\" accept"}},
      {"left",
       "ip -n one link set eth0 mtu 1300",
       "ovl apply --auto-approve",
       {"only small ones do", "remedy: ovl apply here first"}},
      {"right",
       "ip -n ovl-net link set vxlan0 down",
       "ovl apply --auto-approve",
       {"nothing listens on UDP port 4789 there", "ovl apply on right, or look there: ovl doctor"}},
      {"right",
       "ip netns del two",
       "ovl apply --auto-approve",
       {"is dropped on the way or there, or endpoint two does not answer"}},
      {"left",
       "ip rule add to $(ip -4 route show dev eth1 proto kernel | cut -d' ' -f1) prohibit; "
       "ovl apply --auto-approve",
       "ip rule del prohibit; ovl apply --auto-approve",
       {"look whether right is up, and which way leads there: ip route get "}},
      {"left",
       "sed -i '$ a aliases = [\"second\"]' ovl.toml && ovl apply --auto-approve",
       "true",
       {"host right: behind: generation "}},
      {"left",
       "sqlite3 /var/lib/ovl/keystore.db 'PRAGMA foreign_keys = OFF; DELETE FROM keys'",
       "ovl apply --auto-approve",
       {"records: the keystore has lost it: generation "}},
  };
}

}  // namespace

TEST_F(Health, NothingIsWrong) {
  both();
  const Ran ran = on("left", "ovl doctor");
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_TRUE(ran.has("packets of 1500 bytes pass whole, both ways, in network net")) << ran.out;
  for (const char* words :
       {"UDP port 4789: in use by VXLAN", "capabilities: all that ovl needs",
        " has all that overlays are made of", "plan: nothing differs from what shall be",
        "host: left: up to date", "neither ovl agent nor ovl sync --interval runs here"}) {
    EXPECT_TRUE(ran.has(words)) << words << "\n" << ran.out;
  }
}

TEST_F(Health, BothFamiliesOfANetworkAreAsked) {
  std::string both = kManifest;
  both.replace(both.find("subnet = \"10.7.0.0/24\""), 22, "subnets = [\"10.7.0.0/24\", \"fd07::/64\"]");
  up(both);
  for (const char* host : {"left", "right", "left"}) apply(host);
  const Ran well = on("left", "ovl doctor");
  EXPECT_TRUE(well.has("pass whole, both ways, in network net (IPv4), net (IPv6)")) << well.out;
  ASSERT_EQ(on("left", "ip -6 -n one rule add to fd07::/64 prohibit").code, 0);
  const Ran ran = on("left", "ovl doctor");
  EXPECT_EQ(ran.code, 1) << ran.out;
  EXPECT_TRUE(ran.has("nothing comes back through the tunnel of network net (IPv6)")) << ran.out;
  EXPECT_TRUE(ran.has("pass whole, both ways, in network net (IPv4)")) << ran.out;
}

// Each damage is named, and nothing but it: the host is well again when it is undone.
TEST_F(Health, EachDamageIsNamed) {
  both();
  for (const Damage& damage : damages()) {
    const Ran made = on(damage.host, damage.make);
    ASSERT_EQ(made.code, 0) << damage.make << "\n" << made.out;
    const Ran ran = on("left", damage.doctor);
    EXPECT_EQ(ran.code, 1) << damage.make << "\n" << ran.out;
    for (const std::string& words : damage.named) {
      EXPECT_TRUE(ran.has(words)) << damage.make << "\n" << words << "\n" << ran.out;
    }
    const Ran undone = on(damage.host, damage.undo);
    ASSERT_EQ(undone.code, 0) << damage.undo << "\n" << undone.out;
  }
  apply("right");
  const Ran well = on("left", "ovl doctor");
  EXPECT_EQ(well.code, 0) << well.out;
}

// What plan warns of is no secret of doctor's.
TEST_F(Health, PlanStatusAndDoctorFindTheSame) {
  both();
  ASSERT_EQ(on("left", kShut).code, 0);
  for (const char* verb : {"plan", "status", "doctor"}) {
    const Ran ran = on("left", std::string("ovl ") + verb);
    EXPECT_TRUE(ran.has("chain inet firewall input")) << ran.out;
    EXPECT_TRUE(ran.has("drops UDP port 4789 from right")) << ran.out;
  }
}

// Every VM's NAT address, a cloned VM, a VIP that moved.
TEST_F(Health, AnAddressStaysWithTheHostThatHasIt) {
  both();
  const Ran moved = on("left", "ip -4 -br addr show eth1 | awk '{print $3}'");
  ASSERT_EQ(on("right", "ip addr flush dev eth1 scope global; ip addr add " +
                            moved.out.substr(0, moved.out.find('\n')) + " dev eth1")
                .code,
            0);
  for (const std::string verb : {"plan", "apply --auto-approve"}) {
    const Ran ran = on("right", "ovl " + verb);
    EXPECT_EQ(ran.code, 12) << ran.out;
    EXPECT_TRUE(ran.has("host.right: its address ")) << ran.out;
    EXPECT_TRUE(ran.has(" is the VTEP of host left")) << ran.out;
  }
  EXPECT_EQ(on("left", "ovl keystore check").code, 0);
  EXPECT_TRUE(in_sync("left"));
}

TEST_F(Health, ARecordThatSomebodySpoiledIsFound) {
  both();
  const Ran exported = on("left", "ovl keystore export --out /run/all.json");
  ASSERT_EQ(exported.code, 0) << exported.out;
  ASSERT_EQ(on("left", "sed -i 's#10.7.0.0/24#10.9.0.0/24#' /run/all.json").code, 0);
  const Ran refused =
      on("left", "ovl keystore import /run/all.json --keystore sqlite:///var/lib/ovl/other.db");
  EXPECT_NE(refused.code, 0);
  EXPECT_TRUE(refused.has("is refused")) << refused.out;
}

TEST_F(Health, AHostsNameIsOfOneMachineUntilItIsForgotten) {
  both();
  const Ran taken = on("right", "ovl apply --auto-approve --host left");
  EXPECT_EQ(taken.code, 12) << taken.out;
  EXPECT_TRUE(taken.has("the host name left is taken by another machine")) << taken.out;
  const Ran forgotten = on("right", "ovl host forget left");
  EXPECT_EQ(forgotten.code, 0) << forgotten.out;
  EXPECT_TRUE(on("right", "ovl host ls").has("never")) << on("right", "ovl host ls").out;
  EXPECT_NE(on("right", "ovl host forget left").code, 0);
}

// The old machine of that name, which comes back, says nothing that would be taken for the new one's words.
TEST_F(Health, AMachineThatHasLostItsNameSaysNothingUnderIt) {
  up(std::string(kManifest) + "[host.spare]\nadvertise = \"eth1\"\n");
  write(kManifest);
  for (const char* host : {"left", "right"}) apply(host);
  ASSERT_EQ(on("left", "ovl host forget right").code, 0);
  apply("spare", "--host right");
  apply("left");
  EXPECT_EQ(on("left", "ovl status --wait 0s").code, 0) << on("left", "ovl status").out;
  ASSERT_EQ(
      on("right", "ovl agent --heartbeat 500ms --ttl 3s >/run/agent.log 2>&1 & echo $! >/run/agent.pid").code,
      0);
  const auto wait_for = [&](const std::string& words) {
    return on("right",
              "timeout 20 sh -c 'until grep -q \"" + words + "\" /run/agent.log; do sleep 0.1; done'")
        .code;
  };
  EXPECT_EQ(wait_for("taken by another machine"), 0) << on("right", "cat /run/agent.log").out;
  // It has gone round once more when it says so.
  ASSERT_EQ(on("right", "ovl suspend").code, 0);
  EXPECT_EQ(wait_for("suspended"), 0) << on("right", "cat /run/agent.log").out;
  EXPECT_FALSE(on("left", "ovl host ls").has("suspended"));
  EXPECT_FALSE(on("left", "ovl host ls").has("present"));
  EXPECT_EQ(on("left", "ovl status --wait 0s").code, 0) << on("left", "ovl status").out;
  EXPECT_EQ(on("right", "kill $(cat /run/agent.pid)").code, 0);
}

TEST_F(Health, ALostHostIsWaitedForNoLongerAndCatchesUp) {
  both();
  apply("right");
  std::string other = kManifest;
  other.insert(other.find("subnet"), "vni = 5000\n");
  write(other);
  apply("left");
  EXPECT_NE(apply("left").find("Waiting for other hosts: network.net (step 1 of 3)."), std::string::npos);
  const Ran lost = on("left", "ovl host forget right --lost");
  EXPECT_EQ(lost.code, 0) << lost.out;
  apply("left");
  apply("left");
  const Ran planned = on("left", "ovl plan --detailed-exitcode");
  EXPECT_EQ(planned.code, 0) << planned.out;
  EXPECT_TRUE(planned.has("Lost, and not waited for: right.")) << planned.out;
  EXPECT_TRUE(on("left", "ovl network ls").has(" 5000 "));
  EXPECT_EQ(on("left", "ovl status --wait 0s").code, 0);
  apply("right", "--scope host");
  apply("left");
  EXPECT_EQ(in("right", "two", "ping -c 1 -W 2 one").code, 0);
  EXPECT_TRUE(in_sync("left"));
}

// Who looks for a fault has a manifest with a mistake in it, or no store.
TEST_F(Health, AnEndpointThatIsHereIsEnteredWhateverElseIsWrong) {
  both();
  const std::string broken = "cd $(mktemp -d) && echo garbage > ovl.toml && ";
  EXPECT_EQ(on("left", broken + "ovl validate").code, 13);
  const Ran entered = on("left", broken + "ovl exec one -- cat /sys/class/net/eth0/address");
  EXPECT_EQ(entered.code, 0) << entered.out;
  const Ran away = on("left", "cd / && ovl exec --keystore etcd://127.0.0.1:1 one -- true");
  EXPECT_EQ(away.code, 0) << away.out;
  const Ran nobody = on("left", broken + "ovl exec nobody -- true");
  EXPECT_EQ(nobody.code, 125) << nobody.out;
}

// Whoever stands on the wrong host is told which is the right one.
TEST_F(Health, TheRightPlaceIsNamed) {
  up(kManifest);
  const Ran before = on("left", "ovl exec one -- true");
  EXPECT_EQ(before.code, 125) << before.out;
  EXPECT_TRUE(before.has("netns one of endpoint one does not exist")) << before.out;
  EXPECT_TRUE(before.has("hint: it is not made yet: ovl apply")) << before.out;
  ASSERT_EQ(on("left", "ovl plan --out saved.plan").code, 0);
  const Ran elsewhere = on("right", "ovl apply saved.plan");
  EXPECT_EQ(elsewhere.code, 12) << elsewhere.out;
  EXPECT_TRUE(elsewhere.has("this plan was made for host left, this is right")) << elsewhere.out;
  EXPECT_FALSE(elsewhere.has("give the interface")) << elsewhere.out;
  apply("left");
  const Ran ran = on("right", "ovl exec one -- true");
  EXPECT_EQ(ran.code, 125) << ran.out;
  EXPECT_TRUE(ran.has("endpoint one is on host left, this is right")) << ran.out;
  EXPECT_TRUE(ran.has("hint: run it on left")) << ran.out;
}

// Nobody waits for it, and nobody takes what it lacks for a fault on the way.
TEST_F(Health, ALostHostIsNoTrouble) {
  both();
  ASSERT_EQ(on("left", "ovl host forget right --lost").code, 0);
  EXPECT_NE(on("left", "ovl status --wait 0s").code, 0) << "it does not refuse it yet";
  apply("left");
  EXPECT_EQ(on("left", "ovl status --wait 0s").code, 0);
  const Ran ran = on("left", "ovl doctor");
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_TRUE(ran.has("it counts as lost, so its packets are refused here")) << ran.out;
  const Ran there = on("right", "ovl doctor");
  EXPECT_EQ(there.code, 1) << there.out;
  EXPECT_TRUE(there.has("this host counts as lost, so the others refuse its packets")) << there.out;
  EXPECT_TRUE(on("right", "ovl plan").has("This host has yet to report it (here: ovl apply)."));
  EXPECT_EQ(apply("right"), "No changes. Still to apply: left (there: ovl apply --scope host).\n");
  EXPECT_TRUE(on("left", "ovl status").has("left   behind: still refuses right, which is back"));
  apply("left");
  EXPECT_EQ(on("left", "ovl status --wait 0s").code, 0);
}

TEST_F(Health, ASuspendedAgentSaysSo) {
  both();
  const Ran agent =
      on("right", "ovl agent --heartbeat 500ms --ttl 3s >/run/agent.log 2>&1 & echo $! >/run/agent.pid");
  ASSERT_EQ(agent.code, 0) << agent.out;
  const auto says = [&](const std::string& words) {
    const Ran said =
        on("left", "timeout 20 sh -c 'until ovl host ls | grep \"" + words + "\"; do sleep 0.1; done'");
    EXPECT_EQ(said.code, 0) << words << on("left", "ovl host ls").out
                            << on("right", "cat /run/agent.log").out;
  };
  says("present");
  ASSERT_EQ(on("right", "ovl suspend --reason disks").code, 0);
  says("suspended by root@right .*disks");
  ASSERT_EQ(on("right", "ovl resume").code, 0);
  says("present");
  EXPECT_EQ(on("right", "kill $(cat /run/agent.pid)").code, 0);
}

// A host that was taken out of the manifest is told how it goes, and not to be declared again.
TEST_F(Health, ADrainedHostIsTold) {
  both();
  std::string without = kManifest;
  without.erase(without.find("[endpoint.two]"));
  without.erase(without.find("[host.right]"), without.find("[network.net]") - without.find("[host.right]"));
  write(without);
  apply("left");
  const Ran ran = on("right", "ovl doctor");
  EXPECT_EQ(ran.code, 1) << ran.out;
  EXPECT_TRUE(ran.has("right: out of the records: ")) << ran.out;
  EXPECT_TRUE(ran.has("remedy: remove it: ovl apply --scope host")) << ran.out;
  EXPECT_EQ(on("right", "ovl apply --scope host --auto-approve").code, 0);
}

// A manifest that is not this cluster's source keeps nobody from looking at the host.
TEST_F(Health, AHostIsLookedAtWhateverTheManifestIs) {
  both();
  ASSERT_EQ(on("left",
               "git init -q && git add ovl.toml && git -c user.name=t -c user.email=t@e commit -qm one && "
               "ip -n one addr flush dev eth0")
                .code,
            0);
  const Ran ran = on("left", "ovl doctor --ref HEAD");
  EXPECT_EQ(ran.code, 1) << ran.out;
  for (const char* words : {"the records of cluster health come from dir:health",
                            " as it shall be: address.one", "UDP port 4789: in use by VXLAN"}) {
    EXPECT_TRUE(ran.has(words)) << words << "\n" << ran.out;
  }
}

TEST_F(Health, WaitingForAHostThatDoesNotComeEndsInTime) {
  up(kManifest);
  apply("left");
  const Ran waited = on("left", "ovl status --wait 500ms");
  EXPECT_EQ(waited.code, 1) << waited.out;
  EXPECT_TRUE(waited.has("1 of 2 hosts is not up to date after 500ms: right")) << waited.out;
}

}  // namespace ovl
