// NftClient against the real kernel: what is written is read back, what anybody else does shows.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "drivers/nft/nft.hpp"
#include "tests/kernel/nft_samples.hpp"

namespace ovl::test {

namespace {

class NftClientTest : public NetfilterTest {
 protected:
  void SetUp() override {
    NetfilterTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto opened = NftClient::open();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    client_.emplace(std::move(opened).value());
  }

  NftClient& client() { return *client_; }

  void create(const NftTable& table) {
    const Status done = client().create(table);
    ASSERT_TRUE(done.ok()) << done.error().message;
  }

  std::vector<NftTable> observe(std::vector<NftTableName> names) {
    auto seen = client().observe(names);
    EXPECT_TRUE(seen.ok()) << seen.error().message;
    return seen.ok() ? std::move(seen).value() : std::vector<NftTable>();
  }

  // The table of this family called "ovl", or an empty value.
  NftTable observe_one(NftFamily family) {
    std::vector<NftTable> seen = observe({{family, "ovl"}});
    return seen.empty() ? NftTable() : std::move(seen.front());
  }

 private:
  std::optional<NftClient> client_;
};

// A table that drops UDP to the port and nothing else.
NftTable drop_udp(std::uint16_t port) {
  NftRule rule{.comment = "drop",
               .exprs = {NftMeta{.key = NFT_META_L4PROTO}, NftCmp{.op = NFT_CMP_EQ, .data = {17}},
                         NftPayload{.base = NFT_PAYLOAD_TRANSPORT_HEADER, .offset = 2, .length = 2},
                         NftCmp{.op = NFT_CMP_EQ, .data = be16(port)}, NftVerdict{}}};
  return {.name = "ovl",
          .chains = {{.name = "input", .type = "filter", .hook = NF_INET_LOCAL_IN, .rules = {rule}}}};
}

}  // namespace

TEST_F(NftClientTest, ReadsBackWhatItWrote) {
  const NftTable ports = sample_port_filter();
  const NftTable host = sample_host_filter();
  create(ports);
  create(host);
  const std::vector<NftTable> seen =
      observe({{NftFamily::bridge, "ovl"}, {NftFamily::inet, "ovl"}, {NftFamily::ip, "ovl"}});
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0], host);
  EXPECT_EQ(seen[1], ports);
  EXPECT_EQ(client().writes(), 2U);
}

TEST_F(NftClientTest, ReadsBackEveryExpressionInEverySlot) {
  NftTable table{.name = "slots", .comment = "all expressions"};
  NftChain chain{.name = "input", .type = "filter", .hook = NF_INET_LOCAL_IN, .priority = -7};
  chain.policy_accept = false;
  for (std::uint8_t slot = 0; slot < 16; ++slot) {
    chain.rules.push_back(
        {.comment = fmt::format("slot {}", slot),
         .exprs = {
             NftMeta{.key = NFT_META_MARK, .slot = slot},
             NftBitwise{.slot = slot, .mask = {1, 2, 3, 4}, .xored = {0, 9, 0, 0}},
             NftCmp{.slot = slot, .op = NFT_CMP_NEQ, .data = {4, 3, 2, 1}},
             NftPayload{NFT_PAYLOAD_NETWORK_HEADER, 1, 3, slot},
             NftCmp{.slot = slot, .op = NFT_CMP_LTE, .data = {1, 2, 3}},
             NftCt{.key = NFT_CT_STATE, .slot = slot},
             NftFib{.result = NFT_FIB_RESULT_OIF, .flags = NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF, .slot = slot},
             NftLookup{.slot = slot, .set = "s", .inverted = slot % 2 == 1},
             NftVerdict{.accept = slot % 2 == 0}}});
  }
  chain.rules.push_back({});
  chain.rules.push_back({.comment = "on", .exprs = {NftGoto{.chain = "onward"}}});
  const NftChain onward{.name = "onward",
                        .rules = {{.comment = "end", .exprs = {NftCount{.counter = "seen"}, NftNotrack{}}}}};
  table.chains = {chain, onward};
  table.counters = {{.name = "idle"}, {.name = "seen"}};
  table.sets = {{.name = "s", .key_type = 19, .key_length = 4, .elements = {{0, 0, 0, 1}, {9, 0, 0, 0}}}};
  create(table);
  const std::vector<NftTable> seen = observe({{NftFamily::inet, "slots"}});
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0], table);
}

