// The one look of a manifest.
#include "reconcile/toml/format_toml.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "reconcile/manifest/parse.hpp"
#include "tests/support/manifest_dump.hpp"

namespace ovl {

namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Parsed parsed(const std::string& text) {
  return parse({{.name = "ovl.toml", .text = text}});
}

// Everything a manifest says but where it says it.
std::string meaning(const std::string& text) {
  const Parsed all = parsed(text);
  std::string out = test::manifest_value(all.manifest).json() + "\n";
  for (const Diagnostic& diagnostic : all.diagnostics) out += diagnostic.id.text() + "\n";
  return out;
}

struct Case {
  std::string_view what;
  std::string_view before;
  std::string_view after;
};

constexpr Case kCases[] = {
    {"blanks around what stands between", "a=1\nb   =\t[ 1,2 ,3 ]\nc={x=1,y=2}\nd = { }\n",
     "a = 1\nb = [1, 2, 3]\nc = { x = 1, y = 2 }\nd = {}\n"},
    {"headers and dotted keys", "[ a . b ]\nc . d=1\n\"e\" .f = 2\n[[ g ]]  #why\n",
     "[a.b]\nc.d = 1\n\"e\".f = 2\n\n[[g]] #why\n"},
    {"empty lines", "\n\n\na = 1\n\n\n\nb = 2\n[c]\nd = 1\n\n\n", "a = 1\n\nb = 2\n\n[c]\nd = 1\n"},
    {"a comment stays with its table", "a = 1   # one\n# of b\n# and more\n  [b]\n",
     "a = 1 # one\n\n# of b\n# and more\n[b]\n"},
    {"parts of one thing", "[a.b]\n[a.b.c]\n\n\n[a.b.d]\n[a.bc]\n", "[a.b]\n[a.b.c]\n\n[a.b.d]\n\n[a.bc]\n"},
    {"arrays over several lines", "a = [\n1,  # first\n      [2,\n3],\n]\nb = 1",
     "a = [\n  1, # first\n  [2,\n    3],\n]\nb = 1\n"},
    {"strings are nobody's business", "a = \"x=[1,2]  # no\"\nb = '''\n  [ x ]\n\n\n  y'''\n",
     "a = \"x=[1,2]  # no\"\nb = '''\n  [ x ]\n\n\n  y'''\n"},
    {"ends of lines, a mark at the front",
     "\xEF\xBB\xBF"
     "a = 1\r\nb = 2  \r\n",
     "a = 1\nb = 2\n"},
    {"dates with a blank", "a = 1979-05-27   07:32:00\n", "a = 1979-05-27 07:32:00\n"},
    {"nothing", "\n \n", ""},
};

}  // namespace

TEST(FormatToml, GivesTheOneLook) {
  for (const Case& one : kCases) {
    EXPECT_EQ(format_toml(one.before), one.after) << one.what;
    EXPECT_EQ(format_toml(one.after), one.after) << one.what << ", twice";
  }
}

TEST(FormatToml, TheExamplesHaveIt) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(OVL_SOURCE_DIR "/examples")) {
    if (entry.path().extension() != ".toml") continue;
    const std::string text = read_file(entry.path());
    EXPECT_EQ(format_toml(text), text) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 5U);
}

TEST(FormatToml, ChangesNoMeaning) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(OVL_SOURCE_DIR "/tests/fuzz/corpus/parse")) {
    const std::string text = read_file(entry.path());
    const Parsed before = parsed(text);
    if (std::ranges::any_of(before.diagnostics, [](const Diagnostic& d) { return d.id == "syntax"; }))
      continue;
    EXPECT_EQ(meaning(format_toml(text)), meaning(text)) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 10U);
}

// Blanks put anywhere between tokens do not matter.
RC_GTEST_PROP(FormatToml, ForgetsHowItWasTyped, ()) {
  const std::string text =
      "[network.my-net]\nsubnets = [\"10.0.9.0/24\", \"fd00:9::/64\"] # two\nlabels = { a = \"b\" }\n";
  std::string typed;
  bool quoted = false;
  bool comment = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (c == '#') comment = true;
    if (c == '\n') comment = false;
    const bool between = !quoted && !comment && std::string_view("[]{}=,").find(c) != std::string_view::npos;
    const std::string blanks = between ? *rc::gen::element<std::string>("", " ", "\t ") : std::string();
    typed += blanks;
    typed += c;
    typed += blanks;
  }
  RC_ASSERT(format_toml(typed) == text);
}

}  // namespace ovl
