#include "cmd/verbs/validate.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "cmd/session/machine.hpp"
#include "cmd/verbs/init.hpp"
#include "model/base/value.hpp"
#include "reconcile/toml/format_toml.hpp"
#include "tests/support/process.hpp"
#include "tests/support/shell.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

// A folder of its own, in which the test stands.
class ValidateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "ovl-validate-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    before_ = fs::current_path();
    fs::current_path(root_);
  }

  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(root_);
  }

  static void write(const fs::path& path, std::string_view text) {
    if (path.has_parent_path()) fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }

  int run(const ValidateOptions& options = {}) {
    out_.str("");
    err_.str("");
    return validate(options, out_, err_);
  }

  int run_init(const InitOptions& options = {}) {
    out_.str("");
    err_.str("");
    return init(options, out_, err_);
  }

  // That of the first host.
  static std::string address_in(const std::string& text) {
    const auto begin = text.find("advertise = \"") + 13;
    return text.substr(begin, text.find('"', begin) - begin);
  }

  fs::path root_;
  fs::path before_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(ValidateTest, CountsWhatIsValid) {
  write("ovl.toml", "[cluster]\nname = \"demo\"\n[network.a]\n[network.b]\n[host.a]\nadvertise = \"eth0\"\n");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(out_.str(), "ovl.toml: valid: 1 host, 2 networks, 0 endpoints\n");
  EXPECT_EQ(err_.str(), "");
}

TEST_F(ValidateTest, ShowsAllErrors) {
  write("ovl.toml", "[cluster]\nname = 5\n[network.a]\nvni = 0\n");
  EXPECT_EQ(run(), 13);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(),
            "ovl.toml:2:8: error: \"name\" takes a name, but this is a whole number [wrong-type]\n"
            "    2 | name = 5\n"
            "      |        ^\n"
            "hint: write it like name = \"demo\"\n"
            "\n"
            "ovl.toml:4:7: error: 0 is no VNI [invalid-value]\n"
            "    4 | vni = 0\n"
            "      |       ^\n"
            "hint: use 1 to 16777215\n"
            "\n"
            "ovl.toml: invalid: 2 errors\n");
}

TEST_F(ValidateTest, StopsShowingAfterAHundred) {
  std::string text = "[cluster]\nname = \"demo\"\n";
  for (int i = 0; i < 150; ++i) text += "[network.n" + std::to_string(i) + "]\nvni = 0\n";
  write("ovl.toml", text);
  EXPECT_EQ(run(), 13);
  EXPECT_NE(err_.str().find("... and 50 more\novl.toml: invalid: 150 errors\n"), std::string::npos);
}

TEST_F(ValidateTest, NamesADirectoryAsGiven) {
  write("infra/a.toml", "[cluster]\nname = \"demo\"\n");
  write("infra/b.toml", "[network.a]\n");
  EXPECT_EQ(run({.path = "infra"}), 0);
  EXPECT_EQ(out_.str(), "infra: valid: 0 hosts, 1 network, 0 endpoints\n");
  fs::current_path("infra");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(out_.str(), "2 files: valid: 0 hosts, 1 network, 0 endpoints\n");
}

TEST_F(ValidateTest, JsonIsOneObjectOnOut) {
  write("ovl.toml", "[cluster]\nname = 5\n");
  EXPECT_EQ(run({.json = true}), 13);
  EXPECT_EQ(err_.str(), "");
  const auto verdict = Value::parse_json(out_.str());
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(*verdict.value().find("valid"), Value(false));
  const Value& finding = verdict.value().find("diagnostics")->as_array()->at(0);
  EXPECT_EQ(*finding.find("id"), Value("wrong-type"));
  EXPECT_EQ(*finding.find("line"), Value(2));
  EXPECT_EQ(*finding.find("file"), Value("ovl.toml"));
}

TEST_F(ValidateTest, FormatsForServicesGoToOutAndWordsToErr) {
  write("ovl.toml", "[cluster]\nname = 5\n");
  for (const char* format : {"markdown", "github", "sarif", "junit"}) {
    EXPECT_EQ(run({.format = format}), 13);
    EXPECT_NE(out_.str().find("wrong-type"), std::string::npos) << format;
    EXPECT_NE(err_.str().find("ovl.toml: invalid: 1 error\n"), std::string::npos) << format;
  }
}

TEST_F(ValidateTest, NothingToRead) {
  EXPECT_EQ(run(), 1);
  EXPECT_EQ(err_.str(),
            "ovl: no manifest here: neither ovl.toml nor any other *.toml [not-found]\nhint: ovl init writes "
            "a first "
            "manifest\n");
}

TEST_F(ValidateTest, LinkInADirectoryIsAnInvalidManifest) {
  write("infra/a.toml", "");
  fs::create_symlink("a.toml", "infra/b.toml");
  EXPECT_EQ(run({.path = "infra"}), 13);
}

TEST_F(ValidateTest, EveryExampleIsValid) {
  std::size_t examples = 0;
  for (const auto& entry : fs::directory_iterator(OVL_SOURCE_DIR "/examples")) {
    if (!entry.is_directory()) continue;
    EXPECT_EQ(run({.path = entry.path().string()}), 0) << err_.str();
    ++examples;
  }
  EXPECT_GT(examples, 0U);
}

