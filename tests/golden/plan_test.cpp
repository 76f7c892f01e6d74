// Manifest in, plan out: one test per file of tests/golden/plan. "ovl.toml" is the manifest, "host" the
// host that plans; "before.toml", when there is one, has been applied on it. "plan" is what is shown.
#include <gtest/gtest.h>

#include <fstream>

#include "cmd/decode_plan.hpp"
#include "cmd/render_plan.hpp"
#include "drivers/fake/fake_kernel.hpp"
#include "reconcile/diff_objects.hpp"
#include "reconcile/diff_records.hpp"
#include "reconcile/operations.hpp"
#include "reconcile/parse.hpp"
#include "reconcile/project.hpp"
#include "reconcile/resolve.hpp"
#include "tests/support/process.hpp"
#include "tests/support/schema_check.hpp"
#include "tests/support/txtar.hpp"

namespace ovl {

namespace {

const std::filesystem::path kCases = std::filesystem::path(OVL_SOURCE_DIR) / "tests/golden/plan";

class PlanGolden : public ::testing::TestWithParam<std::filesystem::path> {};

// One host with an empty kernel and an empty store.
class Bench {
 public:
  explicit Bench(std::string host) : host_(HostName::parse(host).value()) {}

  Plan plan(const Manifest& manifest) {
    Plan out;
    out.cluster = manifest.cluster.value;
    out.host = host_;
    const Facts facts = facts_of(manifest);
    desired_ = resolve(manifest, records_, facts).records;
    out.record_changes = diff_records(desired_, records_);
    Projected projected =
        project(ProjectInput{.cluster = out.cluster, .host = host_, .records = desired_, .facts = facts});
    out.desired = std::move(projected.objects);
    out.waiting = std::move(projected.waiting);
    out.warnings = std::move(projected.warnings);
    HostObjects wanted = out.desired;
    wanted.at(NetnsName());
    const auto owned = kernel_.owned_namespaces();
    for (const NetnsName& name : owned.value()) wanted.at(name);
    out.observed = kernel_.observe(wanted).value();
    diff_objects(out, {});
    return out;
  }

  void apply(const Manifest& manifest) {
    const Plan planned = plan(manifest);
    for (const OperationGroup& group : operations_of(planned)) {
      const ApplyOutcome outcome = kernel_.apply(group.operations);
      ASSERT_FALSE(outcome.error) << outcome.error->message;
    }
    records_ = desired_;
  }

 private:
  // Every host has a plain underlay and has said so.
  static Facts facts_of(const Manifest& manifest) {
    Facts out;
    for (const HostBlock& block : manifest.hosts) {
      HostFacts facts{.host = block.name, .uplinks = {IfName::from_kernel("eth1")}};
      if (const auto* address = std::get_if<IpAddress>(&block.advertise.value)) facts.vtep = *address;
      out.set(std::move(facts));
    }
    return out;
  }

  HostName host_;
  FakeKernel kernel_;
  Records records_;
  Records desired_;
};

Manifest manifest_of(const std::string& name, const std::string& text) {
  const Parsed parsed = parse({{.name = name, .text = text}});
  for (const Diagnostic& diagnostic : parsed.diagnostics) ADD_FAILURE() << diagnostic.message;
  return parsed.manifest;
}

// The value with one member or item too much at the n-th place; n is -1 then, else what is left of it.
Value with_extra(const Value& value, int& n) {
  Value out = value;
  const Value::Object* members = value.as_object();
  const Value::Array* items = value.as_array();
  if (members == nullptr && items == nullptr) return out;
  if (n-- == 0) {
    members != nullptr ? out.set("extra", Value(true)) : out.push(Value(true));
    return out;
  }
  if (members != nullptr) {
    for (const auto& [name, member] : *members) {
      if (n >= 0) out.set(name, with_extra(member, n));
    }
    return out;
  }
  out = Value::array();
  for (const Value& item : *items) out.push(n >= 0 ? with_extra(item, n) : item);
  return out;
}

Plan plan_of(const test::Txtar& golden) {
  std::string host = golden.find("host")->text;
  while (!host.empty() && host.back() == '\n') host.pop_back();
  Bench bench(host);
  if (const auto* before = golden.find("before.toml")) bench.apply(manifest_of("before.toml", before->text));
  return bench.plan(manifest_of("ovl.toml", golden.find("ovl.toml")->text));
}

}  // namespace

TEST_P(PlanGolden, ShowsWhatItShowed) {
  const test::Txtar golden = test::load_case(GetParam());
  ASSERT_NE(golden.find("ovl.toml"), nullptr);
  ASSERT_NE(golden.find("host"), nullptr);
  test::expect_section(GetParam(), "plan", plan_text(plan_of(golden), RenderOptions{}));
}

// What is saved is shown again as it was, but for how much stays as it is.
TEST_P(PlanGolden, ASavedOneShowsTheSame) {
  const Plan plan = plan_of(test::load_case(GetParam()));
  auto shown = decode_plan(plan_json(plan), changed_fields(plan));
  ASSERT_TRUE(shown.ok()) << shown.error().message;
  Plan changes_alone = plan;
  changes_alone.desired = {};
  const DecodedPlan moved = std::move(shown).value();
  for (const bool all : {true, false}) {
    EXPECT_EQ(plan_text(moved.plan, RenderOptions{.show_all = all}),
              plan_text(changes_alone, RenderOptions{.show_all = all}));
  }
}

TEST(PlanText, CountsInterruptionsBeyondTheFirst) {
  Plan plan;
  for (int i = 0; i < 60; ++i) {
    plan.interruptions.push_back(
        {.subject = "endpoint.e" + std::to_string(i), .what = "all", .for_good = true});
  }
  const std::string folded = plan_text(plan, RenderOptions{});
  EXPECT_NE(folded.find("  endpoint.e9: all, for good\n  all: ... and 50 more (--show-all shows them)\n"),
            std::string::npos)
      << folded;
  const std::string whole = plan_text(plan, RenderOptions{.show_all = true});
  EXPECT_NE(whole.find("  endpoint.e59: all, for good\n"), std::string::npos) << whole;
}

TEST_P(PlanGolden, ASavedOneSaysNoMore) {
  const Plan plan = plan_of(test::load_case(GetParam()));
  const Value json = plan_json(plan);
  const Value changed = changed_fields(plan);
  // Few of the first places, then fewer: what an object is decoded by is the same for all of a kind.
  for (int place = 0, step = 1;; place += step, step += place / 50) {
    int left = place;
    const Value edited = with_extra(json, left);
    if (left >= 0) break;
    const auto shown = decode_plan(edited, changed);
    ASSERT_FALSE(shown.ok()) << edited.json();
    ASSERT_EQ(shown.error().code, Errc::corrupt);
  }
}

TEST(PlanSchema, EachGoldenPlanFits) {
  if (!test::has_schema_validator()) GTEST_SKIP() << "needs python3-jsonschema";
  const test::TemporaryDirectory directory;
  std::vector<std::string> files;
  for (const std::filesystem::path& path : test::cases_in(kCases)) {
    files.push_back(directory.file(path.stem()));
    std::ofstream(files.back()) << plan_json(plan_of(test::load_case(path))).json();
  }
  ASSERT_FALSE(files.empty());
  test::expect_fits("plan", files);
}

INSTANTIATE_TEST_SUITE_P(Case, PlanGolden, ::testing::ValuesIn(test::cases_in(kCases)),
                         [](const auto& one) { return test::case_name(one.param); });

}  // namespace ovl
