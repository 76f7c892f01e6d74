#include "drivers/kernel/look/facts.hpp"

#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "drivers/kernel/kinds/address.hpp"
#include "drivers/kernel/kinds/route.hpp"
#include "drivers/kernel/links/link.hpp"
#include "drivers/kernel/look/resolver.hpp"
#include "drivers/nft/legacy.hpp"
#include "drivers/nft/nft.hpp"
#include "files/read.hpp"

namespace ovl {

namespace {

// Several hosts can live on one machine, each in its own network namespace. The machine's first one is
// left out, as its number may change with the next boot.
std::string namespace_number(const std::string& proc) {
  struct stat own {};

  struct stat first {};

  if (stat((proc + "/thread-self/ns/net").c_str(), &own) != 0) return "";
  const bool is_first = stat((proc + "/1/ns/net").c_str(), &first) == 0 && own.st_ino == first.st_ino;
  if (is_first) return "";
  return fmt::format("{}", own.st_ino);
}

std::string machine_hash(const LinuxKernelOptions& options) {
  std::string id = read_first_line(options.machine_id);
  id += ":" + namespace_number(options.proc);
  std::array<unsigned char, 16> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(id.data()), id.size(),
                     nullptr, 0);
  std::string text;
  for (const unsigned char byte : hash) text += fmt::format("{:02x}", byte);
  return text;
}

// Addresses by which others could reach this host.
std::vector<AddressRow> global_addresses(std::vector<AddressRow> rows, const LinkTable& links) {
  std::erase_if(rows, [&](const AddressRow& row) {
    const IpAddress& ip = row.address.address.address;
    return ip.is_loopback() || ip.is_link_local() || links.find_ours(row.index) != nullptr;
  });
  return rows;
}

// Whoever stands on the wrong machine gives it no other one's address.
Result<const AddressRow*> find_address(const std::vector<AddressRow>& rows, const HostName& host,
                                       const IpAddress& wanted) {
  const auto at =
      std::ranges::find(rows, wanted, [](const AddressRow& row) { return row.address.address.address; });
  if (at != rows.end()) return &*at;
  return Error{
      .code = Errc::conflict,
      .message = fmt::format("the advertised address {} of host {} is not on this machine", wanted.text(),
                             host.text()),
      .hint = fmt::format(
          "if this machine is another host, say which: --host NAME; if it is {}, correct `advertise`, "
          "or set `bind` when the address is translated (NAT)",
          host.text())};
}

// An address of a link, of the loopback or of this host alone is there, and nobody else reaches it.
Error no_address(const IfName& wanted, const LinkRow* device, bool has_others) {
  if (device == nullptr) {
    return Error{.code = Errc::conflict,
                 .message = fmt::format("there is no interface {} on this machine", wanted.view()),
                 .hint = "correct `advertise`: ip link shows the interfaces and their other names"};
  }
  return Error{.code = Errc::conflict,
               .message = fmt::format("interface {} has no {}address by which others reach this machine",
                                      wanted.view(), has_others ? "lasting " : ""),
               .hint = has_others ? "give the interface an address that is neither temporary nor deprecated"
                                  : "give the interface an address, or correct `advertise`"};
}

// Which of an interface's addresses others are told, the lowest first: IPv4 before IPv6, and one of a subnet
// before one of its own alone, as what is moved between machines (VRRP) mostly is, and a subnet's first.
std::tuple<bool, bool, bool> rank(const AddressRow& row) {
  const IpInterface& address = row.address.address;
  const bool is_alone = address.length == address.address.bits();
  return {!address.address.is_ipv4(), is_alone, row.secondary};
}

// The address that is recorded already, or the best one.
Result<const AddressRow*> find_on_interface(const std::vector<AddressRow>& rows, const LinkTable& links,
                                            const FactsRequest& request) {
  const LinkRow* device = links.find(*request.interface);
  const AddressRow* found = nullptr;
  bool has_others = false;
  for (const AddressRow& row : rows) {
    if (device == nullptr || row.index != device->index || row.scope != RT_SCOPE_UNIVERSE) continue;
    if (request.recorded == row.address.address.address) return &row;
    has_others = has_others || !row.lasting;
    if (row.lasting && (found == nullptr || rank(row) < rank(*found))) found = &row;
  }
  if (found != nullptr) return found;
  return no_address(*request.interface, device, has_others);
}

// What VPNs write over a default route without removing it: 0.0.0.0/1 and 128.0.0.0/1, ::/1 and 8000::/1.
std::set<Family> families_in_halves(const std::vector<Route>& routes) {
  std::map<Family, std::set<IpPrefix>> halves;
  for (const Route& route : routes) {
    const IpAddress& to = route.destination.address();
    if (route.destination.length() == 1 && !route.dev.empty()) halves[to.family()].insert(route.destination);
  }
  std::set<Family> out;
  for (const auto& [family, some] : halves) {
    if (some.size() == 2) out.insert(family);
  }
  return out;
}

void fill_routes(HostFacts& facts, const std::vector<Route>& routes, const LinkTable& links) {
  const std::set<Family> halved = families_in_halves(routes);
  for (const Route& route : routes) {
    const auto device =
        std::ranges::find(links.rows(), route.dev, [](const LinkRow& row) { return row.link.name; });
    const bool ours = device != links.rows().end() && carries_our_mark(device->link);
    const IpAddress& to = route.destination.address();
    if (ours || route.protocol == kRouteProtocol || route.dev.empty()) continue;
    const bool is_half = route.destination.length() == 1 && halved.contains(to.family());
    if (route.destination.length() == 0 || is_half) {
      facts.uplinks.push_back(route.dev);
    } else if (!to.is_loopback() && !to.is_link_local() && !to.is_multicast()) {
      facts.routes.push_back(FactRoute{.destination = route.destination, .dev = route.dev});
    }
  }
  std::ranges::sort(facts.uplinks);
  facts.uplinks.erase(std::unique(facts.uplinks.begin(), facts.uplinks.end()), facts.uplinks.end());
  const auto key = [](const FactRoute& route) { return std::tie(route.destination, route.dev); };
  std::ranges::sort(facts.routes, [&](const auto& a, const auto& b) { return key(a) < key(b); });
  facts.routes.erase(std::unique(facts.routes.begin(), facts.routes.end()), facts.routes.end());
}

void fill_links(HostFacts& facts, const LinkTable& links) {
  for (const LinkRow& row : links.rows()) {
    if (row.link.vni && !carries_our_mark(row.link)) facts.vnis.push_back(*row.link.vni);
  }
  std::ranges::sort(facts.vnis);
  facts.vnis.erase(std::unique(facts.vnis.begin(), facts.vnis.end()), facts.vnis.end());
}

Status fill_vtep(HostFacts& facts, const FactsRequest& request, const std::vector<AddressRow>& rows,
                 const LinkTable& links) {
  if (!request.advertise && !request.interface) return {};
  OVL_TRY(const AddressRow* row, request.advertise ? find_address(rows, request.host, *request.advertise)
                                                   : find_on_interface(rows, links, request));
  facts.vtep = row->address.address.address;
  if (const LinkRow* device = links.find(row->index)) {
    facts.underlay_mtu = std::clamp(device->link.mtu.value_or(1500), kLeastUnderlayMtu, kMostUnderlayMtu);
  }
  return {};
}

}  // namespace

