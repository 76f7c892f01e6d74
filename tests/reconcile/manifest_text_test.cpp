// The small parts between text and manifest: code points, suggestions, masks, outlines, the tables.
#include <gtest/gtest.h>

#include "model/manifest/manifest_schema.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/manifest/sources.hpp"
#include "reconcile/toml/mask_secrets.hpp"
#include "reconcile/toml/toml_outline.hpp"
#include "reconcile/words/suggest.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

TEST(Utf8, MakesTextSafe) {
  EXPECT_EQ(safe_text("plain, Jörg"), "plain, Jörg");
  EXPECT_EQ(safe_text("a\x1b[2Jb\nc\x7f"), "a\\x1b[2Jb\\x0ac\\x7f");
  EXPECT_EQ(safe_text("\xc2\x9b"), "\\u{9b}");
  EXPECT_EQ(safe_text("\xe2\x80\xae"), "\\u{202e}");
  EXPECT_EQ(safe_text("\xff"), "\\xff");
}

TEST(Utf8, ShortensAtTheBorderOfACodePoint) {
  EXPECT_EQ(shortened(std::string(80, 'x')), std::string(80, 'x'));
  EXPECT_EQ(shortened(std::string(79, 'x') + "\xc3\xa9" + "y"), std::string(79, 'x') + "...");
}

