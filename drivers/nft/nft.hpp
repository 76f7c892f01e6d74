// NftClient: nftables tables of one network namespace as whole values. Writes are transactions of
// nfnetlink batches; reads give back exactly what was written, or a value that differs from it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/kinds/nft_table.hpp"

namespace ovl {

class NetfilterSocket;

struct NftTableName {
  NftFamily family = NftFamily::inet;
  std::string name;

  auto operator<=>(const NftTableName&) const = default;
};

// A base chain that somebody else hooked into the forward path and that drops what no rule of it
// accepts. The kernel drops a packet when any chain of a hook does, whatever ours says.
struct ForeignChain {
  NftFamily family = NftFamily::inet;
  std::string table;
  std::string chain;
  std::uint32_t hook = 0;  // NF_INET_FORWARD, which equals NF_BR_FORWARD, as the others do
  std::int32_t priority = 0;

  bool operator==(const ForeignChain&) const = default;
};

// Errors of the calls: privilege (no CAP_NET_ADMIN), unsupported (the kernel lacks an expression or
// a chain type), kernel (anything else it refused), each with message type, table, errno name and the
// kernel's own text; bug when a wish holds what the kernel can't take (too long a name, NftOther).
class NftClient {
 public:
  // Opens a NETLINK_NETFILTER socket in the calling thread's network namespace; the client may be
  // used from any thread afterwards, but from one at a time.
  static Result<NftClient> open();

  NftClient(NftClient&&) noexcept;
  NftClient& operator=(NftClient&&) noexcept;
  ~NftClient();

  // Those of `tables` that exist, sorted by key, all of one ruleset generation. Unknown expressions,
  // flags, and named objects that are no counters appear as NftOther or in the `other` members. Errors: also
  // stale, when the ruleset did not stand still through several attempts.
  Result<std::vector<NftTable>> observe(std::span<const NftTableName> tables);

  // The same without anything of what is in them: names and comments, in the order of `tables`.
  Result<std::vector<NftTable>> list(std::span<const NftTableName> tables);

  // Errors: also conflict, when a table of this family and name exists.
  Status create(const NftTable& table);

  // Deletes and creates in one transaction: no packet sees the time between. Counters of the same name go
  // on from what they have counted, but for the packets of the last moment. Errors: also not_found.
  Status replace(const NftTable& table);

  // Removing an absent table is success.
  Status remove(const NftTable& table);

  // Base chains with policy drop of the ip, ip6, inet and bridge families in tables not named "ovl", in the
  // kernel's order.
  Result<std::vector<ForeignChain>> foreign_base_chains();

  // The tables not named "ovl" of the ip, ip6, inet and bridge families with a base chain of type filter or
  // route; sorted.
  Result<std::vector<NftTableName>> foreign_filters();

  // Batches sent so far; each is one transaction that could change something.
  [[nodiscard]] std::uint64_t writes() const { return writes_; }

 private:
  explicit NftClient(std::unique_ptr<NetfilterSocket> socket);

  std::unique_ptr<NetfilterSocket> socket_;
  std::uint64_t writes_ = 0;
};

}  // namespace ovl
