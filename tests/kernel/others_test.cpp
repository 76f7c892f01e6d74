// Other programs' filters on the real kernel, nftables' and iptables-legacy's, and what they drop of ours.
#include <linux/netfilter.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <sys/socket.h>

#include <cstring>

#include "drivers/nft/extensions.hpp"
#include "drivers/nft/legacy.hpp"
#include "model/base/handle.hpp"
#include "reconcile/host/foreign_drops.hpp"
#include "tests/kernel/kernel_test.hpp"

namespace ovl::test {

namespace {

// iptables-legacy's filter table of this namespace, as the program of that name writes it.
class LegacyFilter {
 public:
  LegacyFilter() : fd_(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)) {
    std::strcpy(info_.name, "filter");
    socklen_t size = sizeof info_;
    EXPECT_EQ(::getsockopt(fd_.get(), IPPROTO_IP, IPT_SO_GET_INFO, &info_, &size), 0);
    std::vector<std::uint8_t> buffer(sizeof(ipt_get_entries) + info_.size);
    ipt_get_entries head{};
    std::strcpy(head.name, "filter");
    head.size = info_.size;
    std::memcpy(buffer.data(), &head, sizeof head);
    size = static_cast<socklen_t>(buffer.size());
    EXPECT_EQ(::getsockopt(fd_.get(), IPPROTO_IP, IPT_SO_GET_ENTRIES, buffer.data(), &size), 0);
    bytes_.assign(buffer.begin() + sizeof(ipt_get_entries), buffer.end());
    old_ = info_.num_entries;
  }

  // -P CHAIN DROP
  LegacyFilter& drop(unsigned hook) {
    const int verdict = -NF_DROP - 1;
    std::memcpy(bytes_.data() + info_.underflow[hook] + sizeof(ipt_entry) + sizeof(xt_entry_target), &verdict,
                sizeof verdict);
    return *this;
  }

  // -I INPUT [-i DEVICE] -p udp --dport PORT -j ACCEPT
  LegacyFilter& accept_udp(std::uint16_t port, const std::string& device = "") {
    constexpr std::size_t udp_size = XT_ALIGN(sizeof(xt_udp));
    constexpr std::size_t target_at = sizeof(ipt_entry) + sizeof(xt_entry_match) + udp_size;
    std::vector<std::uint8_t> rule(target_at + sizeof(xt_standard_target));
    ipt_entry entry{};
    entry.ip.proto = IPPROTO_UDP;
    std::strcpy(entry.ip.iniface, device.c_str());
    if (!device.empty()) std::memset(entry.ip.iniface_mask, 0xff, device.size() + 1);
    entry.target_offset = target_at;
    entry.next_offset = static_cast<__u16>(rule.size());
    xt_entry_match match{};
    std::strcpy(match.u.user.name, "udp");
    match.u.user.match_size = sizeof(xt_entry_match) + udp_size;
    const xt_udp udp{.spts = {0, 0xffff}, .dpts = {port, port}};
    xt_standard_target target{};
    target.target.u.user.target_size = sizeof(xt_standard_target);
    target.verdict = -NF_ACCEPT - 1;
    std::memcpy(&rule[0], &entry, sizeof entry);
    std::memcpy(&rule[sizeof entry], &match, sizeof match);
    std::memcpy(&rule[sizeof entry + sizeof match], &udp, sizeof udp);
    std::memcpy(&rule[target_at], &target, sizeof target);
    bytes_.insert(bytes_.begin() + info_.hook_entry[NF_INET_LOCAL_IN], rule.begin(), rule.end());
    ++info_.num_entries;
    const auto size = static_cast<unsigned>(rule.size());
    info_.underflow[NF_INET_LOCAL_IN] += size;
    for (const unsigned hook : {NF_INET_FORWARD, NF_INET_LOCAL_OUT}) {
      info_.hook_entry[hook] += size;
      info_.underflow[hook] += size;
    }
    return *this;
  }

  void write() {
    std::vector<xt_counters> counters(old_);
    std::vector<std::uint8_t> buffer(sizeof(ipt_replace) + bytes_.size());
    ipt_replace head{};
    std::strcpy(head.name, "filter");
    head.valid_hooks = info_.valid_hooks;
    head.num_entries = info_.num_entries;
    head.size = static_cast<unsigned>(bytes_.size());
    std::memcpy(head.hook_entry, info_.hook_entry, sizeof head.hook_entry);
    std::memcpy(head.underflow, info_.underflow, sizeof head.underflow);
    head.num_counters = old_;
    head.counters = counters.data();
    std::memcpy(buffer.data(), &head, sizeof head);
    std::memcpy(buffer.data() + sizeof head, bytes_.data(), bytes_.size());
    ASSERT_EQ(::setsockopt(fd_.get(), IPPROTO_IP, IPT_SO_SET_REPLACE, buffer.data(),
                           static_cast<socklen_t>(buffer.size())),
              0)
        << std::strerror(errno);
  }