TEST(Suggest, CountsEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("subnet", "subnet"), 0U);
  EXPECT_EQ(edit_distance("netwrok", "network"), 1U);
  EXPECT_EQ(edit_distance("subnett", "subnet"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Suggest, FindsTheNearest) {
  const std::vector<std::string> known{"subnet", "subnets", "gateway"};
  EXPECT_EQ(nearest("SUBNETT", known), "subnet");
  EXPECT_EQ(nearest("gatway", known), "gateway");
  EXPECT_EQ(nearest("colour", known), std::nullopt);
  EXPECT_EQ(nearest(std::string(1000, 'x'), known), std::nullopt);
}

std::string masked_line(std::string_view text, std::uint32_t line) {
  return MaskedLines(text).at(line);
}

TEST(MaskSecrets, HidesWhatMayBeASecret) {
  EXPECT_EQ(masked_line("[keystore]\ntoken = \"hunter2\"", 2), "token = \"*******\"");
  EXPECT_EQ(masked_line("[keystore]\ntoken = 'hunter2' # x", 2), "token = '*******' # x");
  EXPECT_EQ(masked_line("[keystore]\ntoken = hunter2", 2), "token = *******");
  EXPECT_EQ(masked_line("[keystore]\ntokn = \"hunter2\"", 2), "tokn = \"*******\"");
  EXPECT_EQ(masked_line("keystore.token = \"hunter2\"", 1), "keystore.token = \"*******\"");
  EXPECT_EQ(masked_line("keystore = { \"token\" = \"hunter2\", url = \"zk://a\" }", 1),
            "keystore = { \"token\" = \"*******\", url = \"zk://a\" }");
  EXPECT_EQ(masked_line("[keystore]\nurl = \"etcd://root:hunter2@a\"", 2), "url = \"etcd://************@a\"");
  EXPECT_EQ(masked_line("[keystore]\npassword = \"\"\"hunter2", 2), "password = \"\"\"*******");
}

TEST(MaskSecrets, LeavesTheRest) {
  EXPECT_EQ(masked_line("[keystore]\ntoken = \"env:TOKEN\"", 2), "token = \"env:TOKEN\"");
  EXPECT_EQ(masked_line("[keystore]\n\n[host.a]\nadvertise = \"eth1\"\r\n", 4), "advertise = \"eth1\"");
  EXPECT_EQ(masked_line("[host.a]", 9), "");
}

TEST(TomlOutline, KnowsWhereNamesStand) {
  const auto found = outline_toml(
      "a = [\n1]\n[x.'y z']\n# [no]\nb.\"c\" = \"\"\"\n[no]\"\"\"\n[[m]]\nk = 1\n[[m]]\nk = 2\n", 0);
  ASSERT_EQ(found.size(), 5U);
  EXPECT_EQ(found[1].path, (std::vector<std::string>{"x", "y z"}));
  EXPECT_TRUE(found[1].header);
  EXPECT_EQ(found[1].place, (Place{.file = 0, .line = 3, .column = 4, .length = 5}));
  EXPECT_EQ(found[2].path, (std::vector<std::string>{"x", "y z", "b", "c"}));
  EXPECT_NE(found[3].path, found[4].path);
}

TEST(DiagnosticValue, HasPlacesAndNotes) {
  const Sources sources{
      {.name = "a.toml", .text = "[cluster]\nname = \"x\"\n[host.a]\nadvertise = \"eth1\"\n"},
      {.name = "b.toml", .text = "[host.a]\nadvertise = \"eth1\"\n"}};
  const Parsed parsed = parse(sources);
  ASSERT_EQ(parsed.diagnostics.size(), 1U);
  EXPECT_EQ(
      diagnostic_value(parsed.diagnostics[0], sources).json(),
      "{\"column\":7,\"file\":\"b.toml\",\"hint\":\"rename or merge one of them\",\"id\":\"duplicate-name\","
      "\"line\":1,\"message\":\"host \\\"a\\\" is defined "
      "twice\",\"notes\":[{\"column\":7,\"file\":\"a.toml\","
      "\"line\":3,\"message\":\"first defined here\"}],\"severity\":\"error\"}");
}

TEST(DiagnosticText, ColoursWhenAsked) {
  const Sources sources{{.name = "a.toml", .text = "x = 1\n"}};
  const Parsed parsed = parse(sources);
  EXPECT_NE(render(parsed.diagnostics[0], sources, true).find("\x1b[1;31merror:\x1b[0m"), std::string::npos);
}

TEST(Digest, DependsOnNamesAndContentsBelowTheSharedFolder) {
  const Sources there{{.name = "infra/a.toml", .text = "x"}, {.name = "infra/b/c.toml", .text = "y"}};
  const Sources here{{.name = "a.toml", .text = "x"}, {.name = "b/c.toml", .text = "y"}};
  const Sources other{{.name = "a.toml", .text = "xy"}, {.name = "b/c.toml", .text = ""}};
  EXPECT_EQ(digest_of(there), digest_of(here));
  EXPECT_NE(digest_of(here), digest_of(other));
  EXPECT_EQ(digest_of(here).size(), 64U);
}

// ---- the tables --------------------------------------------------------------------------------

std::string header_of(const BlockSpec& block) {
  if (block.name == "tls") return "[keystore.tls]\n";
  if (block.name == "vni-range") return "[policy.vni]\n";
  if (block.name == "window") return "[[policy.windows]]\n";
  if (block.name == "attachment") return "[endpoint.name.networks.my-net]\n";
  std::string header(block.header);
  const auto at = header.find("NAME");
  if (at != std::string::npos) header.replace(at, 4, "name");
  return header + "\n";
}

// Every key of the tables has a reader, and every example is of the type that the key takes.
TEST(ManifestSchema, ParserTakesEveryExample) {
  for (const BlockSpec& block : manifest_blocks()) {
    for (const KeySpec& key : block.keys) {
      const std::string text =
          header_of(block) + std::string(key.key) + " = " + std::string(key.example) + "\n";
      for (const Diagnostic& found : parse({{.name = "ovl.toml", .text = text}}).diagnostics) {
        const bool refused = found.id == "unknown-key" || found.id == "wrong-type" ||
                             found.id == "invalid-value" || found.id == "syntax" ||
                             found.id == "unknown-block" || found.id == "literal-secret";
        EXPECT_FALSE(refused) << text << found.id.text() << ": " << found.message;
      }
    }
  }
}

}  // namespace

}  // namespace ovl
