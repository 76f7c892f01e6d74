// Laws of parsing: the order of blocks and files doesn't matter, and no mutation crashes or moves a
// cursor.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/parse.hpp"
#include "tests/support/manifest_dump.hpp"

namespace ovl {

namespace {

// Blocks that are valid together in any order.
const std::vector<std::string>& blocks() {
  static const std::vector<std::string> all{
      "[cluster]\nname = \"demo\"\n",
      "[keystore]\nurl = \"consul://127.0.0.1\"\ntoken = \"env:TOKEN\"\n",
      "[host.a]\nadvertise = \"192.168.50.10\"\nlabels = { zone = \"a\" }\n",
      "[host.\"b.example.org\"]\nadvertise = \"192.168.50.11\"\nbind = \"10.0.0.4\"\n",
      "[host.c]\nadvertise = \"eth1\"\nprotect = true\n",
      "[network.front]\nsubnets = [\"10.0.9.0/24\", \"fd00:9::/64\"]\nreserved = [\"10.0.9.2\"]\nvni = "
      "5000\n",
      "[network.back]\nsubnet = \"10.0.8.0/24\"\nip_range = \"10.0.8.128/25\"\ninternal = true\n",
      "[network.chosen]\nmtu = 1400\n",
      "[endpoint.web]\nhost = \"a\"\n[endpoint.web.networks.front]\naddress = [\"10.0.9.10\", "
      "\"fd00:9::10\"]\n"
      "[endpoint.web.networks.back]\naliases = [\"www\"]\n",
      "[endpoint.db]\nhost = \"b.example.org\"\nnetwork = \"back\"\nmac = \"02:42:00:00:00:01\"\n",
      "[endpoint.cache]\nhost = \"c\"\nnetwork = \"chosen\"\nnetns = \"Cache\"\n",
      "[[moved]]\nfrom = \"network.old\"\nto = \"network.front\"\n",
      "[[moved]]\nfrom = \"endpoint.old\"\nto = \"endpoint.web\"\n"};
  return all;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += part;
  return out;
}

Parsed parse_text(const std::string& text) {
  return parse({{.name = "ovl.toml", .text = text}});
}

std::vector<std::string> shuffled(std::vector<std::string> parts) {
  for (std::size_t i = parts.size(); i > 1; --i) {
    std::swap(parts[i - 1], parts[*rc::gen::inRange<std::size_t>(0, i)]);
  }
  return parts;
}

bool is_shown_safely(const Parsed& parsed, const Sources& sources) {
  return std::ranges::all_of(parsed.diagnostics, [&](const Diagnostic& diagnostic) {
    const std::string text = render(diagnostic, sources, false);
    return std::ranges::none_of(text, [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return (byte < 0x20 && byte != '\n') || byte == 0x7f;
    });
  });
}

RC_GTEST_PROP(ManifestLaws, OrderOfBlocksAndFilesDoesNotMatter, ()) {
  const Parsed whole = parse_text(joined(blocks()));
  RC_ASSERT(whole.diagnostics.empty());
  Sources files(*rc::gen::inRange<std::size_t>(1, 4));
  for (std::size_t i = 0; i < files.size(); ++i) files[i].name = std::to_string(i) + ".toml";
  for (const std::string& block : shuffled(blocks())) {
    files[*rc::gen::inRange<std::size_t>(0, files.size())].text += block;
  }
  const Parsed parsed = parse(files);
  RC_ASSERT(parsed.diagnostics.empty());
  RC_ASSERT(test::manifest_value(parsed.manifest) == test::manifest_value(whole.manifest));
}

// The number of errors doesn't depend on the order either: none hides another.
RC_GTEST_PROP(ManifestLaws, OrderDoesNotHideErrors, ()) {
  std::vector<std::string> parts = blocks();
  parts.emplace_back("[network.clash]\nsubnet = \"10.0.8.0/25\"\nvni = 5000\n");
  parts.emplace_back("[endpoint.lost]\nhost = \"nowhere\"\nnetwork = \"front\"\naliases = [\"web\"]\n");
  parts.emplace_back("[host.d]\nadvertise = \"192.168.50.10\"\ncolour = \"red\"\n");
  const auto ids = [](const Parsed& parsed) {
    std::vector<std::string> out;
    for (const Diagnostic& diagnostic : parsed.diagnostics) out.push_back(diagnostic.id.text());
    std::ranges::sort(out);
    return out;
  };
  RC_ASSERT(ids(parse_text(joined(shuffled(parts)))) ==
            (std::vector<std::string>{"alias-clash", "duplicate-address", "duplicate-vni", "unknown-host",
                                      "unknown-key"}));
}

// A mutation: bytes removed, doubled, or replaced by what means something to a TOML parser.
std::string mutated(std::string text) {
  static const std::vector<std::string> kPieces{"\"",          "'",
                                                "\"\"\"",      "[",
                                                "]",           "{",
                                                "}",           ".",
                                                "=",           ",",
                                                "\n",          "\r\n",
                                                "#",           "\\",
                                                "\t",          "-",
                                                "0",           "nan",
                                                "1e9",         "1979-05-27",
                                                "true",        std::string(1, '\0'),
                                                "\x1b[2J",     "\\u001b",
                                                "\\u202e",     "\x7f",
                                                "\xff",        "\xc3\xa9",
                                                "\xe2\x80\xae"};
  const auto edits = *rc::gen::inRange(1, 8);
  for (int i = 0; i < edits && !text.empty(); ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const auto length = *rc::gen::inRange<std::size_t>(0, 12);
    switch (*rc::gen::inRange(0, 5)) {
      case 0: text.erase(at, length); break;
      case 1: text.insert(at, text.substr(at, length)); break;
      default: text.replace(at, length / 4, *rc::gen::elementOf(kPieces)); break;
    }
  }
  return text;
}

RC_GTEST_PROP(ManifestLaws, MutationsNeverCrashAndAreShownSafely, ()) {
  const Sources sources{{.name = "ovl.toml", .text = mutated(joined(blocks()))}};
  const Parsed parsed = parse(sources);
  RC_ASSERT(is_shown_safely(parsed, sources));
  RC_ASSERT(std::ranges::is_sorted(parsed.diagnostics, {}, &Diagnostic::place));
  for (const Diagnostic& diagnostic : parsed.diagnostics) {
    RC_ASSERT(!diagnostic.id.empty());
    RC_ASSERT(!diagnostic.message.empty());
    RC_ASSERT(diagnostic.place.line > 0 || diagnostic.id == "missing-block");
  }
}

}  // namespace

}  // namespace ovl
