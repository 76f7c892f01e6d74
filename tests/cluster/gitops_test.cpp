// A cluster that is run by pushing: a repository with hooks on one host of a lab, and every host in sync with
// the records.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/cluster/lab_rig.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::array<const char*, 3> kHosts{"left", "middle", "right"};

// What a push may take until every host stands at it, at an interval of a second. Sanitizers make everything
// slower by as much as ten times; the promise is of a build without.
#if defined(__SANITIZE_ADDRESS__)
constexpr milliseconds kRealised{10'000};
#else
constexpr milliseconds kRealised{2'000};
#endif

constexpr const char* kManifest = R"([cluster]
name = "pushed"
[host.left]
advertise = "192.168.99.104"
ttl_check = "off"
[host.middle]
advertise = "192.168.99.105"
ttl_check = "off"
[host.right]
advertise = "192.168.99.106"
ttl_check = "off"
[network.front]
subnet = "10.0.9.0/24"
protect = true
[endpoint.web]
network = "front"
host = "left"
[endpoint.client]
network = "front"
host = "right"
)";

constexpr const char* kStore = "sqlite:///var/lib/ovl/keystore.db";

class GitOps : public LabRig {
 protected:
  // The lab, and a repository on its first host with a clone beside it.
  void begin_without_hooks() {
    up(std::string(kManifest) + "[keystore]\nurl = \"" + kStore + "\"\n");
    std::filesystem::remove(directory() + "/ovl.toml");
    ASSERT_EQ(shell("cd " + directory() +
                    " && git init -q --bare -b main hub.git && git init -q -b main clone && git -C clone "
                    "remote add hub ../hub.git")
                  .code,
              0);
  }

  void begin() {
    begin_without_hooks();
    const Ran installed = git_host("ovl hook install --repo hub.git --scope cluster --keystore " +
                                   std::string(kStore) + " pre-receive post-receive");
    ASSERT_EQ(installed.code, 0) << installed.out;
    ASSERT_EQ(push_manifest(kManifest, "begin").code, 0);
    for (const char* host : kHosts) start_sync(host);
  }

  // The repository is on the first host.
  [[nodiscard]] Ran git_host(const std::string& command) const {
    return on("left", "export HOME=" + directory() +
                          "/none GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a "
                          "GIT_COMMITTER_EMAIL=a@b; " +
                          command);
  }

  [[nodiscard]] Ran push_manifest(const std::string& text, const std::string& message) const {
    std::ofstream(directory() + "/clone/ovl.toml") << text;
    return git_host("cd clone && git add -A && git commit -qm " + message + " && git push hub main");
  }

  void start_sync(const std::string& host) const {
    const Ran ran = on(
        host, fmt::format("cd / && setsid ovl sync --scope host --host {0} --keystore {1} --cluster pushed "
                          "--interval 1s >{2}/{0}.log 2>&1 &",
                          host, kStore, directory()));
    ASSERT_EQ(ran.code, 0) << ran.out;
  }

  // Until every host has reported the newest generation, from now on.
  void expect_realised(const std::string& what) const {
    const auto start = steady_clock::now();
    const Ran ran =
        on("middle", fmt::format("cd / && ovl status --wait 30s --keystore {} --cluster pushed", kStore));
    const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
    EXPECT_EQ(ran.code, 0) << ran.out << logs();
    std::cout << fmt::format("{:<24} realised on every host after {} ms\n", what, took.count());
    EXPECT_LE(took, kRealised) << what;
  }

  [[nodiscard]] std::string logs() const { return shell("tail -n 5 " + directory() + "/*.log").out; }

  // Of every host and every namespace on it, but for what runs by itself: bridges' timers, link-local
  // addresses.
  [[nodiscard]] std::string everything() const {
    constexpr const char* look =
        "for n in host $(ls /run/netns 2>/dev/null); do echo \"-- $n\"; run=$([ $n = host ] || echo ip netns "
        "exec $n); "
        "{ $run ip -o link; $run ip -o addr; $run ip route show table all; $run ip neigh show nud permanent; "
        "$run bridge fdb; $run nft list tables | sort | while read -r _ f t; do $run nft -s list table $f "
        "$t; done; }"
        " | grep -v -e fe80: -e 33:33: | sed 's/valid_lft.*//'; "
        "done; "
        "find /etc/netns -type f 2>/dev/null | sort | xargs -r cat";
    std::string out;
    for (const char* host : kHosts) out += fmt::format("== {}\n", host) + on(host, look).out;
    return out;
  }
};

}  // namespace

