// A cluster is rolled out host by host: this build beside the one before it, whoever comes first.
#include <filesystem>

#include "tests/cluster/lab_rig.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "rollout"
[keystore]
url = "sqlite:///var/lib/ovl/keystore.db"
[host.left]
advertise = "192.168.99.124"
[host.right]
advertise = "192.168.99.125"
[network.red]
subnets = ["10.0.12.0/24", "fd00:12::/64"]
[endpoint.web]
network = "red"
host = "left"
[endpoint.client]
network = "red"
host = "right"
)";

enum class Build : std::uint8_t { previous, current };

class TwoBuildsRig : public LabRig {
 protected:
  void SetUp() override {
    LabRig::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    previous_ = std::filesystem::path(OVL_BINARY).parent_path().parent_path() / "previous" / "ovl";
    if (!std::filesystem::exists(previous_)) GTEST_SKIP() << "no " << previous_ << ": tools/build-previous";
  }

  // Every host by itself stands where the records are, by its own build's judgement.
  void apply_with(Build build, const std::string& host) {
    SCOPED_TRACE(host + (build == Build::previous ? ", previous build" : ", this build"));
    const std::string first =
        build == Build::previous ? "PATH=" + previous_.parent_path().string() + ":$PATH; " : "";
    const Ran applied = on(host, first + "ovl apply --auto-approve");
    EXPECT_EQ(applied.code, 0) << applied.out;
    EXPECT_FALSE(applied.has("refused")) << applied.out;
    const Ran planned = on(host, first + "ovl plan --detailed-exitcode");
    EXPECT_EQ(planned.code, 0) << planned.out;
  }

  // Whether a host's filter demands of the other one's packets that they have passed no router.
  [[nodiscard]] bool holds_to_full_ttl(const std::string& host) const {
    const std::string other = host == "left" ? "192.168.99.125" : "192.168.99.124";
    return on(host, "nft list set inet ovl full_ttl4").has(other);
  }

  // What the kernel says of the network's tunnel.
  [[nodiscard]] std::string tunnel(const std::string& host, const std::string& word) const {
    return on(host, "ip -n ovl-red -d link show vxlan0 | grep -o '" + word + "'").out;
  }

  void expect_pings(const std::string& when) {
    for (const char* option : {"-4", "-6"}) {
      const std::string ping = std::string("ping ") + option + " -c 1 -W 2 ";
      EXPECT_EQ(in("left", "web", ping + "client").code, 0) << when << " " << option;
      EXPECT_EQ(in("right", "client", ping + "web").code, 0) << when << " " << option;
    }
  }

 private:
  std::filesystem::path previous_;
};

class TwoBuilds : public TwoBuildsRig, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    TwoBuildsRig::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) up(kManifest);
  }
};

}  // namespace

