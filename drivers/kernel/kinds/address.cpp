#include "drivers/kernel/kinds/address.hpp"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <ctime>

#include "drivers/kernel/kinds/address_routes.hpp"

namespace ovl {

namespace {

// The own route of an IPv6 address is made after the address, by another thread (addrconf_dad_work()), or
// when nobody else was found to have it.
constexpr std::int32_t kSettlesIn = 200;  // hundredths of a second, as in ifa_cacheinfo

std::uint32_t now_in_hundredths() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint32_t>(now.tv_sec * 100 + now.tv_nsec / 10'000'000);
}

bool is_settled(const IpAddress& address, std::uint32_t flags, const AttributeValue& times) {
  if (address.is_ipv4()) return true;
  if ((flags & IFA_F_TENTATIVE) != 0) return false;
  const auto made = times.as<ifa_cacheinfo>();
  if (!made) return false;
  const auto age = static_cast<std::int32_t>(now_in_hundredths() - made->cstamp);
  return age < -kSettlesIn || age > kSettlesIn;
}

// The link-local address that addrconf makes from a MAC (addrconf_ifid_eui48()). Kernels before 5.18
// do not say by whom an address was made.
bool is_eui64_of(const IpAddress& address, const std::optional<MacAddress>& mac) {
  if (!mac) return false;
  const auto& a = address.bytes();
  const auto& m = mac->bytes();
  return a[8] == (m[0] ^ 2) && a[9] == m[1] && a[10] == m[2] && a[11] == 0xff && a[12] == 0xfe &&
         a[13] == m[3] && a[14] == m[4] && a[15] == m[5];
}

bool is_from_kernel(const Address& address, std::uint8_t protocol, const Link& link) {
  if (protocol == IFAPROT_KERNEL_LL || protocol == IFAPROT_KERNEL_RA) return true;
  const IpAddress& ip = address.address.address;
  return !ip.is_ipv4() && ip.is_link_local() && address.address.length == 64 && is_eui64_of(ip, link.mac);
}

std::optional<AddressRow> parse_address(const MessageView& message, const LinkTable& links) {
  const auto header = message.family<ifaddrmsg>();
  if (message.type() != RTM_NEWADDR || !header) return std::nullopt;
  const LinkRow* device = links.find(static_cast<int>(header->ifa_index));
  const Attributes<IFA_MAX> attributes(message.attributes<ifaddrmsg>());
  // Of a point-to-point address IFA_LOCAL is this end; IPv6 has only IFA_ADDRESS otherwise.
  const AttributeValue& own =
      attributes[IFA_LOCAL].present() ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
  const IpAddress ip = own.as_address();
  if (device == nullptr || ip.empty()) return std::nullopt;
  AddressRow row;
  row.index = device->index;
  row.scope = header->ifa_scope;
  row.address.dev = device->link.name;
  row.address.address = IpInterface{.address = ip, .length = header->ifa_prefixlen};
  const auto flags = attributes[IFA_FLAGS].as<std::uint32_t>().value_or(header->ifa_flags);
  row.address.nodad = !ip.is_ipv4() && (flags & IFA_F_NODAD) != 0;
  // One bit: to IPv4 it says secondary, to IPv6 temporary (IFA_F_TEMPORARY).
  const bool is_second = (flags & IFA_F_SECONDARY) != 0;
  row.secondary = ip.is_ipv4() && is_second;
  row.lasting = (flags & (IFA_F_DEPRECATED | IFA_F_DADFAILED)) == 0 && (ip.is_ipv4() || !is_second);
  const auto protocol = attributes[IFA_PROTO].as<std::uint8_t>().value_or(IFAPROT_UNSPEC);
  row.from_kernel = is_from_kernel(row.address, protocol, device->link);
  row.settled = is_settled(ip, flags, attributes[IFA_CACHEINFO]);
  return row;
}

ifaddrmsg header_of(int index, const Address& address) {
  const bool ipv4 = address.address.address.is_ipv4();
  return ifaddrmsg{.ifa_family = static_cast<std::uint8_t>(ipv4 ? AF_INET : AF_INET6),
                   .ifa_prefixlen = address.address.length,
                   .ifa_index = static_cast<std::uint32_t>(index)};
}

}  // namespace

Result<std::vector<AddressRow>> read_addresses(NetlinkSocket& socket, const LinkTable& links) {
  MessageQueue request;
  request.start(RTM_GETADDR, 0, ifaddrmsg{});
  OVL_TRY(const auto bytes, socket.dump(request));
  std::vector<AddressRow> rows;
  for_each_message(bytes, [&](const MessageView& message) {
    if (const auto row = parse_address(message, links)) rows.push_back(*row);
  });
  return rows;
}

Result<std::vector<Address>> observe_addresses(NetlinkSocket& socket, const LinkTable& links) {
  OVL_TRY(auto rows, read_addresses(socket, links));
  OVL_CHECK(read_address_routes(socket, links, rows));
  std::vector<Address> addresses;
  for (const AddressRow& row : rows) {
    if (!row.from_kernel && links.find_ours(row.index) != nullptr) addresses.push_back(row.address);
  }
  std::ranges::sort(addresses, key_less<Address>);
  return addresses;
}

void write_address(MessageQueue& queue, int index, const Address& address, bool exclusive) {
  const std::uint16_t flags = NLM_F_CREATE | (exclusive ? NLM_F_EXCL : NLM_F_REPLACE);
  queue.start(RTM_NEWADDR, flags, header_of(index, address));
  queue.put(IFA_LOCAL, address.address.address);
  queue.put(IFA_ADDRESS, address.address.address);
  if (address.nodad) queue.put_u32(IFA_FLAGS, IFA_F_NODAD);
}

void write_address_remove(MessageQueue& queue, int index, const Address& address) {
  queue.start(RTM_DELADDR, 0, header_of(index, address), IfAbsent::succeed);
  queue.put(IFA_LOCAL, address.address.address);
  queue.put(IFA_ADDRESS, address.address.address);
}

}  // namespace ovl
