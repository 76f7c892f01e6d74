// --events, on a store of its own and in a lab: what is told, in which order, and to whom that does not
// listen.
#include <fstream>
#include <map>
#include <regex>

#include "tests/cluster/lab_rig.hpp"
#include "tests/support/process.hpp"
#include "tests/support/schema_check.hpp"

namespace ovl {

namespace {

std::string manifest(const std::string& store, std::size_t networks, const std::string& more = {}) {
  std::string out = "[cluster]\nname = \"told\"\n[keystore]\nurl = \"sqlite://" + store +
                    "\"\n[host.left]\nadvertise = \"192.0.2.1\"\n" + more;
  for (std::size_t i = 0; i < networks; ++i) {
    out += "[network.n" + std::to_string(i) + "]\nsubnet = \"10." + std::to_string(i / 250) + "." +
           std::to_string(i % 250) + ".0/24\"\n";
  }
  return out;
}

std::string checked(const std::string& files, int code = 0) {
  const Ran ran = shell("/usr/bin/python3 " OVL_SOURCE_DIR "/tests/support/check_events.py " OVL_SOURCE_DIR
                        "/docs/schemas/event.schema.json " +
                        files);
  EXPECT_EQ(ran.code, code) << ran.out;
  return ran.out;
}

class Events : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::has_schema_validator()) GTEST_SKIP() << "needs python3-jsonschema";
  }

  void write(std::size_t networks, const std::string& more = {}) const {
    test::write_file(file("ovl.toml"), manifest(file("store.db"), networks, more));
  }

  // In the test's directory; $ovl is the binary, in cluster scope all the way.
  [[nodiscard]] Ran run(const std::string& command) const {
    test::write_file(file("ovl"),
                     "#!/bin/sh\nverb=$1\nshift\nexec " OVL_BINARY " \"$verb\" --scope cluster \"$@\"\n");
    return shell("cd " + directory_.path() + " && chmod +x ovl && ovl=./ovl; " + command);
  }

  [[nodiscard]] std::string file(const std::string& name) const { return directory_.file(name); }

  test::TemporaryDirectory directory_;
};

class EventsOfALab : public LabRig {};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_F(Events, TellAnApplyFromVersionToSummary) {
  write(2);
  ASSERT_EQ(run("$ovl apply --auto-approve --events first").code, 0);
  ASSERT_EQ(run("$ovl apply --auto-approve --events second").code, 0);
  write(1, "[network.big]\nsubnet = \"10.99.0.0/24\"\n");
  ASSERT_EQ(run("$ovl plan --out saved >&2 && $ovl apply --events third saved").code, 0);
  ASSERT_EQ(run("$ovl destroy --auto-approve --events fourth").code, 0);
  const std::string types =
      checked(file("first") + " " + file("second") + " " + file("third") + " " + file("fourth"));
  EXPECT_TRUE(has(types, "types: apply_complete apply_start change_summary planned_change summary version"))
      << types;
  const std::string first = test::read_file(file("first"));
  EXPECT_TRUE(has(first, "\"addr\":\"network.n1\"")) << first;
  EXPECT_TRUE(has(first, "\"name\":\"write records\"")) << first;
  EXPECT_TRUE(has(first, "\"generation\":1,\"result\":\"applied\"")) << first;
  EXPECT_TRUE(has(test::read_file(file("second")), "\"result\":\"unchanged\""));
  EXPECT_TRUE(has(test::read_file(file("third")), "\"action\":\"remove\""));
  EXPECT_TRUE(has(test::read_file(file("fourth")), "\"operation\":\"destroy\""));
}

