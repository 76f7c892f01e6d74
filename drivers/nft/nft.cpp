#include "drivers/nft/nft.hpp"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <cerrno>

#include "drivers/nft/decode.hpp"
#include "drivers/nft/encode.hpp"
#include "drivers/nft/socket.hpp"

namespace ovl {

namespace {

// Reads of a ruleset that others keep changing; each takes a few milliseconds.
constexpr int kAttempts = 16;

void nothing(nlmsghdr* message) {
  (void)message;
}

bool vanished(const Error& error) {
  return error.os_errno == ENOENT;
}

Status read_counters(NetfilterSocket& socket, const NftTableName& name, std::vector<NftCounter>& out) {
  OVL_CHECK(socket.request(
      NFT_MSG_GETOBJ, protocol_of(name.family), true, table_label(name.family, name.name),
      [&](nlmsghdr* message) {
        mnl_attr_put_strz(message, NFTA_OBJ_TABLE, name.name.c_str());
        mnl_attr_put_u32(message, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
      },
      [&](const nlmsghdr* message) {
        DecodedCounter decoded = decode_counter(message);
        if (decoded.table == name.name) out.push_back(std::move(decoded.counter));
      }));
  std::ranges::sort(out, {}, &NftCounter::name);
  return {};
}

// The wish, with what its counters have counted so far.
NftTable counting_on(NftTable table, const std::vector<NftCounter>& counted) {
  for (NftCounter& counter : table.counters) {
    const auto at = std::ranges::find(counted, counter.name, &NftCounter::name);
    if (at != counted.end()) counter = *at;
  }
  return table;
}

// Reading one table, in five dumps.
class Reader {
 public:
  Reader(NetfilterSocket& socket, const NftTableName& name)
      : socket_(socket), name_(name), label_(table_label(name.family, name.name)) {}

  // Its comment, and nothing of what is in it. nullopt: there is no such table.
  Result<std::optional<NftTable>> read_empty() {
    const Status found = read_table();
    if (!found.ok() && vanished(found.error())) return std::optional<NftTable>();
    OVL_CHECK(found);
    return std::optional<NftTable>(std::move(decoded_.table));
  }

  // nullopt: there is no such table.
  Result<std::optional<NftTable>> read() {
    const Status found = read_table();
    if (!found.ok() && vanished(found.error())) return std::optional<NftTable>();
    OVL_CHECK(found);
    OVL_CHECK(read_sets());
    OVL_CHECK(read_chains());
    OVL_CHECK(read_counters(socket_, name_, decoded_.table.counters));
    OVL_CHECK(read_rules());
    finish();
    return std::optional<NftTable>(std::move(decoded_.table));
  }

 private:
  Status request(std::uint16_t type, bool whole, const std::function<void(nlmsghdr*)>& fill,
                 const std::function<void(const nlmsghdr*)>& sink) {
    return socket_.request(type, protocol_of(name_.family), whole, label_, fill, sink);
  }

  Status read_table() {
    return request(
        NFT_MSG_GETTABLE, false,
        [&](nlmsghdr* message) { mnl_attr_put_strz(message, NFTA_TABLE_NAME, name_.name.c_str()); },
        [&](const nlmsghdr* message) { decoded_ = decode_table(message); });
  }

  Status read_sets() {
    std::vector<NftSet>& sets = decoded_.table.sets;
    OVL_CHECK(request(
        NFT_MSG_GETSET, true,
        [&](nlmsghdr* message) { mnl_attr_put_strz(message, NFTA_SET_TABLE, name_.name.c_str()); },
        [&](const nlmsghdr* message) { sets.push_back(decode_set(message)); }));
    for (NftSet& set : sets) OVL_CHECK(read_elements(set));
    std::ranges::sort(sets, {}, &NftSet::name);
    return {};
  }

  Status read_elements(NftSet& set) {
    OVL_CHECK(request(
        NFT_MSG_GETSETELEM, true,
        [&](nlmsghdr* message) {
          mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, name_.name.c_str());
          mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set.name.c_str());
        },
        [&](const nlmsghdr* message) { decode_elements(message, set); }));
    std::ranges::sort(set.elements, bytes_less);
    return {};
  }

  Status read_chains() {
    std::vector<NftChain>& chains = decoded_.table.chains;
    // Kernel: nf_tables_dump_chains() selects by family alone.
    OVL_CHECK(request(NFT_MSG_GETCHAIN, true, nothing, [&](const nlmsghdr* message) {
      DecodedChain decoded = decode_chain(message);
      if (decoded.table == name_.name) chains.push_back(std::move(decoded.chain));
    }));
    std::ranges::sort(chains, {}, &NftChain::name);
    return {};
  }

  Status read_rules() {
    return request(
        NFT_MSG_GETRULE, true,
        [&](nlmsghdr* message) { mnl_attr_put_strz(message, NFTA_RULE_TABLE, name_.name.c_str()); },
        [&](const nlmsghdr* message) { take_rule(decode_rule(message)); });
  }

  void take_rule(DecodedRule decoded) {
    std::vector<NftChain>& chains = decoded_.table.chains;
    const auto chain = std::ranges::lower_bound(chains, decoded.chain, {}, &NftChain::name);
    if (decoded.table != name_.name || chain == chains.end() || chain->name != decoded.chain) return;
    chain->rules.push_back(std::move(decoded.rule));
  }

