// What a cluster must outlive: an apply that is killed at any moment, a state that is lost, and size.
#include <fmt/format.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "tests/cluster/lab_rig.hpp"
#include "tests/support/effort.hpp"

namespace ovl {

namespace {

std::string head(int hosts) {
  std::string out = "[cluster]\nname = \"long\"\n[keystore]\nurl = \"sqlite:///var/lib/ovl/keystore.db\"\n";
  for (int i = 0; i < hosts; ++i)
    out += fmt::format("[host.h{}]\nadvertise = \"192.168.99.{}\"\n", i, 104 + i);
  return out;
}

std::string network(int number, const std::string& keys = "") {
  return fmt::format("[network.n{}]\nsubnet = \"10.{}.0.0/24\"\n{}", number, 20 + number, keys);
}

std::string endpoint(int number, int network, int host) {
  return fmt::format("[endpoint.e{}]\nnetwork = \"n{}\"\nhost = \"h{}\"\n", number, network, host);
}

// Two manifests, each another cluster than the other one.
std::string first_manifest() {
  return head(2) + network(0) + network(1) + endpoint(0, 0, 0) + endpoint(1, 0, 1) + endpoint(2, 1, 0) +
         endpoint(3, 1, 1);
}

std::string second_manifest() {
  return head(2) + network(0, "mtu = 1400\n") + network(2, "internal = true\n") + endpoint(0, 0, 1) +
         endpoint(1, 0, 0) + endpoint(4, 2, 0) + endpoint(5, 2, 1);
}

class Endurance : public LabRig {
 protected:
  void begin() {
    up(first_manifest());
    ASSERT_EQ(on("h0",
                 "ip link add foreign0 type bridge; ip netns add ovl-foreign; "
                 "ip -n ovl-foreign link add br0 type bridge")
                  .code,
              0);
    bare_ = snapshot("h0");
    std::cout << "seed " << seed_ << "\n";
    random_.seed(seed_);
  }

  // The command dies after a time between nothing and as long as it takes.
  void kill_during(const std::string& command, const std::string& then = "true") {
    const int after = std::uniform_int_distribution<int>(0, most_us_)(random_);
    const Ran ran = on("h0", fmt::format("timeout -s KILL {}.{:06} ovl {} >/dev/null 2>&1; {}",
                                         after / 1'000'000, after % 1'000'000, command, then));
    ASSERT_EQ(ran.code, 0) << ran.out;
  }

  void write_round(int round) const { write(round % 2 == 0 ? second_manifest() : first_manifest()); }

  // One apply makes good whatever was left. Another host's own apply is its own affair.
  void must_heal(int round) const {
    const Ran healed = on("h0", "ovl apply --auto-approve --max-destroy 100%");
    EXPECT_EQ(healed.code, 0) << "round " << round << "\n" << healed.out;
    EXPECT_EQ(on("h0", "ovl plan --detailed-exitcode --max-destroy 100%").code, 0) << "round " << round;
    EXPECT_EQ(on("h0", "ip link show foreign0 && ip -n ovl-foreign link show br0").code, 0);
  }

  // How long an apply of the next manifest takes, in microseconds.
  void measure() {
    write(second_manifest());
    const Ran ran = on("h0",
                       "s=$(date +%s%N); ovl apply --auto-approve --max-destroy 100% >/dev/null 2>&1 && "
                       "echo $((($(date +%s%N) - s) / 1000))");
    ASSERT_EQ(ran.code, 0) << ran.out;
    most_us_ = std::atoi(ran.out.c_str());
    write(first_manifest());
    apply("h0", "--max-destroy 100%");
  }

