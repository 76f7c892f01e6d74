// Manifests and what ovl says about them: one test per file of tests/golden/manifest. Sections that end
// in ".toml" are the sources; "diagnostics" is what is shown, "manifest" what was understood.
#include <gtest/gtest.h>

#include <set>

#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/records/moves.hpp"
#include "reconcile/records/resolve.hpp"
#include "reconcile/toml/toml_guard.hpp"
#include "tests/reconcile/beyond_limits.hpp"
#include "tests/support/manifest_dump.hpp"
#include "tests/support/txtar.hpp"

namespace ovl {

namespace {

const std::filesystem::path kCases = std::filesystem::path(OVL_SOURCE_DIR) / "tests/golden/manifest";
// Their manifests are too long to be written down.
const std::filesystem::path kLongCases = std::filesystem::path(OVL_SOURCE_DIR) / "tests/golden/long_manifest";

class ManifestGolden : public ::testing::TestWithParam<std::filesystem::path> {};

std::string rendered(const Diagnostics& diagnostics, const Sources& sources) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) {
    out += render(diagnostic, sources, false) + "\n\n";
  }
  return out;
}

// "before.toml", when there is one, is what was applied before.
constexpr std::string_view kBefore = "before.toml";

Sources sources_of(const std::filesystem::path& path) {
  Sources sources;
  for (const auto& section : test::load_case(path).sections) {
    const bool is_source = section.name.ends_with(".toml") && section.name != kBefore;
    if (is_source) sources.push_back({.name = section.name, .text = section.text});
  }
  return sources;
}

Records records_before(const std::filesystem::path& path) {
  const test::Txtar golden = test::load_case(path);
  const auto* before = golden.find(std::string(kBefore));
  if (before == nullptr) return {};
  const Parsed parsed = parse({{.name = before->name, .text = before->text}});
  EXPECT_TRUE(parsed.diagnostics.empty());
  return resolve(parsed.manifest, Records{}, Facts{}).records;
}

// What is refused: by the parser, else when the values are chosen, for a store that holds `current`.
Diagnostics refusals(const Parsed& parsed, Records current = {}) {
  if (!parsed.diagnostics.empty()) return parsed.diagnostics;
  move_records(moves_of(parsed.manifest), current, {});
  return resolve(parsed.manifest, current, Facts{}).problems;
}

Sources one_source(std::string text) {
  return {SourceFile{.name = "ovl.toml", .text = std::move(text)}};
}

Sources with_too_many_bytes() {
  return one_source(std::string(kMaxFileBytes + 1, '#'));
}

Sources with_too_many_ports() {
  std::string text =
      "[cluster]\nname = \"demo\"\n[keystore]\nurl = \"sqlite:///k.db\"\n"
      "[host.a]\nadvertise = \"192.0.2.1\"\ngateway_pool = \"172.18.0.0/16\"\n"
      "[network.n]\nsubnet = \"10.0.0.0/16\"\n";
  for (int i = 0; i < 1024; ++i) {
    text += "[endpoint.e" + std::to_string(i) + "]\nhost = \"a\"\nnetwork = \"n\"\n";
  }
  return one_source(std::move(text));
}

Sources with_too_long_record() {
  std::string text =
      "[cluster]\nname = \"demo\"\n[keystore]\nurl = \"sqlite:///k.db\"\n"
      "[host.a]\nadvertise = \"192.0.2.1\"\n[network.n]\n"
      "[endpoint.e]\nhost = \"a\"\nnetwork = \"n\"\naliases = [\n";
  for (int i = 0; i < 5000; ++i) text += "\"" + std::string(55, 'x') + std::to_string(i) + "\",\n";
  return one_source(text + "]\n");
}

void expect_shown(const std::string& name, const Sources& sources) {
  test::expect_section(kLongCases / name, "diagnostics", rendered(refusals(parse(sources)), sources));
}

TEST_P(ManifestGolden, SaysWhatItSaid) {
  const Sources sources = sources_of(GetParam());
  ASSERT_FALSE(sources.empty());
  const Parsed parsed = parse(sources);
  const std::string shown = rendered(refusals(parsed, records_before(GetParam())), sources);
  if (shown.empty()) {
    test::expect_section(GetParam(), "manifest", test::manifest_value(parsed.manifest).pretty_json() + "\n");
  } else {
    test::expect_section(GetParam(), "diagnostics", shown);
  }
}

TEST(LongManifestGolden, TooManyBytes) {
  expect_shown("too-large.txt", with_too_many_bytes());
}

TEST(LongManifestGolden, TooManyPorts) {
  expect_shown("too-many-ports.txt", with_too_many_ports());
}

// Each finding about a manifest has a case that shows it, with its place and its remedy.
TEST(ManifestCatalogue, EachIdHasACaseWithAPlaceAndARemedy) {
  std::set<std::string> shown;
  std::size_t broken = 0;
  const auto add = [&](const std::string& name, const Sources& sources, const Records& before = {}) {
    const Diagnostics found = refusals(parse(sources), before);
    if (!found.empty()) ++broken;
    for (const Diagnostic& diagnostic : found) {
      shown.insert(diagnostic.id.text());
      const bool of_a_file = diagnostic.id == "missing-block" || diagnostic.id == "too-large";
      EXPECT_TRUE(diagnostic.place.line > 0 || of_a_file) << name << ": " << diagnostic.message;
      EXPECT_FALSE(diagnostic.hint.empty()) << name << ": " << diagnostic.message;
    }
  };
  for (const auto& path : test::cases_in(kCases)) {
    add(path.filename(), sources_of(path), records_before(path));
  }
  add("too-large.txt", with_too_many_bytes());
  add("too-many-ports.txt", with_too_many_ports());
  add("a record that is too long", with_too_long_record());
  add("too many routes", test::with_routes(260));
  add("too many names", test::with_names(1000));
  add("too many labels", test::with_labels(3000));
  for (const CatalogueEntry& entry : kCatalogue) {
    if (entry.stage >= Stage::plan) continue;
    EXPECT_TRUE(shown.contains(std::string(entry.id))) << entry.id;
  }
  EXPECT_GE(broken, 60U);
}

INSTANTIATE_TEST_SUITE_P(Case, ManifestGolden, ::testing::ValuesIn(test::cases_in(kCases)),
                         [](const auto& one) { return test::case_name(one.param); });

}  // namespace

}  // namespace ovl