Result<bool> others_shut_this_host() {
  const auto is_here = [](std::uint32_t hook) {
    return hook == NF_INET_LOCAL_IN || hook == NF_INET_LOCAL_OUT;
  };
  OVL_TRY(const std::vector<NftTable> legacy, legacy_filters());
  for (const NftTable& table : legacy) {
    const bool shut = std::ranges::any_of(table.chains, [&](const NftChain& chain) {
      return !chain.type.empty() && !chain.policy_accept && is_here(chain.hook);
    });
    if (shut) return true;
  }
  auto client = NftClient::open();
  if (!client.ok()) return false;  // no nftables in this kernel: nobody drops with it
  OVL_TRY(const std::vector<ForeignChain> chains, client.value().foreign_base_chains());
  return std::ranges::any_of(chains, [&](const ForeignChain& chain) {
    return is_here(chain.hook) && chain.family != NftFamily::bridge;
  });
}

Result<HostFacts> read_facts(NetlinkSocket& socket, const LinuxKernelOptions& options,
                             const FactsRequest& request) {
  HostFacts facts{.host = request.host, .version = OVL_VERSION};
  OVL_TRY(const LinkTable links, read_links(socket));
  OVL_TRY(auto rows, read_addresses(socket, links));
  OVL_TRY(HostRoutes routes, read_host_routes(socket, links));
  rows = global_addresses(std::move(rows), links);
  OVL_CHECK(fill_vtep(facts, request, rows, links));
  for (const AddressRow& row : rows) facts.addresses.push_back(row.address.address.address);
  std::ranges::sort(facts.addresses);
  facts.addresses.erase(std::unique(facts.addresses.begin(), facts.addresses.end()), facts.addresses.end());
  fill_routes(facts, routes.main, links);
  facts.held = std::move(routes.held);
  fill_links(facts, links);
  Nameservers nameservers = read_nameservers(options);
  facts.nameservers = std::move(nameservers.all);
  facts.resolver = std::move(nameservers.instead);
  facts.machine = machine_hash(options);
  utsname names{};
  if (uname(&names) == 0) facts.kernel = static_cast<const char*>(names.release);
  return facts;
}

}  // namespace ovl
