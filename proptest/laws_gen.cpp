// What the laws are tried on: manifests that pass validation, and every key that a manifest may have.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "model/manifest/manifest_schema.hpp"
#include "proptest/gen.hpp"
#include "reconcile/manifest/check_manifest.hpp"

namespace ovl {

namespace {

using IsGiven = std::function<bool(const Manifest&)>;

IsGiven on_hosts(std::function<bool(const HostBlock&)> gives) {
  return [gives](const Manifest& manifest) { return std::ranges::any_of(manifest.hosts, gives); };
}

IsGiven on_networks(std::function<bool(const NetworkBlock&)> gives) {
  return [gives](const Manifest& manifest) { return std::ranges::any_of(manifest.networks, gives); };
}

IsGiven on_endpoints(std::function<bool(const EndpointBlock&)> gives) {
  return [gives](const Manifest& manifest) { return std::ranges::any_of(manifest.endpoints, gives); };
}

IsGiven on_attachments(std::function<bool(const AttachmentBlock&)> gives, bool in_several) {
  return on_endpoints([gives, in_several](const EndpointBlock& endpoint) {
    return (endpoint.attachments.size() > 1) == in_several &&
           std::ranges::any_of(endpoint.attachments, gives);
  });
}

bool has_address(const AttachmentBlock& block) {
  return !block.addresses.empty();
}

bool has_mac(const AttachmentBlock& block) {
  return block.mac.has_value();
}

bool has_alias(const AttachmentBlock& block) {
  return !block.aliases.empty();
}

using Keys = std::map<std::string, IsGiven>;

// How a manifest shows that it has the key. `protect` is given by none: what it refuses ends no law's way
// from one manifest to the other, and guards have tests of their own.
const std::map<std::string, Keys>& known_keys() {
  static const std::map<std::string, Keys> keys{
      {"host",
       {{"advertise", on_hosts([](const auto&) { return true; })},
        {"bind", on_hosts([](const auto& block) { return block.bind.has_value(); })},
        {"gateway_pool", on_hosts([](const auto& block) { return block.gateway_pool.has_value(); })},
        {"source_check",
         on_hosts([](const auto& block) { return block.source_check == SourceCheck::loose; })},
        {"ttl_check", on_hosts([](const auto& block) { return block.ttl_check == TtlCheck::off; })},
        {"labels", on_hosts([](const auto& block) { return !block.labels.empty(); })}}},
      {"network",
       {{"subnet", on_networks([](const auto& block) { return block.subnets.size() == 1; })},
        {"subnets", on_networks([](const auto& block) { return block.subnets.size() > 1; })},
        {"gateway", on_networks([](const auto& block) { return !block.gateways.empty(); })},
        {"ip_range", on_networks([](const auto& block) { return !block.ip_range.empty(); })},
        {"reserved", on_networks([](const auto& block) { return !block.reserved.empty(); })},
        {"vni", on_networks([](const auto& block) { return block.vni.has_value(); })},
        {"mtu", on_networks([](const auto& block) { return block.mtu.has_value(); })},
        {"port", on_networks([](const auto& block) { return block.port.has_value(); })},
        {"internal", on_networks([](const auto& block) { return block.internal; })},
        {"frames", on_networks([](const auto& block) { return block.frames == FrameTypes::any; })},
        {"adopt", on_networks([](const auto& block) { return block.adopt == AdoptMode::if_equal; })},
        {"labels", on_networks([](const auto& block) { return !block.labels.empty(); })}}},
      {"endpoint",
       {{"host", on_endpoints([](const auto&) { return true; })},
        {"network", on_endpoints([](const auto& block) { return block.attachments.size() == 1; })},
        {"networks", on_endpoints([](const auto& block) { return block.attachments.size() > 1; })},
        {"address", on_attachments(has_address, false)},
        {"mac", on_attachments(has_mac, false)},
        {"aliases", on_attachments(has_alias, false)},
        {"netns", on_endpoints([](const auto& block) { return block.netns.has_value(); })},
        {"link_local", on_endpoints([](const auto& block) { return block.link_local == LinkLocal::any; })},
        {"adopt", on_endpoints([](const auto& block) { return block.adopt == AdoptMode::if_equal; })},
        {"labels", on_endpoints([](const auto& block) { return !block.labels.empty(); })}}},
      {"attachment",
       {{"address", on_attachments(has_address, true)},
        {"mac", on_attachments(has_mac, true)},
        {"aliases", on_attachments(has_alias, true)}}}};
  return keys;
}

// Who tries the other blocks: the rig's keystore is one in memory, [[moved]] is laws_store's, [policy]
// laws_policy's.
const std::set<std::string> kElsewhere{"cluster", "keystore",  "tls",   "moved",
                                       "policy",  "vni-range", "window"};

std::set<std::string> names_of(const Keys& keys) {
  std::set<std::string> names{"protect"};
  for (const auto& [name, given] : keys) names.insert(name);
  return names;
}

}  // namespace

RC_GTEST_PROP(Generators, GiveManifestsThatPassValidation, (const Manifest& manifest)) {
  Decoded decoded;
  decoded.manifest = manifest;
  // What a file would have: places, and a keystore.
  decoded.manifest.cluster.place.line = 1;
  decoded.manifest.keystore = {.url = {"sqlite:///var/lib/ovl/keystore.db", {.line = 2}},
                               .place = {.line = 2}};
  Diagnostics diagnostics;
  check_manifest(decoded, diagnostics);
  std::erase_if(diagnostics, [](const Diagnostic& found) { return found.severity != Severity::error; });
  for (const Diagnostic& error : diagnostics) RC_LOG() << error.message << "\n";
  RC_ASSERT(diagnostics.empty());
}

TEST(Generators, KnowEveryKeyOfTheSchema) {
  std::set<std::string> blocks = kElsewhere;
  for (const auto& [block, keys] : known_keys()) blocks.insert(block);
  std::set<std::string> in_schema;
  for (const BlockSpec& block : manifest_blocks()) in_schema.emplace(block.name);
  EXPECT_EQ(blocks, in_schema);
  for (const auto& [block, keys] : known_keys()) {
    std::set<std::string> names;
    for (const KeySpec& key : manifest_block(block).keys) names.emplace(key.key);
    std::set<std::string> known = names_of(keys);
    if (block == "attachment") known.erase("protect");
    EXPECT_EQ(known, names) << block;
  }
}

TEST(Generators, GiveEachKeyNowAndThen) {
  constexpr std::uint64_t kSamples = 400;
  std::vector<Manifest> samples;
  for (std::uint64_t seed = 0; seed < kSamples; ++seed) {
    samples.push_back(gen::manifest()(rc::Random(seed), rc::kNominalSize).value());
  }
  for (const auto& [block, keys] : known_keys()) {
    for (const auto& [key, is_given] : keys) {
      EXPECT_GE(std::ranges::count_if(samples, is_given), 5) << block << "." << key;
    }
  }
}

TEST(Generators, VaryTheFacts) {
  std::set<std::uint32_t> underlays;
  std::set<std::size_t> routes;
  std::set<std::size_t> nameservers;
  std::set<std::size_t> vnis;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Manifest manifest = gen::manifest()(rc::Random(seed), rc::kNominalSize).value();
    for (const HostFacts& host : gen::facts(manifest).hosts) {
      underlays.insert(host.underlay_mtu);
      routes.insert(host.routes.size());
      nameservers.insert(host.nameservers.size());
      vnis.insert(host.vnis.size());
    }
  }
  EXPECT_EQ(underlays.size(), 3U);
  EXPECT_EQ(routes.size(), 3U);
  EXPECT_EQ(nameservers.size(), 2U);
  EXPECT_EQ(vnis.size(), 2U);
}

}  // namespace ovl
