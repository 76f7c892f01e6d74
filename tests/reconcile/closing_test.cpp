// The last words of plans and applies, from facts: "no changes" is said of what was looked at, "the cluster
// matches the manifest" only when it does.
#include "reconcile/run/closing.hpp"

#include <gmock/gmock.h>

#include "reconcile/cluster/execute_records.hpp"
#include "reconcile/cluster/standing.hpp"
#include "reconcile/words/counted.hpp"
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Case {
  std::string name;
  ClosingFacts facts;
  std::string words;
  bool is_settled;
};

std::vector<std::string> twelve_hosts() {
  std::vector<std::string> out;
  for (int i = 10; i < 22; ++i) out.push_back("n" + std::to_string(i));
  return out;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"all is well", {.host = "n1"}, "No changes. The cluster matches the manifest.", true},
      {"records alone", {.scope = Scope::cluster}, "No changes. The cluster matches the manifest.", true},
      {"this host alone",
       {.scope = Scope::host, .host = "n1"},
       "No changes. This host matches the records.",
       true},
      {"the others know another address of it",
       {.scope = Scope::host, .host = "n1", .undone = {.address_untold = true}},
       "No changes. The other hosts know another address of this one: apply the manifest (ovl apply).",
       false},
      {"the source alone", {.takes_source = true, .host = "n1"}, "Plan: the source: 1 to take over.", false},
      {"a selection",
       {.partial = true, .host = "n1", .waiting = {"network.blue"}, .undone = {.behind = {"n2"}}},
       "No changes. What was selected is as it should be.",
       true},
      {"nothing to destroy",
       {.destroy = true, .host = "n1"},
       "No changes. There is nothing to remove.",
       true},
      {"others are behind",
       {.host = "n1", .undone = {.behind = {"n2", "n3"}}},
       "No changes. Still to apply: n2, n3 (there: ovl apply --scope host).",
       true},
      {"a host is lost",
       {.host = "n1", .undone = {.lost = {"n3"}}},
       "No changes. Lost, and not waited for: n3.",
       true},
      {"a step waits",
       {.host = "n1",
        .waiting = {"network.blue (step 1 of 3)"},
        .undone = {.steps = {"network.blue (step 1 of 3)"}, .behind = {"n2"}}},
       "No changes. Waiting for other hosts: network.blue (step 1 of 3). Still to apply: n2 (there: ovl "
       "apply "
       "--scope host).",
       false},
      {"no root",
       {.scope = Scope::cluster, .undone = {.host_not_looked_at = true}},
       "No changes of the records. This host was not looked at.",
       true},
      {"no root, changes",
       {.scope = Scope::cluster,
        .parts = {.records = {.create = 2}},
        .records = 2,
        .undone = {.host_not_looked_at = true}},
       "Plan: records: 2 to create. This host was not looked at.",
       false},
      {"a part is frozen",
       {.host = "n1", .left = {"the gateway"}},
       "Plan: 0 changes. Left as it is: the gateway.",
       false},
      {"refused records",
       {.scope = Scope::host, .host = "n1", .undone = {.refused = 1}},
       "No changes. What this host had before stands for 1 refused record.",
       false},
      {"the store is away",
       {.scope = Scope::host, .host = "n1", .undone = {.away = true}},
       "No changes. The store can't be reached: this host is as it was told last.",
       true},
      {"refused",
       {.refused = true, .host = "n1", .parts = {.records = {.remove = 5}}, .records = 5},
       "Plan: records: 5 to remove. An apply is refused.",
       false},
      {"all actions",
       {.host = "n1",
        .parts = {.records = {.create = 7},
                  .objects = {.create = 1, .update = 2, .replace = 3, .remove = 4, .adopt = 5, .forget = 6},
                  .drift = {.update = 8}},
        .records = 7,
        .objects = 29},
       "Plan: records: 7 to create; objects on n1: 1 to create, 2 to update, 3 to replace, 4 to remove, 5 to "
       "adopt, 6 to forget; drift on n1: 8 to update.",
       false},
      {"looked at, and all is well",
       {.refresh_only = true, .host = "n1"},
       "No changes. This host is as the records say.",
       true},
      {"drift",
       {.refresh_only = true, .host = "n1", .drift = 1},
       "Refresh only: 1 object differs and stays as it is.",
       false},
      {"more drift",
       {.refresh_only = true, .host = "n1", .drift = 3},
       "Refresh only: 3 objects differ and stay as they are.",
       false},
      {"a look without root",
       {.scope = Scope::cluster, .refresh_only = true, .undone = {.host_not_looked_at = true}},
       "No changes. This host was not looked at.",
       true},
      {"applied",
       {.done = 1,
        .host = "n1",
        .parts = {.objects = {.create = 36}},
        .records = 11,
        .objects = 25,
        .undone = {.behind = {"n2", "n3", "n4"}}},
       "Apply complete on n1: 11 records, 25 objects. Generation 1. Still to apply: n2, n3, n4 (there: ovl "
       "apply --scope host).",
       false},
      {"applied, one of each",
       {.done = 2, .host = "n1", .parts = {.objects = {.create = 1, .adopt = 1}}, .records = 1, .objects = 1},
       "Apply complete on n1: 1 record, 1 object. 1 taken over. Generation 2.",
       false},
      {"applied without a host",
       {.scope = Scope::cluster, .done = 3, .parts = {.objects = {.update = 1}}, .records = 1},
       "Apply complete: 1 record. Generation 3.",
       false},
      {"applied on a host alone",
       {.scope = Scope::host, .done = 3, .host = "n1", .parts = {.objects = {.create = 5}}, .objects = 5},
       "Apply complete on n1: 5 objects. Generation 3.",
       false},
      {"applied, but for a part and a step",
       {.done = 4,
        .host = "n1",
        .parts = {.objects = {.create = 2}},
        .objects = 2,
        .left = {"endpoint web", "the gateway"},
        .waiting = {"network.blue (step 1 of 3)"}},
       "Apply complete on n1: 0 records, 2 objects. Generation 4. Left as they are: endpoint web, the "
       "gateway. "
       "Waiting for other hosts: network.blue (step 1 of 3).",
       false},
      {"destroyed",
       {.destroy = true,
        .done = 5,
        .host = "n1",
        .parts = {.objects = {.remove = 36}},
        .records = 11,
        .objects = 25,
        .undone = {.behind = {"n2"}}},
       "Destroy complete on n1: 11 records, 25 objects. Generation 5. Still to apply: n2 (there: ovl apply "
       "--scope host).",
       false},
      {"many hosts",
       {.host = "n1", .undone = {.behind = twelve_hosts()}},
       "No changes. Still to apply: n10, n11, n12, n13, n14, n15, n16, n17, n18, n19 and 2 more (there: ovl "
       "apply --scope host).",
       true}};
  return all;
}

