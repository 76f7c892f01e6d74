// A plan's line says which element comes and which goes, never the same words on both sides, and never a
// whole file or set.
#include "cmd/base/elements.hpp"

#include <gtest/gtest.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <deque>

#include "cmd/base/tunnel_step.hpp"
#include "cmd/formats/decode_plan.hpp"
#include "cmd/formats/formats.hpp"
#include "cmd/formats/render_plan.hpp"
#include "reconcile/objects/rules.hpp"
#include "reconcile/records/diff_records.hpp"

namespace ovl {

namespace {

using rules::bytes_of;
using rules::concatenated;
using rules::make_set;

Bytes address(const std::string& text) {
  return bytes_of(IpAddress::parse(text).value());
}

Bytes device(const std::string& name) {
  return bytes_of(IfName::from_kernel(name));
}

NftSet vteps(std::initializer_list<const char*> addresses) {
  std::vector<Bytes> elements;
  for (const char* text : addresses) elements.push_back(address(text));
  return make_set("vteps4", {rules::kIpv4Key}, elements);
}

NftTable host_filter() {
  NftTable table{.name = "ovl"};
  table.sets = {vteps({"192.168.62.191", "192.168.62.192"}), make_set("vnis", {rules::plain_key(3)}, {})};
  table.chains = {{.name = "forward",
                   .type = "filter",
                   .rules = {rules::rule("from us", {rules::accept()}), rules::rule("the rest", {})}}};
  std::ranges::sort(table.sets, {}, &NftSet::name);
  return table;
}

// A plan that changes what `before` is into `after`, on host left.
class Change {
 public:
  template <class K>
  Change(const K& before, const K& after, Action action = Action::update) {
    auto& kept = std::get<std::deque<K>>(kept_);
    ObjectChange change{.action = action, .reason = Reason::differs};
    if (action != Action::create) change.before = &kept.emplace_back(before);
    if (action != Action::remove) change.after = &kept.emplace_back(after);
    change.fields = action == Action::update ? differing(after, before) : 0;
    plan.cluster = Label::parse("demo").value();
    plan.host = HostName::parse("left").value();
    plan.spaces = {NetnsName()};
    plan.object_changes = {change};
  }

  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const Difference& one : differences_of(plan.object_changes.front(), false)) {
      if (!one.is_lines()) out.push_back(text_of(one));
      if (one.is_lines()) std::ranges::copy(lines_of(one), std::back_inserter(out));
    }
    return out;
  }

  [[nodiscard]] std::string text(bool all = false) const { return plan_text(plan, {.show_all = all}); }

  [[nodiscard]] std::string markdown() const {
    return markdown_of(Report{.verb = "plan",
                              .cluster = "demo",
                              .plan = &plan,
                              .manifest = {},
                              .error = {},
                              .checkout = {},
                              .folder = {}});
  }

  [[nodiscard]] std::string json() const { return plan_json(plan).json(); }

  // Shown again from its JSON alone.
  [[nodiscard]] std::string text_when_saved() const {
    const auto saved = decode_plan(plan_json(plan), changed_fields(plan));
    if (!saved.ok()) return saved.error().message;
    return plan_text(saved.value().plan, RenderOptions{});
  }

  Plan plan;

 private:
  std::tuple<std::deque<NftTable>, std::deque<HostsFile>, std::deque<Link>> kept_;
};

using Texts = std::vector<std::string>;

HostsFile hosts(std::size_t first, std::size_t last) {
  HostsFile out{.netns = NetnsName::parse("web").value(), .file = "hosts"};
  for (std::size_t i = first; i < last; ++i) out.lines.add_line("10.0.0.1 e" + std::to_string(i));
  return out;
}

RecordChange record_change(const std::string& before, const std::string& after) {
  RecordChange out{.action = Action::update,
                   .reason = Reason::differs,
                   .kind = RecordKind::network,
                   .name = "blue",
                   .previous = {},
                   .before = Value::parse_json(before).value(),
                   .after = Value::parse_json(after).value(),
                   .fields = {}};
  out.fields = delta_of(out.before, out.after);
  return out;
}

}  // namespace

TEST(Elements, OfASetAreNamedInEveryForm) {
  NftTable after = host_filter();
  after.sets[1] = vteps({"192.168.62.191", "192.168.62.66"});
  after.sets[0].elements = {{0x00, 0x13, 0x88}};
  const Change change(host_filter(), after);
  EXPECT_EQ(change.texts(), (Texts{"vnis: +5000", "vteps4: -192.168.62.192 +192.168.62.66"}));
  for (const std::string& shown : {change.text(), change.markdown(), change.text_when_saved()}) {
    EXPECT_NE(shown.find("vteps4: -192.168.62.192 +192.168.62.66\n"), std::string::npos) << shown;
    EXPECT_EQ(shown.find("elements)"), std::string::npos) << shown;
  }
  EXPECT_NE(change.json().find(R"({"added":["5000"],"field":"sets","part":"vnis"})"), std::string::npos)
      << change.json();
}

