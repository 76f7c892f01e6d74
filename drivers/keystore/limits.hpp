// How much of a store a reader takes. Whoever may write into the store writes what it likes; these numbers,
// and no writer, decide how much memory each host needs to look at it. What a cluster may grow to stands
// in docs/keystores.md.
#pragma once

#include <cstddef>

namespace ovl {

// Bytes of one value. Under what every store takes: Consul 512 KiB of JSON with values in base64
// (limits.txn_max_req_len), ZooKeeper 1 MiB (jute.maxbuffer), etcd 1.5 MiB (--max-request-bytes).
inline constexpr std::size_t kMostValueBytes = std::size_t{256} << 10;

// Bytes of one key, without the URL's prefix. The longest of ours is "ovl/CLUSTER/v1/claims/host/HOST": 63
// for a label, 253 for a host's name (RFC 1035, 2.3.4).
inline constexpr std::size_t kMostKeyBytes = 512;

// Keys of one tree. A million endpoints with two addresses are four million: record, MAC, addresses.
inline constexpr std::size_t kMostKeys = 10'000'000;

// Bytes of the keys and values of one tree. A million such endpoints are 0.9 GB.
inline constexpr std::size_t kMostTreeBytes = std::size_t{2} << 30;

}  // namespace ovl
