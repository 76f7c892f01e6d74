// A host whose interface gets another address, as from a lease, and one that nobody knew when its pool was
// chosen.
#include <fmt/format.h>

#include "tests/cluster/lab_rig.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "address"
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

class AddressOfHost : public LabRig {
 protected:
  // Waits until its agent has said so as often as that, for at most 30 seconds.
  [[nodiscard]] bool says(const std::string& host, const std::string& words, int times) const {
    return on(host,
              fmt::format("timeout 30 bash -c '[ $(grep -m{1} -c \"{0}\" < <(exec tail --pid=$$ -n +1 -f "
                          "/run/agent.log)) = {1} ]'",
                          words, times))
               .code == 0;
  }
};

}  // namespace

TEST_F(AddressOfHost, ANewOneIsUsedByTheAgentAndLearnedByWhoWrites) {
  up(kManifest);
  for (const char* host : {"left", "right", "left"}) apply(host);
  ASSERT_EQ(in("right", "two", "ping -c 1 -W 2 one").code, 0);
  // One that came beside it takes nothing away.
  ASSERT_EQ(on("right", "ip addr add 10.99.0.1/32 dev eth1; ovl plan --scope host --detailed-exitcode").code,
            0);
  const Ran agent = on("right", "ovl agent >/run/agent.log 2>&1 & echo $! >/run/agent.pid");
  ASSERT_EQ(agent.code, 0) << agent.out;
  const Ran moved =
      on("right",
         "echo 1 >/proc/sys/net/ipv4/conf/eth1/promote_secondaries; old=$(ip -4 -br addr show eth1 | awk "
         "'{print $3}'); new=$(echo $old | sed 's#[0-9]*/#77/#'); "
         "ip addr add $new dev eth1; ip addr del $old dev eth1; "
         "ip addr show dev eth1 | grep -q \"inet $new\" || ip addr add $new dev eth1; echo ${new%/*}");
  ASSERT_EQ(moved.code, 0) << moved.out;
  const std::string now = moved.out.substr(0, moved.out.find('\n'));
  EXPECT_TRUE(says("right", "generation [0-9]*: Apply complete", 1)) << on("right", "cat /run/agent.log").out;
  EXPECT_EQ(on("right", "ip netns exec ovl-net ip -d link show vxlan0 | grep 'local " + now + " '").code, 0)
      << now << on("right", "cat /run/agent.log; ip netns exec ovl-net ip -d link show vxlan0").out;
  EXPECT_TRUE(on("right", "ovl status").has("its address is " + now + ", and its record says"));
  EXPECT_TRUE(on("right", "ovl plan --scope host").has("The other hosts know another address of this one"));
  EXPECT_NE(apply("left").find("-> " + now), std::string::npos);
  EXPECT_EQ(in("right", "two", "ping -c 1 -w 20 10.7.0.2").code, 0) << "once its filter has heard";
  EXPECT_EQ(in("left", "one", "ping -c 1 -W 2 two").code, 0);
  // Nothing changes any more; it hears at once that somebody works here, and says so to the others.
  ASSERT_EQ(on("right", "ovl suspend --reason lunch").code, 0);
  EXPECT_TRUE(says("right", "suspended by .*lunch", 1)) << on("right", "cat /run/agent.log").out;
  EXPECT_EQ(
      on("left", "timeout 30 sh -c 'until ovl host ls | grep -q \"right .*suspended by\"; do :; done'").code,
      0)
      << on("left", "ovl host ls").out;
  ASSERT_EQ(on("right", "ovl resume").code, 0);
  EXPECT_TRUE(says("right", "resumed", 1)) << on("right", "cat /run/agent.log").out;
  EXPECT_EQ(on("right", "kill $(cat /run/agent.pid)").code, 0);
}

// A compose network has what another host chose for this one: nothing of it is taken.
TEST_F(AddressOfHost, APoolThatIsInUseThereIsChosenAnew) {
  up(kManifest);
  apply("left");
  ASSERT_EQ(
      on("right", "ip link add br-c type bridge; ip addr add 172.18.0.1/16 dev br-c; ip link set br-c up")
          .code,
      0);
  EXPECT_NE(apply("right").find("172.18.0.0/16 -> 172.19.0.0/16"), std::string::npos);
  EXPECT_TRUE(in_sync("right"));
  EXPECT_TRUE(on("right", "ip -4 -br addr show ovl-gw").has("172.19.0.1/16"));
  ASSERT_EQ(on("right", "ip addr add 172.19.7.7/24 dev br-c").code, 0);
  const Ran later = on("right", "ovl plan");
  EXPECT_EQ(later.code, 12) << later.out;
  EXPECT_TRUE(later.has("its gateway pool 172.19.0.0/16 holds this host's address 172.19.7.7")) << later.out;
}

}  // namespace ovl
