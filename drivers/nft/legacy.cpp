#include "drivers/nft/legacy.hpp"

#include <fmt/format.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <optional>
#include <sstream>

#include "drivers/nft/extensions.hpp"
#include "files/read.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMostLegacyBytes = std::size_t{64} << 20;
// Kernel: the verdict of a standard target is an offset, or one of these.
constexpr int kAccept = -NF_ACCEPT - 1;
constexpr int kDrop = -NF_DROP - 1;

constexpr std::array<std::string_view, 5> kChains{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
static_assert(NF_INET_PRE_ROUTING == 0 && NF_INET_POST_ROUTING == 4);

using Exprs = std::vector<NftExpr>;

// False: there are not as many bytes.
template <class T>
bool copy_at(std::span<const std::uint8_t> bytes, std::size_t offset, T& value) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return false;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return true;
}

template <std::size_t Size>
std::string name_text(const char (&name)[Size]) {
  return {name, ::strnlen(name, Size)};
}

// One entry with what stands in it.
struct LegacyEntry {
  std::size_t offset = 0;
  std::size_t next = 0;
  ipt_ip ip{};
  std::span<const std::uint8_t> matches;
  std::string target;
  std::span<const std::uint8_t> target_data;
};

std::optional<LegacyEntry> entry_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
  ipt_entry raw{};
  if (!copy_at(bytes, offset, raw) || raw.target_offset < sizeof(ipt_entry)) return std::nullopt;
  if (raw.next_offset > bytes.size() - offset) return std::nullopt;
  if (raw.next_offset < raw.target_offset + sizeof(xt_entry_target)) return std::nullopt;
  xt_entry_target target{};
  if (!copy_at(bytes, offset + raw.target_offset, target)) return std::nullopt;
  const auto whole = bytes.subspan(offset, raw.next_offset);
  return LegacyEntry{.offset = offset,
                     .next = offset + raw.next_offset,
                     .ip = raw.ip,
                     .matches = whole.subspan(sizeof(ipt_entry), raw.target_offset - sizeof(ipt_entry)),
                     .target = name_text(target.u.user.name),
                     .target_data = whole.subspan(raw.target_offset + sizeof(xt_entry_target))};
}

Bytes bytes_of(const void* data, std::size_t size) {
  const auto* begin = static_cast<const std::uint8_t*>(data);
  return {begin, begin + size};
}

// What is loaded, under a mask, is (or, inverted, is not) this value. No mask asks for nothing.
void add_masked(Exprs& out, NftExpr load, Bytes mask, Bytes value, bool inverted) {
  if (std::ranges::all_of(mask, [](std::uint8_t byte) { return byte == 0; })) return;
  for (std::size_t i = 0; i < value.size(); ++i) value[i] &= mask[i];
  Bytes zeros(mask.size());
  out.push_back(std::move(load));
  out.emplace_back(NftBitwise{.slot = 0, .mask = std::move(mask), .xored = std::move(zeros)});
  out.emplace_back(NftCmp{.slot = 0, .op = inverted ? NFT_CMP_NEQ : NFT_CMP_EQ, .data = std::move(value)});
}

void add_address(Exprs& out, std::uint32_t offset, const in_addr& address, const in_addr& mask,
                 bool inverted) {
  add_masked(out, NftPayload{.base = NFT_PAYLOAD_NETWORK_HEADER, .offset = offset, .length = 4},
             bytes_of(&mask, sizeof mask), bytes_of(&address, sizeof address), inverted);
}

// Conditions of the entry itself.
void add_header(Exprs& out, const ipt_ip& ip) {
  const auto inverted = [&](unsigned flag) { return (ip.invflags & flag) != 0; };
  add_address(out, 12, ip.src, ip.smsk, inverted(IPT_INV_SRCIP));
  add_address(out, 16, ip.dst, ip.dmsk, inverted(IPT_INV_DSTIP));
  add_masked(out, NftMeta{.key = NFT_META_IIFNAME}, bytes_of(ip.iniface_mask, IFNAMSIZ),
             bytes_of(ip.iniface, IFNAMSIZ), inverted(IPT_INV_VIA_IN));
  add_masked(out, NftMeta{.key = NFT_META_OIFNAME}, bytes_of(ip.outiface_mask, IFNAMSIZ),
             bytes_of(ip.outiface, IFNAMSIZ), inverted(IPT_INV_VIA_OUT));
  if (ip.proto != 0) {
    add_masked(out, NftMeta{.key = NFT_META_L4PROTO}, {0xff}, {static_cast<std::uint8_t>(ip.proto)},
               inverted(IPT_INV_PROTO));
  }
  if ((ip.flags & IPT_F_FRAG) != 0) out.emplace_back(NftOther{.name = name_of_match("fragment", 0, {})});
}

