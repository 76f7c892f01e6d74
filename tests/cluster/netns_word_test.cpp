// Namespaces that exist are the host's: whoever applies by itself takes those that the host lists now, and a
// person takes what files of their own say. Each test is a host of its own: its network, its mounts, its
// /etc.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "tests/cluster/hooks_rig.hpp"

namespace ovl {

namespace {

class NetnsWord : public HooksRig {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    HooksRig::SetUp();
    std::filesystem::create_directories(file("etc"));
    std::filesystem::create_directories(file("run/netns"));
    write(
        "[network.one]\n[endpoint.mine]\nnetwork = \"one\"\nhost = \"left\"\n"
        "[endpoint.taken]\nnetwork = \"one\"\nhost = \"left\"\nnetns = \"victim\"\n");
    commit("one");
  }

  // Runs lines of bash on a host that has a namespace "victim" of its own; `$ovl` is ovl on that host,
  // `says WORDS [TIMES]` waits for the file "log", `taken` is whether an endpoint is in "victim".
  [[nodiscard]] Ran host(const std::string& lines) const {
    test::write_file(file("host.sh"), fmt::format(R"sh(cd {0}/work/net; set -e
mount -t tmpfs none {0}/etc; mkdir {0}/etc/up {0}/etc/work
mount -t overlay none -o lowerdir=/etc,upperdir={0}/etc/up,workdir={0}/etc/work /etc
mkdir -p /etc/ovl; rm -rf /etc/ovl/*
ip link set lo up; ip addr add 192.0.2.1/32 dev lo
touch {0}/run/netns/victim; unshare --net={0}/run/netns/victim true
export OVL_STATE_DIR={0}/state OVL_RUN_DIR={0}/run OVL_KEYSTORE={1} HOME={0}/home
unset CI OVL_IN_AUTOMATION; ovl={2}
says() {{ timeout 30 bash -c '[ $(grep -m$2 -c "$1" < <(exec tail --pid=$$ -n +1 -F {0}/log 2>/dev/null)) = $2 ]' says "$1" "${{2:-1}}"; }}
taken() {{ nsenter --net={0}/run/netns/victim ip link show eth0 >/dev/null 2>&1; }}
)sh",
                                                  file(""), store(), OVL_BINARY) +
                                          lines);
    return shell("unshare -n -m bash " + file("host.sh"));
  }
};

}  // namespace

TEST_F(NetnsWord, OfACheckoutIsNotByHand) {
  for (const char* automation : {"CI=true", "OVL_IN_AUTOMATION=1"}) {
    const Ran ran =
        host(fmt::format("env {} $ovl apply --host left --auto-approve; taken && echo TAKEN", automation));
    EXPECT_TRUE(ran.has("this host does not list it for endpoints")) << automation << ran.out;
    EXPECT_FALSE(ran.has("TAKEN")) << automation;
  }
  const Ran group = host("chgrp 65534 ovl.toml; chmod 664 ovl.toml; $ovl apply --host left --auto-approve");
  EXPECT_TRUE(group.has("this host does not list it for endpoints")) << group.out;
  const Ran hand = host("chmod 644 ovl.toml; $ovl apply --host left --auto-approve; taken && echo TAKEN");
  EXPECT_TRUE(hand.has("TAKEN")) << hand.out;
}

// The line that the refusal asks for counts from the next round, with no other change.
TEST_F(NetnsWord, OfTheHostsListIsHeardWhileAgentAndSyncRun) {
  for (const char* verb : {"agent", "sync --scope host --interval 100ms", "sync --interval 100ms"}) {
    const Ran ran = host(fmt::format(R"sh(rm -rf {0}/log $OVL_STATE_DIR {0}/keystore.db*
$ovl apply --scope cluster --auto-approve >/dev/null
$ovl {1} --host left --cluster pushed >{0}/log 2>&1 & pid=$!
says 'endpoint taken is left as it is'; taken && exit 3
echo 'netns = ["victim"]' > /etc/ovl/netns.toml
says 'generation 1:' 2; taken && echo TAKEN; kill $pid; wait $pid
)sh",
                                     file(""), verb));
    EXPECT_TRUE(ran.has("TAKEN")) << verb << ran.out << shell("cat " + file("log")).out;
  }
}

// All else is applied: nobody is waited for who would apply it.
TEST_F(NetnsWord, OfAPushThatIsAppliedButForAPartIsAppliedOnce) {
  const Ran ran = host(fmt::format(R"sh(set +e
$ovl hook install --repo {0}/hub.git --path net --host left pre-receive post-receive
git -C {0}/work push hub main 2>&1
echo "left: $(ls {0}/hub.git/ovl/taken | wc -l)"; [ -e $OVL_RUN_DIR/netns/mine ] && echo MADE
)sh",
                                   file("")));
  EXPECT_TRUE(ran.has("endpoint taken is left as it is")) << ran.out;
  EXPECT_TRUE(ran.has("MADE")) << ran.out;
  EXPECT_TRUE(ran.has("left: 0")) << ran.out;
}

}  // namespace ovl
