// The main job on every store, by changing one URL, and what a store may do to a cluster meanwhile.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/cluster/lab_rig.hpp"
#include "tests/support/effort.hpp"

namespace ovl {

namespace {

struct Store {
  std::string name;
  std::string url;
  std::string port = {};
};

// For GoogleTest's messages.
void PrintTo(const Store& store, std::ostream* out) {
  *out << store.name;
}

// SQLite first, then those with a server.
const Store kStores[] = {
    {"sqlite", "sqlite:///var/lib/ovl/keystore.db"},
    {"etcd", "etcd://192.168.99.103", "2379"},
    {"consul", "consul://192.168.99.103", "8500"},
    {"zookeeper", "zk://192.168.99.103", "2181"},
};

class Stores : public LabRig, public ::testing::WithParamInterface<Store> {
 protected:
  void SetUp() override {
    if (lacks_consul(GetParam().url)) GTEST_SKIP() << kNoConsul;
    LabRig::SetUp();
  }

  // The example with this store's URL and nothing else changed.
  static std::string manifest() {
    std::ifstream file(std::string(OVL_SOURCE_DIR) + "/examples/multi-host/ovl.toml");
    std::string text(std::istreambuf_iterator<char>(file), {});
    const auto begin = text.find("url = \"") + 7;
    return text.replace(begin, text.find('"', begin) - begin, GetParam().url);
  }

  static bool has_server() { return GetParam().name != "sqlite"; }

  void both() {
    up(manifest());
    apply("mhs-demo0");
    apply("mhs-demo1");
  }

  // Sends a signal to the server.
  void signal(const std::string& name) const {
    const Ran sent = on("keystore", "kill -" + name + " $(cat /run/keystore/pid)");
    ASSERT_EQ(sent.code, 0) << sent.out;
  }

  // What is there, without the counters and timers that run meanwhile.
  [[nodiscard]] std::string shape(const std::string& host) const {
    return on(host, "ip -br link; ip -br address; ip route; ip netns list; nft -s list ruleset").out;
  }

  // An agent on mhs-demo1, that the other host sees.
  void start_agent() const {
    const Ran started =
        on("mhs-demo1", "ovl agent --keystore '" + GetParam().url +
                            "' --allow-plaintext --cluster demo --heartbeat 5s --ttl 30s --timeout 2s "
                            ">/run/agent.log 2>&1 & echo $! >/run/agent.pid");
    ASSERT_EQ(started.code, 0) << started.out;
    const Ran seen =
        on("mhs-demo0", "for i in $(seq 100); do ovl host ls | grep -q 'present' && exit 0; done; exit 1");
    ASSERT_EQ(seen.code, 0) << on("mhs-demo1", "cat /run/agent.log").out;
  }

  // The records with the store's own tool, run beside the server.
  [[nodiscard]] Ran foreign_look() const {
    const std::string at = "192.168.99.103:" + GetParam().port;
    if (GetParam().name == "etcd") {
      return on("keystore", "ETCDCTL_API=3 etcdctl --endpoints http://" + at + " get --prefix ovl/");
    }
    if (GetParam().name == "consul") {
      return on("keystore",
                OVL_SOURCE_DIR "/build/servers/consul kv get -http-addr=http://" + at + " -recurse ovl/");
    }
    return on("keystore",
              "for key in networks/my-net endpoints/my-net/web; do "
              "/usr/share/zookeeper/bin/zkCli.sh -server " +
                  at +
                  " get /ovl/demo/v1/$key; done; "
                  "/usr/share/zookeeper/bin/zkCli.sh -server " +
                  at + " ls -R /ovl");
  }