void add_ports(Exprs& out, std::uint32_t offset, const __u16 (&range)[2]) {
  if (range[0] == 0 && range[1] == 0xffff) return;
  const auto big_endian = [](std::uint16_t port) {
    return Bytes{static_cast<std::uint8_t>(port >> 8), static_cast<std::uint8_t>(port & 0xff)};
  };
  out.emplace_back(NftPayload{.base = NFT_PAYLOAD_TRANSPORT_HEADER, .offset = offset, .length = 2});
  out.emplace_back(NftCmp{.slot = 0, .op = NFT_CMP_GTE, .data = big_endian(range[0])});
  out.emplace_back(NftCmp{.slot = 0, .op = NFT_CMP_LTE, .data = big_endian(range[1])});
}

void add_match(Exprs& out, std::string_view name, std::uint32_t revision,
               std::span<const std::uint8_t> info) {
  xt_udp udp{};
  if (name == "udp" && copy_at(info, 0, udp) && udp.invflags == 0) {
    add_ports(out, 0, udp.spts);
    add_ports(out, 2, udp.dpts);
  } else {
    out.emplace_back(NftOther{.name = name_of_match(name, revision, info)});
  }
}

bool add_matches(Exprs& out, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    xt_entry_match match{};
    if (!copy_at(bytes, 0, match)) return false;
    const std::size_t size = match.u.user.match_size;
    if (size < sizeof(xt_entry_match) || size > bytes.size()) return false;
    add_match(out, name_text(match.u.user.name), match.u.user.revision,
              bytes.subspan(sizeof(xt_entry_match), size - sizeof(xt_entry_match)));
    bytes = bytes.subspan(size);
  }
  return true;
}

Error no_table(const LegacyBlob& blob) {
  return Error{.code = Errc::kernel,
               .message = fmt::format("table {} of iptables-legacy can't be read", blob.name)};
}

class LegacyDecoder {
 public:
  explicit LegacyDecoder(const LegacyBlob& blob) : blob_(blob) {}

  Result<NftTable> run() {
    if (!name_chains()) return no_table(blob_);
    NftTable out{.family = NftFamily::ip, .name = blob_.name, .comment = std::string(kLegacyComment)};
    NftChain* chain = nullptr;
    for (std::size_t at = 0; at < blob_.bytes.size();) {
      const auto entry = entry_at(blob_.bytes, at);
      if (const auto begins = starts_.find(at); begins != starts_.end()) {
        out.chains.push_back(begins->second);
        chain = &out.chains.back();
      }
      if (chain != nullptr && !add_rule(*chain, *entry)) return no_table(blob_);
      at = entry->next;
    }
    std::ranges::sort(out.chains, {}, &NftChain::name);
    return out;
  }

 private:
  // Where each chain begins: one with a hook where the table says, another behind an entry with its name.
  bool name_chains() {
    for (std::size_t hook = 0; hook < kChains.size(); ++hook) {
      if ((blob_.hooks >> hook & 1U) == 0) continue;
      starts_[blob_.entries[hook]] = NftChain{
          .name = std::string(kChains[hook]), .type = "filter", .hook = static_cast<std::uint32_t>(hook)};
    }
    for (std::size_t at = 0; at < blob_.bytes.size();) {
      const auto entry = entry_at(blob_.bytes, at);
      if (!entry) return false;
      Name name{};
      const bool is_named = entry->target == XT_ERROR_TARGET && copy_at(entry->target_data, 0, name);
      if (is_named && entry->next < blob_.bytes.size()) {
        starts_[entry->next] = NftChain{.name = name_text(name.text)};
      }
      at = entry->next;
    }
    return true;
  }

  struct Name {
    char text[XT_FUNCTION_MAXNAMELEN];
  };

  [[nodiscard]] bool is_policy(const NftChain& chain, const LegacyEntry& entry) const {
    return !chain.type.empty() && blob_.underflows[chain.hook] == entry.offset;
  }

