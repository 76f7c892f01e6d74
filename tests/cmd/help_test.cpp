// What the command line says of itself, and of a line that it does not understand.
#include "cmd/help.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cmd/cli.hpp"
#include "cmd/help_words.hpp"
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
}

TEST(Misuse, KnowsTheWordsOfOtherTools) {
  EXPECT_EQ(said_of({"refresh"}), "ovl has no verb \"refresh\" | ovl plan --refresh-only shows what drifted");
  EXPECT_EQ(said_of({"network", "create", "my-net"}),
            "ovl network has no command \"create\" | declare it in the manifest, then: ovl apply");
}

TEST(Misuse, EndsWithOneAndAWordOnStderr) {
  const auto ran = test::run_shell(std::string(OVL_BINARY) + " aply 2>&1 >/dev/null; echo code $?");
  EXPECT_EQ(ran.out, "ovl: ovl has no verb \"aply\" [usage]\nhint: did you mean \"apply\"?\ncode 1\n");
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
