// Laws of a store that somebody else has written into. A mutated value is refused, with its key and the
// reason, and then the last good records stand and not one operation reaches the kernel; or it is a valid
// value, and then everything else is as it was.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "drivers/fake/fake_keystore.hpp"
#include "proptest/hostile.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

constexpr int kApplied = 100;  // every so many, the whole way through
constexpr int kLarge = 500;    // every so many, megabytes

// Mutations of each kind: the soak asks for more.
int mutations() {
  const char* given = std::getenv("OVL_HOSTILE_COUNT");
  return given != nullptr ? std::atoi(given) : 1'000;
}

std::uint64_t seed() {
  const char* given = std::getenv("OVL_HOSTILE_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

// The part of the kind's key, "head" for head.
std::string name_of_kind(const std::string& kind) {
  return kind.ends_with('/') ? kind.substr(0, kind.size() - 1) : kind;
}

std::string shown(const Mutation& mutation) {
  return safe_text(mutation.key) + " " + safe_text(mutation.what) + "\n" +
         safe_text(mutation.value.substr(0, 2000));
}

bool is_record(const std::string& kind) {
  return kind == "hosts/" || kind == "networks/" || kind == "endpoints/";
}

class Hostile : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const Status settled = cluster_.settle();
    ASSERT_TRUE(settled.ok()) << settled.error().message;
    good_ = view_of(cluster_.snapshot(), cluster_.layout());
    ASSERT_TRUE(good_.refused.empty());
    tree_ = cluster_.tree();
    stored_ = test::must(cluster_.state("a").records());
    begun_ = test::must(cluster_.state("a").namespaces());
    ASSERT_FALSE(begun_.empty());
  }

  [[nodiscard]] Snapshot with(const Mutation& mutation) const {
    std::map<std::string, std::string> tree = tree_;
    tree[mutation.key] = mutation.value;
    Snapshot out{.revision = 1, .items = {}};
    for (auto& [key, value] : tree) {
      out.items.push_back({.key = cluster_.layout().root() + key, .value = std::move(value)});
    }
    return out;
  }

  // Each finding names a key that is there, gives a reason, and can be printed.
  void check_findings(const StoreView& view) {
    for (const Finding& finding : view.refused) {
      EXPECT_TRUE(view.revisions.contains(cluster_.layout().root() + finding.subject)) << finding.subject;
      EXPECT_FALSE(finding.message.empty());
      EXPECT_LT(finding.message.size(), 1000U);
      for (const std::string& text : {finding.subject, finding.message, finding.hint}) {
        EXPECT_EQ(unsafe_for_a_terminal(safe_text(text)), "") << safe_text(text);
      }
    }
  }

  // What a host would act on: nothing at all, or what was good.
  void check_refused(StoreView view) {
    check_findings(view);
    const Status restored = restore_frozen(stored_, begun_, view);
    if (!restored.ok()) {
      EXPECT_EQ(restored.error().code, Errc::corrupt);
      return;
    }
    EXPECT_TRUE(view.records == good_.records);
    EXPECT_TRUE(view.facts == good_.facts);
  }

  // The records and facts but for the mutated one are those that were good.
  void check_valid(const StoreView& view, const Mutation& mutation) {
    Records records = view.records;
    Facts facts = view.facts;
    const std::string& key = mutation.key;
    for (std::size_t i = 0; i < records.hosts.size(); ++i) {
      if (key == "hosts/" + records.hosts[i].name.text()) replace(records.hosts, i, good_.records.hosts);
    }
    for (std::size_t i = 0; i < records.networks.size(); ++i) {
      if (key == "networks/" + records.networks[i].name.text())
        replace(records.networks, i, good_.records.networks);
    }
    for (std::size_t i = 0; i < records.endpoints.size(); ++i) {
      const EndpointRecord& endpoint = records.endpoints[i];
      if (key == "endpoints/" + endpoint.network.text() + "/" + endpoint.name.text())
        replace(records.endpoints, i, good_.records.endpoints);
    }
    for (std::size_t i = 0; i < facts.hosts.size(); ++i) {
      if (key == "facts/" + facts.hosts[i].host.text()) replace(facts.hosts, i, good_.facts.hosts);
    }
    EXPECT_TRUE(records == good_.records);
    EXPECT_TRUE(facts == good_.facts);
  }

  // What must hold of records that a host acts on, said here again and not asked of who validates them.
  static void check_sound(const Records& records) {
    std::set<std::string> taken;
    for (const NetworkRecord& network : records.networks) {
      EXPECT_TRUE(taken.insert(fmt::format("vni {} {}", network.port.text(), network.vni.text())).second);
    }
    for (const EndpointRecord& endpoint : records.endpoints) {
      const NetworkRecord* network = records.network(endpoint.network);
      ASSERT_TRUE(network != nullptr && records.host(endpoint.host) != nullptr);
      const std::string where = endpoint.network.text() + " ";
      EXPECT_TRUE(taken.insert(where + endpoint.mac.text()).second);
      for (const IpAddress& address : endpoint.addresses) {
        EXPECT_TRUE(taken.insert(where + address.text()).second);
        EXPECT_EQ(std::ranges::count(network->gateways, address), 0);
        EXPECT_TRUE(std::ranges::any_of(network->subnets, [&](const IpPrefix& s) {
          return s.contains(address);
        })) << address.text();
      }
    }
  }

  // Puts the good item in the mutated one's place; drops one that was not there.
  template <class T>
  static void replace(std::vector<T>& items, std::size_t index, const std::vector<T>& good) {
    if (items.size() == good.size()) {
      items[index] = good[index];
    } else {
      items.erase(items.begin() + static_cast<std::ptrdiff_t>(index));
    }
  }

  // The whole way through: as an agent, then with the manifest.
  void check_applied(const Mutation& mutation, bool refused) {
    ASSERT_TRUE(cluster_.write(mutation).ok());
    FakeKernel& kernel = cluster_.kernel("a");
    const HostObjects was = kernel.objects();
    const std::uint64_t writes = kernel.writes();
    const auto applied = cluster_.apply_records("a");
    const std::string message = applied.ok() ? std::string() : applied.error().message;
    EXPECT_EQ(unsafe_for_a_terminal(safe_text(message)), "");
    const bool touches_kernel = is_record(GetParam()) || std::string(GetParam()) == "facts/";
    if (refused || !touches_kernel) {
      EXPECT_EQ(kernel.writes(), writes);
      EXPECT_TRUE(kernel.objects() == was);
    } else {
      ++valid_applied_;
    }
    if (refused && is_record(GetParam())) check_healed(was, writes);
    heal();
  }

  void check_healed(const HostObjects& was, std::uint64_t writes) {
    const auto applied = cluster_.apply_manifest("a");
    ASSERT_TRUE(applied.ok()) << applied.error().message;
    const StoreView view = view_of(cluster_.snapshot(), cluster_.layout());
    EXPECT_TRUE(view.refused.empty());
    EXPECT_TRUE(view.records == good_.records);
    EXPECT_EQ(cluster_.kernel("a").writes(), writes);
    EXPECT_TRUE(cluster_.kernel("a").objects() == was);
  }

  void heal() {
    ASSERT_TRUE(cluster_.restore(tree_).ok());
    const auto applied = cluster_.follow_older_copy("a");
    ASSERT_TRUE(applied.ok()) << applied.error().message;
    ASSERT_TRUE(cluster_.restore(tree_).ok());
  }

  FakeStore store_;
  std::unique_ptr<Keystore> connection_ = store_.connect("fake://", 100);
  HostileCluster cluster_{*connection_, "demo"};
  std::map<std::string, std::string> tree_;
  StoreView good_;
  StoredRecords stored_;
  std::vector<NetnsName> begun_;
  int valid_applied_ = 0;
};

}  // namespace

