// What the command line says of itself, and of a line that it does not understand.
#include "cmd/help/help.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cmd/cli/cli.hpp"
#include "cmd/help/command_examples.hpp"
#include "cmd/help/help_words.hpp"
#include "model/manifest/manifest_schema.hpp"
#include "tests/support/program.hpp"

namespace ovl {

namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Words = std::vector<std::string>;

std::string said_of(const Words& words) {
  const Error error = misuse(command_tree(), words, "otherwise");
  return error.message + " | " + error.hint;
}

template <class Visit>
void each_command(std::vector<const CommandInfo*>& chain, const Visit& visit) {
  visit(chain);
  for (const CommandInfo& command : chain.back()->commands) {
    chain.push_back(&command);
    each_command(chain, visit);
    chain.pop_back();
  }
}

template <class Visit>
void each_command(const Visit& visit) {
  const CommandInfo root = command_tree();
  std::vector<const CommandInfo*> chain{&root};
  each_command(chain, visit);
}

Words split(const std::string& text) {
  Words out;
  std::istringstream words(text);
  for (std::string word; words >> word;) out.push_back(word);
  return out;
}

}  // namespace

TEST(Help, FitsIntoEightyColumns) {
  each_command([](const auto& chain) {
    for (const bool all : {false, true}) {
      std::istringstream text(help_text(chain, all));
      for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 80U) << line;
    }
  });
}

TEST(Help, SaysWhatEachValueIs) {
  each_command([](const auto& chain) {
    for (const OptionInfo& option : chain.back()->options) {
      if (!option.takes_value) continue;
      EXPECT_NE(value_name(option.names.front()), "VALUE") << option.names.front();
    }
  });
}

TEST(Help, HasEachVerbInAGroupAndTwoExamplesThatAreUnderstood) {
  const CommandInfo root = command_tree();
  const std::string all = help_text(std::vector<const CommandInfo*>{&root}, false);
  for (const CommandInfo& verb : root.commands) {
    EXPECT_THAT(all, HasSubstr("\n  " + verb.name + " "));
    const VerbWords* words = words_of(verb.name);
    ASSERT_NE(words, nullptr) << verb.name;
    for (const std::string_view example : words->examples) {
      ASSERT_THAT(std::string(example), StartsWith("ovl "));
      const Words line = split(std::string(example.substr(4)));
      EXPECT_EQ(misuse(root, line, "understood").message, "understood") << example;
    }
    for (const std::string& other : split(std::string(words->see_also))) {
      EXPECT_NE(root.command(other), nullptr) << verb.name << ": " << other;
    }
  }
}

TEST(Help, HasTwoExamplesOfEachCommandOfAGroup) {
  const CommandInfo root = command_tree();
  for (const CommandInfo& verb : root.commands) {
    for (const CommandInfo& command : verb.commands) {
      const std::string path = verb.name + " " + command.name;
      const auto examples = command_examples(path);
      ASSERT_EQ(examples.size(), 2U) << path;
      for (const std::string_view example : examples) {
        const Words line = split(std::string(example.substr(4)));
        EXPECT_EQ(misuse(root, line, "understood").message, "understood") << example;
        EXPECT_THAT(std::string(example), HasSubstr(path)) << example;
      }
      const std::vector<const CommandInfo*> chain{&root, &verb, &command};
      EXPECT_THAT(help_text(chain, false), HasSubstr("\nExamples:\n  ovl ")) << path;
    }
  }
}

TEST(Help, FoldsWhatIsRarelyNeeded) {
  const CommandInfo root = command_tree();
  const std::vector<const CommandInfo*> chain{&root, root.command("plan")};
  EXPECT_THAT(help_text(chain, false), ::testing::Not(HasSubstr("\n  --tls-ca")));
  EXPECT_THAT(help_text(chain, false), HasSubstr("--tls-ca,"));
  EXPECT_THAT(help_text(chain, true), HasSubstr("\n  --tls-ca REFERENCE"));
}

TEST(Help, IsTheSameByItsVerbAndByTheOption) {
  const std::string ovl = OVL_BINARY;
  for (const std::string verb : {"plan", "keystore export", "host"}) {
    const auto by_verb = test::run_shell(ovl + " help " + verb);
    EXPECT_TRUE(by_verb.ok) << verb;
    EXPECT_THAT(by_verb.out, HasSubstr("Usage: ovl " + verb));
    EXPECT_EQ(by_verb.out, test::run_shell(ovl + " " + verb + " --help").out);
  }
  EXPECT_EQ(test::run_shell(ovl + " help").out, test::run_shell(ovl + " --help").out);
  EXPECT_EQ(test::run_shell(ovl + " -V").out, test::run_shell(ovl + " version").out);
}