  std::string bare_;
  unsigned seed_ = std::random_device()();
  std::mt19937 random_;
  int most_us_ = 0;
};

}  // namespace

TEST_F(Endurance, AnApplyKilledAtAnyMomentIsMadeGoodByTheNext) {
  begin();
  apply("h0");
  measure();
  for (int round = 0; round < test::effort(200, 8); ++round) {
    write_round(round);
    kill_during("apply --auto-approve --max-destroy 100%");
    must_heal(round);
  }
  ASSERT_EQ(on("h0", "ovl destroy --auto-approve").code, 0);
  EXPECT_EQ(snapshot("h0"), bare_) << "orphans";
}

TEST_F(Endurance, ADestroyKilledAtAnyMomentIsMadeGoodByTheNext) {
  begin();
  apply("h0");
  measure();
  for (int round = 0; round < test::effort(50, 4); ++round) {
    apply("h0");
    kill_during("destroy --auto-approve");
    const Ran ended = on("h0", "ovl destroy --auto-approve");
    EXPECT_EQ(ended.code, 0) << "round " << round << "\n" << ended.out;
    EXPECT_EQ(snapshot("h0"), bare_) << "round " << round;
  }
}

TEST_F(Endurance, AStateLostAtAnyMomentLeavesNoOrphan) {
  begin();
  apply("h0");
  measure();
  for (int round = 0; round < test::effort(20, 3); ++round) {
    write_round(round);
    kill_during("apply --auto-approve --max-destroy 100%", "rm -rf /var/lib/ovl/clusters/long");
    must_heal(round);
  }
  ASSERT_EQ(on("h0", "ovl destroy --auto-approve; rm -rf /var/lib/ovl/clusters/long").code, 0);
  // With the state went what the uplink's forwarding was before ovl.
  ASSERT_EQ(on("h0", "echo 0 > /proc/sys/net/ipv4/conf/eth1/forwarding").code, 0);
  EXPECT_EQ(snapshot("h0"), bare_) << "orphans";
}

TEST_F(Endurance, TwoAppliesAtOnceGoOneAfterTheOther) {
  begin();
  apply("h0");
  const std::string both =
      "for i in 1 2; do (ovl apply --auto-approve --max-destroy 100% >$i.log 2>&1; echo $?) & done; wait";
  for (int round = 0; round < test::effort(5, 3); ++round) {
    write_round(round);
    EXPECT_EQ(on("h0", both).out, "0\n0\n") << on("h0", "cat 1.log 2.log").out;
    EXPECT_EQ(on("h0", "cat 1.log 2.log | grep -c '^Apply complete'").out, "1\n")
        << "the other finds it done";
    EXPECT_TRUE(in_sync("h0"));
  }
  EXPECT_EQ(on("h0", "ovl history --json | grep -c '\"serial\"'").out,
            fmt::format("{}\n", test::effort(6, 4)));
}

// Fifty networks and five hundred endpoints, where there is time.
TEST_F(Endurance, ManyNetworksAndEndpointsComeChangeAndGo) {
  constexpr int kHosts = 3;
  const int networks = test::effort(50, 16);
  const int endpoints = test::effort(500, 128);
  const auto manifest = [&](int changed) {
    std::string out = head(kHosts);
    for (int i = 0; i < networks; ++i) out += network(i);
    for (int i = 0; i < endpoints; ++i) {
      const int number = i < changed ? endpoints + i : i;  // another endpoint in its place
      out += endpoint(number, i % networks, (i / networks) % kHosts);
    }
    return out;
  };
  up(manifest(0));
  const std::string bare = snapshot("h0");
  const auto apply_all = [&] {
    for (int i = 0; i < kHosts; ++i) apply(fmt::format("h{}", i));
    for (int i = 0; i < kHosts; ++i) EXPECT_TRUE(in_sync(fmt::format("h{}", i)));
  };
  apply_all();
  EXPECT_EQ(in("h0", "e0", fmt::format("ping -c 1 -W 2 e{}", networks)).code, 0)
      << "an endpoint of the same network on the next host";
  write(manifest(endpoints / 10));
  apply_all();
  EXPECT_EQ(in("h1", fmt::format("e{}", networks), fmt::format("ping -c 1 -W 2 e{}", endpoints)).code, 0)
      << "one of the new ones";
  ASSERT_EQ(on("h0", "ovl destroy --auto-approve").code, 0);
  EXPECT_EQ(snapshot("h0"), bare);
  for (int i = 1; i < kHosts; ++i) {
    EXPECT_EQ(on(fmt::format("h{}", i), "ovl destroy --scope host --auto-approve").code, 0);
    EXPECT_EQ(on(fmt::format("h{}", i), "ip netns list").out, "");
  }
}

}  // namespace ovl
