// What is written for services keeps their limits, and no name, label or commit gets out of the markup.
#include "cmd/formats/formats.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/base/value.hpp"
#include "reconcile/manifest/parse.hpp"
#include "tests/support/format_readers.hpp"
#include "tests/support/schema_check.hpp"

namespace ovl {

namespace {

// What somebody writes who wants to be more than text.
const std::vector<std::string> kHostile = {
    "evil ``` evil",
    "````````` evil\n```\n<script>evil()</script>",
    "</code></pre></details><b>evil</b>",
    "@evil/team evil#1 !1 [evil](http://evil.example) ![x](http://evil.example/i.png)",
    "http://evil.example <http://evil.example> www.evil.example",
    "--> evil <!--",
    "evil\r\n::error::evil %0A %",
    "evil \xff\xfe \xef\xbf\xbe \xef\xbf\xbf \x1b[31m \u202e ]]> &amp; <x> \"'",
};

constexpr const char* kManifest = R"([cluster]
name = "demo"
[keystore]
url = "sqlite:///tmp/k"
[host.left]
advertise = "192.0.2.1"
[network.one] # ä
[endpoint.web]
host = "left"
[endpoint.web.networks.one]
)";

ManifestFindings manifest_of(const std::string& text, const std::string& name = "infra/ovl.toml") {
  ManifestFindings out{.sources = {{.name = name, .text = text}}, .manifest = {}, .diagnostics = {}};
  Parsed parsed = parse(out.sources);
  out.manifest = std::move(parsed.manifest);
  out.diagnostics = std::move(parsed.diagnostics);
  return out;
}

Plan plan_of(std::size_t records, const std::string& word) {
  Plan plan;
  plan.cluster = Label::parse("demo").value();
  for (std::size_t i = 0; i < records; ++i) {
    RecordChange change{.action = i % 2 == 0 ? Action::create : Action::update,
                        .reason = Reason::differs,
                        .kind = RecordKind::network,
                        .name = "n" + std::to_string(i),
                        .previous = {},
                        .before = {},
                        .after = {},
                        .fields = {}};
    if (i % 2 == 1) change.fields.push_back({.name = "labels", .before = Value(), .after = Value(word)});
    plan.record_changes.push_back(std::move(change));
  }
  return plan;
}

Finding finding(FindingId id, const std::string& subject, const std::string& word) {
  return Finding{
      .code = Errc::conflict, .id = id, .subject = subject, .message = word, .hint = "hint " + word};
}

Report report_of(const Plan* plan, ManifestFindings manifest = {}) {
  return Report{.verb = "plan",
                .cluster = "demo",
                .plan = plan,
                .manifest = std::move(manifest),
                .error = {},
                .checkout = {},
                .folder = {}};
}

// A plan in which the word stands wherever text from outside can.
Plan hostile_plan(const std::string& word, std::size_t findings) {
  Plan plan = plan_of(4, word);
  plan.origin.commit = word;
  plan.origin.source = word;
  plan.waiting.push_back(word);
  plan.interruptions.push_back({.subject = word, .what = "all its traffic", .milliseconds = 5, .until = {}});
  for (std::size_t i = 0; i < findings; ++i) {
    plan.refused.push_back(finding("protected", "network.one", word));
    plan.conflicts.push_back(finding("foreign-link", "link " + word + ":eth0", word));
    plan.warnings.push_back(finding("forward-drop", "chain " + word, word));
  }
  return plan;
}

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

std::vector<std::string> hostile_documents(std::string (*format)(const Report&)) {
  std::vector<std::string> out;
  std::string all;
  for (const std::string& word : kHostile) all += word + " ";
  std::vector<std::string> words = kHostile;
  words.push_back(all);
  words.push_back(std::string(3'000, '`'));
  for (const std::string& word : words) {
    const Plan plan = hostile_plan(word, 3);
    out.push_back(format(report_of(&plan, manifest_of(kManifest, "infra/" + word))));
    Report failed = report_of(nullptr, manifest_of("[cluster]\nname = 5\n[x]\n# " + word, word));
    failed.error = Error{.code = Errc::unreachable, .message = word, .hint = word};
    out.push_back(format(failed));
  }
  return out;
}

}  // namespace

TEST(Markdown, NothingGetsOutOfItsMarkup) {
  test::expect_read("markdown", hostile_documents(markdown_of));
}

TEST(Markdown, FitsIntoACommentAndCountsWhatIsLeftOut) {
  std::vector<std::string> documents;
  for (const std::string& word : {std::string("short"), std::string(1'900, 'w'), std::string(5'000, '`')}) {
    Plan plan = hostile_plan(word, 200);
    const Plan many = plan_of(3'000, word);
    plan.record_changes = many.record_changes;
    documents.push_back(markdown_of(report_of(&plan)));
    const std::string& text = documents.back();
    EXPECT_LE(text.size(), 65'000U);
    EXPECT_TRUE(text.starts_with("<!-- ovl plan demo -->\n")) << text.substr(0, 99);
    EXPECT_NE(text.find(" more lines are left out\n"), std::string::npos);
    EXPECT_LT(text.find("records: 1500 to create, 1500 to update"), text.find("protected"));
    EXPECT_LT(text.find("\nRefused\n"), text.find("<details>"));
    EXPECT_NE(text.find("network.n0"), std::string::npos) << "the changes are not all left out";
  }
  test::expect_read("markdown", documents);
}

TEST(Markdown, ShowsAManifestsErrorsWithTheirLines) {
  const std::string text = markdown_of(report_of(nullptr, manifest_of("[cluster]\nname = 5\n")));
  EXPECT_NE(text.find("**The manifest is invalid: 1 error.**"), std::string::npos) << text;
  EXPECT_NE(text.find("    2 | name = 5\n"), std::string::npos) << text;
}

TEST(Github, AnnotatesTheBlockThatAFindingIsAbout) {
  Plan plan = plan_of(1, "");
  plan.refused.push_back(finding("protected", "network.one", "a: b, 50%\nc"));
  const std::string text = github_of(report_of(&plan, manifest_of(kManifest, "infra/a,b:c.toml")));
  EXPECT_EQ(
      text,
      "::error file=infra/a%2Cb%3Ac.toml,line=7,col=10,endColumn=13,title=protected::network.one: a: b, "
      "50%25\\x0ac%0Ahint: hint a: b, 50%25\\x0ac\n"
      "::notice title=ovl plan::Plan: records: 1 to create. An apply is refused.\n");
}

TEST(Github, ShowsTenOfATypeAndCountsTheRest) {
  const Plan ten = hostile_plan("x", 5);  // 5 refused and 5 conflicts
  EXPECT_EQ(times(github_of(report_of(&ten)), "::error "), 10U);
  EXPECT_EQ(times(github_of(report_of(&ten)), "not shown here"), 0U);
  const Plan many = hostile_plan("x", 50);
  const std::string text = github_of(report_of(&many));
  EXPECT_EQ(times(text, "::error "), 10U);
  EXPECT_EQ(times(text, "::warning "), 10U);
  EXPECT_NE(text.find("::error title=ovl plan::91 more are not shown here\n"), std::string::npos) << text;
  EXPECT_NE(text.find("::warning title=ovl plan::41 more are not shown here\n"), std::string::npos) << text;
}

// A runner takes a line for a command when it begins with "::".
TEST(Github, NothingBecomesACommandOfItsOwn) {
  for (const std::string& text : hostile_documents(github_of)) {
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      const std::string line = text.substr(at, text.find('\n', at) - at);
      EXPECT_TRUE(line.starts_with("::error ") || line.starts_with("::warning ") ||
                  line.starts_with("::notice "))
          << line;
      EXPECT_EQ(line.find('\r'), std::string::npos);
    }
  }
}

TEST(Sarif, FitsTheSchemaWhateverItSays) {
  test::expect_read("sarif", hostile_documents(sarif_of));
}

TEST(Sarif, TakesErrorsFirstAndCountsWhatIsLeftOut) {
  const Plan plan = hostile_plan("x", 2'500);  // 5,000 errors, 2,500 warnings
  const std::string text = sarif_of(report_of(&plan, manifest_of(kManifest)));
  const Value document = Value::parse_json(text, 64 << 20).value();
  const Value& run = document.find("runs")->as_array()->front();
  const Value::Array& results = *run.find("results")->as_array();
  ASSERT_EQ(results.size(), 5'000U);
  EXPECT_EQ(*results.back().find("level"), Value("error"));
  EXPECT_NE(text.find("2500 more results are left out"), std::string::npos);
  test::expect_read("sarif", {text});
}

TEST(Sarif, CountsColumnsInCodePoints) {
  const std::string text = sarif_of(
      report_of(nullptr, manifest_of("[cluster]\nname = \"demo\"\n[network.a]\nlabels = { \"ä\" = 5 }\n")));
  EXPECT_NE(text.find("\"endColumn\": 19"), std::string::npos) << text;
  EXPECT_NE(text.find("\"startColumn\": 18"), std::string::npos) << text;
  EXPECT_NE(text.find("\"columnKind\": \"unicodeCodePoints\""), std::string::npos);
}

TEST(Junit, IsReadWhateverItSays) {
  test::expect_read("junit", hostile_documents(junit_of));
}

TEST(Junit, HasACaseForEachChangeAndFailsForWhatIsRefused) {
  const Plan plan = hostile_plan("word", 1);
  const std::string text = junit_of(report_of(&plan));
  EXPECT_NE(text.find("tests=\"8\" failures=\"2\" errors=\"0\""), std::string::npos) << text;
  EXPECT_NE(text.find("name=\"create network.n0\"/>"), std::string::npos) << text;
  EXPECT_NE(text.find("<failure type=\"protected\" message=\"network.one: word\">"), std::string::npos)
      << text;
}

TEST(Junit, OfAValidationHasACaseForEachFile) {
  ManifestFindings manifest;
  manifest.sources = {{.name = "a.toml", .text = "[cluster]\nname = \"demo\"\n"},
                      {.name = "b.toml", .text = "[network.a]\nvni = 0\nmtu = 1\n"}};
  manifest.diagnostics = parse(manifest.sources).diagnostics;
  Report report = report_of(nullptr, manifest);
  report.verb = "validate";
  const std::string text = junit_of(report);
  EXPECT_NE(text.find("tests=\"2\" failures=\"1\" errors=\"0\""), std::string::npos) << text;
  EXPECT_NE(text.find("name=\"a.toml\"/>"), std::string::npos) << text;
  EXPECT_NE(text.find("(and 1 more)"), std::string::npos) << text;
  test::expect_read("junit", {text});
}

TEST(Gitlab, HasTheThreeCountsAndNothingElse) {
  Plan plan = plan_of(5, "x");
  for (const Action action : {Action::replace, Action::remove, Action::adopt, Action::forget}) {
    plan.record_changes.front().action = action;
    plan.record_changes.push_back(plan.record_changes.front());
  }
  // First and copies: forget, replace, remove, adopt, forget; then update, create, update, create.
  EXPECT_EQ(gitlab_of(report_of(&plan)), "{\"create\":3,\"update\":2,\"delete\":2}\n");
  EXPECT_EQ(gitlab_of(report_of(nullptr)), "{}\n");
}

TEST(Failure, InJsonFitsItsSchema) {
  if (!test::has_schema_validator()) GTEST_SKIP() << "needs python3-jsonschema";
  const test::TemporaryDirectory directory;
  Report report = report_of(nullptr, manifest_of("[cluster]\nname = 5\n"));
  test::write_file(directory.file("manifest"), json_of(report));
  report.manifest = {};
  report.error = Error{.code = Errc::unreachable, .message = "m"};
  test::write_file(directory.file("error"), json_of(report));
  test::expect_fits("failure", {directory.file("manifest"), directory.file("error")}, true);
}

// As a job sees it that stands in a folder of its checkout.
TEST(Places, AreNamedFromTheCheckout) {
  const auto named = [](const std::string& name) {
    Report report = report_of(nullptr, manifest_of("", name));
    report.checkout = "/src/";
    report.folder = "infra/";
    return file_of(report, Place{});
  };
  EXPECT_EQ(named("ovl.toml"), "infra/ovl.toml");
  EXPECT_EQ(named("../other/./a.toml"), "other/a.toml");
  EXPECT_EQ(named("/src/x/a.toml"), "x/a.toml");
  EXPECT_EQ(named("/etc/ovl/a.toml"), "/etc/ovl/a.toml");
}

}  // namespace ovl