TEST_F(GitOps, APushIsRealisedEverywhereAndARevertUndoesIt) {
  begin();
  expect_realised("the first push");
  EXPECT_EQ(in("right", "client", "ping -c 1 -W 2 web").code, 0);
  const std::string before = everything();

  const Ran good = push_manifest(std::string(kManifest) +
                                     "[network.back]\nsubnet = \"10.0.19.0/24\"\n"
                                     "[endpoint.db]\nnetwork = \"back\"\nhost = \"middle\"\n"
                                     "[endpoint.app]\nnetwork = \"back\"\nhost = \"right\"\n",
                                 "more");
  EXPECT_EQ(good.code, 0) << good.out;
  EXPECT_TRUE(good.has("remote:   + network.back  (absent)")) << good.out;
  EXPECT_TRUE(good.has("Apply complete")) << good.out;
  expect_realised("a network more");
  EXPECT_EQ(in("right", "app", "ping -c 1 -W 2 db").code, 0);
  EXPECT_NE(everything(), before);

  ASSERT_EQ(git_host("cd clone && git revert --no-edit HEAD && git push hub main").code, 0);
  expect_realised("its revert");
  EXPECT_EQ(everything(), before);
  EXPECT_EQ(in("right", "client", "ping -c 1 -W 2 web").code, 0);
}

// Without hooks: one host takes records and itself from the repository, the others follow the records.
TEST_F(GitOps, AHostSyncsTheClusterFromARepository) {
  begin_without_hooks();
  ASSERT_EQ(push_manifest(kManifest, "begin").code, 0);
  const Ran started =
      on("left",
         fmt::format("cd / && HOME={0}/none setsid ovl sync --repo {0}/hub.git --ref main --keystore {1} "
                     "--interval 200ms >{0}/left.log 2>&1 & echo $!",
                     directory(), kStore));
  ASSERT_EQ(started.code, 0) << started.out;
  const auto says = [this](const std::string& words) {
    return shell("timeout 30 bash -c 'grep -qm1 \"" + words + "\" < <(exec tail --pid=$$ -n +1 -f " +
                 directory() + "/left.log)'")
               .code == 0;
  };
  ASSERT_TRUE(says("generation 1:")) << logs();
  for (const char* host : {"middle", "right"}) start_sync(host);
  expect_realised("the first commit");
  EXPECT_EQ(in("right", "client", "ping -c 1 -W 2 web").code, 0);
  ASSERT_EQ(
      push_manifest(std::string(kManifest) + "[endpoint.db]\nnetwork = \"front\"\nhost = \"left\"\n", "more")
          .code,
      0);
  ASSERT_TRUE(says("generation 2:")) << logs();
  expect_realised("the second commit");
  EXPECT_EQ(in("right", "client", "ping -c 1 -W 2 db").code, 0);
  const std::string pid = started.out.substr(0, started.out.find('\n'));
  EXPECT_EQ(on("left", "ovl host ls --keystore " + std::string(kStore) +
                           " --cluster pushed | grep left | grep -c present")
                .code,
            0);
  EXPECT_EQ(on("left", "kill " + pid).code, 0);
  EXPECT_TRUE(says("told to end")) << logs();
}

TEST_F(GitOps, BadPushesChangeNothingAnywhere) {
  begin();
  expect_realised("the first push");
  const std::string before = everything();
  const Ran bad = push_manifest(std::string(kManifest) + "[network.back]\nsubnet = \"10.0.9.0/33\"\n", "bad");
  EXPECT_NE(bad.code, 0) << bad.out;
  EXPECT_TRUE(bad.has("ovl.toml:22:10: error:")) << bad.out;
  EXPECT_TRUE(bad.has("^~~~")) << bad.out;
  ASSERT_EQ(git_host("cd clone && git reset -q --hard HEAD~1").code, 0);
  std::string without = kManifest;
  without.resize(without.find("[network.front]"));
  const Ran unprotected = push_manifest(without, "removal");
  EXPECT_NE(unprotected.code, 0);
  EXPECT_TRUE(unprotected.has("network.front: it is protected and would be removed")) << unprotected.out;
  EXPECT_TRUE(unprotected.has("- endpoint.web")) << unprotected.out;
  expect_realised("nothing");
  EXPECT_EQ(everything(), before);
}

}  // namespace ovl