TEST(Misuse, NamesTheWordAndWhatMayBeMeant) {
  EXPECT_EQ(said_of({"aply"}), "ovl has no verb \"aply\" | did you mean \"apply\"?");
  EXPECT_EQ(said_of({"plan", "--scop", "host"}), "ovl plan has no option --scop | did you mean \"--scope\"?");
  EXPECT_EQ(said_of({"plan", "-x"}), "ovl plan has no option -x | see them with: ovl help plan");
  EXPECT_EQ(said_of({"keystore", "exprt"}),
            "ovl keystore has no command \"exprt\" | did you mean \"export\"?");
  EXPECT_EQ(said_of({"keystore"}), "ovl keystore needs a command | one of copy, check, export, import");
  EXPECT_EQ(said_of({}), "ovl needs a verb | see them with: ovl help");
  EXPECT_EQ(said_of({"plan", "--scope"}).substr(0, 25), "--scope needs a SCOPE | a");
  EXPECT_EQ(said_of({"host", "inspect"}), "ovl host inspect needs NAME | Its name");
  EXPECT_THAT(said_of({"version", "now"}),
              StartsWith("ovl version has no use for \"now\" | Usage: ovl version"));
  EXPECT_EQ(said_of({"plan", "net", "--timeout", "5s"}), "otherwise | see: ovl help");
  EXPECT_EQ(said_of({"workspaces"}), "ovl has no verb \"workspaces\" | see them with: ovl help");
}

// As Terraform writes its options: the word is named, not its first letter.
TEST(Misuse, NamesLongWordsWithOneDash) {
  EXPECT_EQ(said_of({"plan", "-target", "x"}), "ovl plan has no option -target | did you mean \"--target\"?");
  EXPECT_EQ(said_of({"plan", "-out=x"}), "ovl plan has no option -out | did you mean \"--out\"?");
  EXPECT_EQ(said_of({"apply", "-auto-approve"}),
            "ovl apply has no option -auto-approve | did you mean \"--auto-approve\"?");
}

// In its own words, not in those of the parser.
TEST(Misuse, SaysWhichWordsAValueMayBe) {
  EXPECT_EQ(said_of({"plan", "--format", "JSON"}), "--format can't be \"JSON\" | did you mean \"json\"?");
  EXPECT_EQ(said_of({"plan", "--format=yaml"}),
            "--format can't be \"yaml\" | one of text, json, markdown, github, sarif, junit, gitlab");
  EXPECT_EQ(said_of({"completion", "ksh"}), "SHELL can't be \"ksh\" | did you mean \"zsh\"?");
  EXPECT_THAT(said_of({"plan", "--host="}), StartsWith("--host needs a NAME | "));
  EXPECT_EQ(said_of({"status", "--watch", "--wait", "1s"}),
            "--watch and --wait exclude each other | leave one of them out");
  EXPECT_THAT(said_of({"diff", "main"}), StartsWith("ovl diff needs REV REV, and there is one only | "));
  EXPECT_THAT(said_of({"keystore", "copy", "a", "b"}),
              StartsWith("ovl keystore copy needs --cluster NAME | "));
  EXPECT_EQ(said_of({"diff", "main", "feature"}), "otherwise | see: ovl help");
}

TEST(Misuse, NamesTheVariableThatIsNoFlag) {
  const auto ran =
      test::run_shell("OVL_VERBOSE=loud " + std::string(OVL_BINARY) + " validate 2>&1; echo code $?");
  EXPECT_EQ(ran.out,
            "ovl: OVL_VERBOSE can't be \"loud\" [usage]\nhint: set it to 1, or leave it out\ncode 1\n");
}

TEST(Misuse, KnowsTheWordsOfOtherTools) {
  EXPECT_EQ(said_of({"refresh"}), "ovl has no verb \"refresh\" | ovl plan --refresh-only shows what drifted");
  EXPECT_EQ(said_of({"network", "create", "my-net"}),
            "ovl network has no command \"create\" | declare it in the manifest, then: ovl apply");
}

TEST(Misuse, KnowsTheCommandsOfOtherTools) {
  EXPECT_EQ(said_of({"lab", "stop"}), "ovl lab has no command \"stop\" | it is called down here");
  EXPECT_EQ(said_of({"lab", "ps"}), "ovl lab has no command \"ps\" | it is called status here");
  EXPECT_EQ(said_of({"network", "list"}), "ovl network has no command \"list\" | it is called ls here");
  EXPECT_EQ(said_of({"state", "delete", "x"}), "ovl state has no command \"delete\" | it is called rm here");
  EXPECT_THAT(said_of({"host", "rm", "n3"}), HasSubstr("a machine that is gone: ovl host forget NAME"));
  EXPECT_EQ(said_of({"run", "web"}).find("one of"), std::string::npos);
}

