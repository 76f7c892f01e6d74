// What an address or a prefix is fit for, wherever it comes from: the manifest, or a record that somebody
// else may have written.
#pragma once

#include <string_view>

#include "model/values.hpp"

namespace ovl {

inline constexpr std::uint32_t kLeastIpv6Mtu = 1280;  // RFC 8200, section 5

// Why a prefix can't be a network's subnet; empty when it can.
std::string_view unfit_for_subnet(const IpPrefix& subnet);

// Why an address can't be a VTEP; empty when it can.
std::string_view unfit_for_vtep(const IpAddress& address);

}  // namespace ovl
