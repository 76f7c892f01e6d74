// Manifests and what ovl says about them: one test per file of tests/golden/manifest. Sections that end
// in ".toml" are the sources; "diagnostics" is what is shown, "manifest" what was understood.
#include <gtest/gtest.h>

#include "reconcile/diagnostic_text.hpp"
#include "reconcile/parse.hpp"
#include "tests/support/manifest_dump.hpp"
#include "tests/support/txtar.hpp"

namespace ovl {

namespace {

const std::filesystem::path kCases = std::filesystem::path(OVL_SOURCE_DIR) / "tests/golden/manifest";

class ManifestGolden : public ::testing::TestWithParam<std::filesystem::path> {};

std::string rendered(const Diagnostics& diagnostics, const Sources& sources) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) {
    out += "[" + diagnostic.id + "]\n" + render(diagnostic, sources, false) + "\n\n";
  }
  return out;
}

TEST_P(ManifestGolden, SaysWhatItSaid) {
  Sources sources;
  for (const auto& section : test::load_case(GetParam()).sections) {
    if (section.name.ends_with(".toml")) sources.push_back({.name = section.name, .text = section.text});
  }
  ASSERT_FALSE(sources.empty());
  const Parsed parsed = parse(sources);
  const std::string shown = rendered(parsed.diagnostics, sources);
  if (shown.empty()) {
    test::expect_section(GetParam(), "manifest", test::manifest_value(parsed.manifest).pretty_json() + "\n");
  } else {
    test::expect_section(GetParam(), "diagnostics", shown);
  }
}

INSTANTIATE_TEST_SUITE_P(Case, ManifestGolden, ::testing::ValuesIn(test::cases_in(kCases)),
                         [](const auto& one) { return test::case_name(one.param); });

}  // namespace

}  // namespace ovl