TEST_P(TwoBuilds, SpeakToEachOtherAtEveryStepOfARollOut) {
  const std::string first = GetParam();
  const std::string second = first == "left" ? "right" : "left";
  apply_with(Build::previous, first);
  apply_with(Build::previous, second);
  expect_pings("before the roll-out");
  const std::string device = tunnel(first, "^[0-9]*: vxlan0");
  EXPECT_EQ(tunnel(first, "ttl [0-9]*"), "ttl 64\n");
  apply_with(Build::current, first);
  expect_pings("the first host has this build");
  EXPECT_EQ(tunnel(first, "ttl [0-9]*"), "ttl 255\n");
  EXPECT_EQ(tunnel(first, "^[0-9]*: vxlan0"), device) << "changed in place";
  EXPECT_FALSE(holds_to_full_ttl(first)) << "the second one does not say so";
  // What the other one can't read is not written.
  write(std::string(kManifest) + "aliases = [\"cli_1\"]\n");
  const Ran refused = on(first, "ovl apply --auto-approve");
  EXPECT_EQ(refused.code, 12) << refused.out;
  EXPECT_TRUE(refused.has("host " + second + " can't read \"_\" in aliases")) << refused.out;
  write(kManifest);
  apply_with(Build::previous, second);
  expect_pings("the second one applies as before");
  apply_with(Build::current, first);
  EXPECT_FALSE(holds_to_full_ttl(first));
  apply_with(Build::current, second);
  expect_pings("both have this build");
  EXPECT_TRUE(holds_to_full_ttl(second)) << "the first one says so";
  EXPECT_TRUE(in_sync(first)) << "what another host says is no plan";
  apply(first);
  EXPECT_FALSE(holds_to_full_ttl(first)) << "an apply of nothing writes nothing";
  apply(first, "--scope host");
  EXPECT_TRUE(holds_to_full_ttl(first)) << "it is followed";
  EXPECT_TRUE(in_sync(first));
  expect_pings("each holds the other to it");
  write(std::string(kManifest) + "aliases = [\"cli_1\"]\n");
  apply_with(Build::current, second);
  apply_with(Build::current, first);
  EXPECT_EQ(in("left", "web", "ping -c 1 -W 2 cli_1").code, 0);
  write(kManifest);
  for (const std::string& host : {first, second}) apply_with(Build::current, host);
  apply_with(Build::previous, first);
  EXPECT_EQ(on(second, "ovl plan --detailed-exitcode").code, 2) << "the first one says so no longer";
  apply_with(Build::current, second);
  EXPECT_FALSE(holds_to_full_ttl(second));
  expect_pings("the first one went back");
  // What the previous build keeps in its own place is in the way of the next one, which says so.
  ASSERT_EQ(on(first, "rm -r /var/lib/ovl/rollout").code, 0);
  apply_with(Build::current, first);
  apply(second, "--scope host");
  EXPECT_TRUE(holds_to_full_ttl(second));
  expect_pings("and came again");
}

TEST_P(TwoBuilds, BeginAClusterTogether) {
  const std::string first = GetParam();
  const std::string second = first == "left" ? "right" : "left";
  apply_with(Build::current, first);
  apply_with(Build::previous, second);
  expect_pings("this build was first");
  apply_with(Build::current, second);
  expect_pings("and then alone");
}

// On a store with a server, which has its driver in both builds: forward host by host, and back.
class TwoBuildsOn : public TwoBuildsRig, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    if (lacks_consul(GetParam())) GTEST_SKIP() << kNoConsul;
    TwoBuildsRig::SetUp();
  }
};

TEST_P(TwoBuildsOn, GoForwardAndBackHostByHost) {
  std::string manifest(kManifest);
  const std::string sqlite = "sqlite:///var/lib/ovl/keystore.db";
  manifest.replace(manifest.find(sqlite), sqlite.size() + 1,
                   std::string(GetParam()) + "\"\nallow_plaintext = true");
  up(manifest);
  for (int round = 0; round < 4; ++round) {
    const Build build = round % 2 == 0 ? Build::previous : Build::current;
    // What the previous build keeps in its own place is in the way of the next one, which says so.
    const std::string make_way = round == 3 ? "rm -r /var/lib/ovl/rollout" : "true";
    for (const char* host : {"left", "right"}) ASSERT_EQ(on(host, make_way).code, 0);
    const char* const first = build == Build::previous ? "right" : "left";
    const char* const second = build == Build::previous ? "left" : "right";
    apply_with(build, first);
    if (round > 0) expect_pings(std::string("one of each, ") + first + " first");
    apply_with(build, second);
    expect_pings("both alike");
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, TwoBuildsOn,
                         ::testing::Values("etcd://192.168.99.103", "consul://192.168.99.103",
                                           "zk://192.168.99.103"),
                         [](const auto& one) {
                           return std::string(one.param, 0, std::string(one.param).find(':'));
                         });

INSTANTIATE_TEST_SUITE_P(Hosts, TwoBuilds, ::testing::Values("left", "right"));

}  // namespace ovl