  [[nodiscard]] std::string ids() const {
    return on("mhs-demo0", "ovl network ls --no-trunc; ovl endpoint ls --no-trunc").out;
  }
};

// ZooKeeper's users come with the nodes that they make; the lab's server knows of none.
class LabUsers : public LabRig {};

// Those that a process serves, which can be paused and ended.
class Servers : public Stores {
 protected:
  // What the store does to an apply costs bounded time, and the kernel nothing.
  void refuses_without_harm() {
    const std::string before = shape("mhs-demo0");
    const auto start = std::chrono::steady_clock::now();
    const Ran refused = on("mhs-demo0", "ovl apply --auto-approve --timeout 2s");
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(refused.code, 16) << refused.out;
    EXPECT_TRUE(refused.has("192.168.99.103")) << refused.out;
    // The timeout and 2 s, and as much again for entering the lab and starting, with sanitizers.
    EXPECT_LT(took, std::chrono::seconds(6)) << refused.out;
    EXPECT_EQ(shape("mhs-demo0"), before);
  }

  // The server dies, its disk is empty, and it starts anew as it was started before.
  void lose_data() const {
    const Ran lost = on("keystore", R"(
      pid=$(cat /run/keystore/pid)
      cp /proc/$pid/cmdline /run/keystore/args
      kill -KILL $pid
      for i in $(seq 5000); do grep -q '^State:.*[RSD]' /proc/$pid/status 2>/dev/null || break; done
      rm -rf /run/keystore/data
      mkdir /run/keystore/data
      xargs -0 -a /run/keystore/args sh -c 'echo $$ >/run/keystore/pid; exec "$0" "$@"' \
        >>/run/keystore/log 2>&1 </dev/null &)");
    ASSERT_EQ(lost.code, 0) << lost.out;
    const Ran back = on("mhs-demo0", "for i in $(seq 60); do ovl plan --timeout 1s && exit 0; done; exit 1");
    ASSERT_EQ(back.code, 0) << back.out << on("keystore", "tail -20 /run/keystore/log").out;
    EXPECT_TRUE(back.has("the keystore has lost it")) << back.out;
  }

  // What a boot leaves of ovl's objects: nothing.
  void reboot(const std::string& host) const {
    const Ran gone = on(host,
                        "for n in $(ip netns list | cut -d' ' -f1); do ip netns del $n; done; "
                        "ip link del ovl-gw 2>/dev/null; nft flush ruleset; rm -rf /etc/netns/*");
    ASSERT_EQ(gone.code, 0) << gone.out;
  }

