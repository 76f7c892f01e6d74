// A manifest's words never choose both a secret and who receives it: in every place, every verb is run beside
// a manifest that names a listener and a secret. The listener must hear nothing; where the host's side names
// it, the same verb is heard with the secret, so that the silence means something.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "tests/cluster/hooks_rig.hpp"
#include "tests/cluster/listener.hpp"

namespace ovl {

namespace {

constexpr const char* kSecret = "hunter2-canary";

// The verbs that read a manifest and a store. What is in the store none gets to see: the listener never
// answers.
const std::vector<std::string>& verbs() {
  static const std::vector<std::string> all{"plan",
                                            "apply --auto-approve",
                                            "destroy --auto-approve",
                                            "network ls",
                                            "network inspect one",
                                            "host ls",
                                            "endpoint ls",
                                            "graph",
                                            "status",
                                            "history",
                                            "lock ls",
                                            "lock break 1",
                                            "host forget left",
                                            "keystore check",
                                            "keystore export"};
  return all;
}

// The same for those that take no --ref; `scope` is none of theirs either.
const std::vector<std::string>& verbs_of_here() {
  static const std::vector<std::string> all{"exec web -- true", "doctor", "state mv network.one network.two",
                                            "state import network.one"};
  return all;
}

class KeystoreWord : public HooksRig {
 protected:
  void SetUp() override {
    HooksRig::SetUp();
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    test::write_file(file("secret"), std::string(kSecret) + "\n");
    ASSERT_EQ(::chmod(file("secret").c_str(), 0600), 0);
    state("token = \"file:" + file("secret") + "\"");
  }

  [[nodiscard]] std::string url() const { return fmt::format("consul://127.0.0.1:{}", listener_.port()); }

  // A manifest whose keystore is the listener, in the work tree and in a commit.
  void state(const std::string& references) const {
    write("[keystore]\nurl = \"" + url() + "\"\n" + references + "\n[network.one]\n");
    commit(references.empty() ? "none" : "stated");
  }

  // Where nobody watches: no terminal.
  [[nodiscard]] Ran run(const std::string& words, const std::string& variables = {}) const {
    return shell(line(words, variables) + " </dev/null");
  }

  // At a terminal, with `typed` on it; stdout and stderr are the terminal too.
  [[nodiscard]] Ran run_at_terminal(const std::string& words, const std::string& typed,
                                    const std::string& variables = {}) const {
    test::write_file(file("line.sh"), line(words, variables) + "\n");
    return shell(fmt::format("/usr/bin/python3 {}/tests/support/at_terminal.py {} sh {}", OVL_SOURCE_DIR,
                             typed, file("line.sh")));
  }

  void is_silent(const Ran& ran, const std::string& words) const {
    EXPECT_EQ(listener_.words(), "") << words << "\n" << ran.out;
    EXPECT_TRUE(ran.has("has not named")) << words << "\n" << ran.out;
    EXPECT_FALSE(ran.has(kSecret)) << words;
  }

  void is_refused(const Ran& ran, const std::string& words) const {
    // What runs another command has a code of its own for that.
    const int code = words.starts_with("exec") ? 125 : 12;
    EXPECT_EQ(ran.code, code) << words << "\n" << ran.out;
    EXPECT_TRUE(ran.has("OVL_KEYSTORE")) << "the remedy: " << ran.out;
    is_silent(ran, words);
  }

  void is_heard(const Ran& ran, const std::string& words) const {
    EXPECT_NE(listener_.words().find(kSecret), std::string::npos) << words << "\n" << ran.out;
  }

  Listener listener_;

