// Hooks in real repositories, with a store and without a lab: cluster scope needs no kernel.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/cluster/hooks_rig.hpp"
#include "tests/support/everybodys_program.hpp"

namespace ovl {

namespace {

using Hooks = HooksRig;

constexpr const char* kOne = "[network.one]\n";
constexpr const char* kTwo = "[network.two]\n";

// Until the log has that generation; whoever applies meanwhile has the lock.
Ran wait_for_apply(const std::string& folder, int generation) {
  return shell(
      fmt::format("timeout 30 sh -c 'until grep -q \"Generation {1}\" {0}/apply.log; do flock {0}/apply.lock "
                  "true; done'; "
                  "code=$?; cat {0}/apply.log; exit $code",
                  folder, generation));
}

// A store that takes connections and never answers.
class SilentStore {
 public:
  explicit SilentStore(const std::string& folder) {
    const Ran started = shell(
        "python3 -c 'import socket, time\n"
        "s = socket.create_server((\"127.0.0.1\", 0)); print(s.getsockname()[1], flush=True); "
        "time.sleep(120)' "
        ">" +
        folder + "/port 2>&1 & echo $!");
    process_ = first_line(started.out);
    const std::string port = folder + "/port";
    url_ = "etcd://127.0.0.1:" + first_line(shell("until [ -s " + port + " ]; do :; done; cat " + port).out);
  }

  SilentStore(const SilentStore&) = delete;
  SilentStore& operator=(const SilentStore&) = delete;
  SilentStore(SilentStore&&) = delete;
  SilentStore& operator=(SilentStore&&) = delete;

  ~SilentStore() { shell("kill " + process_); }

  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  static std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

