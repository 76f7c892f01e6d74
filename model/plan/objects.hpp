// Everything on one host, as values: per namespace, one sorted vector per kind.
#pragma once

#include <variant>
#include <vector>

#include "model/kinds/address.hpp"
#include "model/kinds/fdb.hpp"
#include "model/kinds/hosts_file.hpp"
#include "model/kinds/link.hpp"
#include "model/kinds/neighbour.hpp"
#include "model/kinds/netns.hpp"
#include "model/kinds/nft_table.hpp"
#include "model/kinds/route.hpp"
#include "model/kinds/sysctl.hpp"

namespace ovl {

// One namespace and what is in it. Invariant: each vector is sorted by key() and has no key twice.
// A rule of somebody's that is asked before the main table, and takes away what our devices are for.
struct Overruling {
  std::string message;           // "rule 100 there drops what the endpoint sends (prohibit)"
  std::string removal;           // the command that takes it away
  bool refuses_gateway = false;  // the kernel then makes no route by a gateway

  bool operator==(const Overruling&) const = default;
};

struct NamespaceObjects {
  NetnsName name;  // empty: the host's own
  // Absent: the namespace does not exist (observed), or is the host's own.
  std::optional<Netns> netns;
  std::vector<NftTable> nft_tables;
  std::vector<Link> links;
  std::vector<Sysctl> sysctls;
  std::vector<Address> addresses;
  std::vector<Route> routes;
  std::vector<Neighbour> neighbours;
  std::vector<Fdb> fdb;
  std::vector<HostsFile> hosts_files;
  // Observed only, of an endpoint's.
  std::vector<Overruling> overruled;
  // Why it could not be read; then nothing is known of what is in it. Observed only.
  std::string unreadable;
  // What to do about that, where it is known.
  std::string remedy;

  bool operator==(const NamespaceObjects&) const = default;
};

// f(pointer to member) for each vector of NamespaceObjects. THE list of kinds inside a namespace, in
// the order in which they are created (and the reverse in which they are removed): filters before
// the links they guard, links before what stands on them, names last.
template <class F>
constexpr void for_each_kind(F&& f) {
  f(&NamespaceObjects::nft_tables);
  f(&NamespaceObjects::links);
  f(&NamespaceObjects::sysctls);
  f(&NamespaceObjects::addresses);
  f(&NamespaceObjects::neighbours);
  f(&NamespaceObjects::fdb);
  f(&NamespaceObjects::routes);
  f(&NamespaceObjects::hosts_files);
}

// Invariant: sorted by name, so the host's own namespace (empty name) is first.
struct HostObjects {
  std::vector<NamespaceObjects> namespaces;

  [[nodiscard]] const NamespaceObjects* find(const NetnsName& name) const;
  // The namespace called name, made when absent. Invalidates references to other namespaces.
  NamespaceObjects& at(const NetnsName& name);
  // Restores the invariants after filling.
  void sort();

  bool operator==(const HostObjects&) const = default;
};

using ObjectRef = std::variant<std::monostate, const Netns*, const NftTable*, const Link*, const Sysctl*,
                               const Address*, const Route*, const Neighbour*, const Fdb*, const HostsFile*>;

// The object, when it is of that kind.
template <class K>
const K* as(const ObjectRef& object) {
  const auto* const* found = std::get_if<const K*>(&object);
  return found != nullptr ? *found : nullptr;
}

// One write: create has after, remove has before, update has both and the fields to change.
struct Operation {
  const NetnsName* netns = nullptr;  // where the object is; for a netns, its own name
  ObjectRef before;
  ObjectRef after;
  FieldMask changed = 0;
};

}  // namespace ovl