TEST_F(NftClientTest, NftListsAndReloadsTheTables) {
  create(sample_port_filter());
  create(sample_host_filter());
  const std::string listing = run("nft list ruleset");
  for (const NftTable& table : {sample_port_filter(), sample_host_filter()}) {
    EXPECT_NE(listing.find("comment \"" + table.comment + "\""), std::string::npos) << listing;
    for (const NftChain& chain : table.chains) {
      for (const NftRule& rule : chain.rules) {
        EXPECT_NE(listing.find("comment \"" + rule.comment + "\""), std::string::npos) << rule.comment;
      }
    }
  }
  EXPECT_NE(listing.find("\"veth00000001\" . 10.0.0.3"), std::string::npos) << listing;
  EXPECT_NE(listing.find("@th,96,24 != @vnis accept"), std::string::npos) << listing;
  // Administrators save rulesets that way.
  run("nft list ruleset > /run/netns/saved; nft flush ruleset; nft -f /run/netns/saved");
  EXPECT_EQ(run("nft list ruleset"), listing);
}

TEST_F(NftClientTest, SeesEveryEdit) {
  const NftTable wish = sample_host_filter();
  create(wish);
  for (const std::string edit : {
           "nft add rule inet ovl input accept",
           "nft insert rule inet ovl input counter",
           "nft add rule inet ovl forward reject",
           "nft add rule inet ovl forward limit rate 5/second drop",
           "nft delete rule inet ovl from_tunnel handle "
           "$(nft -a list chain inet ovl from_tunnel | sed -n 's/.*another VNI.*handle //p')",
           "nft delete element inet ovl vteps4 '{ 192.168.99.105 }'",
           "nft add element inet ovl vteps4 '{ 192.168.99.66 }'",
           "nft flush set inet ovl vnis",
           "nft add chain inet ovl input '{ policy drop; }'",
           "nft add chain inet ovl extra",
           "nft add chain inet ovl another '{ type filter hook output priority 0; }'",
           "nft add set inet ovl extra '{ type mark; }'",
           "nft add counter inet ovl extra",
           "nft add quota inet ovl extra '{ over 5 bytes; }'",
           "nft add rule inet ovl prerouting notrack",
           "nft add table inet ovl '{ flags dormant; }'",
           "nft flush chain inet ovl prerouting",
           "nft delete table inet ovl",
       }) {
    SCOPED_TRACE(edit);
    run(edit);
    EXPECT_FALSE(observe_one(NftFamily::inet) == wish);
    const Status removed = client().remove(wish);
    ASSERT_TRUE(removed.ok()) << removed.error().message;
    create(wish);
    EXPECT_EQ(observe_one(NftFamily::inet), wish);
  }
}

TEST_F(NftClientTest, SeesSetsThatAreNotPlain) {
  const NftTable wish{.name = "ovl", .sets = {{.name = "s", .key_type = 19, .key_length = 4}}};
  create(wish);
  EXPECT_EQ(observe_one(NftFamily::inet), wish);
  for (const std::string definition :
       {"type mark; flags interval", "type mark; flags timeout", "type mark; size 99", "type mark; counter",
        "type mark; policy memory"}) {
    run("nft delete set inet ovl s; nft add set inet ovl s '{ " + definition + "; }'");
    EXPECT_FALSE(observe_one(NftFamily::inet) == wish) << definition;
  }
  run("nft delete set inet ovl s; nft add map inet ovl s '{ type mark : mark; }'");
  EXPECT_FALSE(observe_one(NftFamily::inet) == wish) << "map";
}

TEST_F(NftClientTest, ReplaceRestoresAnEditedTable) {
  const NftTable wish = sample_port_filter();
  create(wish);
  run("nft flush table bridge ovl; nft add rule bridge ovl input drop");
  EXPECT_FALSE(observe_one(NftFamily::bridge) == wish);
  const Status replaced = client().replace(wish);
  ASSERT_TRUE(replaced.ok()) << replaced.error().message;
  EXPECT_EQ(observe_one(NftFamily::bridge), wish);
}