  std::string process_;
  std::string url_;
};

}  // namespace

TEST_F(Hooks, APushIsPlannedAppliedOrRefused) {
  const Ran installed = install("pre-receive post-receive");
  ASSERT_EQ(installed.code, 0) << installed.out;
  write(kOne);
  commit("one");
  const Ran first = push();
  EXPECT_EQ(first.code, 0) << first.out;
  EXPECT_TRUE(first.has("remote:   + network.one  (absent)")) << first.out;
  EXPECT_TRUE(first.has("Apply complete: 3 records. Generation 1.")) << first.out;
  EXPECT_NE(networks().find("one"), std::string::npos);

  write("[network.two]\nsubnet = 10.0.9.0/24\n");
  commit("bad");
  const Ran bad = push();
  EXPECT_NE(bad.code, 0) << bad.out;
  EXPECT_TRUE(bad.has("net/ovl.toml:8:10: error: this is no number [syntax]")) << bad.out;
  EXPECT_TRUE(bad.has("subnet = 10.0.9.0/24")) << bad.out;
  EXPECT_TRUE(bad.has("^~~~~~~~~~~")) << bad.out;
  EXPECT_TRUE(bad.has("pre-receive hook declined")) << bad.out;
  EXPECT_EQ(networks().find("two"), std::string::npos);
}

TEST_F(Hooks, ARevertRestoresTheFormerRecords) {
  ASSERT_EQ(install("pre-receive post-receive").code, 0);
  // All but who wrote them: the same keys, each with the same value.
  const auto records = [this] {
    return ovl("keystore export --keystore " + store() +
               " --cluster pushed | python3 -c 'import json, sys\n"
               "for key, value in sorted(json.load(sys.stdin)[\"records\"].items()):\n"
               "  if key.startswith((\"generations\", \"head\", \"lock\")): continue\n"
               "  if isinstance(value, dict): value.pop(\"apply_id\", None)\n"
               "  print(key, value)'")
        .out;
  };
  write("[network.one]\nmtu = 1400\n");
  commit("one");
  ASSERT_EQ(push().code, 0);
  const std::string before = records();
  EXPECT_NE(before.find("mtu"), std::string::npos) << before;
  write("[network.one]\nmtu = 1300\n[network.two]\n");
  commit("two");
  ASSERT_EQ(push().code, 0);
  EXPECT_NE(records(), before);
  ASSERT_EQ(git("revert --no-edit HEAD").code, 0);
  const Ran back = push();
  EXPECT_EQ(back.code, 0) << back.out;
  EXPECT_EQ(records(), before);
}

TEST_F(Hooks, ProtectionAndHistoryAreGuarded) {
  ASSERT_EQ(install("pre-receive post-receive").code, 0);
  write(kOne);
  commit("one");
  write(std::string(kOne) + "[network.kept]\nprotect = true\n");
  commit("two");
  ASSERT_EQ(push().code, 0);
  write(kOne);
  commit("three");
  const Ran removed = push();
  EXPECT_NE(removed.code, 0);
  EXPECT_TRUE(removed.has("network.kept: it is protected and would be removed")) << removed.out;
  EXPECT_TRUE(removed.has("- network.kept")) << "the plan is complete: " << removed.out;
  const Ran forced = push("-f hub HEAD~2:main");
  EXPECT_TRUE(forced.has("does not descend from")) << forced.out;
  const Ran deleted = push("hub :main");
  EXPECT_TRUE(deleted.has("is what the cluster follows, and stays")) << deleted.out;
  const Ran wish = push("-f -o ovl.allow-rollback hub HEAD~2:main");
  EXPECT_TRUE(wish.has("push option \"ovl.allow-rollback\" is not taken here")) << wish.out;
  EXPECT_NE(networks().find("kept"), std::string::npos);
}

TEST_F(Hooks, PushOptionsAreTakenWhereTheyAreTrusted) {
  ASSERT_EQ(install("--trust-push-options pre-receive post-receive --allow-rollback").code, 0);
  write(kOne);
  commit("one");
  const Ran dry = push("-o ovl.dry-run hub main");
  EXPECT_NE(dry.code, 0);
  EXPECT_TRUE(dry.has("+ network.one")) << dry.out;
  EXPECT_TRUE(dry.has("a dry run: the push is not taken")) << dry.out;
  EXPECT_TRUE(push("-o ovl.nonsense hub main").has("there is no push option \"ovl.nonsense\""));
  EXPECT_TRUE(push("-o ovl.max-destroy=x hub main").has("remote:")) << "its own check answers";
  EXPECT_EQ(push("-o ci.skip hub main").code, 0) << "options of others are theirs";
}

// What pre-receive takes by them, post-receive applies by them; also when it was kept from that.
TEST_F(Hooks, PushOptionsAreAppliedByToo) {
  ASSERT_EQ(install("--trust-push-options pre-receive post-receive").code, 0);
  write(kOne);
  commit("one");
  write(std::string(kOne) + kTwo);
  commit("two");
  ASSERT_EQ(push().code, 0);
  const Ran back = push("-f -o ovl.allow-rollback hub HEAD~1:main");
  EXPECT_EQ(back.code, 0) << back.out;
  EXPECT_EQ(networks().find("two"), std::string::npos) << back.out;
  ASSERT_EQ(push().code, 0);
  ASSERT_EQ(ovl("suspend --repo " + file("hub.git")).code, 0);
  ASSERT_TRUE(push("-f -o ovl.allow-rollback hub HEAD~1:main").has("the push is taken and not applied"));
  ASSERT_EQ(ovl("resume --repo " + file("hub.git")).code, 0);
  EXPECT_TRUE(push("hub main:refs/heads/draft").has("never applied; it is now"));
  EXPECT_EQ(networks().find("two"), std::string::npos);
  ASSERT_EQ(push().code, 0);
  ASSERT_EQ(ovl("suspend --repo " + file("hub.git")).code, 0);
  ASSERT_TRUE(push("-f -o ovl.allow-rollback hub HEAD~1:main").has("the push is taken and not applied"));
  ASSERT_EQ(ovl("resume --repo " + file("hub.git")).code, 0);
  EXPECT_TRUE(ovl("hook status --repo " + file("hub.git")).has("never applied; it is now"));
  EXPECT_EQ(networks().find("two"), std::string::npos);
  ASSERT_EQ(push().code, 0);
  write(std::string(kOne) + "[network.three]\n[network.four]\n");
  commit("more");
  ASSERT_EQ(push().code, 0);
  write("");
  commit("none");
  const Ran most = push();
  EXPECT_TRUE(most.has("would be removed")) << most.out;
  const Ran gone = push("-o ovl.max-destroy=100% hub main");
  EXPECT_EQ(gone.code, 0) << gone.out;
  EXPECT_EQ(networks().find("one"), std::string::npos) << gone.out;
}

// A push to another name of the branch is one to the branch; so is one to the branch where another name of it
// is followed.
TEST_F(Hooks, AnotherNameOfTheBranchIsTheBranch) {
  ASSERT_EQ(shell("git -C " + file("hub.git") + " symbolic-ref refs/heads/alias refs/heads/main").code, 0);
  ASSERT_EQ(install("pre-receive post-receive").code, 0);
  write("[network.kept]\nprotect = true\n");
  commit("one");
  const Ran first = push("hub main:refs/heads/alias");
  EXPECT_EQ(first.code, 0) << first.out;
  EXPECT_NE(networks().find("kept"), std::string::npos) << first.out;
  write("");
  commit("two");
  for (const char* followed : {"main", "alias"}) {
    ASSERT_EQ(install(std::string("--ref ") + followed + " pre-receive post-receive").code, 0);
    for (const char* ref : {"main", "alias"}) {
      const Ran pushed = push(std::string("hub main:refs/heads/") + ref);
      EXPECT_NE(pushed.code, 0) << ref;
      EXPECT_TRUE(pushed.has("network.kept: it is protected and would be removed")) << ref << pushed.out;
    }
    const Ran deleted = push("hub :alias");
    EXPECT_TRUE(deleted.has("is what the cluster follows, and stays")) << deleted.out;
  }
}

TEST_F(Hooks, OtherBranchesAndSeveralRefsAtOnce) {
  ASSERT_EQ(install("pre-receive post-receive").code, 0);
  write(kOne);
  commit("one");
  const Ran other = push("hub main:refs/heads/draft");
  EXPECT_EQ(other.code, 0) << other.out;
  EXPECT_TRUE(other.has("refs/heads/draft is not followed; it follows refs/heads/main")) << other.out;
  EXPECT_EQ(networks().find("one"), std::string::npos);
  const Ran several = push("hub main main:refs/heads/next main:refs/tags/v1");
  EXPECT_EQ(several.code, 0) << several.out;
  EXPECT_TRUE(several.has("Apply complete")) << several.out;
  EXPECT_EQ(push("hub :draft").code, 0);
}

TEST_F(Hooks, PushesAtOnceAreAppliedOneAfterTheOther) {
  ASSERT_EQ(install("pre-receive post-receive").code, 0);
  write(kOne);
  commit("start");
  ASSERT_EQ(push().code, 0);
  // Of several clones that push on top of the same commit one wins each round; the others fetch and try
  // again.
  std::string script = "cd " + file("") + "; for i in 1 2 3; do git clone -q hub.git c$i || exit 9; done; ";
  script +=
      "one() { cd c$1; for try in 1 2 3 4 5 6; do git pull -q --rebase 2>/dev/null; "
      "printf '[network.n%s]\\n' $1 > net/n$1.toml; git add -A; "
      "git diff --cached --quiet || git commit -qm n$1; "
      "git push -q 2>../push$1.log && return 0; done; cat ../push$1.log; return 1; }; "
      "pids=; for i in 1 2 3; do one $i & pids=\"$pids $!\"; done; for p in $pids; do wait $p || exit 8; "
      "done";
  const Ran ran = shell("export HOME=" + file("home") +
                        " GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a "
                        "GIT_COMMITTER_EMAIL=a@b; " +
                        script);
  EXPECT_EQ(ran.code, 0) << ran.out;
  const std::string there = networks();
  for (const char* name : {"n1", "n2", "n3"})
    EXPECT_NE(there.find(name), std::string::npos) << there << ran.out;
  const Ran plan = ovl("plan --detailed-exitcode --repo " + file("hub.git") +
                       " net --scope cluster --keystore " + store());
  EXPECT_EQ(plan.code, 0) << plan.out;
}

// The store's lock is held by somebody who lives, so the apply waits; the push does not.
TEST_F(Hooks, APushNeverHangs) {
  ASSERT_EQ(install("--wait 500ms pre-receive post-receive").code, 0);
  write(kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  const Ran started = shell("cd " + file("work") + " && flock -x " + file("hub.git/ovl/apply.lock") +
                            " sleep 60 >/dev/null 2>&1 & echo $!");
  const std::string holder = started.out.substr(0, started.out.find('\n'));
  ASSERT_EQ(shell(fmt::format("for i in $(seq 200); do flock -n {0} true || exit 0; done; exit 1",
                              file("hub.git/ovl/apply.lock")))
                .code,
            0);
  write(std::string(kOne) + kTwo);
  commit("two");
  const auto begin = std::chrono::steady_clock::now();
  const Ran pushed = push();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20))
      << "it waits half a second for its apply";
  EXPECT_EQ(pushed.code, 0) << pushed.out;
  EXPECT_TRUE(pushed.has("still applying; it goes on")) << pushed.out;
  EXPECT_EQ(networks().find("two"), std::string::npos);
  // Only when the holder is gone the apply gets its turn, and nobody has to ask for it.
  shell("pkill -P " + holder + "; kill " + holder);
  const Ran done = wait_for_apply(file("hub.git/ovl"), 2);
  EXPECT_EQ(done.code, 0) << done.out;
  EXPECT_NE(networks().find("two"), std::string::npos);
}

