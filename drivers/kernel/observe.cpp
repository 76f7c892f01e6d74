#include "drivers/kernel/observe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>

#include "drivers/kernel/kinds/address.hpp"
#include "drivers/kernel/kinds/fdb.hpp"
#include "drivers/kernel/kinds/neighbour.hpp"
#include "drivers/kernel/kinds/route.hpp"
#include "drivers/kernel/kinds/sysctl.hpp"
#include "drivers/kernel/links/veth_peers.hpp"
#include "drivers/kernel/look/overruling.hpp"
#include "files/read.hpp"

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

Netns read_netns(Space& space, const std::string& proc, const LinkTable& links) {
  const LinkRow* lo = links.loopback();
  return Netns{.name = space.name(),
               .owner = lo != nullptr ? lo->link.alias : std::string(),
               .lo_up = lo != nullptr && lo->link.up,
               .born = birth_of(space.route(), proc)};
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

// Ours stand in the host's own namespace and in sandboxes. In an endpoint's it is enough whose one is,
// however much its root puts into it and however often.
Result<std::vector<NftTable>> read_tables(Space& space, const NamespaceObjects& wanted) {
  const std::vector<NftTableName> names = table_names(wanted.nft_tables);
  const bool whole = space.name().empty() || space.name().text().starts_with(kSandboxPrefix);
  return whole ? space.nft().observe(names) : space.nft().list(names);
}

Result<LinkTable> read_space(Space& space, const std::string& proc, const NamespaceObjects& wanted,
                             NamespaceObjects& objects) {
  OVL_TRY(auto links, read_links(space.route()));
  links.regard(wanted.links);
  if (!space.name().empty()) objects.netns = read_netns(space, proc, links);
  OVL_TRY(objects.nft_tables, read_tables(space, wanted));
  if (!wanted.sysctls.empty()) {
    OVL_TRY(objects.sysctls,
            run_in_namespace(space.entry(), [&] { return observe_sysctls(proc, wanted.sysctls); }));
  }
  OVL_CHECK(read_on_links(space.route(), links, objects));
  OVL_TRY(objects.routes, observe_routes(space.route(), links, wanted.routes, wanted.addresses));
  OVL_TRY(objects.overruled, observe_overruling(space.route(), links, wanted));
  return links;
}

std::string words_for(const NetnsName& netns) {
  return netns.empty() ? "the host's own namespace" : "netns " + netns.text();
}

bool is_named(const std::vector<Link>& wanted, const IfName& name) {
  const auto at = std::ranges::lower_bound(wanted, name, {}, &Link::name);
  return at != wanted.end() && at->name == name;
}

// A name that a device has beside its own is taken, too (netdev_name_in_use()).
void add_other_names(const LinkRow& row, const std::vector<Link>& wanted, std::vector<Link>& links) {
  for (const std::string& text : row.other_names) {
    const IfName name = IfName::from_kernel(text);
    if (name.view() != text || !is_named(wanted, name)) continue;
    links.push_back(Link{.name = name, .type = row.link.type, .up = row.link.up});
  }
}

void fill_links(HostObjects& host, const std::vector<ReadSpace>& read, const HostObjects& wanted) {
  for (const ReadSpace& space : read) {
    NamespaceObjects& objects = host.at(space.name);
    const NamespaceObjects* asked = wanted.find(space.name);
    for (const LinkRow& row : space.links.rows()) {
      if (!row.loopback) objects.links.push_back(row.link);
      if (asked != nullptr) add_other_names(row, asked->links, objects.links);
    }
    std::ranges::sort(objects.links, key_less<Link>);
  }
}

// Endpoints of the same networks have the same lines: held once.
class SharedLines {
 public:
  void share(HostLines& lines) {
    const auto [at, end] = seen_.equal_range(lines.bytes());
    const auto same = std::find_if(at, end, [&](const auto& known) { return known.second == lines; });
    if (same != end) {
      lines = same->second;
    } else if (std::distance(at, end) < kMostOfOneSize) {
      seen_.emplace(lines.bytes(), lines);
    }
  }

 private:
  static constexpr std::ptrdiff_t kMostOfOneSize = 16;  // what is compared

  std::multimap<std::size_t, HostLines> seen_;
};

Status read_namespace(Spaces& spaces, const HostsFiles& files, const std::string& proc,
                      const NamespaceObjects& want, NamespaceObjects& objects, std::vector<ReadSpace>& read,
                      SharedLines& lines) {
  OVL_TRY(objects.hosts_files, files.observe(want.name, want.hosts_files));
  for (HostsFile& file : objects.hosts_files) lines.share(file.lines);
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

// What is wrong with one namespace hides no other. Who may not enter one (setns()) may enter none, and of the
// host's own nothing is known.
bool hides_all(Spaces& spaces, const NetnsName& name, const Error& error) {
  return name.empty() || (error.os_errno == EPERM && !spaces.get(name).ok());
}

// Which one it is, and what is kept of it in files, is known all the same.
NamespaceObjects without_contents(Spaces& spaces, const std::string& proc, NamespaceObjects&& read,
                                  const Error& error) {
  NamespaceObjects out{.name = read.name, .unreadable = error.message, .remedy = error.hint};
  out.hosts_files = std::move(read.hosts_files);
  const auto space = spaces.get(read.name);
  if (space.ok()) out.netns = Netns{.name = read.name, .born = birth_of(space.value()->route(), proc)};
  return out;
}

}  // namespace

std::string birth_of(const NetlinkSocket& socket, const std::string& proc) {
  const std::uint64_t cookie = socket.namespace_cookie();
  const std::string boot = read_first_line(proc + "/sys/kernel/random/boot_id");
  return cookie == 0 || boot.empty() ? std::string() : fmt::format("{} {}", boot, cookie);
}

Result<HostObjects> observe_namespaces(Spaces& spaces, const HostsFiles& files, const std::string& proc,
                                       const HostObjects& wanted) {
  HostObjects host;
  std::vector<ReadSpace> read;
  SharedLines lines;
  for (const NamespaceObjects& want : wanted.namespaces) {
    spaces.trim();
    const Status done = read_namespace(spaces, files, proc, want, host.at(want.name), read, lines);
    if (done.ok()) continue;
    if (hides_all(spaces, want.name, done.error())) return done.error();
    NamespaceObjects& objects = host.at(want.name);
    objects = without_contents(spaces, proc, std::move(objects), done.error());
    // What it was asked may still be on its way.
    spaces.forget(want.name);
  }
  OVL_CHECK(resolve_veth_peers(spaces, read, wanted));
  fill_links(host, read, wanted);
  return host;
}

}  // namespace ovl
