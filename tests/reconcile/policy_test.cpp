// What a policy says of a plan, at any time of the week.
#include "reconcile/records/policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/records/diff_records.hpp"

namespace ovl {

namespace {

using ::testing::HasSubstr;
using Ids = std::vector<std::string>;

template <class T>
T parsed(const std::string& text) {
  return T::parse(text).value();
}

// 2026-11-26 was a Thursday.
constexpr std::int64_t kThursday = 1'795'651'200;

std::int64_t at(int day, int hour, int minute, int second = 0) {
  return kThursday + ((day * 24LL + hour) * 60 + minute) * 60 + second;
}

PolicyWindow window(const std::string& from, const std::string& to,
                    std::initializer_list<Weekday> days = {}) {
  PolicyWindow out{.from = parsed<TimeOfDay>(from), .to = parsed<TimeOfDay>(to)};
  if (days.size() > 0) out.days = {};
  for (const Weekday day : days) out.days[static_cast<std::size_t>(day)] = true;
  return out;
}

NetworkRecord network(const std::string& name, std::uint32_t vni = 5000,
                      const std::string& subnet = "10.0.9.0/24") {
  NetworkRecord out;
  out.name = Label::parse(name).value();
  out.id = "id of " + name;
  out.vni = Vni::unchecked(vni);
  out.port = UdpPort::unchecked(4789);
  out.subnets = {IpPrefix::parse_exact(subnet).value()};
  return out;
}

HostRecord host(const std::string& name) {
  HostRecord out;
  out.name = HostName::parse(name).value();
  out.id = "id of " + name;
  return out;
}

EndpointRecord endpoint(const std::string& network_name, const std::string& name) {
  EndpointRecord out;
  out.network = Label::parse(network_name).value();
  out.name = Label::parse(name).value();
  out.id = "id of " + name + " in " + network_name.substr(0, 1);
  return out;
}

class PolicyRules : public ::testing::Test {
 protected:
  // "id subject", in order.
  std::vector<std::string> ids() {
    Plan plan;
    plan.cluster = Label::parse("demo").value();
    plan.record_changes = diff_records(desired_, current_);
    found_ = violations({.plan = plan,
                         .desired = desired_,
                         .current = current_,
                         .now = now_,
                         .signer = signer_,
                         .unsigned_because = why_},
                        policy_);
    std::vector<std::string> out;
    for (const Finding& finding : found_) {
      EXPECT_EQ(finding.code, Errc::guard);
      EXPECT_THAT(finding.hint, HasSubstr("the test's policy says so"));
      out.push_back(finding.id.text() + " " + finding.subject);
    }
    return out;
  }

