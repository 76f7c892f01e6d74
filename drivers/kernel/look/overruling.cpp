#include "drivers/kernel/look/overruling.hpp"

#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include "drivers/kernel/kinds/route.hpp"
#include "model/plan/wanted_prefixes.hpp"

namespace ovl {

namespace {

constexpr std::uint32_t kRuleOfMain = 32766;

// A rule for all that a namespace sends by itself, from `from` to `to`.
struct Rule {
  Family family = Family::ipv4;
  std::uint32_t priority = 0;
  std::uint32_t table = 0;  // 0: it drops
  std::string_view action;
  std::optional<IpPrefix> from;
  std::optional<IpPrefix> to;
};

std::string_view dropping(std::uint8_t action) {
  switch (action) {
    case FR_ACT_BLACKHOLE: return "blackhole";
    case FR_ACT_UNREACHABLE: return "unreachable";
    case FR_ACT_PROHIBIT: return "prohibit";
    default: return {};
  }
}

// One for some packets alone is its maker's own affair.
bool is_for_all(const Attributes<FRA_MAX>& attributes, const fib_rule_hdr& header) {
  constexpr std::array<std::size_t, 9> narrowing{FRA_OIFNAME,  FRA_FWMARK,      FRA_FLOW,
                                                 FRA_TUN_ID,   FRA_L3MDEV,      FRA_UID_RANGE,
                                                 FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE};
  const bool narrow =
      std::ranges::any_of(narrowing, [&](std::size_t attribute) { return attributes[attribute].present(); });
  const AttributeValue& by = attributes[FRA_IIFNAME];
  // "lo" is what the namespace sends itself.
  const bool own = !by.present() || IfName::from_kernel(by.as_text()).view() == "lo";
  return !narrow && own && header.tos == 0 && (header.flags & FIB_RULE_INVERT) == 0;
}

std::optional<IpPrefix> prefix_in(const AttributeValue& attribute, std::uint8_t length) {
  if (!attribute.present() || length == 0) return std::nullopt;
  return IpPrefix::masked(attribute.as_address(), length);
}

std::optional<Rule> parse_rule(const MessageView& message) {
  const auto header = message.family<fib_rule_hdr>();
  if (message.type() != RTM_NEWRULE || !header) return std::nullopt;
  const Attributes<FRA_MAX> attributes(message.attributes<fib_rule_hdr>());
  Rule rule{.family = header->family == AF_INET ? Family::ipv4 : Family::ipv6,
            .priority = attributes[FRA_PRIORITY].as<std::uint32_t>().value_or(0),
            .action = dropping(header->action),
            .from = prefix_in(attributes[FRA_SRC], header->src_len),
            .to = prefix_in(attributes[FRA_DST], header->dst_len)};
  const bool leads = header->action == FR_ACT_TO_TBL;
  if (leads) rule.table = attributes[FRA_TABLE].as<std::uint32_t>().value_or(header->table);
  const bool told =
      leads ? rule.table != RT_TABLE_LOCAL && rule.table != RT_TABLE_MAIN : !rule.action.empty();
  if (!told || rule.priority >= kRuleOfMain || !is_for_all(attributes, *header)) return std::nullopt;
  return rule;
}

Result<std::vector<Rule>> read_rules(NetlinkSocket& socket) {
  std::vector<Rule> rules;
  for (const int family : {AF_INET, AF_INET6}) {
    MessageQueue request;
    request.start(RTM_GETRULE, 0, fib_rule_hdr{.family = static_cast<std::uint8_t>(family)});
    auto answer = socket.dump(request);
    // A kernel without rules, or without IPv6, has none.
    const int error = answer.ok() ? 0 : answer.error().os_errno;
    if (error == EOPNOTSUPP || error == EAFNOSUPPORT) continue;
    OVL_TRY(const auto bytes, std::move(answer));
    for_each_message(bytes, [&](const MessageView& message) {
      if (auto rule = parse_rule(message)) rules.push_back(*rule);
    });
  }
  return rules;
}

class Judge {
 public:
  explicit Judge(const NamespaceObjects& wanted)
      : wanted_(wanted), prefixes_(wanted.addresses, wanted.routes) {}

  [[nodiscard]] std::optional<Overruling> of_rule(const Rule& rule) const {
    if (!concerns(rule) || !meets(rule.to)) return std::nullopt;
    return told(rule, fmt::format("drops what the endpoint sends ({})", rule.action),
                is_met_by_gateway(rule));
  }

  [[nodiscard]] std::optional<Overruling> of_table(const Rule& rule, const DroppingRoute& route) const {
    const bool hides = route.destination.length() == 0 ||
                       prefixes_.hidden_by(Route{.destination = route.destination}).has_value();
    if (route.table != rule.table || route.destination.family() != rule.family || !concerns(rule) || !hides) {
      return std::nullopt;
    }
    return told(rule,
                fmt::format("leads what the endpoint sends into table {}, which drops {}", rule.table,
                            route.destination.length() == 0 ? "all" : route.destination.text()),
                false);
  }

 private:
  // Whether one of our addresses sends by it.
  [[nodiscard]] bool concerns(const Rule& rule) const {
    return std::ranges::any_of(wanted_.addresses, [&](const Address& address) {
      const IpAddress& ip = address.address.address;
      return ip.family() == rule.family && (!rule.from || rule.from->contains(ip));
    });
  }

  [[nodiscard]] bool meets(const std::optional<IpPrefix>& to) const {
    return !to || std::ranges::any_of(wanted_.addresses, [&](const Address& address) {
      const IpInterface& ip = address.address;
      return to->overlaps(IpPrefix::masked(ip.address, ip.length));
    });
  }

  // The kernel makes no route by a gateway to which a rule leads no packet (fib_check_nh_v4_gw()).
  [[nodiscard]] bool is_met_by_gateway(const Rule& rule) const {
    return !rule.from && std::ranges::any_of(wanted_.routes, [&](const Route& route) {
      return !route.via.empty() && route.via.family() == rule.family &&
             (!rule.to || rule.to->contains(route.via));
    });
  }

  [[nodiscard]] Overruling told(const Rule& rule, const std::string& does, bool refuses) const {
    const std::string whom = (rule.from ? " from " + rule.from->text() : std::string()) +
                             (rule.to ? " to " + rule.to->text() : std::string());
    const std::string_view six = rule.family == Family::ipv6 ? "-6 " : "";
    return Overruling{
        .message = fmt::format("rule {} there {}{}", rule.priority, does, whom),
        .removal = fmt::format("ip {}-n {} rule del pref {}", six, wanted_.name.text(), rule.priority),
        .refuses_gateway = refuses};
  }

  const NamespaceObjects& wanted_;
  const WantedPrefixes prefixes_;
};

}  // namespace

Result<std::vector<Overruling>> observe_overruling(NetlinkSocket& socket, const LinkTable& links,
                                                   const NamespaceObjects& wanted) {
  std::vector<Overruling> out;
  if (wanted.addresses.empty()) return out;
  OVL_TRY(const std::vector<Rule> rules, read_rules(socket));
  if (rules.empty()) return out;
  OVL_TRY(const std::vector<DroppingRoute> dropping, read_dropping_routes(socket, links));
  const Judge judge(wanted);
  for (const Rule& rule : rules) {
    if (rule.table == 0) {
      if (auto found = judge.of_rule(rule)) out.push_back(std::move(*found));
      continue;
    }
    for (const DroppingRoute& route : dropping) {
      auto found = judge.of_table(rule, route);
      if (!found) continue;
      out.push_back(std::move(*found));
      break;
    }
  }
  return out;
}

}  // namespace ovl
