// What a host makes for its endpoints that grows with two lists of a text at once: routes with the subnets of
// a network and its endpoints on the host, hosts files with the names in a network and these endpoints.
// Counted before any of it is made.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reconcile/manifest/check_manifest.hpp"

namespace ovl {

// Routes to the subnets of networks, in the namespaces of all endpoints of one host: a thousand endpoints in
// networks of a hundred subnets.
inline constexpr std::uint64_t kMostRoutesOfHost = 100'000;

// Bytes of the names in all hosts files of one host: 400 endpoints in a network of 100,000 names of a hundred
// bytes.
inline constexpr std::uint64_t kMostNamesOfHost = std::uint64_t{4} << 30;

// Errors too-many-routes and too-many-names, at the attachment with which a host passes the limit.
void check_host_loads(const ManifestIndex& index, Reporter& report);

// Networks, by their place among the records, with the reason, by which hosts would pass a limit: the largest
// of the host's, until the others are within it. An answer to it is the same for whoever reads the records.
struct Overload {
  std::size_t network = 0;
  std::string problem;
};

std::vector<Overload> overloads_of(const Records& records);

}  // namespace ovl