TEST(Elements, OfAKeyWithPartsReadAsNftWritesThem) {
  const Bytes mac{2, 0x42, 10, 0, 9, 2};
  const auto set = [](const std::string& name, std::initializer_list<rules::KeyPart> parts, Bytes element) {
    return make_set(name, parts, {std::move(element)});
  };
  NftTable after{.name = "ovl"};
  after.sets = {set("addresses4", {rules::kDeviceKey, rules::kIpv4Key},
                    concatenated({device("eth0"), address("10.0.9.2")})),
                set("nd_macs", {rules::kDeviceKey, rules::plain_key(6)}, concatenated({device("eth0"), mac})),
                set("senders", {rules::kDeviceKey, rules::kMacKey, rules::kIpv6Key},
                    concatenated({device("eth0"), mac, address("fd00::2")})),
                set("store", {rules::kProtocolKey, rules::kIpv4Key, rules::kPortNumberKey},
                    concatenated({{6}, address("192.0.2.1"), bytes_of(std::uint16_t{2379})})),
                set("types", {rules::kEtherTypeKey}, {0x08, 0x06})};
  const Change change(NftTable{.name = "ovl"}, after);
  Texts ends;
  for (const std::string& text : change.texts()) ends.push_back(text.substr(text.find('+')));
  EXPECT_EQ(ends, (Texts{"+eth0 . 10.0.9.2", "+eth0 . 02:42:0a:00:09:02",
                         "+eth0 . 02:42:0a:00:09:02 . fd00::2", "+6 . 192.0.2.1 . 2379", "+0x0806"}));
}

TEST(Elements, AForeignKeyShowsItsBytes) {
  NftTable after{.name = "ovl"};
  Bytes name = device("eth0");
  name.back() = 1;
  after.sets = {make_set("ports", {rules::kDeviceKey}, {name, device("eth0")})};
  const Texts texts = Change(NftTable{.name = "ovl"}, after).texts();
  ASSERT_EQ(texts.size(), 1U);
  EXPECT_NE(texts[0].find("+eth0 +0x65746830"), std::string::npos) << texts[0];
}

TEST(Elements, OfAChainAreItsRulesAndItsPolicy) {
  NftTable after = host_filter();
  after.chains[0].rules.insert(after.chains[0].rules.begin(), rules::rule("", {rules::accept()}));
  after.chains[0].policy_accept = false;
  const Change change(after, host_filter());
  EXPECT_EQ(change.texts(), Texts{"forward: filter hook 0 priority 0 policy drop -> filter hook 0 priority 0 "
                                  "policy accept, -a rule that is not ovl's"});
  EXPECT_EQ(change.text_when_saved(), change.text());
}

TEST(Elements, ARuleOfTheSameWordsIsToldAsChanged) {
  NftTable after = host_filter();
  after.chains[0].rules[1].exprs = rules::drop("rest");
  const Change change(host_filter(), after);
  EXPECT_EQ(change.texts(), Texts{"forward: ~the rest"});
  EXPECT_EQ(change.text_when_saved(), change.text());
  after = host_filter();
  std::swap(after.chains[0].rules[0], after.chains[0].rules[1]);
  const Change moved(host_filter(), after);
  EXPECT_EQ(moved.texts(), Texts{"forward: ~the order of its rules"});
  EXPECT_EQ(moved.text_when_saved(), moved.text());
}

TEST(Elements, OfATableThatIsMadeAreAllInItsJson) {
  const Change made(NftTable(), host_filter(), Action::create);
  EXPECT_NE(made.json().find(R"("added":["192.168.62.191","192.168.62.192"])"), std::string::npos);
  EXPECT_EQ(made.text_when_saved(), made.text());
  const Change gone(host_filter(), NftTable(), Action::remove);
  EXPECT_NE(gone.json().find(R"("removed":["192.168.62.191","192.168.62.192"])"), std::string::npos);
  EXPECT_EQ(gone.text_when_saved(), gone.text());
}