  Records current_;
  Records desired_;
  Policy policy_{.origin = "the test's policy"};
  std::int64_t now_ = at(0, 12, 0);
  std::string signer_;
  std::string why_;
  std::vector<Finding> found_;
};

}  // namespace

TEST(PolicyWindows, OpenAndCloseToTheMinute) {
  const PolicyWindow day = window("08:00", "18:00", {Weekday::thu, Weekday::fri});
  EXPECT_FALSE(day.is_open(at(0, 7, 59, 59)));
  EXPECT_TRUE(day.is_open(at(0, 8, 0)));
  EXPECT_TRUE(day.is_open(at(0, 17, 59, 59)));
  EXPECT_FALSE(day.is_open(at(0, 18, 0)));
  EXPECT_TRUE(day.is_open(at(1, 12, 0)));
  EXPECT_FALSE(day.is_open(at(2, 12, 0))) << "Saturday";
  EXPECT_FALSE(day.is_open(at(6, 12, 0))) << "Wednesday";
  EXPECT_TRUE(day.is_open(at(7, 12, 0)));
}

TEST(PolicyWindows, GoOverMidnight) {
  const PolicyWindow night = window("22:00", "06:00", {Weekday::sun});
  EXPECT_FALSE(night.is_open(at(3, 21, 59, 59))) << "Sunday";
  EXPECT_TRUE(night.is_open(at(3, 22, 0)));
  EXPECT_TRUE(night.is_open(at(4, 5, 59, 59))) << "Monday";
  EXPECT_FALSE(night.is_open(at(4, 6, 0)));
  EXPECT_FALSE(night.is_open(at(3, 3, 0))) << "the night before";
  EXPECT_FALSE(night.is_open(at(4, 22, 0)));
}

TEST(PolicyWindows, HoldWholeDays) {
  const PolicyWindow day = window("00:00", "24:00", {Weekday::thu});
  EXPECT_FALSE(day.is_open(at(0, 0, 0) - 1));
  EXPECT_TRUE(day.is_open(at(0, 0, 0)));
  EXPECT_TRUE(day.is_open(at(0, 23, 59, 59)));
  EXPECT_FALSE(day.is_open(at(1, 0, 0)));
  EXPECT_TRUE(window("00:00", "24:00", {Weekday::thu}).is_open(0)) << "1970-01-01 was a Thursday";
}

TEST_F(PolicyRules, AllowEverythingByThemselves) {
  desired_.networks = {network("front")};
  current_.networks = {network("back")};
  EXPECT_EQ(ids(), Ids());
}

TEST_F(PolicyRules, HoldChangesBackOutsideOfTheWindows) {
  policy_.windows = {window("08:00", "10:00"), window("13:00", "14:00")};
  EXPECT_EQ(ids(), Ids()) << "an empty plan";
  desired_.networks = {network("front")};
  ASSERT_EQ(ids(), (Ids{"policy-window cluster demo"}));
  EXPECT_THAT(found_[0].message, HasSubstr("2026-11-26 12:00:00 UTC"));
  EXPECT_THAT(found_[0].hint, HasSubstr("daily 08:00-10:00, daily 13:00-14:00 UTC"));
  now_ = at(0, 13, 30);
  EXPECT_EQ(ids(), Ids());
}

TEST_F(PolicyRules, ProtectFromRemovalAndRenaming) {
  policy_.protect = {parsed<RecordPattern>("network.front"), parsed<RecordPattern>("endpoint.db-*")};
  current_.networks = {network("back"), network("front")};
  current_.endpoints = {endpoint("back", "db-1"), endpoint("back", "web")};
  EXPECT_EQ(ids(), (Ids{"policy-protect endpoint.db-1[\"back\"]", "policy-protect network.front"}));
  desired_ = current_;
  desired_.networks[1].vni = Vni::unchecked(7);
  EXPECT_EQ(ids(), Ids()) << "an update";
  desired_.networks[1].name = Label::parse("other").value();
  ASSERT_EQ(ids(), (Ids{"policy-protect network.other"}));
  EXPECT_EQ(found_[0].message, "it is protected by policy and would be renamed");
}

// An endpoint in a network that gets another name keeps its own.
TEST_F(PolicyRules, TakeNoEndpointForRenamedThatOnlyItsNetworkIs) {
  policy_.protect = {parsed<RecordPattern>("endpoint.*")};
  policy_.forbid = {parsed<ForbiddenChange>("rename endpoint")};
  current_.networks = {network("back")};
  current_.endpoints = {endpoint("back", "web")};
  desired_ = current_;
  desired_.networks[0].name = Label::parse("behind").value();
  desired_.endpoints[0].network = desired_.networks[0].name;
  EXPECT_EQ(ids(), Ids());
  desired_.endpoints[0].name = Label::parse("www").value();
  EXPECT_EQ(ids(),
            (Ids{"policy-protect endpoint.www[\"behind\"]", "policy-forbid endpoint.www[\"behind\"]"}));
}

TEST_F(PolicyRules, ForbidActionsOfKinds) {
  policy_.forbid = {parsed<ForbiddenChange>("remove network"), parsed<ForbiddenChange>("create host")};
  current_.networks = {network("front")};
  current_.endpoints = {endpoint("front", "web")};
  desired_.hosts = {host("a")};
  EXPECT_EQ(ids(), (Ids{"policy-forbid network.front", "policy-forbid host.a"}));
  desired_.networks = current_.networks;
  desired_.hosts = {};
  EXPECT_EQ(ids(), Ids()) << "the removal of an endpoint";
}

TEST_F(PolicyRules, ForbidUpdatesOfFields) {
  policy_.forbid = {parsed<ForbiddenChange>("update network.vni")};
  current_.networks = {network("front")};
  desired_ = current_;
  desired_.networks[0].internal = true;
  EXPECT_EQ(ids(), Ids());
  desired_.networks[0].vni = Vni::unchecked(7);
  EXPECT_EQ(ids(), (Ids{"policy-forbid network.front"}));
  current_ = {};
  EXPECT_EQ(ids(), Ids()) << "it is made with that VNI";
  policy_.forbid = {parsed<ForbiddenChange>("update network")};
  EXPECT_EQ(ids(), Ids());
  current_.networks = {network("front")};
  EXPECT_EQ(ids(), (Ids{"policy-forbid network.front"}));
}

// A VNI changes in generations; the first of them is the one to stop.
TEST_F(PolicyRules, SeeAVniWhenItBegins) {
  policy_.forbid = {parsed<ForbiddenChange>("update network.vni")};
  policy_.vni = VniRange{.max = Vni::unchecked(5999)};
  current_.networks = {network("front", 5000)};
  desired_ = current_;
  desired_.networks[0].twin =
      Twin{.role = TwinRole::coming, .vni = Vni::unchecked(6000), .port = UdpPort::unchecked(4789)};
  EXPECT_EQ(ids(), (Ids{"policy-forbid network.front", "policy-vni network.front"}));
  policy_.forbid = {parsed<ForbiddenChange>("update network.port")};
  EXPECT_EQ(ids(), (Ids{"policy-vni network.front"}));
  current_ = desired_;
  desired_.networks[0].twin.reset();
  policy_.forbid = {parsed<ForbiddenChange>("update network.vni")};
  EXPECT_EQ(ids(), Ids()) << "its end";
}

TEST_F(PolicyRules, JudgeValuesThatStandAlready) {
  policy_.subnets = {IpPrefix::parse_exact("10.0.0.0/8").value(), IpPrefix::parse_exact("fd00::/8").value()};
  policy_.vni = VniRange{.min = Vni::unchecked(5000), .max = Vni::unchecked(5999)};
  policy_.hosts = {parsed<HostPattern>("*.example.org"), parsed<HostPattern>("web-*"),
                   parsed<HostPattern>("db")};
  desired_.hosts = {host("a.example.org"), host("db"), host("example.org"), host("web-1"), host("xweb-1")};
  desired_.networks = {network("a", 5000),
                       network("b", 5999),
                       network("c", 4999),
                       network("d", 6000),
                       network("e", 5001, "192.168.0.0/24"),
                       network("f", 5002, "0.0.0.0/0")};
  current_ = desired_;
  EXPECT_EQ(ids(), (Ids{"policy-host host.example.org", "policy-host host.xweb-1", "policy-vni network.c",
                        "policy-vni network.d", "policy-subnet network.e", "policy-subnet network.f"}));
  desired_ = {};
  EXPECT_EQ(ids(), Ids()) << "what goes is nobody's business";
}

TEST_F(PolicyRules, LimitRemovals) {
  current_.networks = {network("a"), network("b"), network("c"), network("d")};
  desired_.networks = {network("a"), network("b")};
  policy_.max_destroy = parsed<DestroyLimit>("1");
  ASSERT_EQ(ids(), (Ids{"policy-max-destroy cluster demo"}));
  EXPECT_EQ(found_[0].message, "2 of its 4 records would be removed");
  policy_.max_destroy = parsed<DestroyLimit>("2");
  EXPECT_EQ(ids(), Ids());
  policy_.max_destroy = parsed<DestroyLimit>("49%");
  EXPECT_EQ(ids(), (Ids{"policy-max-destroy cluster demo"}));
  policy_.max_destroy = parsed<DestroyLimit>("50%");
  EXPECT_EQ(ids(), Ids());
}

TEST_F(PolicyRules, AskWhoSigned) {
  policy_.require_signed = true;
  EXPECT_EQ(ids(), Ids()) << "an empty plan";
  desired_.networks = {network("front")};
  EXPECT_EQ(ids(), (Ids{"policy-unsigned cluster demo"}));
  why_ = "its key has expired";
  ASSERT_EQ(ids().size(), 1U);
  EXPECT_TRUE(found_[0].message.ends_with("has signed: its key has expired"));
  signer_ = "alice@example.org";
  EXPECT_EQ(ids(), Ids());
}

}  // namespace ovl