TEST_F(Events, TellWhyItFailed) {
  write(3);
  ASSERT_EQ(run("$ovl apply --auto-approve").code, 0);
  write(0);
  EXPECT_EQ(run("$ovl apply --auto-approve --events refused").code, 12);
  write(0, "[network.x]\nvni = 0\n");
  EXPECT_EQ(run("$ovl apply --auto-approve --events invalid").code, 13);
  write(0,
        "[network.one]\nsubnet = \"10.0.9.0/30\"\n[endpoint.a]\nhost = \"left\"\nnetwork = \"one\"\n"
        "[endpoint.b]\nhost = \"left\"\nnetwork = \"one\"\n");
  EXPECT_EQ(run("$ovl apply --auto-approve --events full").code, 13);
  test::write_file(file("ovl.toml"), manifest("/proc/nowhere/store.db", 1));
  EXPECT_NE(run("$ovl apply --auto-approve --events unreachable").code, 0);
  EXPECT_NE(run("$ovl apply --events nobody --cluster none nosuch.plan").code, 0);
  std::string files;
  for (const char* name : {"refused", "invalid", "full", "unreachable", "nobody"}) files += file(name) + " ";
  checked(files);
  const std::string refused = test::read_file(file("refused"));
  EXPECT_TRUE(has(refused, "\"id\":\"max-destroy\"")) << refused;
  EXPECT_TRUE(has(refused, "\"exit_code\":12")) << refused;
  EXPECT_TRUE(has(refused, "\"result\":\"failed\"")) << refused;
  EXPECT_TRUE(has(test::read_file(file("invalid")), "\"id\":\"invalid-value\""))
      << test::read_file(file("invalid"));
  EXPECT_TRUE(has(test::read_file(file("full")), "\"id\":\"subnet-full\"")) << test::read_file(file("full"));
}

TEST_F(Events, GoWhereTheyAreSentAndStdoutIsTheirsAlone) {
  write(1);
  ASSERT_EQ(run("$ovl apply --auto-approve --events - >out 2>err").code, 0);
  checked(file("out"));
  EXPECT_TRUE(has(test::read_file(file("err")), "Apply complete")) << "people read stderr then";
  ASSERT_EQ(run("$ovl destroy --auto-approve --events /dev/fd/5 5>fd5 >out").code, 0);
  checked(file("fd5"));
  EXPECT_TRUE(has(test::read_file(file("out")), "Destroy complete"));
  ASSERT_EQ(run("mkfifo fifo; cat fifo >read & $ovl apply --auto-approve --events fifo && wait").code, 0);
  checked(file("read"));
  EXPECT_EQ(run("$ovl apply --auto-approve --events /proc/nowhere/x").code, 1);
  const Ran both = run("$ovl apply --auto-approve --events - --json");
  EXPECT_EQ(both.code, 1) << both.out;
  EXPECT_TRUE(both.has("--events FILE")) << both.out;
}

TEST_F(Events, AReaderThatGoesDoesNotEndTheApply) {
  write(50);
  const Ran ran = run("{ $ovl apply --auto-approve --events -; echo code $? >&2; } | head -c 1 >first");
  EXPECT_TRUE(ran.has("code 0")) << ran.out;
  EXPECT_TRUE(ran.has("Generation 1")) << ran.out;
  EXPECT_TRUE(ran.has("not all events were told: Broken pipe")) << ran.out;
  EXPECT_TRUE(run("$ovl plan").has("No changes."));
}

// A pipe holds 64 KiB; more than that is told here.
TEST_F(Events, AReaderThatStallsIsGivenUp) {
  write(700);
  const Ran ran =
      run("mkfifo fifo; exec 7<>fifo; $ovl apply --auto-approve --events fifo >/dev/null; echo code $?");
  EXPECT_TRUE(ran.has("code 0")) << ran.out;
  EXPECT_TRUE(ran.has("not all events were told: its reader takes nothing")) << ran.out;
}

