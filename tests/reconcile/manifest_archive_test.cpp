// Manifests as bytes and back: every good one of the golden tests, and bytes that are none.
#include "reconcile/manifest/manifest_archive.hpp"

#include <gtest/gtest.h>

#include <random>

#include "reconcile/manifest/parse.hpp"
#include "tests/support/manifest_dump.hpp"

namespace ovl {

namespace {

constexpr const char* kEverything = R"([cluster]
name = "all"
[keystore]
url = "etcd://10.0.0.1:2379"
user = "env:USER_NAME"
password = "file:secret"
tls = { ca = "file:ca.pem", cert = "file:c.pem", key = "file:k.pem" }
[policy]
max_destroy = "25%"
protect = ["network.front", "endpoint.db-*"]
subnets = ["10.0.0.0/8", "fd00::/8"]
hosts = ["*.example.org"]
vni = { min = 1048576, max = 1064959 }
forbid = ["create host", "update network.vni"]
windows = [{ days = ["mon"], from = "08:00", to = "16:00" }]
require_signed = true
[host."a.example.org"]
advertise = "eth1"
bind = "10.1.0.4"
labels = { zone = "a", rack = "7" }
[host."b.example.org"]
advertise = "192.0.2.2"
gateway_pool = "172.30.0.0/16"
protect = true
[network.front]
subnets = ["10.0.9.0/24", "fd00:9::/64"]
gateway = ["10.0.9.1", "fd00:9::1"]
ip_range = "10.0.9.128/25"
reserved = ["10.0.9.130"]
vni = 1048600
mtu = 1400
port = 4790
internal = true
frames = "any"
adopt = "if-equal"
[network.back]
subnet = "auto"
[endpoint.web]
host = "a.example.org"
netns = "Web_1"
link_local = "any"
labels = { tier = "front" }
[endpoint.web.networks.front]
address = ["10.0.9.140", "fd00:9::8"]
mac = "02:42:0a:00:09:8c"
aliases = ["www", "shop"]
[[moved]]
from = "network.old"
to = "network.front"
)";

Manifest parsed(const std::string& text) {
  Parsed out = parse({{.name = "ovl.toml", .text = text}});
  EXPECT_TRUE(out.diagnostics.empty()) << (out.diagnostics.empty() ? "" : out.diagnostics.front().message);
  return std::move(out.manifest);
}

}  // namespace

TEST(ManifestArchive, GivesBackWhatItTook) {
  const Manifest manifest = parsed(kEverything);
  const auto back = unpack(pack(manifest));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(test::manifest_value(back.value()).json(), test::manifest_value(manifest).json());
  EXPECT_EQ(back.value().policy, manifest.policy);
  EXPECT_EQ(back.value().digest, manifest.digest);
  EXPECT_EQ(back.value().endpoints.front().attachments.front().mac->place,
            manifest.endpoints.front().attachments.front().mac->place);
  EXPECT_EQ(pack(back.value()), pack(manifest));
}

// A file that was cut or spoiled is found out, or holds valid values all the same; it is never a crash.
TEST(ManifestArchive, SpoiledBytesAreNoManifest) {
  const std::string whole = pack(parsed(kEverything));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(unpack(whole.substr(0, size)).ok()) << size;
  EXPECT_FALSE(unpack(whole + "x").ok());
  std::mt19937 random(7);  // NOLINT: the same bytes each time
  std::size_t refused = 0;
  for (int i = 0; i < 4'000; ++i) {
    std::string spoiled = whole;
    spoiled[random() % spoiled.size()] = static_cast<char>(random());
    const auto back = unpack(spoiled);
    if (back.ok()) {
      EXPECT_TRUE(unpack(pack(back.value())).ok());
    } else {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1'000U);
}

}  // namespace ovl