TEST_F(ValidateTest, InitWritesAManifestThatIsValid) {
  ::unsetenv("CI");
  ::unsetenv("OVL_IN_AUTOMATION");
  EXPECT_EQ(run_init(), 0);
  EXPECT_EQ(out_.str(), "wrote ovl.toml\nnext: edit it, then ovl validate and ovl plan\n");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(out_.str(), "ovl.toml: valid: 1 host, 1 network, 2 endpoints\n");
}

TEST_F(ValidateTest, InitWritesWhatFmtLeavesAsItIs) {
  for (const StarterHost& host : {StarterHost{}, StarterHost{.name = "a-long-name", .address = "10.1.1.1"}}) {
    const std::string text = starter_manifest(host);
    EXPECT_EQ(format_toml(text), text);
    EXPECT_NE(text.find("\n[host." + host.name + "]\nadvertise = \"" + host.address + "\" "),
              std::string::npos);
  }
}

// Else its own plan would say that this machine is none of the declared hosts.
TEST_F(ValidateTest, InitWritesThisMachineAsItsHost) {
  EXPECT_EQ(run_init(), 0);
  const std::string text = test::read_file("ovl.toml");
  const std::string full = host_name();
  const auto name = HostName::parse(full.substr(0, full.find('.')));
  EXPECT_EQ(text, starter_manifest({.name = name.ok() ? name.value().text() : StarterHost().name,
                                    .address = address_in(text)}));
  const std::vector<std::string> addresses = this_machine().addresses;
  const bool own = std::ranges::find(addresses, address_in(text)) != addresses.end();
  EXPECT_TRUE(own || address_in(text) == StarterHost().address) << text;
  EXPECT_FALSE(address_in(text).starts_with("127.")) << text;
}

// On a machine that is called as no host may be, and that IPv6 alone reaches, beside one of its own bridges.
TEST_F(ValidateTest, InitKnowsWhatCantBeAHostsAndTheWayOut) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto init = [this](const std::string& name, const std::string& addresses) {
    fs::remove("ovl.toml");
    const std::string machine = "hostname " + name +
                                "; ip link set lo up; ip link add e0 type veth peer name e1; "
                                "ip link add b0 type bridge; ip link set b0 up; ip link set e1 up; "
                                "ip link set e0 up; " +
                                addresses + "; " OVL_BINARY " init 2>&1 && " OVL_BINARY " validate";
    const auto ran = test::run_shell("unshare -n -u sh -c '" + machine + "'");
    EXPECT_TRUE(ran.ok) << name << ": " << ran.out;
    return ran.out;
  };
  for (const char* name : {"localhost", "outside", "ovl-1"}) {
    const std::string said = init(name, "ip addr add 2001:db8::5/64 dev e0 nodad");
    EXPECT_NE(said.find("can\'t be a host\'s: say --host node-a\n"), std::string::npos) << said;
    const std::string text = test::read_file("ovl.toml");
    EXPECT_NE(text.find("[host.node-a]\nadvertise = \"2001:db8::5\""), std::string::npos) << text;
  }
  init("left",
       "ip addr add 172.17.0.1/16 dev b0; ip addr add 192.0.2.9/32 dev lo; ip addr add 192.0.2.7/24 dev e0; "
       "ip route add default via 192.0.2.1");
  EXPECT_EQ(address_in(test::read_file("ovl.toml")), "192.0.2.7");
  EXPECT_NE(init("none", "true").find("no address yet that others reach: 192.168.50.10 stands for it"),
            std::string::npos);
}

TEST_F(ValidateTest, InitOfNoNameIsRefused) {
  EXPECT_EQ(run_init({.directory = ""}), 1);
  EXPECT_EQ(err_.str(),
            "ovl: the directory has no name [usage]\n"
            "hint: name one, or leave it out for the one you stand in\n");
}

TEST_F(ValidateTest, InitSaysNothingOfWhatIsNextToAScript) {
  ::setenv("OVL_IN_AUTOMATION", "1", 1);
  EXPECT_EQ(run_init(), 0);
  ::unsetenv("OVL_IN_AUTOMATION");
  EXPECT_EQ(out_.str(), "wrote ovl.toml\n");
}

TEST_F(ValidateTest, InitDoesNotOverwrite) {
  write("ovl.toml", "mine");
  EXPECT_EQ(run_init(), 1);
  EXPECT_EQ(err_.str(),
            "ovl: ovl.toml is there already; nothing was written [io]\nhint: ovl validate checks it\n");
  std::ifstream file("ovl.toml");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "mine");
}

TEST_F(ValidateTest, InitDoesNotFollowALink) {
  fs::create_symlink("elsewhere", "ovl.toml");
  EXPECT_EQ(run_init(), 1);
  EXPECT_FALSE(fs::exists("elsewhere"));
}

TEST_F(ValidateTest, InitMakesItsDirectory) {
  EXPECT_EQ(run_init({.directory = "new/net"}), 0);
  EXPECT_EQ(run({.path = "new/net"}), 0);
  write("plain", "");
  EXPECT_EQ(run_init({.directory = "plain"}), 1);
  EXPECT_EQ(
      err_.str(),
      "ovl: writing plain/ovl.toml: Not a directory [io]\nhint: look at the path: does it exist, who may "
      "read it, is the disk full\n");
}

}  // namespace

}  // namespace ovl
