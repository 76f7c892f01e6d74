// --format, as pipelines use it: what ends a command is told in the format too, and exit codes stay. On
// stores of its own and without a lab; and plans of a lab, read by a program made for Terraform's.
#include <filesystem>
#include <fstream>

#include "tests/cluster/lab_rig.hpp"
#include "tests/support/format_readers.hpp"
#include "tests/support/schema_check.hpp"

namespace ovl {

namespace {

const std::vector<std::string> kFormats = {"json", "markdown", "github", "sarif", "junit", "gitlab"};

class Formats : public ::testing::Test {
 protected:
  void write(const std::string& blocks, const std::string& place = ".") const {
    std::filesystem::create_directories(directory_.file(place));
    test::write_file(directory_.file(place) + "/ovl.toml",
                     "[cluster]\nname = \"formats\"\n[keystore]\nurl = \"sqlite://" +
                         directory_.file("keystore.db") + "\"\n[host.left]\nadvertise = \"192.0.2.1\"\n" +
                         blocks);
  }

  // stdout alone is in .out.
  [[nodiscard]] Ran ovl(const std::string& arguments, const std::string& place = ".",
                        const std::string& environment = {}) const {
    const std::string verb = arguments.substr(0, arguments.find(' '));
    const bool has_scope = verb == "plan" || verb == "apply" || verb == "destroy";
    return shell("cd " + directory_.file(place) + " && " + environment + " " OVL_BINARY " " + arguments +
                 (has_scope ? " --scope cluster" : "") + " 2>/dev/null");
  }

  // The command ends with that code in every format, and each document is one.
  void ends_with(int code, const std::string& command, const std::string& told) const {
    for (const std::string& format : kFormats) {
      if (format == "gitlab" && command.starts_with("validate")) continue;
      const Ran ran = ovl(command + " --format " + format);
      EXPECT_EQ(ran.code, code) << command << " " << format << "\n" << ran.out;
      EXPECT_TRUE(format == "gitlab" ? ran.out == "{}\n" : ran.has(told)) << format << "\n" << ran.out;
      if (format == "markdown" || format == "sarif" || format == "junit")
        test::expect_read(format, {ran.out});
      if (format == "json" && !command.starts_with("validate")) fits(ran.out);
    }
  }

  static void fits(const std::string& document) {
    if (!test::has_schema_validator()) GTEST_SKIP() << "needs python3-jsonschema";
    const test::TemporaryDirectory out;
    test::write_file(out.file("failure"), document);
    test::expect_fits("failure", {out.file("failure")}, true);
  }