TEST_F(NftClientTest, CountsOnThroughReplacements) {
  NftTable wish = drop_udp(5999);
  std::vector<NftExpr>& exprs = wish.chains.front().rules.front().exprs;
  exprs.insert(exprs.end() - 1, NftCount{.counter = "dropped"});
  wish.counters = {{.name = "dropped"}};
  create(wish);
  Udp sender("127.0.0.1", 0);
  sender.send("127.0.0.1", 5999, {1});
  sender.send("127.0.0.1", 5999, {1});
  NftTable seen = observe_one(NftFamily::inet);
  EXPECT_EQ(seen, wish) << "what was counted is no difference";
  ASSERT_EQ(seen.counters.size(), 1U);
  EXPECT_EQ(seen.counters.front().packets, 2U);
  wish.counters.push_back({.name = "later"});
  ASSERT_TRUE(client().replace(wish).ok());
  sender.send("127.0.0.1", 5999, {1});
  seen = observe_one(NftFamily::inet);
  EXPECT_EQ(seen, wish);
  ASSERT_EQ(seen.counters.size(), 2U);
  EXPECT_EQ(seen.counters.front().packets, 3U);
  EXPECT_EQ(seen.counters.back().packets, 0U);
}

TEST_F(NftClientTest, SaysWhatIsInTheWay) {
  const NftTable table = sample_host_filter();
  create(table);
  const Status again = client().create(table);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, Errc::conflict);
  EXPECT_EQ(again.error().os_errno, EEXIST);
  EXPECT_NE(again.error().message.find("NFT_MSG_NEWTABLE table inet ovl: EEXIST"), std::string::npos)
      << again.error().message;

  const Status removed = client().remove(table);
  EXPECT_TRUE(removed.ok());
  EXPECT_TRUE(client().remove(table).ok()) << "removing what is absent is success";
  const Status replaced = client().replace(table);
  ASSERT_FALSE(replaced.ok());
  EXPECT_EQ(replaced.error().code, Errc::not_found) << replaced.error().message;
  EXPECT_TRUE(observe({{NftFamily::inet, "ovl"}}).empty());
}

TEST_F(NftClientTest, ARefusedTransactionChangesNothing) {
  const NftTable table = sample_host_filter();
  create(table);
  NftTable broken = table;
  broken.chains.front().type = "bogus";
  const Status refused = client().replace(broken);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message.rfind("NFT_MSG_NEWCHAIN table inet ovl, chain forward: E", 0), 0U)
      << refused.error().message;
  broken = table;
  broken.chains.front().rules.front().exprs.insert(broken.chains.front().rules.front().exprs.begin(),
                                                   NftLookup{.set = "nowhere"});
  const Status dangling = client().replace(broken);
  ASSERT_FALSE(dangling.ok());
  EXPECT_EQ(dangling.error().code, Errc::kernel) << "ENOENT here is no absent table";
  EXPECT_NE(dangling.error().message.find("rule \"endpoint to uplink\": ENOENT"), std::string::npos)
      << dangling.error().message;
  EXPECT_EQ(observe_one(NftFamily::inet), table);
}

TEST_F(NftClientTest, RefusesWhatTheKernelCannotTake) {
  const std::uint64_t before = client().writes();
  NftTable table = drop_udp(9);
  table.chains.front().rules.front().exprs.push_back(NftOther{.name = "counter"});
  EXPECT_EQ(client().create(table).error().code, Errc::bug);
  table = drop_udp(9);
  table.name.assign(256, 'x');
  EXPECT_EQ(client().create(table).error().code, Errc::bug);
  table = drop_udp(9);
  table.comment.assign(254, 'x');
  EXPECT_EQ(client().create(table).error().code, Errc::bug);
  EXPECT_EQ(client().writes(), before);
  table.comment.pop_back();
  create(table);
  EXPECT_EQ(observe_one(NftFamily::inet), table) << "the longest comment";
}

TEST_F(NftClientTest, NamesMissingPrivileges) {
  ASSERT_EQ(::seteuid(65534), 0);
  const Status refused = client().create(drop_udp(9));
  const auto unread = client().observe(std::vector<NftTableName>{{NftFamily::inet, "ovl"}});
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::privilege) << refused.error().message;
  ASSERT_FALSE(unread.ok());
  EXPECT_EQ(unread.error().code, Errc::privilege) << unread.error().message;
}

TEST_F(NftClientTest, LeavesForeignTablesAlone) {
  for (const std::string table : {"ip ovl", "ip6 ovl", "inet ovl2", "inet ov", "inet ovl-x", "bridge ovl2"}) {
    run("nft add table " + table + " && nft add chain " + table + " forward && nft add rule " + table +
        " forward counter drop comment \\\"mine\\\" && nft add set " + table +
        " s '{ type ether_addr; elements = { 02:42:0a:00:09:02 } }'");
  }
  const std::string before = run("nft -a list ruleset");
  for (const NftTable& table : {sample_port_filter(), sample_host_filter()}) {
    create(table);
    EXPECT_TRUE(client().replace(table).ok());
    EXPECT_EQ(observe_one(table.family), table);
    EXPECT_TRUE(client().remove(table).ok());
  }
  EXPECT_EQ(run("nft -a list ruleset"), before);
}

