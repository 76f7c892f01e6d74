// The pipelines of examples/ci, run as their services run them, on the host of a lab. What only a service can
// do is left out: checking out (`uses:`), and the step "Post the comment", which needs GitHub's API.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/cluster/lab_rig.hpp"
#include "tests/support/everybodys_program.hpp"
#include "tests/support/format_readers.hpp"

namespace ovl {

namespace {

constexpr const char* kFolder = OVL_SOURCE_DIR "/examples/ci/";
// What the service's variables say, not the checkout.
constexpr const char* kHostSide = " OVL_KEYSTORE=sqlite:///var/lib/ovl/keystore.db OVL_CLUSTER=ci";
constexpr const char* kNobody = "setpriv --reuid=65534 --regid=65534 --clear-groups ";

class Ci : public LabRig {
 protected:
  void SetUp() override {
    LabRig::SetUp();
    if (IsSkipped()) return;
    up(test::read_file(std::string(kFolder) + "ovl.toml"));
  }

  // Runs a job's scripts one after the other, each with the shell and the variables of its service; the code
  // of the first that fails, else 0. `outside`: by nobody, in the folder "fork".
  int run_job(const std::string& pipeline, const std::string& job, const std::string& variables,
              const std::string& left_out = {}, bool outside = false) const {
    const test::TemporaryDirectory scripts;
    const Ran taken =
        shell("/usr/bin/python3 " OVL_SOURCE_DIR "/tests/support/ci_scripts.py " + std::string(kFolder) +
              pipeline + " " + job + " " + scripts.path() + " " + left_out);
    EXPECT_EQ(taken.code, 0) << taken.out;
    const int count = taken.code == 0 ? std::stoi(taken.out) : 0;
    EXPECT_GT(count, 0);
    for (int i = 1; i <= count; ++i) {
      const std::string name = std::to_string(i) + ".sh";
      std::filesystem::copy_file(scripts.file(name), path(name),
                                 std::filesystem::copy_options::overwrite_existing);
      const std::string as = outside ? std::string("; cd fork; ") + kNobody : "; ";
      const Ran ran =
          on("runner", "export CI=true " + variables + as + "bash --noprofile --norc -eo pipefail " +
                           path(name) + " >" + path(name) + ".log 2>&1");
      if (ran.code != 0) return ran.code;
    }
    return 0;
  }

  [[nodiscard]] std::string path(const std::string& name) const { return directory() + "/" + name; }

  [[nodiscard]] std::string text(const std::string& name) const { return test::read_file(path(name)); }

  // What GitHub sets for each step, and the repository's variables.
  [[nodiscard]] std::string github() const {
    return "GITHUB_ACTIONS=true GITHUB_WORKSPACE=" + directory() +
           " GITHUB_STEP_SUMMARY=" + path("summary.md") + " RUNNER_TEMP=" + directory() + kHostSide;
  }

  [[nodiscard]] std::string gitlab() const {
    return "GITLAB_CI=true CI_PROJECT_DIR=" + directory() + kHostSide;
  }

  // A fork of the repository in the folder "fork", nobody's: its branch adds a network, and names a keystore
  // of its own and root's secret.
  void fork() const {
    write_file("secret", "hunter2\n", 0600);
    write_file("fork.sh",
               "set -e\nexport HOME=" + path("none") +
                   " GIT_AUTHOR_NAME=X GIT_AUTHOR_EMAIL=x@y GIT_COMMITTER_NAME=X "
                   "GIT_COMMITTER_EMAIL=x@y\ngit init -q -b main .\ncp ../ovl.toml .\ngit add .\ngit commit "
                   "-qm one\n"
                   "git update-ref refs/remotes/origin/main main\nprintf '[network.more]\\n' >>ovl.toml\n"
                   "sed -i 's|^url = .*|url = \"consul://127.0.0.1:8500\"\\ntoken = \"file:" +
                   path("secret") + "\"|' ovl.toml\ngit commit -qam two\n",
               0644);
    const Ran ran = on("runner", "chmod 755 . && mkdir fork && chown 65534 fork && cd fork && " +
                                     std::string(kNobody) + "sh ../fork.sh");
    ASSERT_EQ(ran.code, 0) << ran.out;
  }

