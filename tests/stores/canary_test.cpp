// Secrets are where their owner put them and nowhere else: each is a word that occurs nowhere by chance, and
// after all verbs, good and failing, it is looked for in all that ovl has printed, written and passed on.
#include <fmt/format.h>

#include "tests/stores/consul_server.hpp"
#include "tests/stores/etcd_server.hpp"
#include "tests/stores/real_stores.hpp"
#include "tests/stores/zookeeper_server.hpp"
#include "tests/support/netns_fixture.hpp"

namespace ovl::test {

namespace {

constexpr const char* kUser = "canaryuser7c1f";
constexpr const char* kPassword = "canarypass91be";
constexpr const char* kToken = "ca9a8000-1111-4222-8333-0123456789ab";
constexpr const char* kKeyFile = "canarykey5d20";
constexpr const char* kOtherPassword = "canarywrong44";

// A server with users, and how a manifest says who is asking.
struct Guarded {
  std::string url;
  std::string keys;       // of [keystore], secrets from the environment
  std::string file_keys;  // the same from files
  std::string wrong_keys;
  std::function<void()> stop;
};

const char* const kKeys = "user = \"env:OVL_CANARY_USER\"\npassword = \"env:OVL_CANARY_PASSWORD\"\n";
const char* const kFileKeys = "user = \"file:user\"\npassword = \"file:password\"\n";
const char* const kWrongKeys = "user = \"env:OVL_CANARY_USER\"\npassword = \"file:wrong\"\n";

class Canary : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (GetParam() == "consul" && !has_consul()) GTEST_SKIP() << kNoConsul;
  }

  // In a child with namespaces of its own.
  void look() {
    enter();
    ASSERT_FALSE(::testing::Test::HasFailure());
    const Guarded guarded = serve();
    for (const char* folder : {"secrets", "out", "state", "run"}) ::mkdir(file(folder).c_str(), 0700);
    for (const auto& [name, text] : {std::pair{"user", kUser},
                                     {"password", kPassword},
                                     {"token", kToken},
                                     {"key", kKeyFile},
                                     {"wrong", kOtherPassword}}) {
      write_file(file(std::string("secrets/") + name), std::string(text) + "\n");
      ::chmod(file(std::string("secrets/") + name).c_str(), 0600);
    }
    ::setenv("OVL_PLAIN", "passed-on", 1);
    // The host's side names the address; what it gets, the manifest says, where somebody watches.
    ::setenv("OVL_KEYSTORE", guarded.url.c_str(), 1);
    for (const char* automation : {"CI", "OVL_IN_AUTOMATION"}) ::unsetenv(automation);
    all_verbs(guarded, guarded.file_keys);
    for (const auto& [name, text] : variables()) ::setenv(name, text, 1);
    all_verbs(guarded, guarded.keys);
    failures(guarded);
    search();
  }

 private:
  // Those that the manifest names: what else is in the environment is nobody's secret.
  static std::vector<std::pair<const char*, const char*>> variables() {
    if (GetParam() == "consul") return {{"OVL_CANARY_TOKEN", kToken}};
    return {{"OVL_CANARY_USER", kUser}, {"OVL_CANARY_PASSWORD", kPassword}};
  }

  [[nodiscard]] std::string file(const std::string& name) const { return directory_.file(name); }

