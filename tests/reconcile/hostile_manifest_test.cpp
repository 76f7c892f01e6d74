// Input made to break a parser. Each must end in an error of ours with a place, never in a crash.
#include <gtest/gtest.h>

#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/toml/toml_guard.hpp"

namespace ovl {

namespace {

struct Found {
  std::string ids;  // of all diagnostics, joined with blanks
  std::string text;
  Place place;  // of the first
};

Found find_in(const std::string& text) {
  const Sources sources{{.name = "ovl.toml", .text = text}};
  Found found;
  for (const Diagnostic& diagnostic : parse(sources).diagnostics) {
    if (found.ids.empty()) found.place = diagnostic.place;
    found.ids += (found.ids.empty() ? "" : " ") + diagnostic.id.text();
    found.text += render(diagnostic, sources, false) + "\n";
  }
  return found;
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += part;
  return out;
}

constexpr std::string_view kCluster = "[cluster]\nname = \"demo\"\n";

TEST(HostileManifest, KeyOfManySegments) {
  const Found key = find_in("a" + repeated(".a", 31'499) + " = 1\n");
  EXPECT_EQ(key.ids, "too-deep");
  EXPECT_EQ(key.place.line, 1U);
  EXPECT_EQ(key.place.column, 2U * kMaxKeySegments);
  EXPECT_EQ(find_in("[a" + repeated(".a", 31'499) + "]\n").ids, "too-deep");
  EXPECT_EQ(find_in("x = { a" + repeated(".\"a\"", 31'499) + " = 1 }\n").ids, "too-deep");
  EXPECT_EQ(find_in("a" + repeated(" . a", 31'499) + " = 1\n").ids, "too-deep");
}

TEST(HostileManifest, KeyOfAsManySegmentsAsAllowed) {
  EXPECT_EQ(
      find_in(std::string(kCluster) + "[network.n]\nlabels" + repeated(".a", kMaxKeySegments - 1) + " = 1\n")
          .ids,
      "wrong-type");
}

TEST(HostileManifest, ManyOpenBrackets) {
  EXPECT_EQ(find_in("x = " + repeated("[", 300) + repeated("]", 300) + "\n").ids, "too-deep");
  EXPECT_EQ(find_in("x = " + repeated("{a=", 300) + "1" + repeated("}", 300) + "\n").ids, "too-deep");
  EXPECT_EQ(find_in("x = " + repeated("[\n", 300) + repeated("]", 300) + "\n").ids, "too-deep");
  EXPECT_EQ(find_in(repeated("[", 300) + "\n").ids, "too-deep");
}

TEST(HostileManifest, ManyBrokenHeadersAreNoDepth) {
  EXPECT_EQ(find_in(repeated("[a\n", 300)).ids, "syntax");
}

TEST(HostileManifest, DeepTextInStringsAndCommentsIsNoDepth) {
  const std::string deep = repeated("[.", 5000);
  EXPECT_EQ(find_in(std::string(kCluster) + "# " + deep + "\n").ids, "");
  EXPECT_EQ(find_in(std::string(kCluster) + "x = \"" + deep + "\\\"" + deep + "\"\n").ids, "unknown-key");
  EXPECT_EQ(find_in(std::string(kCluster) + "x = '" + deep + "\\'\n").ids, "unknown-key");
  EXPECT_EQ(find_in(std::string(kCluster) + "x = \"\"\"" + deep + "\"\"" + deep + "\n\"\"\"\"\"\n").ids,
            "unknown-key");
  EXPECT_EQ(find_in(std::string(kCluster) + "x = '''" + deep + "''" + deep + "\n'''''\n").ids, "unknown-key");
}

TEST(HostileManifest, BracketAndLineBreak) {
  EXPECT_EQ(find_in("[\n").ids, "syntax");
}

TEST(HostileManifest, UnassignedCodePoint) {
  EXPECT_EQ(find_in("\xef\xb3\xbf").ids, "syntax");
  EXPECT_EQ(find_in("x = \xef\xb3\xbf\n").ids, "syntax");
}

TEST(HostileManifest, ByteOrderMarks) {
  EXPECT_EQ(find_in("\xef\xbb\xbf" + std::string(kCluster)).ids, "");
  const Found shifted = find_in("\xef\xbb\xbfx = 1\n" + std::string(kCluster));
  EXPECT_EQ(shifted.ids, "unknown-block");
  EXPECT_EQ(shifted.place.column, 1U);
  EXPECT_EQ(find_in(std::string("\xff\xfe[\0c\0]\0", 8)).ids, "not-utf8");
  EXPECT_EQ(find_in("\xfe\xff").text.substr(0, 66),
            "ovl.toml:1:1: error: the file is UTF-16, not UTF-8 [not-utf8]\n    ");
  EXPECT_EQ(find_in(std::string(kCluster) + "\xef\xbb\xbf[host.a]\n").ids, "syntax");
}

TEST(HostileManifest, NumbersThatAreNone) {
  EXPECT_EQ(find_in(std::string(kCluster) + "[network.a]\nvni = nan\n[network.b]\nmtu = -inf\n").ids,
            "wrong-type wrong-type");
  EXPECT_EQ(find_in(std::string(kCluster) + "[network.a]\nvni = 9223372036854775808\n").ids, "syntax");
  EXPECT_EQ(find_in(std::string(kCluster) + "[network.a]\nvni = 9223372036854775807\n").ids, "invalid-value");
  EXPECT_EQ(find_in(std::string(kCluster) + "[network.a]\nvni = 0x" + repeated("f", 5000) + "\n").ids,
            "syntax");
}

TEST(HostileManifest, ControlCharacters) {
  EXPECT_EQ(find_in(std::string(kCluster) + std::string("# \0\n", 4)).ids, "control-character");
  EXPECT_EQ(find_in(std::string("\0", 1)).ids, "control-character");
  EXPECT_EQ(find_in("x = \"\x1b[31m\"\n").ids, "control-character");
  EXPECT_EQ(find_in("x = \"\x7f\"\n").ids, "control-character");
  EXPECT_EQ(find_in("a = 1\rb = 2\n").ids, "control-character");
}

TEST(HostileManifest, CarriageReturnAndLineFeed) {
  const Found found = find_in("[cluster]\r\nname = \"demo\"\r\n\r\n[host.a]\r\nadvertise = 5\r\n");
  EXPECT_EQ(found.ids, "wrong-type");
  EXPECT_EQ(found.place.line, 5U);
  EXPECT_EQ(found.place.column, 13U);
  EXPECT_EQ(found.text.find('\r'), std::string::npos);
}

TEST(HostileManifest, BytesThatAreNoUtf8) {
  for (const std::string_view bytes :
       {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5", "\xe2\x82"}) {
    EXPECT_EQ(find_in("# " + std::string(bytes) + "\n").ids, "not-utf8") << bytes.size();
  }
}

TEST(HostileManifest, SizeLimit) {
  const std::string full =
      std::string(kCluster) + "#" + std::string(kMaxFileBytes - kCluster.size() - 1, 'x');
  ASSERT_EQ(full.size(), kMaxFileBytes);
  EXPECT_EQ(find_in(full).ids, "");
  const Found over = find_in(full + "x");
  EXPECT_EQ(over.ids, "too-large");
  EXPECT_LT(over.text.size(), 300U);
}

TEST(HostileManifest, EmptyInput) {
  EXPECT_EQ(find_in("").ids, "missing-block");
  EXPECT_EQ(parse({}).diagnostics.size(), 1U);
  EXPECT_EQ(render(parse({}).diagnostics[0], {}, false),
            "error: the manifest has no [cluster] [missing-block]\nhint: add [cluster] with name = \"demo\"");
}

// A long line with an error at each of its values: places are found in one pass.
TEST(HostileManifest, ManyValuesOnOneLongLine) {
  std::string line = std::string(kCluster) + "[network.a]\nreserved = [\"\xc3\xa9\"";
  while (line.size() < kMaxFileBytes / 8) line += ",1";
  EXPECT_GT(parse({{.name = "ovl.toml", .text = line + "]\n"}}).diagnostics.size(), 65'000U);
}

TEST(HostileManifest, TooManyPortsOnABridge) {
  const auto manifest = [](int endpoints, bool internal) {
    std::string text = std::string(kCluster) + "[host.a]\nadvertise = \"eth1\"\n[network.n]\ninternal = " +
                       (internal ? "true" : "false") + "\n";
    for (int i = 0; i < endpoints; ++i) {
      text += "[endpoint.e" + std::to_string(i) + "]\nhost = \"a\"\nnetwork = \"n\"\n";
    }
    return text;
  };
  EXPECT_EQ(find_in(manifest(1022, true)).ids, "");
  EXPECT_EQ(find_in(manifest(1023, true)).ids, "too-many-ports");
  EXPECT_EQ(find_in(manifest(1023, false)).ids, "too-many-ports");
  EXPECT_EQ(find_in(manifest(1024, false)).ids, "too-many-ports too-many-ports");
}

}  // namespace

}  // namespace ovl