TEST_F(Hooks, SuspendedPushesAreTakenAndNotApplied) {
  ASSERT_EQ(install("pre-receive post-receive").code, 0);
  write(kOne);
  commit("one");
  ASSERT_EQ(ovl("suspend --reason 'by hand' --repo " + file("hub.git")).code, 0);
  const Ran pushed = push();
  EXPECT_EQ(pushed.code, 0) << pushed.out;
  EXPECT_TRUE(pushed.has("(by hand): the push is taken and not applied")) << pushed.out;
  EXPECT_EQ(networks().find("one"), std::string::npos);
  ASSERT_EQ(ovl("resume --repo " + file("hub.git")).code, 0);
  write(std::string(kOne) + kTwo);
  commit("two");
  ASSERT_EQ(push().code, 0);
  EXPECT_NE(networks().find("one"), std::string::npos);
}

TEST_F(Hooks, WhatStoodThereRunsFirstAndComesBack) {
  const std::string hook = file("hub.git/hooks/pre-receive");
  std::ofstream(hook) << "#!/bin/sh\necho before: $(cat)\n[ ! -e " << file("no") << " ]\n";
  ASSERT_EQ(::chmod(hook.c_str(), 0755), 0);
  const Ran installed = install("pre-receive");
  EXPECT_TRUE(installed.has("what stood there runs first")) << installed.out;
  ASSERT_EQ(install("pre-receive").code, 0) << "again, with the same result";
  write(kOne);
  const std::string id = commit("one");
  std::ofstream(file("no")) << "";
  const Ran refused = push();
  EXPECT_NE(refused.code, 0);
  EXPECT_FALSE(refused.has("+ network.one")) << refused.out;
  std::filesystem::remove(file("no"));
  const Ran taken = push();
  EXPECT_EQ(taken.code, 0) << taken.out;
  EXPECT_TRUE(taken.has("before: 0000000000000000000000000000000000000000 " + id + " refs/heads/main"))
      << taken.out;
  EXPECT_TRUE(taken.has("+ network.one")) << taken.out;
  const Ran status = ovl("hook status --repo " + file("hub.git"));
  EXPECT_TRUE(status.has("pre-receive   installed  another hook")) << status.out;
  EXPECT_EQ(ovl("hook uninstall --repo " + file("hub.git")).code, 0);
  EXPECT_TRUE(shell("cat " + hook).has("echo before:"));
  EXPECT_EQ(ovl("hook uninstall --repo " + file("hub.git") + " pre-push").code, 1);
}