 private:
  [[nodiscard]] std::string line(const std::string& words, const std::string& variables) const {
    const bool has_scope =
        words.starts_with("plan") || words.starts_with("apply") || words.starts_with("destroy");
    return fmt::format(
        "cd {}; env -u CI -u OVL_IN_AUTOMATION OVL_STATE_DIR={} OVL_RUN_DIR={} OVL_TIMEOUT=150ms {} {} {} {}",
        file("work/net"), file("state"), file("run"), variables, OVL_BINARY, words,
        has_scope ? "--scope cluster" : "");
  }
};

}  // namespace

TEST_F(KeystoreWord, WithoutATerminalIsNotResolved) {
  for (const auto* list : {&verbs(), &verbs_of_here()}) {
    for (const std::string& words : *list) is_refused(run(words), words);
  }
  EXPECT_FALSE(test::exists(file("state"))) << "and nothing is made here";
  is_refused(run("agent --host left"), "agent");
  is_refused(run("sync --scope cluster"), "sync");
  const Ran again = run("sync --scope cluster --interval 50ms >" + file("log") +
                        " 2>&1 & timeout 30 bash -c 'grep -qm1 hint: < <(exec tail --pid=$$ -n +1 -f " +
                        file("log") + ")'; kill $!; wait $!; cat " + file("log"));
  is_silent(again, "sync --interval");
  EXPECT_TRUE(again.has("OVL_KEYSTORE")) << "the remedy: " << again.out;
}

TEST_F(KeystoreWord, WhereTheHostNamesTheAddressIsHeard) {
  for (const auto* list : {&verbs(), &verbs_of_here()}) {
    for (const std::string& words : *list) {
      if (words.starts_with("state")) continue;  // ask this host first
      is_heard(run(words, "OVL_KEYSTORE=" + url()), words);
    }
  }
}

// These read no manifest for it, though one stands where they run.
TEST_F(KeystoreWord, OfTheCommandLineIsAllThatSomeVerbsKnow) {
  test::write_file(file("export.json"), "{}");
  const std::string here = "sqlite://" + file("a.db");
  const std::string there = "sqlite://" + file("b.db");
  for (const std::string& words : {std::string("diff HEAD HEAD"), "keystore import " + file("export.json"),
                                   "keystore copy --cluster demo " + here + " " + there}) {
    const Ran ran = run(words);
    EXPECT_EQ(listener_.words(), "") << words << "\n" << ran.out;
    EXPECT_FALSE(ran.has(kSecret)) << words;
  }
  for (const std::string& words :
       {"diff HEAD HEAD --keystore " + url(), "keystore copy --cluster demo " + url() + " " + there}) {
    const Ran ran = run(words, "OVL_ALLOW_PLAINTEXT=1");
    EXPECT_NE(listener_.words(), "") << words << "\n" << ran.out;
  }
}

TEST_F(KeystoreWord, OfARevisionIsNotResolved) {
  for (const std::string& words : verbs()) {
    if (words.find("--auto-approve") != std::string::npos && words.starts_with("destroy")) continue;
    is_refused(run(words + " --ref main"), words);
  }
  is_refused(run("rollback --auto-approve HEAD"), "rollback");
  is_refused(run("plan --repo " + file("work") + " net"), "plan --repo");
  is_silent(run_at_terminal("plan --ref main", "yes"), "plan --ref main at a terminal");
  is_silent(run("plan --ref main", "OVL_TOKEN=file:" + file("secret")), "a secret of the host's");
  is_heard(run("plan --ref main", fmt::format("OVL_KEYSTORE={} OVL_TOKEN=file:{}", url(), file("secret"))),
           "plan --ref main, all of it named by the host");
}

TEST_F(KeystoreWord, InAutomationIsNotResolved) {
  for (const char* variables : {"CI=true", "CI=1", "OVL_IN_AUTOMATION=1"}) {
    const Ran ran = run_at_terminal("apply", "yes", variables);
    is_silent(ran, variables);
  }
  is_silent(run_at_terminal("apply --auto-approve", "yes"), "--auto-approve");
  const Ran named =
      run("plan", fmt::format("CI=true OVL_KEYSTORE={} OVL_TOKEN=file:{}", url(), file("secret")));
  is_heard(named, "CI with the host's own words");
  const Ran address = run("plan", "CI=true OVL_KEYSTORE=" + url());
  EXPECT_EQ(listener_.words().find(kSecret), std::string::npos)
      << "which secret is not the checkout's to say";
}

TEST_F(KeystoreWord, ASecretOfTheHostsGoesToNoAddressOfTheManifests) {
  state("");
  const std::string token = "OVL_TOKEN=file:" + file("secret");
  for (const std::string& words : verbs()) is_refused(run(words, token), words);
  EXPECT_TRUE(run_at_terminal("network ls", "no", token).has("Is that meant?"));
  EXPECT_EQ(listener_.words(), "");
  is_heard(run("plan", token + " OVL_KEYSTORE=" + url()), "the host names both");
}

TEST_F(KeystoreWord, AtATerminalIsAskedForOnce) {
  const Ran no = run_at_terminal("network ls", "no");
  EXPECT_TRUE(no.has("a keystore that this host has not named would get what these name")) << no.out;
  EXPECT_TRUE(no.has(url())) << no.out;
  EXPECT_TRUE(no.has("token       file:" + file("secret"))) << no.out;
  EXPECT_EQ(listener_.words(), "");
  is_heard(run_at_terminal("network ls", "yes"), "confirmed");
  EXPECT_EQ(test::mode_of(file("state/confirmed-keystores")), 0600U);
  const Ran again = run_at_terminal("network ls", "no");
  EXPECT_FALSE(again.has("Is that meant?")) << again.out;
  is_heard(again, "remembered");
  is_refused(run("network ls"), "remembered, and nobody watches");
  test::write_file(file("other"), std::string(kSecret) + "\n");
  ASSERT_EQ(::chmod(file("other").c_str(), 0600), 0);
  state("token = \"file:" + file("other") + "\"");
  EXPECT_TRUE(run_at_terminal("network ls", "no").has("Is that meant?")) << "another pair";
  EXPECT_EQ(listener_.words(), "");
  ASSERT_EQ(::chmod(file("state/confirmed-keystores").c_str(), 0666), 0);
  state("token = \"file:" + file("secret") + "\"");
  EXPECT_TRUE(run_at_terminal("network ls", "no").has("Is that meant?")) << "anybody could have written that";
  EXPECT_EQ(listener_.words(), "");
}

TEST_F(KeystoreWord, OfAnotherOwnersFilesIsNotResolved) {
  const std::string manifest = file("work/net/ovl.toml");
  const std::string folder = file("work/net");
  ASSERT_EQ(::chown(manifest.c_str(), 65534, 65534), 0);
  is_silent(run_at_terminal("network ls", "yes"), "the file");
  ASSERT_EQ(::chown(manifest.c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(folder.c_str(), 65534, 65534), 0);
  is_silent(run_at_terminal("network ls", "yes"), "the folder");
  for (const std::string& words : verbs()) is_silent(run(words), words);
  ASSERT_EQ(::chown(folder.c_str(), 0, 0), 0);
  ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
  is_silent(run_at_terminal("network ls", "yes"), "a folder that all may write");
  // The members of a group are others too.
  ASSERT_EQ(::chmod(folder.c_str(), 02775), 0);
  is_silent(run_at_terminal("network ls", "yes"), "a folder that a group may write");
  ASSERT_EQ(::chmod(folder.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(manifest.c_str(), 0664), 0);
  is_silent(run_at_terminal("network ls", "yes"), "a file that a group may write");
  ASSERT_EQ(::chmod(manifest.c_str(), 0644), 0);
  ASSERT_EQ(::chmod(file("work").c_str(), 0775), 0);
  is_silent(run_at_terminal("network ls", "yes"), "a folder above it that a group may write");
  ASSERT_EQ(::chmod(file("work").c_str(), 0755), 0);
  ASSERT_EQ(::chown(file("work").c_str(), 65534, 65534), 0);
  is_silent(run_at_terminal("network ls", "yes"), "a folder above it");
  ASSERT_EQ(::chown(file("work").c_str(), 0, 0), 0);
  is_heard(run_at_terminal("network ls", "yes"), "all is the caller's own");
}

// What runs by itself would make the file that a stranger's manifest names, and fill it for ever.
TEST_F(KeystoreWord, OfAnotherOwnersFilesIsNothingThatRunsByItselfMakes) {
  write("[keystore]\nurl = \"" + store() + "\"\n[network.one]\n");
  const std::vector<std::string> running{"agent --host left", "sync --scope host --host left",
                                         "sync --scope cluster"};
  ASSERT_EQ(::chown(file("work/net/ovl.toml").c_str(), 65534, 65534), 0);
  for (const std::string& words : running) is_refused(run(words), words);
  EXPECT_FALSE(test::exists(file("keystore.db")));
  EXPECT_FALSE(test::exists(file("state")));
  const Ran named = run("sync --scope cluster", "OVL_KEYSTORE=" + store());
  EXPECT_EQ(named.code, 0) << named.out;
}

// A plan file is words too, of whoever had it in their hands. The embedded store wants no token: that one is
// named for it is enough.
TEST_F(KeystoreWord, OfASavedPlanIsNotResolved) {
  write("[network.one]\n");
  const std::string host = fmt::format("OVL_KEYSTORE={} OVL_TOKEN=file:{}", store(), file("secret"));
  const Ran planned = run("plan --out " + file("plan"), host);
  ASSERT_EQ(planned.code, 0) << planned.out;
  std::filesystem::remove(file("keystore.db"));
  is_refused(run("apply " + file("plan")), "apply of a plan");
  is_silent(run_at_terminal("apply " + file("plan"), "yes", "CI=true"), "at a terminal of automation");
  EXPECT_FALSE(test::exists(file("keystore.db")));
  const Ran other = run("apply " + file("plan"), "OVL_KEYSTORE=sqlite://" + file("other.db"));
  EXPECT_EQ(other.code, 12) << other.out;
  EXPECT_TRUE(other.has("the saved plan is for another keystore than is named here")) << other.out;
  const Ran applied = run("apply " + file("plan"), host);
  EXPECT_EQ(applied.code, 0) << applied.out;
}

// With the references that it used, and no others; in every folder, and where nobody watches.
TEST_F(KeystoreWord, TheLastApplyHereNamesItsKeystore) {
  const auto stated = [this](const std::string& secret) {
    write("[keystore]\nurl = \"" + store() + "\"\ntoken = \"file:" + file(secret) + "\"\n[network.one]\n");
  };
  std::filesystem::create_directories(file("run"));
  stated("secret");
  is_refused(run("network ls"), "before");
  // The option's file is relative to where it is said, what is remembered is not.
  test::write_file(file("work/net/token"), "another");
  ASSERT_EQ(::chmod(file("work/net/token").c_str(), 0600), 0);
  const auto apply = [this](const std::string& token) {
    test::write_file(file("apply.sh"), "ip link set lo up; ip addr add 192.0.2.1/32 dev lo; exec \"$@\"\n");
    return shell(fmt::format(
        "cd {} && OVL_STATE_DIR={} OVL_RUN_DIR={} OVL_KEYSTORE={} OVL_TOKEN={} unshare -n -m sh "
        "{} {} apply --host left --auto-approve",
        file("work/net"), file("state"), file("run"), store(), token, file("apply.sh"), OVL_BINARY));
  };
  const Ran first = apply("file:" + file("secret"));
  ASSERT_EQ(first.code, 0) << first.out;
  for (const char* words : {"network ls", "status", "plan", "__complete -- network inspect ''"}) {
    const Ran ran = run(words, "CI=true");
    EXPECT_EQ(ran.code, 0) << words << ran.out;
  }
  EXPECT_TRUE(run("__complete -- network inspect ''").has("one")) << "a TAB knows its names";
  stated("other");
  is_refused(run("network ls"), "another secret for the same address");
  ASSERT_EQ(apply("file:token").code, 0);
  write("[network.one]\n");
  const Ran elsewhere =
      shell(fmt::format("cd / && OVL_STATE_DIR={} {} network ls", file("state"), OVL_BINARY));
  EXPECT_EQ(elsewhere.code, 0) << elsewhere.out;
}

TEST_F(KeystoreWord, CompletionConnectsToNobodyWhomTheHostHasNotNamed) {
  for (const char* references : {"", "token = \"file:secret\""}) {
    state(references);
    for (const char* words : {"network inspect ''", "host inspect ''", "endpoint inspect ''", "exec ''",
                              "plan --host ''", "host forget ''"}) {
      const Ran ran = run(std::string("__complete -- ") + words);
      EXPECT_EQ(ran.code, 0) << ran.out;
      EXPECT_EQ(listener_.words(), "") << words;
      EXPECT_EQ(run_at_terminal(std::string("__complete -- ") + words, "yes").code, 0);
      EXPECT_EQ(listener_.words(), "") << words << " at a terminal";
    }
  }
  write("[keystore]\nurl = \"" + store() + "\"\n[network.one]\n");
  ASSERT_EQ(run("__complete -- network inspect ''").code, 0);
  EXPECT_FALSE(test::exists(file("keystore.db"))) << "a file of the manifest's is not opened either";
  is_heard(run("__complete -- network inspect ''",
               fmt::format("OVL_KEYSTORE={} OVL_TOKEN=file:{}", url(), file("secret"))),
           "named by the host");
}

TEST_F(KeystoreWord, AHookTakesOverNoSecretFromAManifest) {
  ASSERT_EQ(push().code, 0);
  const Ran ran = run("hook install --repo " + file("hub.git") + " --path net --scope cluster pre-receive");
  is_refused(ran, "hook install");
  EXPECT_FALSE(test::exists(file("hub.git/hooks/pre-receive")));
}

}  // namespace ovl
