// What a TAB offers, and the man pages: both are the command tree in other words.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>

#include "cmd/cli/cli.hpp"
#include "cmd/help/complete.hpp"
#include "cmd/help/man_page.hpp"
#include "tests/support/process.hpp"

namespace ovl {

namespace {

using Words = std::vector<std::string>;

Words offered(const Words& line) {
  Words out;
  for (const Candidate& candidate : complete(command_tree(), line).candidates) out.push_back(candidate.text);
  return out;
}

bool has(const Words& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

// The exit code of a shell command; 127 when the program is not there.
int run(const std::string& command) {
  const int status = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST(Completion, OffersVerbsAndNoHiddenOnes) {
  const Words verbs = offered({""});
  for (const char* verb : {"plan", "apply", "network", "keystore", "completion"})
    EXPECT_TRUE(has(verbs, verb)) << verb;
  EXPECT_FALSE(has(verbs, "__complete"));
  EXPECT_EQ(offered({"pl"}), Words{"plan"});
}

TEST(Completion, OffersOptionsOfTheVerbAndGlobalOnes) {
  const Words options = offered({"apply", "--"});
  EXPECT_TRUE(has(options, "--auto-approve"));
  EXPECT_TRUE(has(options, "--verbose"));
  EXPECT_FALSE(has(offered({"plan", "--"}), "--auto-approve"));
}

TEST(Completion, OffersWordsOfAnOption) {
  EXPECT_EQ(offered({"plan", "--scope", ""}), (Words{"all", "cluster", "host"}));
  EXPECT_EQ(offered({"plan", "--scope", "h"}), Words{"host"});
  EXPECT_EQ(offered({"plan", "--format", "g"}), (Words{"github", "gitlab"}));
  EXPECT_EQ(offered({"validate", "--format", "g"}), Words{"github"});
  EXPECT_EQ(offered({"graph", "--format", ""}), (Words{"dot", "mermaid", "svg"}));
  EXPECT_TRUE(complete(command_tree(), Words{"plan", "--out", ""}).files);
  EXPECT_TRUE(has(offered({"plan", "--scope", "host", "--"}), "--host"));
}

// bash has what stands around "=" as words of their own, other shells all of it as one.
TEST(Completion, OffersWordsBehindAnEqualsSign) {
  EXPECT_EQ(offered({"plan", "--scope", "=", "h"}), Words{"host"});
  EXPECT_EQ(offered({"plan", "--scope", "="}), (Words{"all", "cluster", "host"}));
  EXPECT_EQ(offered({"plan", "--scope=h"}), Words{"--scope=host"});
  EXPECT_EQ(complete(command_tree(), Words{"plan", "--target", "=", "end"}).live, "address");
  const Completion one_word = complete(command_tree(), Words{"plan", "--target=end"});
  EXPECT_EQ(one_word.live + one_word.before + one_word.begun, "address--target=end");
  EXPECT_EQ(offered({"plan", "--scope", "=", "host", "--for"}), Words{"--format"});
}

TEST(Completion, OffersCommandsBehindHelp) {
  EXPECT_EQ(offered({"help", "network", ""}), (Words{"ls", "inspect"}));
  EXPECT_EQ(offered({"help", "--all", "keystore", "c"}), (Words{"copy", "check"}));
  EXPECT_TRUE(offered({"help", "plan", ""}).empty());
}

TEST(Completion, AsksForNamesOfTheRightKind) {
  const auto live = [](const Words& line) { return complete(command_tree(), line).live; };
  EXPECT_EQ(live({"network", "inspect", ""}), "network");
  EXPECT_EQ(live({"endpoint", "inspect", "w"}), "endpoint");
  EXPECT_EQ(live({"exec", ""}), "endpoint");
  EXPECT_EQ(live({"host", "forget", ""}), "host");
  EXPECT_EQ(live({"plan", "--host", ""}), "host");
  EXPECT_EQ(live({"plan", ""}), "");
  EXPECT_EQ(live({"apply", "--target", ""}), "address");
  EXPECT_EQ(live({"state", "rm", ""}), "state");
  EXPECT_EQ(live({"endpoint", "ls", "-l", ""}), "label");
  EXPECT_EQ(live({"plan", "--ref", ""}), "ref");
  EXPECT_EQ(live({"diff", ""}), "ref");
  EXPECT_TRUE(has(offered({"hook", "install", ""}), "pre-receive"));
}

TEST(Completion, OffersBranchesVerbsAndKeys) {
  const test::TemporaryDirectory directory;
  const auto ask = [&](const std::string& line) {
    const std::string out = directory.file("out");
    EXPECT_EQ(
        run("cd " + directory.path() + " && HOME=. " + OVL_BINARY + " __complete -- " + line + " >" + out),
        0);
    return text_of(out);
  };
  ASSERT_EQ(run("cd " + directory.path() +
                " && git init -q -b trunk . && git -c user.name=n -c user.email=e commit -q --allow-empty -m "
                "m && git "
                "tag v1"),
            0);
  EXPECT_EQ(ask("plan --ref ''"), "trunk\nv1\n");
  EXPECT_EQ(ask("help expl"), "explain\n");
  EXPECT_EQ(ask("explain network.vn"), "network.vni\n");
}

TEST(Completion, LeavesSomebodyElsesCommandLineToFiles) {
  const Completion behind = complete(command_tree(), Words{"exec", "web", "--", "ls", "--"});
  EXPECT_TRUE(behind.candidates.empty());
  EXPECT_TRUE(behind.files);
}

TEST(Completion, WorksInBash) {
  const test::TemporaryDirectory directory;
  const std::string out = directory.file("out");
  const std::string ovl = OVL_BINARY;
  const std::string script = "bash --norc -c '. <(" + ovl + " completion bash); COMP_WORDS=(" + ovl +
                             " keystore ex); COMP_CWORD=2; _ovl; printf \"%s\\n\" \"${COMPREPLY[@]}\" >" +
                             out + "'";
  ASSERT_EQ(run(script), 0);
  EXPECT_EQ(text_of(out), "export\n");
}

TEST(Completion, WorksInFish) {
  const test::TemporaryDirectory directory;
  const std::string out = directory.file("out");
  const std::string folder = std::filesystem::path(OVL_BINARY).parent_path().string();
  const int code = run(
      "command -v fish >/dev/null || exit 127; env HOME=" + directory.path() + " PATH=" + folder +
      ":$PATH fish --no-config -c 'ovl completion fish | source; complete -C \"ovl keystore ex\"' >" + out);
  if (code == 127) GTEST_SKIP() << "needs fish";
  EXPECT_TRUE(text_of(out).starts_with("export\t")) << text_of(out);
}

TEST(Completion, IsReadByZsh) {
  const std::string script = std::string(OVL_BINARY) + " completion zsh";
  const int code = run("command -v zsh >/dev/null || exit 127; " + script + " | zsh -n /dev/stdin");
  if (code == 127) GTEST_SKIP() << "needs zsh";
  EXPECT_EQ(code, 0);
}

TEST(ManPages, SayEveryOption) {
  const CommandInfo root = command_tree();
  const std::string page = verb_page(root, *root.command("apply"));
  EXPECT_NE(page.find(".TP\n\\fB\\-\\-auto\\-approve\\fR\nDo not ask.\n.TP\n"), std::string::npos) << page;
  EXPECT_NE(page.find("\nEnvironment: OVL_HOST.\n"), std::string::npos) << page;
  EXPECT_NE(page.find("Default: all."), std::string::npos);
  for (const char* title : {"DESCRIPTION", "FILES", "EXAMPLES", "SEE ALSO"}) {
    EXPECT_NE(page.find(".SH " + std::string(title) + "\n"), std::string::npos) << title;
  }
  EXPECT_NE(page.find(".BR ovl\\-destroy (1)"), std::string::npos);
  EXPECT_NE(manifest_page().find("\\fBvni\\fR = "), std::string::npos);
  EXPECT_NE(policy_page().find("\\fBmax_destroy\\fR = "), std::string::npos);
  EXPECT_NE(main_page(root).find(".BR ovl\\-apply (1)"), std::string::npos);
  for (const std::string& of_all : {main_page(root), manifest_page(), policy_page()}) {
    for (const char* title : {"DESCRIPTION", "FILES", "EXAMPLES", "SEE ALSO"}) {
      EXPECT_NE(of_all.find(".SH " + std::string(title) + "\n"), std::string::npos) << title;
    }
    EXPECT_EQ(of_all.find('`'), std::string::npos);
    EXPECT_EQ(of_all.find("]("), std::string::npos);
  }
}

TEST(ManPages, AreReadByGroffWithoutAWarning) {
  const test::TemporaryDirectory directory;
  const CommandInfo root = command_tree();
  std::ofstream(directory.file("ovl.1")) << main_page(root);
  std::ofstream(directory.file("ovl.toml.1")) << manifest_page();
  std::ofstream(directory.file("ovl-policy.1")) << policy_page();
  for (const CommandInfo& verb : root.commands) {
    std::ofstream(directory.file("ovl-" + verb.name + ".1")) << verb_page(root, verb);
  }
  const int code = run(
      "command -v groff >/dev/null || exit 127; cd " + directory.path() +
      "; for page in *.1; do groff -man -ww -z -Tutf8 $page || exit 1; done 2>warnings; test ! -s warnings");
  if (code == 127) GTEST_SKIP() << "needs groff";
  EXPECT_EQ(code, 0) << text_of(directory.file("warnings"));
}

}  // namespace ovl