// A disk that is full, or a limit on files, ends an installation before it has changed anything.
TEST_F(Hooks, WhatStoodThereGoesOnWhereAnInstallationFails) {
  const std::string hook = file("hub.git/hooks/pre-receive");
  std::ofstream(hook) << "#!/bin/sh\ncat >/dev/null\necho refused by another\nexit 1\n";
  ASSERT_EQ(::chmod(hook.c_str(), 0755), 0);
  const Ran failed =
      shell("trap '' XFSZ; ulimit -f 0; HOME=" + file("home") + " " + OVL_BINARY + " hook install --repo " +
            file("hub.git") + " --scope cluster --cluster pushed --keystore " + store() + " pre-receive");
  EXPECT_EQ(failed.code, 1) << failed.out;
  EXPECT_TRUE(failed.has("can't be written")) << failed.out;
  EXPECT_EQ(shell("ls " + file("hub.git/hooks") + " | grep -c before-ovl").out, "0\n");
  write(kOne);
  commit("one");
  EXPECT_TRUE(push().has("refused by another"));
  // One that was ended between its two steps.
  std::filesystem::create_hard_link(hook, hook + ".before-ovl");
  const Ran installed = install("pre-receive");
  EXPECT_EQ(installed.code, 0) << installed.out;
  EXPECT_TRUE(push().has("refused by another"));
}