  test::TemporaryDirectory directory_;
};

class FormatsOfALab : public LabRig {};

}  // namespace

TEST_F(Formats, TellAnInvalidManifest) {
  write("[network.x]\nvni = 0\n");
  for (const std::string command : {"validate", "plan", "apply --auto-approve", "destroy --auto-approve"}) {
    if (command.starts_with("destroy")) continue;
    ends_with(13, command, "invalid-value");
  }
  EXPECT_TRUE(
      ovl("plan --format github").has("::error file=ovl.toml,line=8,col=7,endColumn=8,title=invalid-value::"))
      << ovl("plan --format github").out;
}

TEST_F(Formats, TellWhatCanNotBeChosen) {
  write(
      "[network.one]\nsubnet = \"10.0.9.0/30\"\n[endpoint.a]\nhost = \"left\"\nnetwork = \"one\"\n"
      "[endpoint.b]\nhost = \"left\"\nnetwork = \"one\"\n");
  ends_with(13, "plan", "subnet-full");
  ends_with(13, "apply --auto-approve", "subnet-full");
}

TEST_F(Formats, TellWhatEndsACommand) {
  write("");
  ends_with(1, "plan --target endpoint.nobody", "endpoint.nobody");
  ends_with(16, "plan --keystore consul://127.0.0.1:1 --timeout 200ms", "unreachable");
  ends_with(1, "validate none", "not-found");
}

TEST_F(Formats, TellWhatIsRefusedAndWhere) {
  write("[network.a]\nprotect = true\n[network.b]\n[network.c]\n");
  ASSERT_EQ(ovl("apply --auto-approve").code, 0);
  write("[network.c]\n");
  for (const std::string command : {"plan", "apply --auto-approve"}) {
    for (const std::string& format : kFormats) {
      const Ran ran = ovl(command + " --format " + format);
      EXPECT_EQ(ran.code, 12) << ran.out;
      EXPECT_TRUE(format == "gitlab" || ran.has("protected")) << ran.out;
    }
  }
  const Ran many = ovl("plan --format github --max-destroy 1");
  EXPECT_TRUE(many.has("::error file=ovl.toml,line=2,")) << "max-destroy is of the cluster\n" << many.out;
}

TEST_F(Formats, NameFilesFromTheCheckout) {
  write("[network.x]\nvni = 0\n", "infra/net");
  const auto file = [&](const std::string& environment, const std::string& arguments = "plan") {
    const std::string out = ovl(arguments + " --format github", "infra/net", environment).out;
    const auto at = out.find("file=");
    return out.substr(at, out.find(',', at) - at);
  };
  EXPECT_EQ(file(""), "file=ovl.toml");
  EXPECT_EQ(file("GITHUB_WORKSPACE=" + directory_.path()), "file=infra/net/ovl.toml");
  EXPECT_EQ(file("CI_PROJECT_DIR=" + directory_.file("infra")), "file=net/ovl.toml");
  EXPECT_EQ(file("CI_PROJECT_DIR=" + directory_.file("none")), "file=ovl.toml");
  EXPECT_EQ(file("GITHUB_WORKSPACE=" + directory_.path(), "validate ../net"), "file=infra/net/ovl.toml");
  EXPECT_EQ(file("GITHUB_WORKSPACE=" + directory_.path(), "validate " + directory_.file("infra")),
            "file=infra/net/ovl.toml");
}

// A revision's files are named from its root, wherever one stands.
TEST_F(Formats, NameFilesOfARevisionFromItsRoot) {
  write("[network.x]\nprotect = true\n", "infra/net");
  const std::string git =
      "git -c user.name=a -c user.email=a@b -c commit.gpgsign=false -c init.defaultBranch=main ";
  const auto commit = [&] {
    return shell("cd " + directory_.path() + " && " + git + "init -q . && git add infra && " + git +
                 "commit -qm x");
  };
  ASSERT_EQ(commit().code, 0);
  const std::string ci =
      "GITHUB_WORKSPACE=" + directory_.path() + " OVL_KEYSTORE=sqlite://" + directory_.file("keystore.db");
  const Ran applied = ovl("apply --ref HEAD --auto-approve --format github", "infra/net", ci);
  ASSERT_EQ(applied.code, 0) << applied.out;
  write("[network.x]\nvni = 0\n", "infra/net");
  ASSERT_EQ(commit().code, 0);
  for (const std::string verb : {"plan", "validate"}) {
    const Ran ran = ovl(verb + " --ref HEAD --format github", "infra/net", ci);
    EXPECT_EQ(ran.code, 13) << ran.out;
    EXPECT_TRUE(ran.has("::error file=infra/net/ovl.toml,line=8,")) << ran.out;
  }
}

TEST_F(Formats, OfAnApplyIsThatOfItsPlanAndAsksNobody) {
  write("[network.a]\n");
  const Ran asked =
      shell("cd " + directory_.path() + " && " OVL_BINARY " apply --scope cluster --format markdown");
  EXPECT_EQ(asked.code, 1);
  EXPECT_TRUE(asked.has("nobody is asked in a format for programs")) << asked.out;
  ASSERT_EQ(ovl("plan --out saved").code, 0);
  const Ran applied = ovl("apply --format gitlab saved");
  EXPECT_EQ(applied.code, 0);
  EXPECT_EQ(applied.out, "{\"create\":2,\"update\":0,\"delete\":0}\n");
  EXPECT_EQ(ovl("apply --format gitlab").out, "{\"create\":0,\"update\":0,\"delete\":0}\n");
  EXPECT_TRUE(ovl("graph --format mermaid").has("flowchart")) << ovl("graph --format mermaid").out;
  EXPECT_TRUE(ovl("plan --json --format markdown").has("\"format_version\": \"1.2\"")) << "--json wins";
  EXPECT_EQ(ovl("plan --format csv").code, 1);
  EXPECT_EQ(ovl("validate --format gitlab").code, 1);
}

TEST_F(FormatsOfALab, APlanIsReadAsTerraforms) {
  const std::string hosts =
      "[cluster]\nname = \"read\"\n[keystore]\nurl = \"sqlite:///var/lib/ovl/keystore.db\"\n"
      "[host.reader]\nadvertise = \"192.168.78.11\"\n";
  up(hosts + "[network.one]\n[network.two]\n[endpoint.web]\nnetwork = \"one\"\nhost = \"reader\"\n");
  std::vector<std::string> plans;
  const auto plan = [&](const std::string& options = {}) {
    plans.push_back(on("reader", "ovl plan --json " + options + " 2>/dev/null").out);
  };
  plan();
  apply("reader");
  plan();
  ASSERT_EQ(on("reader",
               "ip netns exec ovl-one ip link set vxlan0 mtu 1300; ip netns exec ovl-one bridge fdb add "
               "02:00:00:00:00:09 dev vxlan0 dst 192.168.78.9")
                .code,
            0);
  plan();
  plan("--refresh-only");
  plan("--destroy");
  plan("--replace 'link.ovl-one[vxlan0]'");
  write(hosts +
        "[network.one]\nmtu = 1300\n[endpoint.web]\nnetwork = \"one\"\nhost = \"reader\"\n[[moved]]\n"
        "from = \"network.two\"\nto = \"network.three\"\n[network.three]\n");
  plan();
  test::expect_read("terraform", plans);
}

}  // namespace ovl
