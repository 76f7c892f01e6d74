// What an address or a prefix is fit for, wherever it comes from: the manifest, or a record that somebody
// else may have written.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/base/values.hpp"

namespace ovl {

inline constexpr std::uint32_t kLeastIpv6Mtu = 1280;  // RFC 8200, section 5

// Whether a time or a counter is one that a store may name: what is added to or taken from it later
// stays a number.
constexpr bool is_counter(std::int64_t number) {
  return number >= 0 && number <= 1'000'000'000'000'000;
}

// Why a prefix can't be a network's subnet; empty when it can.
std::string_view unfit_for_subnet(const IpPrefix& subnet);

// Why an address can't be a VTEP; empty when it can.
std::string_view unfit_for_vtep(const IpAddress& address);

// The same for a host's gateway pool, which is IPv4 and has room for a gateway and an endpoint.
std::string_view unfit_for_pool(const IpPrefix& pool);

}  // namespace ovl
