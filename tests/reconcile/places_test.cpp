// Where plans' findings point in the manifest.
#include "reconcile/records/places.hpp"

#include <gtest/gtest.h>

#include "reconcile/manifest/parse.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"([cluster]
name = "demo"
[host.left]
advertise = "192.0.2.1"
[host.right]
advertise = "192.0.2.2"
[network.one]
[network.two]
[endpoint.web]
host = "left"
[endpoint.web.networks.one]
[endpoint.web.networks.two]
[endpoint.db]
host = "right"
network = "one"
netns = "data"
)";

// The line; 0: no place.
std::uint32_t line_of(const std::string& subject, const std::string& host = "left") {
  const Parsed parsed = parse({{.name = "ovl.toml", .text = kManifest}});
  EXPECT_TRUE(parsed.diagnostics.empty());
  const HostName name = host.empty() ? HostName() : HostName::parse(host).value();
  const auto place = place_of(parsed.manifest, name, subject);
  return place ? place->line : 0;
}

}  // namespace

TEST(PlaceOf, Records) {
  EXPECT_EQ(line_of("cluster demo"), 2U);
  EXPECT_EQ(line_of("host.right"), 5U);
  EXPECT_EQ(line_of("network.two"), 8U);
  EXPECT_EQ(line_of("endpoint.web"), 9U);
  EXPECT_EQ(line_of("endpoint.web[\"two\"]"), 12U);
  EXPECT_EQ(line_of("endpoint.db[\"one\"]"), 15U);
  EXPECT_EQ(line_of("endpoints/two/web"), 12U);
  EXPECT_EQ(line_of("networks/one"), 7U);
  EXPECT_EQ(line_of("hosts/left"), 3U);
}

TEST(PlaceOf, ObjectsAreOfWhatTheyWereMadeFor) {
  EXPECT_EQ(line_of("link.ovl-one[\"vxlan0\"]"), 7U);
  EXPECT_EQ(line_of("link ovl-two:br0"), 8U);
  EXPECT_EQ(line_of("netns ovl-one"), 7U);
  EXPECT_EQ(line_of("link.web[\"eth0\"]"), 9U);
  EXPECT_EQ(line_of("netns.data", "right"), 16U);
  EXPECT_EQ(line_of("link.host[\"ovl-gw\"]", "right"), 5U);
  EXPECT_EQ(line_of("link :ovl-gw"), 3U);
  EXPECT_EQ(line_of("nft_table :inet ovl"), 3U);
}

TEST(PlaceOf, WhatIsNotDeclaredHasNone) {
  for (const char* subject : {"network.three", "endpoint.web[\"three\"]", "netns.data", "cluster other",
                              "chain x", "head", "this host", "", "endpoints/web", "link."}) {
    EXPECT_EQ(line_of(subject), 0U) << subject;
  }
  EXPECT_EQ(line_of("link.host[\"x\"]", ""), 0U);
}

}  // namespace ovl
