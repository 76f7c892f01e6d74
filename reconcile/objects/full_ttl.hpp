// Packets with the highest TTL have passed no router (RFC 5082): which hosts say that their tunnels send
// such, and what this host's filter makes of it.
#pragma once

#include <optional>
#include <vector>

#include "model/plan/objects.hpp"
#include "model/records/records.hpp"

namespace ovl {

// The highest TTL, or hop limit, that a packet can have.
inline constexpr std::uint8_t kFullTtl = 255;

// Whether all tunnels that were seen here send with it; what can't be read counts as not. A tunnel that is
// yet to be made will.
bool sends_full_ttl(const HostObjects& observed);

// VTEPs of other hosts, sorted.
struct FullTtlWord {
  std::vector<IpAddress> said;    // their hosts say so
  std::vector<IpAddress> silent;  // their hosts have said nothing at all
};

// Neither where this host's record leaves the check out, or where an address is translated (NAT) on the way:
// who translates is a router.
FullTtlWord full_ttl_word(const Records& records, const Facts& facts, const HostName& here);

// Puts into `desired` what the observed filter demands of who is silent: a store that lost what hosts said
// takes nothing back. And what others have said since the filter was made makes no plan: where the filter of
// `desired` then differs only in that it demands more, it gets what is demanded now, and the stricter one is
// the answer.
std::optional<NftTable> put_off_demands(HostObjects& desired, const HostObjects& observed,
                                        const std::vector<IpAddress>& silent);

}  // namespace ovl
