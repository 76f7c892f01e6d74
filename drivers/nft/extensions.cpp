#include "drivers/nft/extensions.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_state.h>

#include <cstring>
#include <optional>

namespace ovl {

namespace {

constexpr std::uint32_t kBegun = XT_CONNTRACK_STATE_INVALID |
                                 static_cast<std::uint32_t>(XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED)) |
                                 static_cast<std::uint32_t>(XT_CONNTRACK_STATE_BIT(IP_CT_RELATED));

template <class Info>
std::optional<Info> info_of(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < sizeof(Info)) return std::nullopt;
  Info info;
  std::memcpy(&info, bytes.data(), sizeof info);
  return info;
}

// The states that it takes, when it looks at nothing else. Both revisions begin alike.
std::optional<std::uint32_t> states_of(std::string_view name, std::uint32_t revision,
                                       std::span<const std::uint8_t> bytes) {
  if (name == "state") {
    const auto info = info_of<xt_state_info>(bytes);
    return info ? std::optional<std::uint32_t>(info->statemask) : std::nullopt;
  }
  if (name != "conntrack" || (revision != 2 && revision != 3)) return std::nullopt;
  const auto info = info_of<xt_conntrack_mtinfo2>(bytes);
  if (!info || info->match_flags != XT_CONNTRACK_STATE || info->invert_flags != 0) return std::nullopt;
  return info->state_mask;
}

}  // namespace

std::string name_of_match(std::string_view name, std::uint32_t revision, std::span<const std::uint8_t> info) {
  const auto states = states_of(name, revision, info);
  if (states && (*states & ~kBegun) == 0) return std::string(kMatchOfBegun);
  return "match " + std::string(name);
}

std::string name_of_target(std::string_view name) {
  return "target " + std::string(name);
}

}  // namespace ovl