  void enter() {
    ASSERT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
    ASSERT_EQ(mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    for (const char* place : {"/run/netns", "/etc/netns"}) {
      ::mkdir(place, 0755);
      ASSERT_EQ(mount("tmpfs", place, "tmpfs", 0, "mode=0755"), 0) << place;
    }
    ASSERT_EQ(shell("ip link set lo up && ip link add up0 type veth peer name up1 && ip link set up1 up && "
                    "ip addr add 192.0.2.1/24 dev up0 && "
                    "ip link set up0 up && ip route add default dev up0")
                  .status,
              0);
  }

  Guarded serve() {
    if (GetParam() == "etcd") return serve_etcd();
    return GetParam() == "consul" ? serve_consul() : serve_zookeeper();
  }

  Guarded serve_etcd() {
    etcd_ = std::make_unique<EtcdMember>();
    EXPECT_TRUE(etcd_->wait());
    // Enabling makes the role root.
    const std::vector<std::string> steps{"user add root:first",
                                         fmt::format("user add {}:{}", kUser, kPassword), "auth enable",
                                         fmt::format("--user root:first user grant-role {} root", kUser)};
    for (const std::string& step : steps) {
      const Ran ran = etcd_->ctl(step);
      EXPECT_TRUE(ran.ok) << step << ": " << ran.out;
    }
    return {"etcd://" + etcd_->host(), kKeys, kFileKeys, kWrongKeys,
            [this] { etcd_->server().stop(SIGKILL); }};
  }

  Guarded serve_consul() {
    const std::string tokens = fmt::format(R"({{"master": "{0}", "agent": "{0}"}})", kToken);
    consul_ = std::make_unique<ConsulServer>(ConsulOptions{
        .config = R"("acl": {"enabled": true, "default_policy": "deny", "tokens": )" + tokens + "},"});
    return {consul_->url(), "token = \"env:OVL_CANARY_TOKEN\"\n", "token = \"file:token\"\n",
            "token = \"file:wrong\"\n", [this] { consul_->process().stop(SIGKILL); }};
  }

  Guarded serve_zookeeper() {
    zookeeper_ = std::make_unique<ZookeeperServer>();
    EXPECT_TRUE(zookeeper_->wait_until_ready());
    return {"zk://" + zookeeper_->address() + "/canary", kKeys, kFileKeys, kWrongKeys,
            [this] { zookeeper_->process().stop(SIGKILL); }};
  }

  void declare(const Guarded& guarded, const std::string& keys) const {
    write_file(file("secrets/ovl.toml"),
               "[cluster]\nname = \"canary\"\n[keystore]\nurl = \"" + guarded.url + "\"\n" + keys +
                   "[host.h]\nadvertise = \"192.0.2.1\"\n[network.blue]\nsubnet = \"10.0.9.0/24\"\n"
                   "[endpoint.web]\nnetwork = \"blue\"\nhost = \"h\"\n");
  }

  // Runs a verb; what it prints goes into the folder "out". Answers its exit code.
  int ovl(const std::string& words) {
    const std::string command =
        fmt::format("{} --state-dir {} --run-dir {} {} >{} 2>&1", OVL_BINARY, file("state"), file("run"),
                    words, file("out/" + std::to_string(++count_) + ".txt"));
    return shell("cd " + file("secrets") + " && " + command).status;
  }

  void must_ovl(const std::string& words) {
    const int code = ovl(words);
    EXPECT_EQ(code, 0) << words << ":\n" << read_file(file("out/" + std::to_string(count_) + ".txt"));
  }

  void all_verbs(const Guarded& guarded, const std::string& keys) {
    declare(guarded, keys);
    must_ovl("plan --host h");
    must_ovl("plan --host h --json");
    must_ovl("plan --host h --out " + file("out/saved-" + std::to_string(count_)));
    see_command_line();
    must_ovl("apply --host h --auto-approve -vv");
    for (const char* verb : {"status", "network ls", "network inspect blue", "endpoint ls --json", "host ls",
                             "keystore check", "exec web -- env"}) {
      must_ovl(verb);
    }
    see_environment();
    must_ovl("keystore export --out " + file("out/export-" + std::to_string(count_)));
    (void)ovl("doctor --host h");  // a sandbox need not be a healthy host
    must_ovl("destroy --host h --auto-approve -vv");
    must_ovl("apply --host h --auto-approve");
  }

  // The child of exec has what it shall have, and no more.
  void see_environment() {
    const std::string seen = read_file(file("out/" + std::to_string(count_) + ".txt"));
    EXPECT_NE(seen.find("OVL_PLAIN=passed-on"), std::string::npos) << seen;
  }

  // What others see of the process while it runs.
  void see_command_line() {
    const std::string script = fmt::format(
        "cd {}; {} --state-dir {} --run-dir {} apply --host h --auto-approve >{} 2>&1 & p=$!; "
        "for i in $(seq 2000); do tr '\\0' ' ' </proc/$p/cmdline | grep -q -- --state-dir && break; done; "
        "tr '\\0' ' ' </proc/$p/cmdline >{}; wait $p",
        file("secrets"), OVL_BINARY, file("state"), file("run"), file("out/background.txt"),
        file("out/cmdline.txt"));
    EXPECT_EQ(shell(script).status, 0) << read_file(file("out/background.txt"));
    EXPECT_NE(read_file(file("out/cmdline.txt")).find("--auto-approve"), std::string::npos);
  }

  void failures(const Guarded& guarded) {
    declare(guarded, guarded.wrong_keys);
    EXPECT_NE(ovl("plan --host h"), 0);
    EXPECT_NE(ovl("apply --host h --auto-approve -vv"), 0);
    declare(guarded, guarded.keys + "tls = { ca = \"file:key\", cert = \"file:key\", key = \"file:key\" }\n");
    EXPECT_NE(ovl("plan --host h -vv"), 0);
    guarded.stop();
    declare(guarded, guarded.file_keys);
    EXPECT_NE(ovl("apply --host h --auto-approve -vv --timeout 500ms"), 0);
    EXPECT_NE(ovl("doctor --host h --timeout 500ms"), 0);
  }

  // The files that hold the canary, of all below some folders; what /run/netns has are no files to read.
  [[nodiscard]] static std::string holders(const std::string& canary, const std::string& folders) {
    return shell("find " + folders + " -type f -not -path '*/run/netns/*' -exec grep -laF -- " + canary +
                 " {} +")
        .output;
  }

  void search() {
    const std::string everything =
        fmt::format("{} {} {} /etc/netns", file("out"), file("state"), file("run"));
    for (const char* canary : {kUser, kPassword, kToken, kKeyFile, kOtherPassword}) {
      EXPECT_NE(holders(canary, file("secrets")), "") << "this search finds nothing at all";
      EXPECT_EQ(holders(canary, everything), "") << canary;
    }
    // What the search must have been through.
    for (const char* there :
         {"state/clusters/canary/state.db", "out/cmdline.txt", "out/saved-2", "out/1.txt"}) {
      EXPECT_GT(read_file(file(there)).size(), 0U) << there;
    }
    EXPECT_NE(holders("192.0.2.1", file("state")), "") << "the state holds nothing";
  }

  TemporaryDirectory directory_;
  std::unique_ptr<EtcdMember> etcd_;
  std::unique_ptr<ConsulServer> consul_;
  std::unique_ptr<ZookeeperServer> zookeeper_;
  int count_ = 0;
};

}  // namespace

TEST_P(Canary, IsNowhereButInItsPlace) {
  EXPECT_TRUE(child_succeeded(fork_child([this] { look(); })));
}

INSTANTIATE_TEST_SUITE_P(Secrets, Canary, ::testing::Values("etcd", "consul", "zookeeper"),
                         [](const auto& store) { return store.param; });

}  // namespace ovl::test