// A remote endpoint is a neighbour and a forwarding entry.
TEST_F(EventsOfALab, SayHowFarALongStepIs) {
  if (!test::has_schema_validator()) GTEST_SKIP() << "needs python3-jsonschema";
  std::string manifest =
      "[cluster]\nname = \"told\"\n[keystore]\nurl = \"sqlite:///var/lib/ovl/keystore.db\"\n"
      "[host.told0]\nadvertise = \"192.168.77.11\"\n[host.told1]\nadvertise = "
      "\"192.168.77.12\"\n[host.told2]\n"
      "advertise = \"192.168.77.13\"\n"
      "[network.wide]\nsubnet = \"10.61.0.0/16\"\n[endpoint.here]\nnetwork = \"wide\"\nhost = \"told0\"\n";
  for (int i = 0; i < 1'100; ++i) {
    manifest += "[endpoint.e" + std::to_string(i) + "]\nnetwork = \"wide\"\nhost = \"told" +
                (i % 2 == 0 ? "1" : "2") + "\"\n";
  }
  up(manifest);
  ASSERT_EQ(on("told0", "ovl apply --auto-approve --events long").code, 0);
  const std::string types = checked(directory() + "/long");
  EXPECT_TRUE(has(types, "apply_progress")) << types;
  EXPECT_TRUE(has(test::read_file(directory() + "/long"), "\"done\":1000,")) << "of 1,100 neighbours";
}

TEST_F(EventsOfALab, ATerminalSaysHowFarALongApplyIs) {
  const auto shown = [&](const std::string& environment, int endpoints) {
    std::string manifest =
        "[cluster]\nname = \"told\"\n[keystore]\nurl = \"sqlite:///var/lib/ovl/keystore.db\"\n"
        "[host.told0]\nadvertise = \"192.168.77.11\"\n[network.wide]\nsubnet = \"10.61.0.0/16\"\n";
    for (int i = 0; i < endpoints; ++i)
      manifest += "[endpoint.e" + std::to_string(i) + "]\nnetwork = \"wide\"\nhost = \"told0\"\n";
    endpoints == 1 ? up(manifest) : write(manifest);
    const Ran ran = on("told0", "env -u CI -u OVL_IN_AUTOMATION " + environment +
                                    " /usr/bin/python3 " OVL_SOURCE_DIR
                                    "/tests/support/slow_terminal.py ovl apply --auto-approve");
    EXPECT_EQ(ran.code, 0) << ran.out;
    return ran.out;
  };
  const std::string line = shown("", 1);
  EXPECT_TRUE(has(line, R"(\r\x1b[Kovl: set namespaces 2/2, 1 s)")) << line;
  EXPECT_TRUE(line.ends_with("\\r\\x1b[K'\n")) << "erased at the end: " << line;
  EXPECT_EQ(shown("OVL_IN_AUTOMATION=1", 2), "''\n");
  EXPECT_EQ(shown("CI=true", 3), "''\n");
}

TEST_F(EventsOfALab, NameTheStepsOnAHostAndTheOneThatFailed) {
  if (!test::has_schema_validator()) GTEST_SKIP() << "needs python3-jsonschema";
  up("[cluster]\nname = \"told\"\n[keystore]\nurl = \"sqlite:///var/lib/ovl/keystore.db\"\n[host.told0]\n"
     "advertise = \"192.168.77.11\"\n[network.blue]\n[endpoint.web]\nnetwork = \"blue\"\nhost = \"told0\"\n");
  ASSERT_EQ(on("told0", "ovl apply --auto-approve --events good").code, 0);
  const std::string good = test::read_file(directory() + "/good");
  for (const char* step : {"set namespaces", "set filters", "create links", "set names", "verify"}) {
    EXPECT_TRUE(has(good, "\"name\":\"" + std::string(step) + "\"")) << step;
  }
  EXPECT_TRUE(has(good, "\"addr\":\"link.web[\\\"eth0\\\"]\"")) << good;
  // Names are files in /etc/netns: where none can be made, that step fails.
  ASSERT_EQ(on("told0", "ovl destroy --auto-approve && mount -t tmpfs -o nr_inodes=1 none /etc/netns").code,
            0);
  EXPECT_EQ(on("told0", "ovl apply --auto-approve --events bad").code, 1);
  const std::string bad = test::read_file(directory() + "/bad");
  EXPECT_TRUE(std::regex_search(bad, std::regex(R"("name":"set names"[^\n]*"type":"apply_errored")"))) << bad;
  const std::string types = checked(directory() + "/good " + directory() + "/bad");
  EXPECT_TRUE(has(types, "apply_errored")) << types;
  EXPECT_TRUE(has(types, "diagnostic")) << types;
}

}  // namespace ovl
