#include "reconcile/objects/full_ttl.hpp"

#include <algorithm>
#include <utility>

#include "model/records/abilities.hpp"
#include "reconcile/objects/filters.hpp"
#include "reconcile/objects/rules.hpp"

namespace ovl {

namespace {

bool sends_less(const Link& link) {
  return link.type == LinkType::vxlan && carries_our_mark(link) && link.ttl != kFullTtl;
}

NftTable* host_table(HostObjects& objects) {
  for (NamespaceObjects& space : objects.namespaces) {
    if (!space.name.empty()) continue;
    for (NftTable& table : space.nft_tables) {
      if (table.family == NftFamily::inet && table.name == kTableName) return &table;
    }
  }
  return nullptr;
}

template <class Table>
auto* find_set(Table& table, std::string_view name) {
  const auto at = std::ranges::find(table.sets, name, &NftSet::name);
  return at == table.sets.end() ? nullptr : &*at;
}

// What is demanded now of these.
void keep(NftSet& then, const NftSet& now, const std::vector<IpAddress>& silent) {
  for (const IpAddress& vtep : silent) {
    const Bytes element = rules::bytes_of(vtep);
    if (std::ranges::binary_search(now.elements, element, bytes_less)) then.elements.push_back(element);
  }
  std::ranges::sort(then.elements, bytes_less);
  then.elements.erase(std::unique(then.elements.begin(), then.elements.end()), then.elements.end());
}

// Whether all that `has` demands is demanded by `wants` too.
bool is_demanded(const NftSet& has, const NftSet& wants) {
  return std::ranges::includes(wants.elements, has.elements, bytes_less);
}

}  // namespace

bool sends_full_ttl(const HostObjects& observed) {
  return std::ranges::none_of(observed.namespaces, [](const NamespaceObjects& space) {
    return !space.unreadable.empty() || std::ranges::any_of(space.links, sends_less);
  });
}

FullTtlWord full_ttl_word(const Records& records, const Facts& facts, const HostName& here) {
  FullTtlWord out;
  const HostRecord* self = records.host(here);
  if (self == nullptr || self->bind || self->ttl_check == TtlCheck::off) return out;
  for (const HostRecord& host : records.hosts) {
    if (host.name == here || !host.advertise || host.bind) continue;
    const HostFacts* known = facts.host(host.name);
    if (known == nullptr) out.silent.push_back(*host.advertise);
    if (known != nullptr && says(known->version, Ability::full_ttl)) out.said.push_back(*host.advertise);
  }
  std::ranges::sort(out.said);
  std::ranges::sort(out.silent);
  return out;
}

std::optional<NftTable> put_off_demands(HostObjects& desired, const HostObjects& observed,
                                        const std::vector<IpAddress>& silent) {
  NftTable* wanted = host_table(desired);
  const NamespaceObjects* host = observed.find(NetnsName());
  if (wanted == nullptr || host == nullptr) return std::nullopt;
  const auto seen = std::ranges::find(host->nft_tables, wanted->key(), &NftTable::key);
  if (seen == host->nft_tables.end()) return std::nullopt;
  NftTable milder = *wanted;
  for (std::string_view name : kFullTtlSets) {
    const NftSet* now = find_set(*seen, name);
    NftSet* then = find_set(*wanted, name);
    if (now == nullptr || then == nullptr) continue;
    keep(*then, *now, silent);
    *find_set(milder, name) = is_demanded(*now, *then) ? *now : *then;
  }
  if (milder.sets == wanted->sets || differing(milder, *seen) != 0) return std::nullopt;
  return std::exchange(*wanted, std::move(milder));
}

}  // namespace ovl