// Host a of two; b is another machine.
constexpr const char* kTwoHosts = R"([cluster]
name = "demo"
[host.a]
advertise = "192.0.2.1"
[host.b]
advertise = "192.0.2.2"
[network.web]
subnet = "10.0.9.0/24"
[endpoint.x]
network = "web"
host = "a"
[endpoint.y]
network = "web"
host = "b"
)";

class ClosingTest : public OneHost {
 protected:
  static std::string words_of(const Applied& done) {
    return closing(closing_facts(done.planned.plan, done.serial, done.left)).words;
  }

  // What an apply of it on host a ends with.
  std::string applied(const std::string& text) {
    const auto done = apply(text);
    EXPECT_TRUE(done.ok()) << done.error().message;
    return done.ok() ? words_of(done.value()) : std::string();
  }

  Closing planned(const std::string& text) {
    const auto made = plan(text);
    EXPECT_TRUE(made.ok()) << made.error().message;
    return made.ok() ? closing(closing_facts(made.value().plan)) : Closing();
  }

  StoreView view() {
    const auto keystore = store_.connect();
    return test::must(read_store(*keystore, StoreLayout(Label::parse("demo").value())));
  }

  // Says of host b that it stands at this generation.
  void b_stands_at(std::int64_t serial, std::int64_t drift = 0) {
    const auto keystore = store_.connect();
    const HostStatus status{
        .serial = serial, .when = 1, .apply_id = "x", .result = "ok", .drift = drift, .since = 1};
    const std::string key = StoreLayout(Label::parse("demo").value()).status(HostName::parse("b").value());
    ASSERT_TRUE(publish(*keystore, key, encode(status)).ok());
  }
};

}  // namespace

