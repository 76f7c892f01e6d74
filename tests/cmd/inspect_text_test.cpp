// What inspect says to people: all that its JSON has.
#include "cmd/formats/inspect_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "cmd/base/style.hpp"
#include "reconcile/words/time_text.hpp"

namespace ovl {

namespace {

using ::testing::HasSubstr;

constexpr const char* kDocument = R"({
  "kind": "network", "name": "blue", "format_version": "1.0",
  "desired": {"name": "blue", "mtu": 1300, "vni": 77},
  "recorded": {
    "name": "blue", "vni": 77, "subnets": ["10.0.9.0/24", "fd00::/64"], "internal": false,
    "labels": {"team": "front\u001b[31m", "zone": "a"},
    "twin": {"role": "coming", "since": 3},
    "status": {"when": 1700000000, "since": 1600000000, "serial": 12},
    "endpoints": [
      {"name": "db", "host": "right", "addresses": ["10.0.9.3"], "labels": {}},
      {"name": "web", "host": "left", "addresses": ["10.0.9.2"], "mac": "02:42:0a:00:09:02",
       "interface": "eth0", "netns": "web", "vtep": "192.168.99.104"}]},
  "observed": [
    {"netns": "ovl-blue", "exists": true,
     "link": [{"name": "vxlan0", "type": "vxlan", "mtu": 1400}],
     "nft-table": [{"name": "ovl", "chains": [{"name": "in", "rules": ["drop"]}]}]}],
  "differs": [
    {"address": "network.blue", "change": "update", "field": "mtu", "found": null, "wanted": 1300},
    {"address": "route.ovl-blue[\"10.0.0.0/8\"]", "change": "remove"}],
  "dropped": {"vni": 5, "source": 0},
  "declared": [
    {"key": "vni", "file": "net/ovl.toml", "line": 8, "commit": "4f2a91c0", "author": "Jo\u202e", "when": 1500000000},
    {"key": "mtu", "file": "net/ovl.toml", "line": 9}]
})";

Value document() {
  return Value::parse_json(kDocument).value();
}

void each_leaf(const Value& value, const std::string& key,
               const std::function<void(const std::string&)>& see) {
  if (const Value::Object* members = value.as_object()) {
    for (const auto& [name, member] : *members) each_leaf(member, name, see);
  } else if (const Value::Array* items = value.as_array()) {
    for (const Value& item : *items) each_leaf(item, key, see);
  } else if (key == "when" && value.as_int() != nullptr) {
    see(time_text(*value.as_int()));
  } else if (!value.is_null() && key != "format_version") {
    see(value.as_string() != nullptr ? printable(*value.as_string()) : value.json());
  }
}

TEST(InspectText, HasAllThatItsJsonHas) {
  const std::string text = inspect_text(document(), {});
  std::size_t seen = 0;
  each_leaf(document(), {}, [&](const std::string& leaf) {
    // The time since when is one; that of a switch-over is a generation.
    if (leaf == "1600000000") return;
    EXPECT_THAT(text, HasSubstr(leaf));
    ++seen;
  });
  EXPECT_GT(seen, 40U);
  EXPECT_THAT(text, HasSubstr("since   " + time_text(1600000000)));
  EXPECT_THAT(text, HasSubstr("since  3\n"));
}

TEST(InspectText, IsAlignedAndInLines) {
  const std::string text = inspect_text(document(), {});
  EXPECT_THAT(text, HasSubstr("network blue\nWanted:\n  name  blue\n  mtu   1300\n  vni   77\nRecorded:\n"));
  EXPECT_THAT(text, HasSubstr("  labels    team=front\\x1b[31m, zone=a\n"));
  EXPECT_THAT(text, HasSubstr("  endpoints:\n    name db  addresses 10.0.9.3  host right  labels none\n"));
  EXPECT_THAT(text, HasSubstr("On this host:\n  netns ovl-blue  exists true\n    link:\n"
                              "      name vxlan0  mtu 1400  type vxlan\n"));
  EXPECT_THAT(text, HasSubstr("Differs:\n  network.blue                  update  mtu: none -> 1300\n"
                              "  route.ovl-blue[\"10.0.0.0/8\"]  remove\n"));
  EXPECT_THAT(text, HasSubstr("  vni  net/ovl.toml:8  4f2a91c0  Jo\\u{202e}  2017-07-14 02:40:00 UTC\n"
                              "  mtu  net/ovl.toml:9\n"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
}

TEST(InspectText, SaysWhatIsNotKnown) {
  const auto said = [](const char* json, const std::string& why) {
    return inspect_text(Value::parse_json(json).value(), why);
  };
  EXPECT_EQ(
      said(R"({"kind": "host", "name": "n1", "desired": null, "recorded": {"name": "n1"}, "observed": null,
                     "differs": [], "dropped": {}, "declared": []})",
           "not root"),
      "host n1\nWanted: unknown; no valid manifest here has it\nRecorded:\n  name  n1\n"
      "On this host: not looked at, which needs root\nDiffers: nothing of what was looked at: not root\n");
  EXPECT_EQ(said(R"({"kind": "host", "name": "n1", "desired": {"name": "n1"}, "recorded": {"name": "n1"},
                     "observed": [], "differs": []})",
                 {}),
            "host n1\nWanted: as it is recorded\nRecorded:\n  name  n1\nOn this host: nothing of it\n"
            "Differs: nothing\n");
}

}  // namespace

}  // namespace ovl