TEST_F(NftClientTest, ReplaceLeavesNoMomentWithoutTheTable) {
  constexpr std::uint16_t kPort = 5999;
  constexpr int kReplacements = 300;
  const NftTable table = drop_udp(kPort);
  Udp receiver("127.0.0.1", kPort);
  Udp sender("127.0.0.1", 0);
  ASSERT_TRUE(sender.send("127.0.0.1", kPort, {1}));
  ASSERT_TRUE(receiver.receive(kDeadline)) << "without the table it passes";
  create(table);
  std::atomic<bool> done = false;
  std::uint64_t sent = 0;
  std::uint64_t gaps = 0;
  std::thread traffic([&] {
    auto other = NftClient::open();
    const std::vector<NftTableName> names{{NftFamily::inet, "ovl"}};
    while (!done) {
      sender.send("127.0.0.1", kPort, {2});
      if (++sent % 16 != 0 || !other.ok()) continue;
      const auto seen = other.value().observe(names);
      // A stale read is no gap: replacements came faster than reads.
      if (seen.ok() ? seen.value().empty() : seen.error().code != Errc::stale) ++gaps;
    }
  });
  for (int i = 0; i < kReplacements; ++i) EXPECT_TRUE(client().replace(table).ok());
  done = true;
  traffic.join();
  EXPECT_GT(sent, 100U);
  EXPECT_EQ(gaps, 0U);
  EXPECT_FALSE(receiver.receive(Milliseconds(0))) << "of " << sent;
}

TEST_F(NftClientTest, FindsForeignChainsThatDropByPolicy) {
  run("nft add table ip filter && nft add chain ip filter FORWARD "
      "'{ type filter hook forward priority 0; policy drop; }'"
      " && nft add chain ip filter INPUT '{ type filter hook input priority 0; policy drop; }'"
      " && nft add table inet fw && nft add chain inet fw forwarded "
      "'{ type filter hook forward priority -5; policy accept; }'"
      " && nft add table bridge b && nft add chain bridge b forwarded "
      "'{ type filter hook forward priority 7; policy drop; }'"
      " && nft add table inet ovl && nft add chain inet ovl forward "
      "'{ type filter hook forward priority 0; policy drop; }'"
      " && nft add table arp a && nft add chain arp a in '{ type filter hook input priority 0; policy drop; "
      "}'");
  const auto found = client().foreign_base_chains();
  ASSERT_TRUE(found.ok()) << found.error().message;
  const std::vector<ForeignChain> expected{
      {.family = NftFamily::ip,
       .table = "filter",
       .chain = "FORWARD",
       .hook = NF_INET_FORWARD,
       .priority = 0},
      {.family = NftFamily::ip, .table = "filter", .chain = "INPUT", .hook = NF_INET_LOCAL_IN, .priority = 0},
      {.family = NftFamily::bridge,
       .table = "b",
       .chain = "forwarded",
       .hook = NF_INET_FORWARD,
       .priority = 7}};
  EXPECT_EQ(found.value(), expected);
}

TEST_F(NftClientTest, HoldsThousandsOfElements) {
  using Clock = std::chrono::steady_clock;
  const auto ms = [](Clock::duration time) {
    return static_cast<int>(std::chrono::duration_cast<Milliseconds>(time).count());
  };
  const NftTable table = sample_port_filter(5000);
  const auto start = Clock::now();
  create(table);
  const auto created = Clock::now();
  const NftTable seen = observe_one(NftFamily::bridge);
  const auto observed = Clock::now();
  const Status replaced = client().replace(table);
  const auto end = Clock::now();
  ASSERT_TRUE(replaced.ok()) << replaced.error().message;
  EXPECT_EQ(seen, table);
  EXPECT_EQ(observe_one(NftFamily::bridge), table);
  RecordProperty("create_ms", ms(created - start));
  RecordProperty("observe_ms", ms(observed - created));
  RecordProperty("replace_ms", ms(end - observed));
}

TEST_F(NftClientTest, WorksFromAnotherThread) {
  Status done = Error{};
  std::thread([&] { done = client().create(sample_host_filter()); }).join();
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(observe_one(NftFamily::inet), sample_host_filter());
}

}  // namespace ovl::test
