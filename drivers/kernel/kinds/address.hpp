// Kind address: reading the addresses on links of ours, and the messages that set and remove one. What the
// kernel makes with them: address_routes.hpp.
#pragma once

#include <vector>

#include "drivers/kernel/links/link.hpp"
#include "model/kinds/address.hpp"

namespace ovl {

// An address of any device of the namespace.
struct AddressRow {
  Address address;
  int index = 0;             // of its device
  std::uint8_t scope = 0;    // RT_SCOPE_*
  bool from_kernel = false;  // a link-local that the kernel generated
  bool settled = true;       // its own route has come, as an IPv6 address's does some time after it
  bool lasting = true;     // neither deprecated, nor temporary (RFC 8981), nor found to be another machine's
  bool secondary = false;  // IPv4: of a subnet of which the device had an address before
};

// One dump of both families, in the kernel's order. Addresses of devices not in `links` are left out;
// `routes` is not looked at.
Result<std::vector<AddressRow>> read_addresses(NetlinkSocket& socket, const LinkTable& links);

// Those on links of ours, without the kernel's own link-locals, sorted.
Result<std::vector<Address>> observe_addresses(NetlinkSocket& socket, const LinkTable& links);

// exclusive: refuse with EEXIST when it is there.
void write_address(MessageQueue& queue, int index, const Address& address, bool exclusive);
void write_address_remove(MessageQueue& queue, int index, const Address& address);

}  // namespace ovl
