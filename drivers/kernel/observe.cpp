#include "drivers/kernel/observe.hpp"

#include <algorithm>
#include <cerrno>

#include "drivers/kernel/address.hpp"
#include "drivers/kernel/fdb.hpp"
#include "drivers/kernel/neighbour.hpp"
#include "drivers/kernel/route.hpp"
#include "drivers/kernel/sysctl.hpp"
#include "drivers/kernel/veth_peers.hpp"

namespace ovl {

namespace {

constexpr std::string_view kOwnTable = "ovl";

std::vector<NftTableName> table_names(const std::vector<NftTable>& wanted) {
  std::vector<NftTableName> names;
  for (std::size_t family = 0; family < EnumNames<NftFamily>::names.size(); ++family) {
    names.push_back({static_cast<NftFamily>(family), std::string(kOwnTable)});
  }
  for (const NftTable& table : wanted) names.push_back({table.family, table.name});
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Netns read_netns(const NetnsName& name, const LinkTable& links) {
  const LinkRow* lo = links.loopback();
  return Netns{.name = name,
               .owner = lo != nullptr ? lo->link.alias : std::string(),
               .lo_up = lo != nullptr && lo->link.up};
}

Netns unfinished(const NetnsName& name) {
  return Netns{.name = name, .lo_up = false, .unfinished = true};
}

// What stands on links of ours; a namespace without any is not asked.
Status read_on_links(NetlinkSocket& socket, const LinkTable& links, NamespaceObjects& objects) {
  bool any = false;
  bool forwards = false;
  for (const LinkRow& row : links.rows()) {
    if (links.find_ours(row.index) == nullptr) continue;
    any = true;
    const bool is_port = row.link.master && !row.link.master->empty();
    forwards = forwards || is_port || row.link.type == LinkType::vxlan || row.link.type == LinkType::bridge;
  }
  if (!any) return {};
  OVL_TRY(objects.addresses, observe_addresses(socket, links));
  OVL_TRY(objects.neighbours, observe_neighbours(socket, links));
  if (forwards) {
    OVL_TRY(objects.fdb, observe_fdb(socket, links));
  }
  return {};
}

Result<LinkTable> read_space(Space& space, const std::string& proc, const NamespaceObjects& wanted,
                             NamespaceObjects& objects) {
  OVL_TRY(auto links, read_links(space.route()));
  links.regard(wanted.links);
  if (!space.name().empty()) objects.netns = read_netns(space.name(), links);
  const std::vector<NftTableName> tables = table_names(wanted.nft_tables);
  OVL_TRY(objects.nft_tables, space.nft().observe(tables));
  if (!wanted.sysctls.empty()) {
    OVL_TRY(objects.sysctls,
            run_in_namespace(space.entry(), [&] { return observe_sysctls(proc, wanted.sysctls); }));
  }
  OVL_CHECK(read_on_links(space.route(), links, objects));
  OVL_TRY(objects.routes, observe_routes(space.route(), links, wanted.routes));
  return links;
}

std::string words_for(const NetnsName& netns) {
  return netns.empty() ? "the host's own namespace" : "netns " + netns.text();
}

void fill_links(HostObjects& host, const std::vector<ReadSpace>& read) {
  for (const ReadSpace& space : read) {
    NamespaceObjects& objects = host.at(space.name);
    for (const LinkRow& row : space.links.rows()) {
      if (!row.loopback) objects.links.push_back(row.link);
    }
    std::ranges::sort(objects.links, key_less<Link>);
  }
}

Status read_namespace(Spaces& spaces, const HostsFiles& files, const std::string& proc,
                      const NamespaceObjects& want, NamespaceObjects& objects, std::vector<ReadSpace>& read) {
  OVL_TRY(objects.hosts_files, files.observe(want.name));
  auto space = spaces.get(want.name);
  if (!space.ok() && space.error().code == Errc::not_found) {
    if (spaces.directory().is_unfinished(want.name)) objects.netns = unfinished(want.name);
    return {};
  }
  if (!space.ok()) return std::move(space).error();
  auto links = read_space(*space.value(), proc, want, objects);
  if (!links.ok()) return std::move(links).error().within("reading " + words_for(want.name));
  read.push_back(ReadSpace{.name = want.name, .links = std::move(links).value()});
  return {};
}

// What is wrong with one namespace hides no other. Without privileges, and of the host's own, nothing is
// known.
bool hides_all(const NetnsName& name, const Error& error) {
  return name.empty() || error.os_errno == EPERM;
}

}  // namespace

Result<HostObjects> observe_namespaces(Spaces& spaces, const HostsFiles& files, const std::string& proc,
                                       const HostObjects& wanted) {
  HostObjects host;
  std::vector<ReadSpace> read;
  for (const NamespaceObjects& want : wanted.namespaces) {
    spaces.trim();
    const Status done = read_namespace(spaces, files, proc, want, host.at(want.name), read);
    if (done.ok()) continue;
    if (hides_all(want.name, done.error())) return done.error();
    host.at(want.name) = NamespaceObjects{.name = want.name, .unreadable = done.error().message};
    // What it was asked may still be on its way.
    spaces.forget(want.name);
  }
  OVL_CHECK(resolve_veth_peers(spaces, read, wanted));
  fill_links(host, read);
  return host;
}

}  // namespace ovl