 private:
  UniqueFd fd_;
  ipt_getinfo info_{};
  std::vector<std::uint8_t> bytes_;
  unsigned old_ = 0;
};

class OthersTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    must(
        "ip link set lo up; ip link add und0 type veth peer und1; ip link set und0 up; ip link set und1 up; "
        "ip address add 192.168.50.1/24 dev und0; ip route add default via 192.168.50.254");
    const HostName here = HostName::parse("a").value();
    const HostName there = HostName::parse("b").value();
    const Label net = Label::parse("net").value();
    records_.hosts = {HostRecord{.name = here,
                                 .advertise = ip("192.168.50.1"),
                                 .gateway_pool = IpPrefix::parse_exact("172.31.0.0/24").value()},
                      HostRecord{.name = there, .advertise = ip("192.168.50.2")}};
    records_.networks = {NetworkRecord{.name = net, .port = UdpPort::unchecked(4789)}};
    for (const HostName& host : {here, there}) {
      records_.endpoints.push_back(EndpointRecord{.network = net,
                                                  .name = Label::parse("of-" + host.text()).value(),
                                                  .host = host,
                                                  .gateway_interface = dev("eth1")});
    }
    Facts facts;
    const auto own = kernel->facts({.host = here, .advertise = ip("192.168.50.1")});
    ASSERT_TRUE(own.ok()) << own.error().message;
    facts.set(own.value());
    facts_ = facts;
  }

  // A line for each chain that drops something: "in inet fw input policy".
  std::string drops() {
    const std::uint64_t before = kernel->writes();
    const auto others = kernel->filters_of_others();
    EXPECT_TRUE(others.ok()) << others.error().message;
    EXPECT_EQ(kernel->writes(), before);
    if (!others.ok()) return others.error().message;
    std::string out;
    const HostName here = HostName::parse("a").value();
    for (const ForeignDrop& drop : foreign_drops(others.value(), {here, records_, facts_})) {
      out += drop.traffic == Traffic::way_out ? "way " : drop.traffic == Traffic::tunnels_in ? "in " : "out ";
      out += drop.chain + (drop.by_policy ? " policy" : " rule") + (drop.sure ? "" : " perhaps") + "\n";
      EXPECT_FALSE(drop.remedy.empty());
    }
    return out;
  }

  // Of a chain "input" with these rules, in a table of its own.
  std::string drops_with(const std::string& rules, const std::string& more = "") {
    write_text("/run/netns/fw.nft", "table inet fw {\n" + more +
                                        "\nchain input { type filter hook input priority 0; policy drop; " +
                                        rules + "\n}\n}\n");
    must("nft -f /run/netns/fw.nft");
    std::string out = drops();
    must("nft delete table inet fw");
    return out;
  }

  Records records_;
  Facts facts_;
};

TEST_F(OthersTest, AChainThatDropsTunnelsIsFoundWhateverItsRulesLookAt) {
  EXPECT_EQ(drops(), "");
  const std::string sure = "in inet fw input policy\n";
  for (const std::string rules :
       {"ct state established,related accept; meta l4proto icmp accept",
        "iif lo accept; iifname \"lo\" accept",
        "ct state vmap { established : accept, related : accept, invalid : drop }",
        "ct state { established, related } counter accept; tcp dport { 22, 80 } accept",
        "udp dport { 53, 123 } accept; ip saddr 192.168.50.3 udp dport 4789 accept",
        "ip saddr != 192.168.50.0/24 accept; ip daddr 192.168.50.9 accept; meta nfproto ipv6 accept",
        "iifname \"und1\" accept; udp dport 1-4788 accept; udp dport > 4789 accept; ct status dnat accept"}) {
    EXPECT_EQ(drops_with(rules), sure) << rules;
  }
}

TEST_F(OthersTest, AChainThatLetsTunnelsPassIsNoHarm) {
  for (const std::string rules :
       {"udp dport 4789 accept", "udp dport { 53, 4789 } accept", "ip saddr 192.168.50.0/24 accept",
        "iifname \"und0\" accept", "iif und0 counter accept", "iifname \"und*\" accept",
        "udp dport 4000-5000 accept", "ip daddr 192.168.50.1 meta l4proto udp accept", "jump more"}) {
    EXPECT_EQ(drops_with(rules, "chain more { udp dport 53 accept; udp dport 4789 counter accept; }"), "")
        << rules;
  }
}

TEST_F(OthersTest, WhatRulesAloneDoNotTellIsLeftOpen) {
  const std::string open = "in inet fw input policy perhaps\n";
  for (const std::string rules : {"udp dport 4789 limit rate 10/second accept", "meta mark 7 accept",
                                  "ip saddr @known accept", "fib saddr type local accept"}) {
    EXPECT_EQ(drops_with(rules, "set known { type ipv4_addr; flags timeout; }"), open) << rules;
  }
}