TEST_F(Hooks, ACommitIsJudgedByItsIndexNotByTheFiles) {
  ASSERT_EQ(ovl("hook install --path net pre-commit").code, 0);
  write(kOne);
  ASSERT_EQ(git("add -A").code, 0);
  write("[network.one]\nsubnet = 5\n");
  EXPECT_EQ(git("commit -qm 'good in the index'").code, 0) << "the work tree is not what is committed";
  ASSERT_EQ(git("add -A").code, 0);
  write(kOne);
  const Ran bad = git("commit -qm 'bad in the index'");
  EXPECT_NE(bad.code, 0);
  EXPECT_TRUE(bad.has("net/ovl.toml:8:10: error:")) << bad.out;
  // git builds the index of these apart.
  write(std::string(kOne) + kTwo);
  EXPECT_EQ(git("commit -qam 'good again'").code, 0);
  write("[network.one]\nsubnet = 5\n");
  EXPECT_NE(git("commit -qm bad net/ovl.toml").code, 0);
  EXPECT_NE(git("commit -qam bad").code, 0);
}

TEST_F(Hooks, BeforeAPushItsCommitsAreValidated) {
  ASSERT_EQ(ovl("hook install --path net pre-push").code, 0);
  write("[network.one]\nsubnet = 5\n");
  commit("bad");
  const Ran bad = push();
  EXPECT_NE(bad.code, 0);
  EXPECT_TRUE(bad.has("net/ovl.toml:8:10: error:")) << bad.out;
  write(kOne);
  commit("good");
  EXPECT_EQ(push().code, 0);
  ASSERT_EQ(push("hub main:refs/heads/gone").code, 0);
  EXPECT_EQ(push("hub :refs/heads/gone").code, 0) << "a deletion has nothing to validate";
}

