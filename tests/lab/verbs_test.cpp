// The verbs of `ovl lab` as functions: which lab they choose, what they say, what they answer.
#include <sstream>

#include "cmd/verbs/lab.hpp"
#include "tests/lab/lab_fixture.hpp"

namespace ovl::test {

namespace {

constexpr std::string_view kManifest = R"([cluster]
name = "demo"
[keystore]
url = "sqlite:///var/lib/ovl/keystore.db"
[host.alpha]
advertise = "192.168.99.104"
[host.beta]
advertise = "eth1"
)";

struct Said {
  int code = -1;
  std::string out;
  std::string err;
};

class LabVerbs : public LabTest {
 protected:
  using Verb = int (*)(const LabOptions&, std::ostream&, std::ostream&);

  static Said say(Verb verb, const LabOptions& options) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = verb(options, out, err);
    return {code, out.str(), err.str()};
  }

  // A directory with a manifest in it.
  std::string directory(const std::string& name, std::string_view manifest = kManifest) const {
    const std::string path = place_.file(name);
    std::filesystem::create_directory(path);
    write_file(path + "/ovl.toml", manifest);
    return path;
  }

  // The exit code of lab_exec, which never comes back when it works.
  static int exec(const LabOptions& options) {
    const pid_t child = fork_child([&] {
      std::ostringstream ignored;
      _exit(lab_exec(options, ignored, ignored));
    });
    const int status = wait_for(child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  TemporaryDirectory place_;
};

TEST_F(LabVerbs, UpStatusDown) {
  const std::string lab = directory("one");
  const Said up = say(lab_up, {.directory = lab});
  EXPECT_EQ(up.code, 0) << up.err;
  EXPECT_EQ(up.out,
            "The lab of " + lab + " is up: cluster demo, 2 hosts.\nTry: ovl lab exec alpha -- ip address\n");
  const Said again = say(lab_up, {.directory = lab + "/"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.out, "The lab of " + lab + " is already up: cluster demo, 2 hosts.\n");
  EXPECT_EQ(say(lab_status, {}).out, lab + "  cluster demo, sqlite:///var/lib/ovl/keystore.db\n" +
                                         "  HOST     INTERFACE  ADDRESS            PROCESSES\n" +
                                         "  alpha    eth1       192.168.99.104/24  0\n" +
                                         "  beta     eth1       192.168.99.2/24    0\n" +
                                         "  router                                 0\n" +
                                         "  outside                                0\n");
  EXPECT_EQ(say(lab_down, {}).out, "The lab of " + lab + " is down.\n");
  EXPECT_EQ(say(lab_status, {}).out, "No lab is up.\n");
  EXPECT_EQ(say(lab_down, {.directory = lab}).code, 0);
}

TEST_F(LabVerbs, StatusAsJson) {
  const std::string lab = directory("one");
  ASSERT_EQ(say(lab_up, {.directory = lab}).code, 0);
  const Value labs = must(Value::parse_json(say(lab_status, {.json = true}).out));
  ASSERT_EQ(labs.as_array()->size(), 1U);
  EXPECT_EQ(*labs.as_array()->front().find("directory"), Value(lab));
  EXPECT_EQ(*labs.as_array()->front().find("complete"), Value(true));
}

TEST_F(LabVerbs, ExecPassesTheStatusOn) {
  ASSERT_EQ(say(lab_up, {.directory = directory("one")}).code, 0);
  EXPECT_EQ(exec({.host = "alpha", .command = {"true"}}), 0);
  EXPECT_EQ(exec({.host = "beta", .command = {"sh", "-c", "exit 7"}}), 7);
  EXPECT_EQ(exec({.host = "router", .command = {"sh", "-c", "test $(hostname) = router"}}), 0);
  EXPECT_EQ(exec({.host = "alpha", .command = {"no-such-command"}}), 127);
  EXPECT_EQ(exec({.host = "alpha", .command = {"/etc"}}), 126);
  EXPECT_EQ(exec({.host = "nobody", .command = {"true"}}), 125);
}

TEST_F(LabVerbs, ExecWithoutALab) {
  const Said said = say(lab_exec, {.host = "alpha", .command = {"true"}});
  EXPECT_EQ(said.code, 125);
  EXPECT_NE(said.err.find("no lab is up"), std::string::npos) << said.err;
}

TEST_F(LabVerbs, SeveralLabsAreNamed) {
  const std::string one = directory("one");
  const std::string two = directory("two");
  ASSERT_EQ(say(lab_up, {.directory = one}).code, 0);
  ASSERT_EQ(say(lab_up, {.directory = two}).code, 0);
  const Said unclear = say(lab_exec, {.host = "alpha", .command = {"true"}});
  EXPECT_EQ(unclear.code, 125);
  EXPECT_NE(unclear.err.find(one + ", " + two), std::string::npos) << unclear.err;
  EXPECT_EQ(exec({.directory = two, .host = "alpha", .command = {"true"}}), 0);
  EXPECT_EQ(say(lab_down, {}).code, 1);
  EXPECT_EQ(say(lab_down, {.directory = one}).code, 0);
  EXPECT_EQ(exec({.host = "alpha", .command = {"true"}}), 0);
}

TEST_F(LabVerbs, TheFolderOneStandsInPicksTheLab) {
  const std::string one = directory("one");
  const std::string two = directory("two");
  std::filesystem::create_directory(two + "/below");
  std::filesystem::current_path(one);
  const Said here = say(lab_up, {});
  EXPECT_EQ(here.code, 0) << here.err;
  EXPECT_TRUE(here.out.starts_with("The lab of " + one + " is up: ")) << here.out;
  const std::string inner = directory("one/inner");
  ASSERT_EQ(say(lab_up, {.directory = inner}).code, 0);
  ASSERT_EQ(say(lab_up, {.directory = two}).code, 0);
  const auto mark = [](const std::string& lab) {
    return exec({.directory = lab, .host = "alpha", .command = {"touch", "/run/" + lab_id(lab)}});
  };
  for (const std::string& lab : {one, two, inner}) ASSERT_EQ(mark(lab), 0);
  const auto is_picked = [](const std::string& folder, const std::string& lab) {
    std::filesystem::current_path(folder);
    return exec({.host = "alpha", .command = {"test", "-e", "/run/" + lab_id(lab)}}) == 0;
  };
  EXPECT_TRUE(is_picked(one, one));
  EXPECT_TRUE(is_picked(two + "/below", two));
  EXPECT_TRUE(is_picked(inner, inner));
  std::filesystem::current_path(place_.path());
  EXPECT_EQ(exec({.host = "alpha", .command = {"true"}}), 125) << "it is none's";
  EXPECT_EQ(say(lab_down, {}).code, 1);
  std::filesystem::current_path(two + "/below");
  EXPECT_EQ(say(lab_down, {}).out, "The lab of " + two + " is down.\n");
  std::filesystem::current_path("/");
}

TEST_F(LabVerbs, TheOnlyLabWithThatHost) {
  const std::string other =
      "[cluster]\nname = \"x\"\n[keystore]\nurl = \"sqlite:///var/lib/ovl/k.db\"\n"
      "[host.gamma]\nadvertise = \"192.168.99.9\"\n";
  ASSERT_EQ(say(lab_up, {.directory = directory("one")}).code, 0);
  ASSERT_EQ(say(lab_up, {.directory = directory("two", other)}).code, 0);
  EXPECT_EQ(exec({.host = "gamma", .command = {"true"}}), 0);
  EXPECT_EQ(exec({.host = "alpha", .command = {"true"}}), 0);
  EXPECT_EQ(exec({.host = "outside", .command = {"true"}}), 125);
}

// A folder's manifest is for its own lab's hosts.
TEST_F(LabVerbs, AHostOfAnotherLabIsNotTakenFromWithinALab) {
  const std::string other =
      "[cluster]\nname = \"x\"\n[keystore]\nurl = \"sqlite:///var/lib/ovl/k.db\"\n"
      "[host.alpha]\nadvertise = \"192.168.99.8\"\n[host.gamma]\nadvertise = \"192.168.99.9\"\n";
  const std::string one = directory("one");
  const std::string two = directory("two", other);
  for (const std::string& lab : {one, two}) ASSERT_EQ(say(lab_up, {.directory = lab}).code, 0);
  std::filesystem::current_path(one);
  const Said of_other = say(lab_exec, {.host = "gamma", .command = {"true"}});
  EXPECT_EQ(of_other.code, 125);
  EXPECT_EQ(of_other.err, "ovl: the lab of " + one + " has no host gamma [not-found]\n" +
                              "hint: there are: alpha, beta, outside, router; gamma is of " + two +
                              ": stand there, or say --lab\n");
  EXPECT_EQ(exec({.directory = two, .host = "gamma", .command = {"true"}}), 0);
  std::filesystem::current_path("/");
  EXPECT_NE(say(lab_exec, {.host = "delta", .command = {"true"}})
                .err.find("there are: alpha, beta, gamma, outside, router\n"),
            std::string::npos);
}

TEST_F(LabVerbs, AnInvalidManifestStartsNothing) {
  const Traces before = traces();
  const Said said = say(lab_up, {.directory = directory("one", "[cluster]\nname = 7\n")});
  EXPECT_EQ(said.code, 13);
  EXPECT_NE(said.err.find("ovl.toml:2"), std::string::npos) << said.err;
  EXPECT_EQ(traces(), before);
}

TEST_F(LabVerbs, ALabWhoseDirectoryIsGoneCanBeEnded) {
  const std::string lab = directory("one");
  ASSERT_EQ(say(lab_up, {.directory = lab}).code, 0);
  std::filesystem::remove_all(lab);
  EXPECT_EQ(exec({.directory = lab, .host = "alpha", .command = {"true"}}), 0);
  std::filesystem::current_path(place_.path());
  EXPECT_EQ(say(lab_down, {.directory = "one"}).out, "The lab of " + lab + " is down.\n");
  std::filesystem::current_path("/");
}

}  // namespace

}  // namespace ovl::test
