// What ovl doctor finds when something is wrong, and whose a host's name is.
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

  // Doctor's exit code says that something is wrong, and its text names it.
  void finds(const std::string& symptom) const {
    const Ran ran = on("left", "ovl doctor");
    EXPECT_EQ(ran.code, 1) << ran.out;
    EXPECT_TRUE(ran.has(symptom)) << ran.out;
  }
};

}  // namespace

TEST_F(Health, NothingIsWrong) {
  both();
  const Ran ran = on("left", "ovl doctor");
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_TRUE(ran.has("packets of 1500 bytes pass whole")) << ran.out;
}

TEST_F(Health, ASmallerMtuOnTheWayIsFound) {
  both();
  ASSERT_EQ(on("right", "ip link set eth1 mtu 1400").code, 0);
  finds("packets of 1500 bytes do not pass whole");
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

TEST_F(Health, APeerThatIsDownIsFound) {
  both();
  ASSERT_EQ(on("right", "ip link set eth1 down").code, 0);
  finds("peer right");
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

TEST_F(Health, WaitingForAHostThatDoesNotComeEndsInTime) {
  up(kManifest);
  apply("left");
  const Ran waited = on("left", "ovl status --wait 500ms");
  EXPECT_EQ(waited.code, 1) << waited.out;
  EXPECT_TRUE(waited.has("1 of 2 hosts are not up to date after 500ms: right")) << waited.out;
}

}  // namespace ovl
