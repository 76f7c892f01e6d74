// Nobody writes a record that readers of the store refuse for its length.
#include "reconcile/manifest/record_size.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "drivers/keystore/limits.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/records/resolve.hpp"

namespace ovl {

namespace {

const std::string kStart = "[cluster]\nname = \"demo\"\n[host.a]\nadvertise = \"192.0.2.1\"\n";

Parsed parsed(const std::string& text) {
  return parse({{.name = "ovl.toml", .text = kStart + text}});
}

std::string network_of(int subnets) {
  std::string list;
  for (int i = 0; i < subnets; ++i) {
    list += fmt::format("{}\"10.{}.{}.{}/30\"", i == 0 ? "" : ", ", 100 + (i >> 14), 100 + (i >> 6) % 100,
                        i % 64 * 4);
  }
  return "[network.n]\nsubnets = [" + list + "]\n";
}

// Id and line of the one error; the text of all where there are others.
std::string error_of(const Parsed& manifest) {
  if (manifest.diagnostics.size() != 1) return fmt::format("{} errors", manifest.diagnostics.size());
  const Diagnostic& only = manifest.diagnostics.front();
  return fmt::format("{} at line {}{}", only.id.text(), only.place.line,
                     only.hint.empty() ? ", no remedy" : "");
}

TEST(RecordSize, ANetworkOfTooManySubnetsIsRefusedWithItsPlace) {
  EXPECT_EQ(error_of(parsed(network_of(6399))), "0 errors");
  std::string wide;
  for (int i = 0; i < 9000; ++i) wide += fmt::format("{}\"fd00:{:x}::/64\"", i == 0 ? "" : ", ", i + 1);
  EXPECT_EQ(error_of(parsed("[network.n]\nsubnets = [" + wide + "]\n")), "record-too-long at line 5");
}

TEST(RecordSize, WhatIsTakenFits) {
  const Parsed manifest = parsed(network_of(6399));
  const Resolved resolved = resolve(manifest.manifest, {}, {});
  ASSERT_TRUE(resolved.problems.empty());
  const std::string record = encode(resolved.records.networks.front()).json();
  EXPECT_LE(record.size(), kMostValueBytes);
  EXPECT_GT(record.size(), kMostValueBytes / 2) << "near the limit";
}

TEST(RecordSize, AliasesAndLabelsCount) {
  const std::string in_one = "[network.n]\n[endpoint.e]\nhost = \"a\"\nnetwork = \"n\"\n";
  std::string aliases;
  for (int i = 0; i < 5000; ++i) aliases += fmt::format("{}\"{:x>55}{:05}\"", i == 0 ? "" : ", ", "", i);
  EXPECT_EQ(error_of(parsed(in_one + "aliases = [" + aliases + "]\n")), "record-too-long at line 6");
  std::string labels;
  for (int i = 0; i < 5000; ++i) labels += fmt::format("{}k{} = \"{:y>60}\"", i == 0 ? "" : ", ", i, "");
  EXPECT_EQ(error_of(parsed("[host.b]\nadvertise = \"192.0.2.2\"\nlabels = { " + labels + " }\n")),
            "record-too-long at line 5");
}

TEST(RecordSize, AHostOfManyRoutesTellsTheWidest) {
  HostFacts facts{.host = HostName::parse("a").value()};
  const IfName dev = IfName::parse("eth0123456789ab").value();
  for (int i = 0; i < 100'000; ++i) {
    const std::string text =
        fmt::format("fd00:1111:2222:{:x}:3333:4444:5555:{:x}/{}", i >> 8, i & 0xff, i == 99'999 ? 48 : 128);
    auto prefix = IpPrefix::parse_exact(i == 99'999 ? "fd00:ffff:1::/48" : text);
    facts.routes.push_back({.destination = std::move(prefix).value(), .dev = dev});
    facts.addresses.push_back(IpAddress::parse(text.substr(0, text.find('/'))).value());
    facts.vnis.push_back(Vni::unchecked(16'000'000 + static_cast<std::uint32_t>(i)));
    facts.forward_drops.push_back(std::string(500, 'c') + std::to_string(i));
  }
  EXPECT_TRUE(fit_facts(facts));
  EXPECT_LE(encode(facts).json().size(), kMostValueBytes);
  EXPECT_TRUE(std::ranges::any_of(facts.routes, [](const FactRoute& route) {
    return route.destination.length() == 48;
  })) << "the widest one came last";
  const HostFacts again = facts;
  EXPECT_FALSE(fit_facts(facts)) << "what fits stays as it is";
  EXPECT_EQ(facts, again);
}

TEST(RecordSize, AReportsMessageIsCutBetweenCharacters) {
  EXPECT_EQ(fit_message("ok"), "ok");
  std::string text;
  while (text.size() < 10'000) text += "ü€";
  const std::string cut = fit_message(text);
  EXPECT_LE(cut.size(), 4099U);
  EXPECT_TRUE(text.starts_with(cut.substr(0, cut.size() - 3)));
  EXPECT_TRUE(cut.ends_with("ü...") || cut.ends_with("€...")) << cut.substr(cut.size() - 8);
}

}  // namespace

}  // namespace ovl
