// Manifest in, plan out: one test per file of tests/golden/plan. "ovl.toml" is the manifest, "host" the
// host that plans; "before.toml", when there is one, has been applied on it. "plan" is what is shown.
#include <gtest/gtest.h>

#include <fstream>

#include "cmd/formats/decode_plan.hpp"
#include "cmd/formats/render_plan.hpp"
#include "drivers/fake/fake_kernel.hpp"
#include "drivers/fake/fake_keystore.hpp"
#include "reconcile/cluster/execute_records.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/run/apply.hpp"
#include "tests/support/process.hpp"
#include "tests/support/schema_check.hpp"
#include "tests/support/txtar.hpp"

namespace ovl {

namespace {

const std::filesystem::path kCases = std::filesystem::path(OVL_SOURCE_DIR) / "tests/golden/plan";

class PlanGolden : public ::testing::TestWithParam<std::filesystem::path> {};

// One host of a cluster whose others have said where they are, as the program plans and applies there.
class Bench {
 public:
  explicit Bench(const std::string& host)
      : host_(HostName::parse(host).value()),
        state_(State::open({.root = directory_.path(), .cluster = Label::parse("golden").value()}).value()) {}

  Plan plan(const Manifest& manifest) {
    prepare(manifest);
    auto planned = make_plan(request(manifest), world_);
    if (planned.ok()) return std::move(planned).value().plan;
    ADD_FAILURE() << planned.error().message;
    return {};
  }

  void apply(const Manifest& manifest) {
    prepare(manifest);
    const auto applied = ovl::apply(
        request(manifest), world_, [](const Plan&) { return Status(); }, Progress());
    ASSERT_TRUE(applied.ok()) << applied.error().message;
  }

 private:
  // Every host has a plain underlay and has said so.
  static HostFacts facts_of(const HostBlock& block) {
    HostFacts facts{.host = block.name, .uplinks = {IfName::from_kernel("eth1")}};
    facts.machine = "machine-" + block.name.text();
    if (const auto* address = std::get_if<IpAddress>(&block.advertise.value)) facts.vtep = *address;
    return facts;
  }

  void prepare(const Manifest& manifest) {
    const StoreLayout layout(manifest.cluster.value);
    for (const HostBlock& block : manifest.hosts) {
      if (block.name == host_) {
        kernel_.set_facts(facts_of(block));
        continue;
      }
      const auto view = read_store(*keystore_, layout);
      ASSERT_TRUE(view.ok()) << view.error().message;
      const Status told = publish_facts(*keystore_, layout, view.value(), facts_of(block));
      ASSERT_TRUE(told.ok()) << told.error().message;
    }
    world_.kernel = &kernel_;
    world_.keystore = keystore_.get();
    world_.state = &state_;
    world_.now = 1'700'000'000;
    world_.holder = {.who = "tester", .host = "a", .boot = "b", .pid = 1, .since = 1};
  }

  [[nodiscard]] Request request(const Manifest& manifest) const {
    Request out;
    out.cluster = manifest.cluster.value;
    out.host = host_;
    out.manifest = &manifest;
    out.own_words = true;
    out.max_destroy = DestroyLimit{.value = 100, .percent = true};
    return out;
  }

  test::TemporaryDirectory directory_;
  HostName host_;
  FakeKernel kernel_;
  FakeStore store_;
  std::unique_ptr<Keystore> keystore_ = store_.connect();
  State state_;
  World world_;
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
