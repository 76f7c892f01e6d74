// Only what describes the place is taken from the environment; what a command does is said with the command.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "cmd/cli/cli.hpp"
#include "cmd/help/command_tree.hpp"
#include "cmd/session/cli_environment.hpp"
#include "tests/support/process.hpp"
#include "tests/support/shell.hpp"

namespace ovl {

namespace {

// The keystore and how it is reached, who this host is, where it keeps things, how it tells.
const std::set<std::string>& places() {
  static const std::set<std::string> names = [] {
    std::set<std::string> out{"--keystore", "--cluster",         "--timeout", "--host",     "--state-dir",
                              "--run-dir",  "--mount-namespace", "--policy",  "--no-color", "--verbose",
                              "--lab"};
    for (const std::string side : {"--", "--from-", "--to-"}) {
      for (const char* name :
           {"token", "user", "password", "tls-ca", "tls-cert", "tls-key", "allow-plaintext"}) {
        out.insert(side + name);
      }
    }
    return out;
  }();
  return names;
}

std::string long_name(const OptionInfo& option) {
  const auto at =
      std::ranges::find_if(option.names, [](const std::string& name) { return name.starts_with("--"); });
  return at != option.names.end() ? *at : std::string();
}

// f(verb's path, option) for every option of every verb.
void for_each_option(const CommandInfo& command, const std::string& path,
                     const std::function<void(const std::string&, const OptionInfo&)>& f) {
  for (const OptionInfo& option : command.options) f(path, option);
  for (const CommandInfo& below : command.commands) for_each_option(below, path + " " + below.name, f);
}

// One host and one network in cluster `name`, with a keystore beside it.
class EnvironmentOfAPlan : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(directory_.file("ovl.toml"))
        << "[cluster]\nname = \"place\"\n[keystore]\nurl = \"sqlite://" << directory_.file("store.db")
        << "\"\n[host.left]\nadvertise = \"192.0.2.1\"\n[network.one]\n";
  }

  [[nodiscard]] std::string ovl(const std::string& environment, const std::string& arguments) const {
    return test::run_shell("cd " + directory_.path() + " && env " + environment +
                           " " OVL_BINARY " --state-dir " + directory_.file("state") + " --run-dir " +
                           directory_.file("run") + " " + arguments)
        .out;
  }

  test::TemporaryDirectory directory_;
};

}  // namespace

TEST(Environment, HasAVariableForEachPlaceAndForNothingElse) {
  std::set<std::string> seen;
  std::size_t options = 0;
  for_each_option(command_tree(), "ovl", [&](const std::string& path, const OptionInfo& option) {
    const std::string name = long_name(option);
    ++options;
    seen.insert(name);
    EXPECT_EQ(option.twin, places().contains(name) ? variable_called_after(name) : "") << path << " " << name;
  });
  EXPECT_GT(options, 200U) << "all verbs are walked over";
  EXPECT_TRUE(std::ranges::includes(seen, places())) << "a place that no verb has";
}

TEST_F(EnvironmentOfAPlan, DoesNotChangeWhatIsPlanned) {
  std::string all;
  std::set<std::string> names;
  const CommandInfo tree = command_tree();
  for (const OptionInfo& option : tree.command("plan")->options) {
    const std::string name = long_name(option);
    if (places().contains(name) || name == "--help") continue;
    all += variable_called_after(name) + "=true ";
    names.insert(name);
  }
  ASSERT_TRUE(names.contains("--destroy") && names.contains("--scope") && names.contains("--ref"));
  ASSERT_NE(ovl("", "apply --auto-approve --scope cluster").find("Apply complete"), std::string::npos);
  const std::string plain = ovl("", "plan --scope cluster");
  const std::string told = ovl(all, "plan --scope cluster");
  EXPECT_TRUE(told.ends_with(plain)) << told << "\nis not\n" << plain;
  for (const std::string& name : names) {
    EXPECT_NE(told.find(variable_called_after(name) + " counts for nothing: "), std::string::npos) << told;
  }
}

TEST_F(EnvironmentOfAPlan, SaysWithVerboseWhatWasLookedAt) {
  const std::string told = ovl("", "plan -v --scope cluster");
  EXPECT_NE(told.find("ovl: manifest: 1 file, first "), std::string::npos) << told;
  EXPECT_NE(told.find("store.db: no cluster yet, 0 hosts, 0 networks, 0 endpoints\n"), std::string::npos)
      << told;
  EXPECT_NE(told.find("ovl: no host was looked at\n"), std::string::npos) << told;
  EXPECT_EQ(ovl("", "plan --scope cluster").find("ovl: "), std::string::npos) << "only when asked";
}

TEST_F(EnvironmentOfAPlan, IsNamedWhereItCounts) {
  const std::string store = "OVL_KEYSTORE=sqlite://" + directory_.file("store.db");
  EXPECT_EQ(ovl("", "plan --scope cluster").find("from the environment"), std::string::npos);
  const std::string taken = ovl(store + " OVL_HOST=left", "plan --scope cluster");
  EXPECT_NE(taken.find("Options from the environment: OVL_KEYSTORE, OVL_HOST\n"), std::string::npos) << taken;
  const std::string said = ovl(store + " OVL_HOST=left", "plan --scope cluster --host=left");
  EXPECT_NE(said.find("Options from the environment: OVL_KEYSTORE\n"), std::string::npos) << said;
  const std::string json = ovl("OVL_HOST=left", "plan --scope cluster --json");
  EXPECT_NE(json.find("\"environment\": [\n      \"OVL_HOST\"\n    ]"), std::string::npos) << json;
  const std::string markdown = ovl("OVL_HOST=left", "plan --scope cluster --format markdown");
  EXPECT_NE(markdown.find("Options from the environment: `OVL_HOST`\n"), std::string::npos) << markdown;
  EXPECT_NE(ovl("OVL_HOST=left", "plan --scope cluster --out saved").find("OVL_HOST"), std::string::npos);
  EXPECT_NE(ovl("", "show saved").find("Options from the environment: OVL_HOST\n"), std::string::npos);
  EXPECT_NE(ovl("", "apply saved").find("Apply complete"), std::string::npos)
      << "its applier has one of his own";
}

}  // namespace ovl