TEST_F(Hooks, AMergeIsPlannedOrApplied) {
  write(kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  ASSERT_EQ(shell("git clone -q " + file("hub.git") + " " + file("host")).code, 0);
  const std::string hook = "cd " + file("host") + " && " + OVL_BINARY +
                           " hook install --path net --scope cluster --keystore " + store();
  ASSERT_EQ(shell(hook + " post-merge").code, 0);
  write(std::string(kOne) + kTwo);
  commit("two");
  ASSERT_EQ(push().code, 0);
  const Ran planned = git("pull -q", "host");
  EXPECT_TRUE(planned.has("+ network.two")) << planned.out;
  EXPECT_EQ(networks().find("two"), std::string::npos);
  ASSERT_EQ(shell(hook + " --auto-approve post-merge").code, 0);
  write(std::string(kOne) + kTwo + "[network.three]\n");
  commit("three");
  ASSERT_EQ(push().code, 0);
  const Ran applied = git("pull -q", "host");
  EXPECT_TRUE(applied.has("Apply complete")) << applied.out;
  EXPECT_NE(networks().find("three"), std::string::npos);
}

TEST_F(Hooks, TheKeystoreIsTakenFromTheManifestThatIsThere) {
  write("[keystore]\nurl = \"" + store() + "\"\n" + kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  const Ran installed =
      ovl("hook install --repo " + file("hub.git") + " --path net --scope cluster pre-receive");
  EXPECT_TRUE(installed.has("Keystore " + store() + ", as the manifest says now")) << installed.out;
  write("[keystore]\nurl = \"sqlite://" + file("other.db") + "\"\n" + kOne);
  commit("two");
  const Ran pushed = push();
  EXPECT_NE(pushed.code, 0);
  EXPECT_TRUE(pushed.has("net/ovl.toml:8:7: the manifest names another keystore than this host does"))
      << pushed.out;
  EXPECT_FALSE(std::filesystem::exists(file("other.db")));
}

// The entries of .pre-commit-hooks.yaml, as the framework would run them.
TEST_F(Hooks, ThePreCommitFrameworkHasItsEntries) {
  write(kOne);
  ASSERT_EQ(git("add -A").code, 0);
  const auto run = [this](const std::string& id) {
    const Ran entry = shell(
        "python3 -c 'import yaml\n"
        "for hook in yaml.safe_load(open(\"" OVL_SOURCE_DIR
        "/.pre-commit-hooks.yaml\")):\n"
        "  assert hook[\"language\"] == \"system\" and not hook[\"pass_filenames\"]\n"
        "  if hook[\"id\"] == \"" +
        id + "\": print(hook[\"entry\"])'");
    EXPECT_EQ(entry.out.substr(0, 4), "ovl ") << entry.out;
    return shell("cd " + file("work/net") + " && " + OVL_BINARY + entry.out.substr(3));
  };
  ASSERT_EQ(ovl("fmt net").code, 0);
  EXPECT_EQ(run("ovl-fmt").code, 0);
  std::ofstream(file("work/net/ovl.toml"), std::ios::app) << "  vni=5\n";
  EXPECT_NE(run("ovl-fmt").code, 0);
  std::filesystem::rename(file("work/net/ovl.toml"), file("work/ovl.toml"));
  EXPECT_EQ(run("ovl-validate").code, 0) << "what is in the index counts";
  std::ofstream(file("work/ovl.toml"), std::ios::app) << "vni = false\n";
  ASSERT_EQ(git("add -A").code, 0);
  const Ran bad = run("ovl-validate");
  EXPECT_EQ(bad.code, 13) << bad.out;
}

// What was asked for once is asked for with every push.
TEST_F(Hooks, TheirOptionsAreKept) {
  // What is relative counts from where it was said.
  ASSERT_EQ(install("--state-dir ../state --run-dir ../run"
                    " --exclude network.two --max-destroy 1 pre-receive post-receive")
                .code,
            0);
  write(std::string(kOne) + kTwo + "[network.three]\n[network.four]\n");
  commit("all");
  ASSERT_EQ(push().code, 0);
  EXPECT_NE(networks().find("three"), std::string::npos);
  EXPECT_EQ(networks().find("two"), std::string::npos) << "left out, as installed";
  write(std::string(kOne) + kTwo);
  commit("one");
  const Ran removed = push();
  EXPECT_TRUE(removed.has("would be removed, at most 1 may be")) << removed.out;
  ASSERT_EQ(ovl("--state-dir " + file("state") + " suspend").code, 0);
  write(std::string(kOne) + kTwo + "[network.three]\n[network.four]\n[network.five]\n");
  commit("five");
  EXPECT_TRUE(push().has("the push is taken and not applied"));
  EXPECT_NE(test::read_file(file("hub.git/hooks/post-receive")).find("'" + file("run") + "'"),
            std::string::npos);
}

TEST_F(Hooks, WithoutAKeystoreOfTheHostsPushesAreRefused) {
  if (std::filesystem::exists("/etc/ovl/keystore.toml")) GTEST_SKIP() << "this machine names a keystore";
  const Ran installed =
      ovl("hook install --repo " + file("hub.git") + " --path net --scope cluster pre-receive");
  EXPECT_TRUE(installed.has("this host names no keystore yet")) << installed.out;
  write("[keystore]\nurl = \"" + store() + "\"\n" + kOne);
  commit("one");
  const Ran pushed = push();
  EXPECT_NE(pushed.code, 0);
  EXPECT_TRUE(pushed.has("a manifest from elsewhere must not choose one")) << pushed.out;
  EXPECT_FALSE(std::filesystem::exists(file("keystore.db")));
}

TEST_F(Hooks, BadInstallationsAreRefusedWithWords) {
  EXPECT_TRUE(ovl("hook install pre-rebase").has("there is no hook \"pre-rebase\""));
  EXPECT_TRUE(shell("cd / && " + std::string(OVL_BINARY) + " hook install pre-commit")
                  .has("is in no git repository"));
  EXPECT_TRUE(ovl("hook install --wait soon post-receive").has("\"soon\" is no duration"));
  EXPECT_TRUE(
      shell("echo nonsense | " + std::string(OVL_BINARY) + " hook run pre-receive --repo " + file("hub.git"))
          .has("what git tells a hook is not on stdin"));
}

// git runs hooks where the account's configuration says; what is installed elsewhere holds nobody.
TEST_F(Hooks, AreInstalledWhereGitRunsThemOrRefused) {
  std::ofstream(file("home/.gitconfig")) << "[core]\nhooksPath = " << file("shared") << "\n";
  const Ran refused = install("pre-receive post-receive");
  EXPECT_NE(refused.code, 0) << refused.out;
  EXPECT_TRUE(refused.has("in " + file("shared") + ", which other repositories may share")) << refused.out;
  EXPECT_FALSE(std::filesystem::exists(file("hub.git/hooks/pre-receive")));
  EXPECT_FALSE(std::filesystem::exists(file("shared")));

  std::ofstream(file("home/.gitconfig")) << "[core]\nhooksPath = ours\n";
  EXPECT_EQ(install("pre-receive").code, 0) << "a relative one is each repository's own";
  write("[network.one]\nsubnet = 5\n");
  commit("bad");
  EXPECT_TRUE(push().has("pre-receive hook declined"));
  EXPECT_TRUE(ovl("hook status --repo " + file("hub.git")).has(file("hub.git/ours")));
  EXPECT_EQ(ovl("hook uninstall pre-receive --repo " + file("hub.git")).code, 0);
  EXPECT_FALSE(std::filesystem::exists(file("hub.git/ours/pre-receive")));
}

// The repository of the account that everybody pushes to, and an administrator with sudo.
TEST_F(Hooks, OfAnotherAccountCanWriteWhatRootHasMade) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  const std::string top = file("");
  const std::string hub = file("hub.git");
  std::ofstream(file("home/.gitconfig")) << "[safe]\ndirectory = *\n";  // of the clone, which is root's
  ASSERT_EQ(
      shell("chmod 755 " + top + " && chown 65534:65533 " + top + " && chown -R 65534:65533 " + hub).code, 0);
  const test::EverybodysProgram program;
  const auto by_sudo = [&](const std::string& arguments) {
    return shell("SUDO_UID=65534 " + program.path() + " " + arguments + " --repo " + hub);
  };
  const auto push_as_owner = [&] {
    return shell("cd " + file("work") + " && setpriv --reuid 65534 --regid 65533 --clear-groups env HOME=" +
                 file("home") + " git push hub main");
  };
  const Ran installed =
      by_sudo("hook install --path net --scope cluster --cluster pushed --new-cluster --keystore " + store() +
              " --state-dir " + file("state") + " pre-receive post-receive");
  ASSERT_EQ(installed.code, 0) << installed.out;
  write(kOne);
  commit("one");
  const Ran first = push_as_owner();
  EXPECT_EQ(first.code, 0) << first.out;
  EXPECT_TRUE(first.has("Apply complete")) << first.out;

  ASSERT_EQ(by_sudo("suspend --reason 'by root'").code, 0);
  write(std::string(kOne) + kTwo);
  commit("two");
  const Ran held = push_as_owner();
  EXPECT_EQ(held.code, 0) << held.out;
  EXPECT_TRUE(held.has("by root")) << held.out;
  EXPECT_FALSE(held.has("Apply complete")) << held.out;
}

TEST_F(Hooks, StatusSaysThatGitRunsHooksElsewhereNow) {
  ASSERT_EQ(install("pre-receive").code, 0);
  EXPECT_TRUE(ovl("hook status --repo " + file("hub.git")).has("installed"));
  std::ofstream(file("home/.gitconfig")) << "[core]\nhooksPath = " << file("shared") << "\n";
  const Ran status = ovl("hook status --repo " + file("hub.git"));
  EXPECT_TRUE(status.has("pre-receive   never runs")) << status.out;
  EXPECT_TRUE(status.has("git runs hooks in " + file("shared"))) << status.out;
  EXPECT_FALSE(status.has("  installed")) << status.out;
  EXPECT_EQ(ovl("hook uninstall --repo " + file("hub.git")).code, 0);
  EXPECT_FALSE(std::filesystem::exists(file("hub.git/hooks/pre-receive")));
}

namespace {

// A push whose apply was killed as it waited for its turn.
class KilledApply : public HooksRig {
 protected:
  void SetUp() override {
    HooksRig::SetUp();
    ASSERT_EQ(install("--wait 100ms pre-receive post-receive").code, 0);
    write(kOne);
    commit("one");
    const std::string lock = file("hub.git/ovl/apply.lock");
    std::filesystem::create_directories(file("hub.git/ovl"));
    ASSERT_EQ(push().code, 0);
    ASSERT_EQ(wait_for_apply(file("hub.git/ovl"), 1).code, 0);
    write(std::string(kOne) + kTwo);
    commit("two");
    // The lock is this shell's as long as it takes; who waits for it is who has it open.
    const Ran killed = shell(
        fmt::format("exec 9>>{0} && flock -x 9 && cd {1} && HOME={2} git push -q hub main 9>&- && "
                    "for fd in /proc/[0-9]*/fd/*; do [ \"$(readlink $fd)\" = {0} ] || continue; "
                    "pid=${{fd#/proc/}}; pid=${{pid%%/*}}; [ $pid = $$ ] || kill -9 $pid; done; exec 9>&-",
                    lock, file("work"), file("home")));
    ASSERT_TRUE(killed.has("still applying")) << killed.out;
    ASSERT_EQ(networks().find("two"), std::string::npos);
  }
};

}  // namespace

TEST_F(KilledApply, IsMadeGoodByTheNextPushOfAnything) {
  const Ran next = push("hub main:refs/heads/draft");
  EXPECT_TRUE(next.has("was taken and never applied; it is now")) << next.out;
  ASSERT_EQ(wait_for_apply(file("hub.git/ovl"), 2).code, 0);
  EXPECT_NE(networks().find("two"), std::string::npos);
  EXPECT_FALSE(push("hub main:refs/heads/other").has("never applied"));
}

TEST_F(KilledApply, IsMadeGoodByHookStatusAndTold) {
  const Ran status = ovl("hook status --repo " + file("hub.git"));
  EXPECT_EQ(status.code, 0) << status.out;
  EXPECT_TRUE(status.has("refs/heads/main: commit ")) << status.out;
  EXPECT_TRUE(status.has("was taken and never applied; it is now")) << status.out;
  ASSERT_EQ(wait_for_apply(file("hub.git/ovl"), 2).code, 0);
  EXPECT_NE(networks().find("two"), std::string::npos);
  EXPECT_FALSE(ovl("hook status --repo " + file("hub.git")).has("never applied"));
}

TEST_F(Hooks, LookingAtAPushHasATimeLimit) {
  const SilentStore silent(file("."));
  EXPECT_EQ(ovl("hook install --repo " + file("hub.git") + " --path net --scope cluster --timeout 90s " +
                "--time-limit 1s --keystore " + silent.url() + " pre-receive")
                .code,
            0);
  write(kOne);
  commit("one");
  const Ran pushed = push();
  EXPECT_NE(pushed.code, 0) << pushed.out;
  EXPECT_TRUE(pushed.has("looking at this took longer than 1 s")) << pushed.out;
  EXPECT_TRUE(pushed.has("pre-receive hook declined")) << pushed.out;
  EXPECT_TRUE(ovl("hook install --time-limit 0 pre-receive").has("must be more than nothing"));
}

TEST_F(Hooks, LookingAtAMergeHasATimeLimit) {
  const SilentStore silent(file("."));
  write(kOne);
  commit("one");
  ASSERT_EQ(push().code, 0);
  ASSERT_EQ(shell("git clone -q " + file("hub.git") + " " + file("host")).code, 0);
  const std::string hook = "cd " + file("host") + " && " + OVL_BINARY +
                           " hook install --path net --scope cluster --timeout 20s --time-limit 1s "
                           "--keystore " +
                           silent.url();
  int number = 0;
  for (const std::string how : {" post-merge", " --auto-approve post-merge"}) {
    ASSERT_EQ(shell(hook + how).code, 0);
    write(kOne + fmt::format("[network.more{}]\n", ++number));
    commit("more");
    ASSERT_EQ(push().code, 0);
    const Ran merged = git("pull -q", "host");
    EXPECT_TRUE(merged.has("looking at this took longer than 1 s")) << how << merged.out;
    EXPECT_FALSE(merged.has("no answer in time")) << how << merged.out;
  }
}

}  // namespace ovl