TEST_P(Hostile, RecordsAreRefusedOrValid) {
  const std::string kind = GetParam();
  const std::uint64_t used = seed();
  const int count = mutations();
  Mutator mutator(used, tree_);
  int refused = 0;
  int unchanged = 0;
  for (int i = 0; i < count && !HasFailure(); ++i) {
    const Mutation mutation = mutator.of(kind, i % kLarge == kLarge - 1);
    const StoreView view = view_of(with(mutation), cluster_.layout());
    const bool is_refused = !view.refused.empty();
    refused += is_refused ? 1 : 0;
    if (is_refused) {
      check_refused(view);
    } else {
      check_valid(view, mutation);
      check_sound(view.records);
      unchanged += view.records == good_.records && view.facts == good_.facts ? 1 : 0;
    }
    if (i % kApplied == 0) check_applied(mutation, is_refused);
    if (HasFailure())
      ADD_FAILURE() << "OVL_HOSTILE_SEED=" << used << ", mutation " << i << ": " << shown(mutation);
  }
  std::printf("seed %llu: %d refused, %d valid, of which %d say the same; %d valid ones applied\n",
              static_cast<unsigned long long>(used), refused, count - refused, unchanged, valid_applied_);
  const bool is_read = kind != "claims/" && kind != "generations/";
  EXPECT_GE(refused, is_read ? count / 4 : 0);
  EXPECT_GE(count - refused, 1);
}

INSTANTIATE_TEST_SUITE_P(Store, Hostile, ::testing::ValuesIn(kHostileKinds),
                         [](const auto& kind) { return name_of_kind(kind.param); });

}  // namespace ovl