TEST(Elements, OfAFileAreItsLines) {
  const Change change(hosts(0, 5), hosts(1, 6));
  EXPECT_EQ(change.texts(), (Texts{"- 10.0.0.1 e0", "+ 10.0.0.1 e5"}));
  EXPECT_NE(change.text().find("\n           + 10.0.0.1 e5\n"), std::string::npos) << change.text();
  EXPECT_NE(change.markdown().find("\n+       10.0.0.1 e5\n"), std::string::npos) << change.markdown();
  EXPECT_EQ(change.text().find("e3"), std::string::npos) << "what stays is not repeated";
  HostsFile turned{.netns = NetnsName::parse("web").value(), .file = "hosts"};
  turned.lines.add_line("10.0.0.1 e1");
  turned.lines.add_line("10.0.0.1 e0");
  EXPECT_EQ(Change(hosts(0, 2), turned).texts(), Texts{"~ the order of the lines"});
}

TEST(Elements, LongRunsOfThemAreFoldedAndAllInTheJson) {
  const Change change(hosts(0, 1), hosts(0, 5'001));
  const std::string text = change.text();
  EXPECT_LT(std::ranges::count(text, '\n'), 20) << text;
  EXPECT_NE(text.find("+ ... and 4990 more lines"), std::string::npos) << text;
  EXPECT_EQ(differences_of(change.plan.object_changes[0], false)[0].added.texts.size(), 10U)
      << "what is not shown is no text";
  EXPECT_GT(std::ranges::count(change.text(true), '\n'), 5'000);
  EXPECT_NE(change.json().find("e4999"), std::string::npos);
}

TEST(Elements, OfARecordAreNamed) {
  const auto words = [](const std::string& before, const std::string& after) {
    const RecordChange change = record_change(before, after);
    return text_of(difference_of(change.fields.front(), false));
  };
  EXPECT_EQ(words(R"({"aliases":["a","b"]})", R"({"aliases":["b","c"]})"), "aliases: -a +c");
  EXPECT_EQ(words("{}", R"({"aliases":["c"]})"), "aliases: +c");
  EXPECT_EQ(words(R"({"labels":{"a":"1","b":"2"}})", R"({"labels":{"a":"1","b":"3"}})"), "labels: -b=2 +b=3");
  EXPECT_EQ(words(R"({"subnets":["x","y"]})", R"({"subnets":["y","x"]})"), "subnets: x, y -> y, x");
  EXPECT_EQ(words(R"({"mtu":1400})", R"({"mtu":1450})"), "mtu: 1400 -> 1450");
  EXPECT_EQ(words(R"({"netns":""})", "{}"), "netns: \"\" -> null") << "never none -> none";
}

// What a port loses with its bridge is set again, to what it was.
TEST(Elements, OfTheSameValueAreNotToldTwice) {
  const FieldDelta same{.name = "port_flood", .before = Value(false), .after = Value(false)};
  EXPECT_EQ(text_of(difference_of(same, false)), "port_flood: false again");
}

TEST(TunnelStep, SaysWhichOfTheThreeItIs) {
  const auto network = [](int vni, const std::string& twin, int port = 4789) {
    return R"({"port":)" + std::to_string(port) + R"(,"vni":)" + std::to_string(vni) +
           (twin.empty() ? "}" : R"(,"twin":{"port":4789,"since":3,)" + twin + "}}");
  };
  const std::string coming = R"("role":"coming","vni":5000)";
  const std::string going = R"("role":"going","vni":1048576)";
  const auto words = [&](const std::string& before, const std::string& after) {
    return tunnel_step_text(record_change(before, after));
  };
  EXPECT_EQ(words(network(1048576, ""), network(1048576, coming)),
            "vni 1048576 -> 5000 (step 1 of 3: every host gets a second tunnel)");
  EXPECT_EQ(words(network(1048576, coming), network(5000, going)),
            "vni 1048576 -> 5000 (step 2 of 3: every host sends through the new tunnel)");
  EXPECT_EQ(words(network(5000, going), network(5000, "")),
            "vni 1048576 -> 5000 (step 3 of 3: every host removes the old tunnel)");
  EXPECT_EQ(words(network(1048576, coming), network(1048576, "")),
            "vni 5000 -> 1048576 (taken back: every host removes the second tunnel)");
  EXPECT_EQ(words(network(7, "", 4790), network(7, R"("role":"coming","vni":7)", 4790)),
            "port 4790 -> 4789 (step 1 of 3: every host gets a second tunnel)");
  EXPECT_EQ(words(network(1, ""), network(2, "")), "") << "at once, where no two hosts are on it";
  Plan plan;
  plan.cluster = Label::parse("demo").value();
  plan.record_changes = {record_change(network(1048576, ""), network(1048576, coming))};
  EXPECT_NE(plan_text(plan, {}).find("\n      vni 1048576 -> 5000 (step 1 of 3: "), std::string::npos);
  EXPECT_EQ(plan_text(plan, {}).find("twin"), std::string::npos) << plan_text(plan, {});
}

}  // namespace ovl