  // On the host, where that keystore is said to be: writes a line into the file "heard" for each who
  // connects.
  void listen() const {
    write_file("listener.py",
               "import os, socket\n"
               "listener = socket.create_server(('127.0.0.1', 8500))\n"
               "open('listener.pid', 'w').write(str(os.getpid()))\n"
               "open('heard', 'w').close()\n"
               "while True:\n"
               "    with listener.accept()[0] as peer:\n"
               "        open('heard', 'ab').write(peer.recv(4096))\n",
               0644);
    const Ran ran =
        on("runner", "timeout 100 python3 listener.py >listener.log 2>&1 & until [ -e heard ]; do :; done");
    ASSERT_EQ(ran.code, 0) << ran.out;
  }

  void write_file(const std::string& name, const std::string& text, mode_t mode) const {
    test::write_file(path(name), text);
    ASSERT_EQ(::chmod(path(name).c_str(), mode), 0);
  }

  void append(const std::string& more) const {
    write(test::read_file(std::string(kFolder) + "ovl.toml") + more);
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_F(Ci, GithubPlansAndApplies) {
  const std::string comment = "'Post the comment'";
  EXPECT_EQ(run_job("github-actions.yml", "plan", github(), comment), 0)
      << text("1.sh.log") << text("2.sh.log");
  EXPECT_TRUE(has(text("2.sh.log"), "::notice title=ovl plan::Plan: ")) << text("2.sh.log");
  EXPECT_TRUE(has(text("summary.md"), "<!-- ovl plan ci -->\n")) << text("summary.md");
  EXPECT_TRUE(has(text("summary.md"), "network.builds"));
  EXPECT_EQ(text("comment.md"), text("summary.md"));
  EXPECT_EQ(run_job("github-actions.yml", "apply", github()), 0) << text("1.sh.log") << text("2.sh.log");
  EXPECT_TRUE(has(text("events.ndjson"), "\"result\":\"applied\""));
  append("[network.wrong]\nvni = 0\n");
  EXPECT_EQ(run_job("github-actions.yml", "plan", github(), comment), 13);
  EXPECT_TRUE(has(text("1.sh.log"), "::error file=ovl.toml,line=")) << text("1.sh.log");
  write(
      "[cluster]\nname = \"ci\"\n[keystore]\nurl = \"sqlite:///var/lib/ovl/keystore.db\"\n"
      "[host.runner]\nadvertise = \"192.168.96.11\"\n");
  EXPECT_EQ(run_job("github-actions.yml", "plan", github(), comment), 12);
  EXPECT_TRUE(has(text("2.sh.log"), "title=max-destroy::")) << text("2.sh.log");
}

TEST_F(Ci, GitlabValidatesPlansAndApplies) {
  EXPECT_EQ(run_job("gitlab-ci.yml", "validate", gitlab()), 0) << text("1.sh.log");
  EXPECT_EQ(run_job("gitlab-ci.yml", "plan", gitlab()), 0) << text("1.sh.log");
  EXPECT_TRUE(std::filesystem::exists(path("plan.saved")));
  EXPECT_TRUE(has(text("plan.json"), ",\"delete\":0}\n")) << text("plan.json");
  EXPECT_FALSE(has(text("plan.json"), "{\"create\":0,"));
  test::expect_read("junit", {text("validate.xml"), text("plan.xml")});
  EXPECT_EQ(run_job("gitlab-ci.yml", "apply", gitlab()), 0) << text("1.sh.log");
  EXPECT_TRUE(in_sync("runner"));
  EXPECT_EQ(run_job("gitlab-ci.yml", "plan", gitlab()), 0) << text("1.sh.log");
  EXPECT_EQ(text("plan.json"), "{\"create\":0,\"update\":0,\"delete\":0}\n");
  append("[network.wrong]\nvni = 0\n");
  EXPECT_EQ(run_job("gitlab-ci.yml", "validate", gitlab()), 13);
  EXPECT_TRUE(has(text("validate.xml"), "<failure type=\"invalid-value\"")) << text("validate.xml");
}

TEST_F(Ci, AScriptDoesItEverywhere) {
  const std::string script = std::string(kFolder) + "pipeline.sh";
  const std::string host = kHostSide;
  EXPECT_TRUE(on("runner", "CI=true sh " + script + " .").has("OVL_KEYSTORE: is for the CI service to say"));
  ASSERT_EQ(on("runner", "export CI=true OUT=reports" + host + "; sh " + script + " .").code, 0);
  EXPECT_TRUE(has(text("reports/events.ndjson"), "\"result\":\"applied\""));
  test::expect_read("junit", {text("reports/validate.xml")});
  test::expect_read("terraform", {text("reports/plan.json")});
  EXPECT_TRUE(in_sync("runner"));
  const Ran again = on("runner", "export CI=true OUT=again" + host + "; sh " + script + " .");
  EXPECT_EQ(again.code, 0);
  EXPECT_TRUE(again.has("No changes.")) << again.out;
  EXPECT_FALSE(std::filesystem::exists(path("again/events.ndjson"))) << "nothing is applied";
  append("[network.wrong]\nvni = 0\n");
  EXPECT_EQ(on("runner", "CI=true sh " + script + " .").code, 13);
}

// What comes from outside is shown without rights, secrets and connections; where the host's variables stand,
// the checkout's words choose neither keystore nor cluster.
TEST_F(Ci, WhatComesFromOutsideIsOnlyShown) {
  const test::EverybodysProgram program;
  fork();
  listen();
  const std::string outside = "PATH=" + program.folder() +
                              ":$PATH GITHUB_STEP_SUMMARY=" + path("fork/summary.md") +
                              " GITHUB_BASE_REF=main CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main";
  EXPECT_EQ(run_job("github-actions.yml", "review", outside, {}, true), 0)
      << text("1.sh.log") << text("2.sh.log");
  EXPECT_TRUE(has(text("fork/summary.md"), "network.more")) << text("fork/summary.md");
  EXPECT_EQ(run_job("gitlab-ci.yml", "validate", outside, {}, true), 0) << text("1.sh.log");
  EXPECT_EQ(run_job("gitlab-ci.yml", "review", outside, {}, true), 0) << text("1.sh.log");
  EXPECT_EQ(text("fork/review.json"), "{\"create\":1,\"update\":0,\"delete\":0}\n");
  const Ran script =
      on("runner", "cp " + std::string(kFolder) + "pipeline.sh . && cd fork && BASE=origin/main PATH=" +
                       program.folder() + ":$PATH " + kNobody + "sh ../pipeline.sh");
  EXPECT_TRUE(script.has("+ network.more")) << script.out;
  EXPECT_FALSE(std::filesystem::exists(path("fork/reports/plan.json")));
  ASSERT_EQ(on("runner", "cp fork/ovl.toml . && sed -i 's/^name = .*/name = \"other\"/' ovl.toml").code, 0);
  EXPECT_EQ(run_job("github-actions.yml", "plan", github(), "'Post the comment'"), 0) << text("2.sh.log");
  EXPECT_TRUE(has(text("comment.md"), "<!-- ovl plan ci -->")) << text("comment.md");
  EXPECT_EQ(run_job("gitlab-ci.yml", "plan", gitlab()), 0) << text("1.sh.log");
  EXPECT_EQ(text("heard"), "");
  EXPECT_NE(on("runner", "CI=true ovl plan").code, 0) << "without the host's side";
  EXPECT_EQ(text("heard"), "");
  EXPECT_NE(on("runner", "ovl plan --keystore consul://127.0.0.1:8500 --token file:secret --timeout 1s").code,
            0);
  EXPECT_TRUE(has(text("heard"), "hunter2")) << "the control";
  EXPECT_EQ(on("runner", "kill $(cat listener.pid)").code, 0);
}

}  // namespace ovl
