// The pipelines of examples/ci, run as their services run them, on the host of a lab. What only a service can
// do is left out: checking out (`uses:`), and the step "Post the comment", which needs GitHub's API.
#include <filesystem>
#include <fstream>

#include "tests/cluster/lab_rig.hpp"
#include "tests/support/format_readers.hpp"

namespace ovl {

namespace {

constexpr const char* kFolder = OVL_SOURCE_DIR "/examples/ci/";

class Ci : public LabRig {
 protected:
  void SetUp() override {
    LabRig::SetUp();
    if (IsSkipped()) return;
    up(test::read_file(std::string(kFolder) + "ovl.toml"));
  }

  // Runs a job's scripts one after the other, each with the shell and the variables of its service; the code
  // of the first that fails, else 0.
  int run_job(const std::string& pipeline, const std::string& job, const std::string& variables,
              const std::string& left_out = {}) const {
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
      const Ran ran = on("runner", "export CI=true " + variables + "; bash --noprofile --norc -eo pipefail " +
                                       name + " >" + name + ".log 2>&1");
      if (ran.code != 0) return ran.code;
    }
    return 0;
  }

  [[nodiscard]] std::string path(const std::string& name) const { return directory() + "/" + name; }

  [[nodiscard]] std::string text(const std::string& name) const { return test::read_file(path(name)); }

  // What GitHub sets for each step.
  [[nodiscard]] std::string github() const {
    return "GITHUB_ACTIONS=true GITHUB_WORKSPACE=" + directory() +
           " GITHUB_STEP_SUMMARY=" + path("summary.md") + " RUNNER_TEMP=" + directory();
  }

  [[nodiscard]] std::string gitlab() const { return "GITLAB_CI=true CI_PROJECT_DIR=" + directory(); }

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
  ASSERT_EQ(on("runner", "CI=true OUT=reports sh " + script + " .").code, 0);
  EXPECT_TRUE(has(text("reports/events.ndjson"), "\"result\":\"applied\""));
  test::expect_read("junit", {text("reports/validate.xml")});
  test::expect_read("terraform", {text("reports/plan.json")});
  EXPECT_TRUE(in_sync("runner"));
  const Ran again = on("runner", "CI=true OUT=again sh " + script + " .");
  EXPECT_EQ(again.code, 0);
  EXPECT_TRUE(again.has("No changes.")) << again.out;
  EXPECT_FALSE(std::filesystem::exists(path("again/events.ndjson"))) << "nothing is applied";
  append("[network.wrong]\nvni = 0\n");
  EXPECT_EQ(on("runner", "CI=true sh " + script + " .").code, 13);
}

}  // namespace ovl