// What a hint says is understood, so that nobody is sent from one mistake to the next.
TEST(Misuse, SendsNobodyToAVerbThatThereIsNot) {
  const CommandInfo root = command_tree();
  for (const char* word : {"list",   "ls",   "inspect", "get",   "info", "logs",   "run",   "attach",
                           "check",  "test", "format",  "start", "stop", "reload", "taint", "output",
                           "backup", "undo", "watch",   "up",    "down", "create", "rm",    "ps"}) {
    const std::string hint = misuse(root, Words{word}, "").hint;
    ASSERT_THAT(hint, HasSubstr("ovl ")) << word;
    for (std::size_t at = 0; (at = hint.find("ovl ", at)) != std::string::npos; at += 4) {
      const std::string verb = hint.substr(at + 4, hint.find_first_of(" ,;:", at + 4) - at - 4);
      EXPECT_NE(root.command(verb), nullptr) << word << ": " << hint;
    }
  }
}

TEST(Misuse, KnowsTheOptionsOfOtherTools) {
  for (const char* option : {"--yes", "-y"}) {
    EXPECT_EQ(said_of({"apply", option}),
              "ovl apply has no option " + std::string(option) + " | to be asked nothing: --auto-approve");
  }
  EXPECT_THAT(said_of({"apply", "--dry-run"}), HasSubstr("ovl plan shows what an apply would do"));
  EXPECT_THAT(said_of({"plan", "-f", "x"}), HasSubstr("named without an option"));
  EXPECT_THAT(said_of({"network", "ls", "--filter", "a=b"}), HasSubstr("--label zone=a"));
  EXPECT_THAT(said_of({"network", "ls", "-o", "json"}), HasSubstr("--json"));
}

TEST(Misuse, EndsWithOneAndAWordOnStderr) {
  const auto ran = test::run_shell(std::string(OVL_BINARY) + " aply 2>&1 >/dev/null; echo code $?");
  EXPECT_EQ(ran.out, "ovl: ovl has no verb \"aply\" [usage]\nhint: did you mean \"apply\"?\ncode 1\n");
}

// As a manifest spells them, in lines of a terminal, without a document's marks.
TEST(Explain, KnowsTheKeysOfBlocksInsideOfBlocks) {
  const std::string ovl = std::string(OVL_BINARY) + " explain ";
  for (const char* key :
       {"keystore.tls.ca", "policy.vni.min", "policy.windows.from", "endpoint.networks.address"}) {
    const auto ran = test::run_shell(ovl + key);
    EXPECT_TRUE(ran.ok) << key;
    EXPECT_THAT(ran.out, HasSubstr("  example  ")) << key;
  }
  EXPECT_THAT(test::run_shell(ovl + "vni 2>&1").out,
              HasSubstr("hint: as a key: ovl explain network.vni, policy.vni\n"));
  for (const BlockSpec& block : manifest_blocks()) {
    std::string asked = std::string(OVL_BINARY) + " explain " + std::string(block.name);
    for (const KeySpec& key : block.keys) asked += fmt::format("; {}{}.{}", ovl, block.name, key.key);
    std::istringstream text(test::run_shell(asked).out);
    for (std::string line; std::getline(text, line);) {
      EXPECT_LE(line.size(), 80U) << line;
      EXPECT_EQ(line.find_first_of("`"), std::string::npos) << line;
      EXPECT_EQ(line.find("]("), std::string::npos) << line;
    }
  }
}

TEST(Explain, SaysWhatABlockAndAKeyAre) {
  const std::string ovl = std::string(OVL_BINARY) + " explain ";
  EXPECT_THAT(test::run_shell(ovl).out, HasSubstr("[network.NAME]"));
  EXPECT_THAT(test::run_shell(ovl + "network").out, HasSubstr("\n  vni "));
  const std::string vni = test::run_shell(ovl + "network.vni").out;
  EXPECT_THAT(vni, StartsWith("vni in [network.NAME]\n"));
  EXPECT_THAT(vni, HasSubstr("  example  vni = "));
  EXPECT_THAT(test::run_shell(ovl + "network.vnj 2>&1").out, HasSubstr("did you mean \"vni\"?"));
  EXPECT_THAT(test::run_shell(ovl + "netwrk 2>&1").out, HasSubstr("did you mean \"network\"?"));
}

}  // namespace ovl
