#include "drivers/nft/others.hpp"

#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "drivers/nft/legacy.hpp"
#include "drivers/nft/nft.hpp"

// <net/if.h> has it, which stands with no header of the kernel's netfilter (linux/libc-compat.h).
extern "C" char* if_indextoname(unsigned index, char* name) noexcept;

namespace ovl {

namespace {

constexpr std::size_t kNameSize = 16;  // IF_NAMESIZE

// The key of the name for the key of a number.
std::optional<std::uint32_t> name_key(std::uint32_t key) {
  if (key == NFT_META_IIF) return NFT_META_IIFNAME;
  if (key == NFT_META_OIF) return NFT_META_OIFNAME;
  return std::nullopt;
}

// Empty: no device has it any more, and no packet is of it.
Bytes name_bytes(const Bytes& number) {
  std::uint32_t index = 0;
  std::memcpy(&index, number.data(), sizeof index);
  char name[kNameSize] = {};
  if (::if_indextoname(index, name) == nullptr) name[0] = '\0';
  return {std::begin(name), std::end(name)};
}

// "meta iif 7" is a load and a comparison behind it.
void by_name(NftRule& rule) {
  for (std::size_t i = 0; i + 1 < rule.exprs.size(); ++i) {
    auto* load = std::get_if<NftMeta>(&rule.exprs[i]);
    auto* compared = std::get_if<NftCmp>(&rule.exprs[i + 1]);
    const auto key = load != nullptr ? name_key(load->key) : std::nullopt;
    if (!key || compared == nullptr || compared->data.size() != sizeof(std::uint32_t)) continue;
    load->key = *key;
    compared->data = name_bytes(compared->data);
  }
}

Status add_nftables(std::vector<NftTable>& out) {
  auto client = NftClient::open();
  if (!client.ok()) return {};  // no nftables in this kernel
  OVL_TRY(const std::vector<NftTableName> names, client.value().foreign_filters());
  auto tables = client.value().observe(names);
  if (!tables.ok()) return tables.error().code == Errc::stale ? Status() : std::move(tables).error();
  std::ranges::move(tables.value(), std::back_inserter(out));
  return {};
}

}  // namespace

Result<std::vector<NftTable>> filters_of_others() {
  std::vector<NftTable> out;
  OVL_CHECK(add_nftables(out));
  OVL_TRY(std::vector<NftTable> legacy, legacy_filters());
  std::ranges::move(legacy, std::back_inserter(out));
  for (NftTable& table : out) {
    for (NftChain& chain : table.chains) std::ranges::for_each(chain.rules, by_name);
  }
  return out;
}

}  // namespace ovl