  // For so long the host with the agent has no way to the store, while another host adds an endpoint to it.
  void cut_off(const std::string& seconds) {
    both();
    start_agent();
    ASSERT_EQ(on("mhs-demo1", "ip route add blackhole 192.168.99.103/32").code, 0);
    const std::string before = shape("mhs-demo1");
    write(manifest() + "[endpoint.late]\nnetwork = \"my-net\"\nhost = \"mhs-demo1\"\n");
    apply("mhs-demo0");
    (void)on("mhs-demo1", "sleep " + seconds);
    EXPECT_EQ(shape("mhs-demo1"), before);
    ASSERT_EQ(on("mhs-demo1", "ip route del blackhole 192.168.99.103/32").code, 0);
    const Ran settled = on("mhs-demo0", "ovl status --wait 60s");
    EXPECT_EQ(settled.code, 0) << settled.out << on("mhs-demo1", "cat /run/agent.log").out;
    EXPECT_EQ(on("mhs-demo1", "grep -c 'connected again' /run/agent.log").out, "1\n")
        << on("mhs-demo1", "cat /run/agent.log").out;
    EXPECT_EQ(in("mhs-demo1", "late", "ping -c 1 -W 5 web").code, 0);
  }
};

// What takes long, or needs one store's own tool, is tried on etcd alone.
class OneServer : public Servers {};

}  // namespace

TEST_P(Stores, RunsTheExampleUnchanged) {
  both();
  ASSERT_EQ(in("mhs-demo0", "web",
               "mkdir -p /tmp/www && echo the page > /tmp/www/index.html && busybox httpd -p 80 -h /tmp/www")
                .code,
            0);
  EXPECT_EQ(in("mhs-demo1", "client", "timeout 10 busybox wget -qO- http://web").out, "the page\n");
  for (const char* host : {"mhs-demo0", "mhs-demo1"}) EXPECT_TRUE(in_sync(host));
  EXPECT_TRUE(on("mhs-demo0", "ovl apply --auto-approve -v").has("0 writes to the kernel"));
  if (has_server()) {  // the host reaches the store, its endpoints don't
    const std::string connect = "timeout 2 bash -c '</dev/tcp/192.168.99.103/" + GetParam().port + "'";
    EXPECT_EQ(on("mhs-demo0", connect).code, 0);
    EXPECT_NE(on("mhs-demo0", "ovl exec web -- " + connect).code, 0);
  }
  const Ran settled = on("mhs-demo1", "ovl status --wait 10s");
  EXPECT_EQ(settled.code, 0) << settled.out;
  EXPECT_EQ(on("mhs-demo1", "ovl network ls").out, on("mhs-demo0", "ovl network ls").out);
  EXPECT_EQ(on("mhs-demo1", "cd / && ovl network ls").out, on("mhs-demo1", "ovl network ls").out)
      << "a host goes by what its apply left";
  const Ran checked = on("mhs-demo0", "ovl keystore check");
  EXPECT_EQ(checked.code, 0) << checked.out;
  const Ran doctor = on("mhs-demo0", "ovl doctor");
  EXPECT_EQ(doctor.code, 0) << doctor.out;
  EXPECT_TRUE(doctor.has("packets of 1500 bytes pass whole")) << doctor.out;
}

TEST_P(Stores, IsCopiedAndImportedWithItsIds) {
  both();
  const std::string before = ids();
  const Ran copied =
      on("mhs-demo0", "ovl keystore copy '" + GetParam().url +
                          "' sqlite:///var/lib/ovl/copy.db --cluster demo --from-allow-plaintext");
  EXPECT_EQ(copied.code, 0) << copied.out;
  EXPECT_TRUE(copied.has("and verified them")) << copied.out;
  const std::string there = " --keystore sqlite:///var/lib/ovl/copy.db --cluster demo";
  EXPECT_EQ(on("mhs-demo0", "ovl network ls --no-trunc" + there + "; ovl endpoint ls --no-trunc" + there).out,
            before);
  for (const char* format : {"json", "toml"}) {
    const std::string file = std::string("/run/export.") + format;
    const std::string imported = std::string(" --keystore sqlite:///var/lib/ovl/") + format + ".db";
    const Ran out = on("mhs-demo0", std::string("ovl keystore export --format ") + format + " --out " + file);
    EXPECT_EQ(out.code, 0) << out.out;
    const Ran in = on("mhs-demo0", "ovl keystore import " + file + imported);
    EXPECT_EQ(in.code, 0) << in.out;
    EXPECT_EQ(on("mhs-demo0", "ovl endpoint ls --no-trunc --cluster demo" + imported).out,
              on("mhs-demo0", "ovl endpoint ls --no-trunc").out);
  }
}

TEST_P(Servers, ThatArePausedCostBoundedTimeAndNothingElse) {
  both();
  signal("STOP");
  refuses_without_harm();
  signal("CONT");
  apply("mhs-demo0");
  EXPECT_TRUE(in_sync("mhs-demo0"));
}

TEST_P(Servers, ThatAreDownCostNothingAndAreNotNeededToLeave) {
  up(manifest());
  const std::string before = snapshot("mhs-demo0");
  apply("mhs-demo0");
  signal("KILL");
  refuses_without_harm();
  const Ran left = on("mhs-demo0", "ovl destroy --scope host --auto-approve");
  EXPECT_EQ(left.code, 0) << left.out;
  EXPECT_EQ(snapshot("mhs-demo0"), before);
}

TEST_P(Stores, TheAgentFollowsTheRecordsAndIsSeen) {
  both();
  start_agent();
  // A new endpoint, declared on the other host, is made without anybody's doing here.
  write(manifest() + "[endpoint.late]\nnetwork = \"my-net\"\nhost = \"mhs-demo1\"\n");
  apply("mhs-demo0");
  const Ran settled = on("mhs-demo0", "ovl status --wait 30s");
  EXPECT_EQ(settled.code, 0) << settled.out << on("mhs-demo1", "cat /run/agent.log").out;
  const Ran reached = in("mhs-demo1", "late", "ping -c 1 -W 5 web");
  EXPECT_EQ(reached.code, 0) << reached.out;
  const Ran ended = on("mhs-demo1", "kill $(cat /run/agent.pid)");
  EXPECT_EQ(ended.code, 0) << ended.out;
  const Ran gone =
      on("mhs-demo0", "for i in $(seq 100); do ovl host ls | grep -q 'present' || exit 0; done; exit 1");
  EXPECT_EQ(gone.code, 0);
}

TEST_P(Servers, HoldRecordsThatTheirOwnToolsShow) {
  both();
  const Ran seen = foreign_look();
  EXPECT_EQ(seen.code, 0) << seen.out;
  for (const char* part : {"ovl/demo/v1/networks/my-net", "ovl/demo/v1/endpoints/my-net/web",
                           "ovl/demo/v1/head", "\"name\":\"my-net\"", "\"name\":\"web\"", "\"vni\":"}) {
    EXPECT_TRUE(seen.has(part)) << part << "\n" << seen.out;
  }
}

TEST_P(Servers, ThatLostTheirDataAreFilledAgainWithTheSameIds) {
  both();
  const std::string before = ids();
  lose_data();
  apply("mhs-demo0");
  apply("mhs-demo1");
  EXPECT_EQ(ids(), before);
  for (const char* host : {"mhs-demo0", "mhs-demo1"}) EXPECT_TRUE(in_sync(host));
  EXPECT_TRUE(on("mhs-demo0", "ovl apply --auto-approve -v").has("0 writes to the kernel"));
  EXPECT_EQ(on("mhs-demo0", "ovl keystore check").code, 0);
}

TEST_P(Servers, ThatAreNotThereWhenAHostBoots) {
  both();
  const std::string before = shape("mhs-demo1");
  signal("STOP");
  reboot("mhs-demo1");
  const Ran alone = on("mhs-demo1", "ovl apply --scope host --auto-approve --timeout 1s");
  EXPECT_EQ(alone.code, 0) << alone.out;
  EXPECT_TRUE(alone.has("the keystore can't be reached; this host keeps to generation")) << alone.out;
  EXPECT_EQ(shape("mhs-demo1"), before);
  EXPECT_EQ(on("mhs-demo1", "ip netns exec client ping -c 1 -W 5 web").code, 0);
  const Ran status = on("mhs-demo1", "ovl status --timeout 1s");
  EXPECT_EQ(status.code, 16) << status.out;
  EXPECT_TRUE(status.has("this host keeps to generation")) << status.out;
  signal("CONT");
  apply("mhs-demo1", "--scope host");
  EXPECT_TRUE(in_sync("mhs-demo1"));
}

// The agent begins without it, and follows it when it is back.
TEST_F(LabUsers, AreThereWhereTheManifestNamesThem) {
  up("[cluster]\nname = \"digest\"\n[keystore]\nurl = \"zk://192.168.99.103\"\nallow_plaintext = true\n"
     "user = \"env:ZK_USER\"\npassword = \"env:ZK_PASSWORD\"\n"
     "[host.one]\nadvertise = \"192.168.99.104\"\n[network.net]\n");
  const auto with_password = [this](const std::string& password, const std::string& verb) {
    return on("one", "export ZK_USER=ops ZK_PASSWORD=" + password + "; ovl " + verb +
                         " --keystore zk://192.168.99.103 --user env:ZK_USER --password env:ZK_PASSWORD "
                         "--allow-plaintext");
  };
  const Ran applied = with_password("known", "apply --auto-approve");
  EXPECT_EQ(applied.code, 0) << applied.out;
  EXPECT_EQ(with_password("known", "plan --detailed-exitcode").code, 0);
  const Ran guessed = with_password("guessed", "keystore check --cluster digest");
  EXPECT_EQ(guessed.code, 17) << guessed.out;
  const Ran again = shell(std::string(OVL_BINARY) + " lab up " + directory());
  EXPECT_EQ(again.code, 0) << again.out << "who refuses a stranger answers, too";
}

TEST_P(OneServer, ThatIsNotThereWhenTheAgentStarts) {
  both();
  const std::string before = shape("mhs-demo1");
  signal("STOP");
  reboot("mhs-demo1");
  const Ran started =
      on("mhs-demo1", "ovl agent --timeout 1s >/run/agent.log 2>&1 & echo $! >/run/agent.pid");
  ASSERT_EQ(started.code, 0) << started.out;
  const Ran made =
      on("mhs-demo1",
         "timeout 60 bash -c 'grep -qm1 complete < <(exec tail --pid=$$ -n +1 -f /run/agent.log)'"
         " && ip netns exec client ping -c 1 -W 5 web");
  EXPECT_EQ(made.code, 0) << made.out << on("mhs-demo1", "cat /run/agent.log").out;
  EXPECT_EQ(shape("mhs-demo1"), before);
  signal("CONT");
  write(manifest() + "[endpoint.late]\nnetwork = \"my-net\"\nhost = \"mhs-demo1\"\n");
  apply("mhs-demo0");
  const Ran settled = on("mhs-demo0", "ovl status --wait 60s");
  EXPECT_EQ(settled.code, 0) << settled.out << on("mhs-demo1", "cat /run/agent.log").out;
}

TEST_P(Servers, ThatAHostCannotReachLeaveItAsItIs) {
  cut_off("2.5");
}

TEST_P(OneServer, ThatAHostCannotReachForLongFindsItAgain) {
  cut_off(std::to_string(test::effort(20, 6)));
}

// What a stranger wrote is not so much as said to the kernel.
TEST_P(OneServer, WhoseRecordIsSpoiledMovesNothing) {
  both();
  const std::string before = shape("mhs-demo0");
  const std::string etcdctl = "ETCDCTL_API=3 etcdctl --endpoints http://192.168.99.103:2379 ";
  for (const char* key : {"networks/my-net", "endpoints/my-net/client", "hosts/mhs-demo1"}) {
    const std::string full = std::string("ovl/demo/v1/") + key;
    const Ran spoiled = on("keystore", etcdctl + "get --print-value-only " + full +
                                           " | sed 's/10.0.9/10.0.300/; s/192.168/224.168/' >/run/new; " +
                                           etcdctl + "put " + full + " </run/new");
    ASSERT_EQ(spoiled.code, 0) << spoiled.out;
    const Ran applied = on("mhs-demo0", "ovl apply --auto-approve -v --scope host");
    EXPECT_EQ(applied.code, 1) << applied.out;
    EXPECT_TRUE(applied.has(key)) << applied.out;
    EXPECT_TRUE(applied.has("0 writes to the kernel")) << applied.out;
    EXPECT_EQ(shape("mhs-demo0"), before);
  }
  apply("mhs-demo0");  // the manifest knows better
  EXPECT_EQ(on("mhs-demo0", "ovl keystore check").code, 0);
  EXPECT_EQ(shape("mhs-demo0"), before);
}

INSTANTIATE_TEST_SUITE_P(All, Servers, ::testing::ValuesIn(std::begin(kStores) + 1, std::end(kStores)),
                         [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(All, OneServer, ::testing::Values(kStores[1]),
                         [](const auto& one) { return one.param.name; });

INSTANTIATE_TEST_SUITE_P(All, Stores, ::testing::ValuesIn(kStores),
                         [](const auto& one) { return one.param.name; });

}  // namespace ovl
