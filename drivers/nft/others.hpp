// What filters a host's packets beside ovl: other programs' tables of nftables and of iptables-legacy.
#pragma once

#include <vector>

#include "model/kinds/nft_table.hpp"

namespace ovl {

// Tables not named "ovl" of the ip, ip6 and inet families with a base chain that filters (of type filter or
// route), of the calling thread's network namespace; those of iptables-legacy with kLegacyComment. What asks
// for a device by its number asks for it by its name here. None where this kernel has no nftables, and none
// of nftables' while somebody keeps changing them. Errors: privilege, kernel.
Result<std::vector<NftTable>> filters_of_others();

}  // namespace ovl
