// Tables in a namespace, for tests of what they pass.
#pragma once

#include <gtest/gtest.h>

#include <fstream>

#include "drivers/nft/nft.hpp"
#include "tests/kernel/nft_samples.hpp"

namespace ovl::test {

inline constexpr std::uint32_t kOurVni = 1048576;
inline constexpr std::uint16_t kVxlanPort = 4789;

inline void set_filter(const std::string& netns, const HostFilter& filter) {
  Inside inside(netns);
  auto client = NftClient::open();
  ASSERT_TRUE(client.ok()) << client.error().message;
  const Status done = client.value().create(host_filter(filter));
  ASSERT_TRUE(done.ok()) << done.error().message;
}

inline HostFilter vxlan_filter() {
  return {.owner = "test",
          .vnis = {Vni::unchecked(kOurVni)},
          .cluster_vnis = {Vni::unchecked(kOurVni)},
          .vxlan_ports = {UdpPort::unchecked(kVxlanPort)},
          .vteps = {ip("10.1.0.2"), ip("fd01::2")},
          .own = {ip("10.1.0.1"), ip("fd01::1")}};
}

// What a table has counted under a reason; UINT64_MAX: there is none.
inline std::uint64_t drops_of(const std::string& netns, NftFamily family, const std::string& reason) {
  Inside inside(netns);
  const std::vector<NftTableName> names{{family, "ovl"}};
  auto client = NftClient::open();
  if (!client.ok()) return UINT64_MAX;
  const auto seen = client.value().observe(names);
  if (!seen.ok() || seen.value().empty()) return UINT64_MAX;
  for (const NftCounter& counter : seen.value().front().counters) {
    if (counter.name == "dropped_" + reason) return counter.packets;
  }
  return UINT64_MAX;
}

// Whether br_netfilter is there and now shows bridged frames to the hooks of IP.
inline bool shows_bridged_frames(const std::string& netns) {
  Inside inside(netns);
  std::ofstream file("/proc/sys/net/bridge/bridge-nf-call-iptables");
  return static_cast<bool>(file << 1 << std::flush);
}

inline constexpr const char* kNoBrNetfilter = "no br_netfilter: bridged frames pass no filters of IP";

}  // namespace ovl::test