TEST(Counted, OneIsNotMany) {
  EXPECT_EQ(counted(0, "record"), "0 records");
  EXPECT_EQ(counted(1, "record"), "1 record");
  EXPECT_EQ(counted(2, "refused record"), "2 refused records");
}

TEST(Closing, SaysWhatIsSo) {
  for (const Case& one : cases()) {
    const Closing end = closing(one.facts);
    EXPECT_EQ(end.words, one.words) << one.name;
    EXPECT_EQ(end.is_settled, one.is_settled) << one.name;
  }
}

TEST_F(ClosingTest, OthersThatAreBehindAreNamedUntilTheyStandThere) {
  EXPECT_THAT(applied(kTwoHosts), HasSubstr("Apply complete on a: 5 records, "));
  EXPECT_THAT(planned(kTwoHosts).words, HasSubstr("No changes. Still to apply: b ("));
  b_stands_at(1, 2);
  EXPECT_THAT(planned(kTwoHosts).words, HasSubstr("Still to apply: b (")) << "something differs there";
  const HostName b = HostName::parse("b").value();
  EXPECT_EQ(standing_of(view(), b).text, "2 objects differ");
  EXPECT_EQ(health_of(view(), b, 301), "last apply 5m ago");
  b_stands_at(1);
  EXPECT_EQ(planned(kTwoHosts).words, "No changes. The cluster matches the manifest.");
}

TEST_F(ClosingTest, AChangeInStepsIsNotDoneWithTheFirst) {
  applied(kTwoHosts);
  b_stands_at(1);
  std::string other = kTwoHosts;
  other.replace(other.find("subnet"), 0, "vni = 5000\n");
  EXPECT_THAT(applied(other),
              HasSubstr("Waiting for other hosts: network.web (step 1 of 3). Still to apply: b"));
  const Closing waits = planned(other);
  EXPECT_THAT(waits.words, HasSubstr("No changes. Waiting for other hosts: network.web (step 1 of 3)."));
  EXPECT_FALSE(waits.is_settled);
  b_stands_at(2);
  EXPECT_THAT(applied(other), HasSubstr("network.web (step 2 of 3)"));
  b_stands_at(3);
  EXPECT_THAT(applied(other), Not(HasSubstr("step")));
  b_stands_at(4);
  EXPECT_TRUE(planned(other).is_settled);
  EXPECT_EQ(planned(other).words, "No changes. The cluster matches the manifest.");
}

TEST_F(ClosingTest, AHostIsSeenUntilItHasRemovedWhatItHad) {
  applied(kTwoHosts);
  b_stands_at(1);
  const std::string text = kTwoHosts;
  const std::string alone = text.substr(0, text.find("[endpoint.x]"));
  // The records go; what host a has goes with its own apply alone.
  const Manifest without_a =
      parsed(alone.substr(0, alone.find("[host.a]")) + alone.substr(alone.find("[host.b]")));
  ASSERT_TRUE(apply(Scope::cluster, &without_a).ok());
  const HostName a = HostName::parse("a").value();
  EXPECT_EQ(standing_of(view(), a).kind, Standing::Kind::leftover);
  EXPECT_EQ(hosts_of(view(), view().records).size(), 2U);
  ASSERT_TRUE(apply(Scope::host, nullptr).ok());
  EXPECT_FALSE(view().status.contains("a")) << "it has nothing any more";
  ASSERT_TRUE(apply(Scope::host, nullptr).ok());
  EXPECT_FALSE(view().status.contains("a"));
}

TEST_F(ClosingTest, ADestroyNamesThoseThatStillHaveSomething) {
  applied(kTwoHosts);
  b_stands_at(1);
  const auto done = destroy(Scope::all);
  ASSERT_TRUE(done.ok()) << done.error().message;
  const std::string words = words_of(done.value());
  EXPECT_THAT(words, HasSubstr("Destroy complete on a: 5 records, "));
  EXPECT_THAT(words, HasSubstr("Still to apply: b ("));
  EXPECT_FALSE(view().status.contains("a"));
  EXPECT_EQ(standing_of(view(), HostName::parse("b").value()).kind, Standing::Kind::leftover);
  const auto again = destroy(Scope::all);
  ASSERT_TRUE(again.ok());
  EXPECT_THAT(words_of(again.value()), HasSubstr("No changes. Still to apply: b ("));
}

}  // namespace ovl