  bool add_rule(NftChain& chain, const LegacyEntry& entry) {
    if (entry.target == XT_ERROR_TARGET) return true;
    NftRule rule;
    add_header(rule.exprs, entry.ip);
    if (!add_matches(rule.exprs, entry.matches)) return false;
    if (entry.target != XT_STANDARD_TARGET) {
      rule.exprs.emplace_back(NftOther{.name = name_of_target(entry.target)});
    } else {
      int verdict = 0;
      if (!copy_at(entry.target_data, 0, verdict)) return false;
      if (is_policy(chain, entry)) {
        chain.policy_accept = verdict == kAccept;
        return true;
      }
      add_verdict(rule.exprs, entry, verdict);
    }
    chain.rules.push_back(std::move(rule));
    return true;
  }

  void add_verdict(Exprs& out, const LegacyEntry& entry, int verdict) const {
    if (verdict == kAccept || verdict == kDrop) {
      out.emplace_back(NftVerdict{.accept = verdict == kAccept});
    } else if (verdict == XT_RETURN) {
      out.emplace_back(NftReturn{});
    } else if (verdict < 0) {
      out.emplace_back(NftOther{.name = "queue"});
    } else if (const auto to = starts_.find(static_cast<std::size_t>(verdict)); to != starts_.end()) {
      if ((entry.ip.flags & IPT_F_GOTO) != 0) {
        out.emplace_back(NftGoto{.chain = to->second.name});
      } else {
        out.emplace_back(NftJump{.chain = to->second.name});
      }
    }
    // Else it leads to the rule behind it: a rule without a target.
  }

  const LegacyBlob& blob_;
  std::map<std::size_t, NftChain> starts_;
};

Error no_answer(const std::string& what) {
  return Error{.code = errno == EPERM ? Errc::privilege : Errc::kernel,
               .message = fmt::format("{}: {}", what, std::strerror(errno)),
               .os_errno = errno};
}

Result<LegacyBlob> read_blob(int fd, const std::string& name) {
  ipt_getinfo info{};
  std::memcpy(info.name, name.data(), std::min(name.size(), sizeof info.name - 1));
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &info, &size) != 0)
    return no_answer("IPT_SO_GET_INFO " + name);
  if (info.size > kMostLegacyBytes)
    return Error{.code = Errc::kernel, .message = "table " + name + " is too large"};
  std::vector<std::uint8_t> buffer(sizeof(ipt_get_entries) + info.size);
  std::memcpy(buffer.data() + offsetof(ipt_get_entries, name), info.name, sizeof info.name);
  std::memcpy(buffer.data() + offsetof(ipt_get_entries, size), &info.size, sizeof info.size);
  size = static_cast<socklen_t>(buffer.size());
  if (::getsockopt(fd, IPPROTO_IP, IPT_SO_GET_ENTRIES, buffer.data(), &size) != 0) {
    return no_answer("IPT_SO_GET_ENTRIES " + name);
  }
  LegacyBlob blob{.name = name, .hooks = info.valid_hooks};
  std::copy_n(std::begin(info.hook_entry), blob.entries.size(), blob.entries.begin());
  std::copy_n(std::begin(info.underflow), blob.underflows.size(), blob.underflows.begin());
  blob.bytes.assign(buffer.begin() + sizeof(ipt_get_entries), buffer.end());
  return blob;
}

// Those of NAT translate, and drop nothing.
bool is_filter(const std::string& name) {
  return name == "filter" || name == "mangle" || name == "raw" || name == "security";
}

}  // namespace

Result<NftTable> decode_legacy(const LegacyBlob& blob) {
  return LegacyDecoder(blob).run();
}

Result<std::vector<NftTable>> legacy_filters() {
  std::vector<NftTable> tables;
  // Kernel: asking for a table makes it (xt_find_table_lock()); this file has those that are there.
  const auto names = read_regular("/proc/thread-self/net/ip_tables_names", {});
  if (!names.ok() || names.value().empty()) return tables;
  const UniqueFd fd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!fd.valid()) return no_answer("opening a raw socket");
  std::istringstream in(names.value());
  for (std::string name; in >> name;) {
    if (!is_filter(name)) continue;
    OVL_TRY(const LegacyBlob blob, read_blob(fd.get(), name));
    OVL_TRY(NftTable table, decode_legacy(blob));
    tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace ovl