TEST_F(OthersTest, ARuleThatRejectsIsFoundBehindJumpsAndReturns) {
  write_text("/run/netns/fw.nft", R"(
table inet firewalld {
  chain filter_INPUT {
    type filter hook input priority 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    jump filter_INPUT_ZONES
    reject with icmpx admin-prohibited
  }
  chain filter_INPUT_ZONES { iifname "und1" return; goto filter_IN_public; }
  chain filter_IN_public { jump filter_IN_public_allow; meta l4proto { icmp, ipv6-icmp } accept; return; }
  chain filter_IN_public_allow { tcp dport 22 accept; }
}
)");
  must("nft -f /run/netns/fw.nft");
  EXPECT_EQ(drops(), "in inet firewalld filter_INPUT rule\n");
  must("nft add rule inet firewalld filter_IN_public_allow udp dport 4789 accept");
  EXPECT_EQ(drops(), "");
}

TEST_F(OthersTest, WhatLeavesIsLookedAtToo) {
  must(
      "nft add table ip fw; nft 'add chain ip fw output { type filter hook output priority 0; policy accept; "
      "}'; "
      "nft add rule ip fw output udp dport 4789 ip daddr 192.168.50.2 drop");
  EXPECT_EQ(drops(), "out ip fw output rule\n");
}

// Docker's rules, and what it keeps for others.
TEST_F(OthersTest, AWayOutNeedsBothDirections) {
  write_text("/run/netns/fw.nft", R"(
table ip filter {
  chain DOCKER-USER { counter return; }
  chain FORWARD {
    type filter hook forward priority 0; policy drop;
    jump DOCKER-USER
    oifname "docker0" ct state established,related accept
    iifname "docker0" accept
  }
}
)");
  must("nft -f /run/netns/fw.nft");
  EXPECT_EQ(drops(), "way ip filter FORWARD policy\n");
  must("nft insert rule ip filter DOCKER-USER iifname ovl-gw accept");
  EXPECT_EQ(drops(), "way ip filter FORWARD policy\n") << "answers";
  must("nft insert rule ip filter DOCKER-USER oifname ovl-gw ct state established,related accept");
  EXPECT_EQ(drops(), "");
}

TEST_F(OthersTest, TablesOfIptablesLegacyAreReadAndNotMade) {
  const std::string names = "/proc/thread-self/net/ip_tables_names";
  EXPECT_EQ(drops(), "");
  EXPECT_EQ(shell("cat " + names).output, "") << "asking makes a table";
  const std::string both =
      "way iptables-legacy filter FORWARD policy\nin iptables-legacy filter INPUT policy\n";
  LegacyFilter().drop(NF_INET_LOCAL_IN).drop(NF_INET_FORWARD).write();
  EXPECT_EQ(drops(), both);
  EXPECT_TRUE(kernel->is_shut_by_others().value());
  LegacyFilter().accept_udp(53).write();
  EXPECT_EQ(drops(), both);
  LegacyFilter().accept_udp(4789, "und1").write();
  EXPECT_EQ(drops(), both);
  LegacyFilter().accept_udp(4789, "und0").write();
  EXPECT_EQ(drops(), "way iptables-legacy filter FORWARD policy\n");
}

// Whatever bytes there are: a table or an error.
TEST(LegacyTable, BytesThatAreNoTableAreRefused) {
  LegacyBlob blob{.name = "filter", .hooks = 1U << NF_INET_LOCAL_IN, .bytes = std::vector<std::uint8_t>(300)};
  EXPECT_FALSE(decode_legacy(blob).ok());
  ipt_entry entry{};
  entry.target_offset = sizeof entry;
  entry.next_offset = 0xffff;
  std::memcpy(blob.bytes.data(), &entry, sizeof entry);
  EXPECT_FALSE(decode_legacy(blob).ok()) << "an entry that ends behind the table";
  entry.next_offset = sizeof entry;
  std::memcpy(blob.bytes.data(), &entry, sizeof entry);
  EXPECT_FALSE(decode_legacy(blob).ok()) << "an entry without a target";
}

TEST(Extensions, AMatchOfConnectionsThatHaveBegunIsKnown) {
  xt_conntrack_mtinfo3 info{};
  info.match_flags = XT_CONNTRACK_STATE;
  info.state_mask = 2 | 4;
  const auto name = [&] {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&info);
    return name_of_match("conntrack", 3, {bytes, sizeof info});
  };
  EXPECT_EQ(name(), kMatchOfBegun);
  info.state_mask |= 8;  // new
  EXPECT_EQ(name(), "match conntrack");
  info.state_mask = 2;
  info.invert_flags = XT_CONNTRACK_STATE;
  EXPECT_EQ(name(), "match conntrack");
  EXPECT_EQ(name_of_match("conntrack", 3, {}), "match conntrack") << "no bytes";
  EXPECT_EQ(name_of_match("comment", 0, {}), "match comment");
}

}  // namespace

}  // namespace ovl::test