  // Kernel: nft_table.use counts chains, sets, named objects and flowtables. Of the last two only counters
  // are ever ours, so the others need no dump of their own.
  void finish() {
    NftTable& table = decoded_.table;
    if (decoded_.use == table.sets.size() + table.chains.size() + table.counters.size()) return;
    if (!table.other.empty()) table.other += ", ";
    table.other += "named objects or flowtables";
  }

  NetfilterSocket& socket_;
  const NftTableName& name_;
  std::string label_;
  DecodedTable decoded_;
};

Result<std::uint32_t> generation(NetfilterSocket& socket) {
  std::uint32_t number = 0;
  OVL_CHECK(socket.request(NFT_MSG_GETGEN, NFPROTO_UNSPEC, false, "ruleset", nothing,
                           [&](const nlmsghdr* message) { number = decode_generation(message); }));
  return number;
}

Result<std::vector<NftTable>> read_once(NetfilterSocket& socket, std::span<const NftTableName> names) {
  std::vector<NftTable> tables;
  OVL_TRY(const std::uint32_t before, generation(socket));
  for (const NftTableName& name : names) {
    OVL_TRY(std::optional<NftTable> table, Reader(socket, name).read());
    if (table) tables.push_back(std::move(*table));
  }
  OVL_TRY(const std::uint32_t after, generation(socket));
  if (before != after) return Error{.code = Errc::stale, .message = "the ruleset changed while it was read"};
  return tables;
}

// Runs read() until no change of the ruleset falls into it. A table or set that vanishes between two
// dumps answers ENOENT.
template <class Read>
auto until_quiet(const Read& read) {
  auto result = read();
  for (int attempt = 1; attempt < kAttempts && !result.ok(); ++attempt) {
    if (result.error().code != Errc::stale && !vanished(result.error())) break;
    result = read();
  }
  return result;
}

}  // namespace

NftClient::NftClient(std::unique_ptr<NetfilterSocket> socket) : socket_(std::move(socket)) {}

NftClient::NftClient(NftClient&&) noexcept = default;
NftClient& NftClient::operator=(NftClient&&) noexcept = default;
NftClient::~NftClient() = default;

Result<NftClient> NftClient::open() {
  OVL_TRY(auto socket, NetfilterSocket::open());
  return NftClient(std::move(socket));
}

Result<std::vector<NftTable>> NftClient::observe(std::span<const NftTableName> tables) {
  std::vector<NftTableName> names(tables.begin(), tables.end());
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return until_quiet([&] { return read_once(*socket_, names); });
}

Result<std::vector<NftTable>> NftClient::list(std::span<const NftTableName> tables) {
  std::vector<NftTable> out;
  for (const NftTableName& name : tables) {
    OVL_TRY(std::optional<NftTable> table, Reader(*socket_, name).read_empty());
    if (table) out.push_back(std::move(*table));
  }
  return out;
}

Status NftClient::create(const NftTable& table) {
  Batch batch(socket_->next_sequence());
  OVL_CHECK(add_table(batch, table));
  batch.finish();
  ++writes_;
  return socket_->transact(batch);
}

Status NftClient::replace(const NftTable& table) {
  std::vector<NftCounter> counted;
  OVL_CHECK(read_counters(*socket_, {table.family, table.name}, counted));
  Batch batch(socket_->next_sequence());
  add_removal(batch, table.family, table.name);
  OVL_CHECK(add_table(batch, counting_on(table, counted)));
  batch.finish();
  ++writes_;
  return socket_->transact(batch);
}

Status NftClient::remove(const NftTable& table) {
  Batch batch(socket_->next_sequence());
  add_removal(batch, table.family, table.name);
  batch.finish();
  ++writes_;
  Status done = socket_->transact(batch);
  if (!done.ok() && done.error().code == Errc::not_found) return {};
  return done;
}

Result<std::vector<ForeignChain>> NftClient::foreign_base_chains() {
  return until_quiet([&]() -> Result<std::vector<ForeignChain>> {
    std::vector<ForeignChain> found;
    OVL_CHECK(socket_->request(NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, true, "all chains", nothing,
                               [&](const nlmsghdr* message) {
                                 DecodedChain decoded = decode_chain(message);
                                 const NftChain& chain = decoded.chain;
                                 const bool drops = !chain.type.empty() && !chain.policy_accept;
                                 if (!decoded.family || decoded.table == "ovl" || !drops) return;
                                 found.push_back({.family = *decoded.family,
                                                  .table = std::move(decoded.table),
                                                  .chain = chain.name,
                                                  .hook = chain.hook,
                                                  .priority = chain.priority});
                               }));
    return found;
  });
}

Result<std::vector<NftTableName>> NftClient::foreign_filters() {
  return until_quiet([&]() -> Result<std::vector<NftTableName>> {
    std::vector<NftTableName> found;
    OVL_CHECK(socket_->request(
        NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, true, "all chains", nothing, [&](const nlmsghdr* message) {
          DecodedChain decoded = decode_chain(message);
          const bool filters = decoded.chain.type == "filter" || decoded.chain.type == "route";
          if (!filters || !decoded.family) return;
          if (decoded.table != "ovl") found.push_back({*decoded.family, std::move(decoded.table)});
        }));
    std::ranges::sort(found);
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  });
}

}  // namespace ovl
