// An apply that changes the host's filters sees the others again, or the old filters come back.
#include "reconcile/host/lock_out.hpp"

#include <gtest/gtest.h>

#include "drivers/fake/fake_kernel.hpp"
#include "drivers/fake/fake_keystore.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/run/apply.hpp"
#include "tests/support/process.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "demo"
[keystore]
url = "sqlite:///keystore.db"
[host.a]
advertise = "192.0.2.1"
[host.b]
advertise = "192.0.2.2"
[network.net]
subnet = "10.0.0.0/24"
internal = true
[endpoint.web]
network = "net"
host = "a"
[endpoint.far]
network = "net"
host = "b"
)";

// One more VTEP: the host's filter changes, and nothing else.
constexpr const char* kOneMore = "[host.c]\nadvertise = \"192.0.2.3\"\n";

class LockOut : public ::testing::Test {
 protected:
  void SetUp() override {
    auto state = State::open({.root = directory_.path(), .cluster = Label::parse("demo").value()});
    ASSERT_TRUE(state.ok()) << state.error().message;
    state_ = std::make_unique<State>(std::move(state).value());
    HostFacts facts;
    facts.machine = "machine-a";
    kernel_.set_facts(std::move(facts));
    const auto first = apply("", [](const NetnsName&, const IpAddress&) { return true; });
    ASSERT_TRUE(first.ok()) << first.error().message;
  }

  Result<Applied> apply(const std::string& more,
                        const std::function<bool(const NetnsName&, const IpAddress&)>& answers) {
    Parsed parsed = parse({{.name = "ovl.toml", .text = kManifest + more}});
    EXPECT_TRUE(parsed.diagnostics.empty());
    const auto keystore = store_.connect();
    World world;
    world.kernel = &kernel_;
    world.keystore = keystore.get();
    world.state = state_.get();
    world.now = 1'700'000'000;
    world.holder = {.who = "tester", .host = "a", .boot = "b", .pid = 1, .since = 1};
    world.answers = answers;
    Request request;
    request.cluster = Label::parse("demo").value();
    request.host = HostName::parse("a").value();
    request.manifest = &parsed.manifest;
    request.origin.source = "dir:demo";
    return ovl::apply(
        request, world, [](const Plan&) { return Status(); }, Progress());
  }

  [[nodiscard]] std::vector<NftTable> host_tables() { return kernel_.objects().at(NetnsName()).nft_tables; }

 private:
  test::TemporaryDirectory directory_;
  FakeKernel kernel_;
  FakeStore store_;
  std::unique_ptr<State> state_;
};

}  // namespace

TEST_F(LockOut, TheOldFiltersComeBackWhenEveryPeerFallsSilent) {
  const std::vector<NftTable> before = host_tables();
  ASSERT_EQ(before.size(), 1U);
  const auto under_old_filters = [&](const NetnsName&, const IpAddress&) { return host_tables() == before; };
  const auto applied = apply(kOneMore, under_old_filters);
  ASSERT_FALSE(applied.ok());
  EXPECT_EQ(applied.error().code, Errc::verify);
  EXPECT_NE(applied.error().message.find("the old filters are back"), std::string::npos);
  EXPECT_EQ(host_tables(), before);
}

TEST_F(LockOut, PeersAreAskedWhereOnlyEndsHereComeOrGo) {
  const std::vector<NftTable> before = host_tables();
  const auto under_old_filters = [&](const NetnsName&, const IpAddress&) { return host_tables() == before; };
  const auto applied =
      apply(std::string(kOneMore) + "[endpoint.more]\nnetwork = \"net\"\nhost = \"a\"\n", under_old_filters);
  ASSERT_FALSE(applied.ok());
  EXPECT_EQ(applied.error().code, Errc::verify);
}

TEST_F(LockOut, NobodyIsAskedWhoseEndOfATunnelIsNew) {
  std::vector<std::string> asked;
  const auto answers = [&](const NetnsName& from, const IpAddress& address) {
    asked.push_back(from.text() + " " + address.text());
    return true;
  };
  const std::string other =
      "[network.other]\nsubnet = \"10.1.0.0/24\"\ninternal = true\n"
      "[endpoint.near]\nnetwork = \"other\"\nhost = \"a\"\n"
      "[endpoint.beyond]\nnetwork = \"other\"\nhost = \"c\"\n";
  ASSERT_TRUE(apply(std::string(kOneMore) + other, answers).ok());
  ASSERT_EQ(asked.size(), 2U) << "before and after";
  EXPECT_EQ(asked.front().rfind("web 10.0.0.", 0), 0U) << asked.front();
  asked.clear();
  ASSERT_TRUE(apply(other + "[host.c]\nadvertise = \"192.0.2.4\"\n", answers).ok());
  for (const std::string& one : asked) EXPECT_EQ(one.rfind("web 10.0.0.", 0), 0U) << one << ": it moved";
  EXPECT_FALSE(asked.empty());
}

TEST_F(LockOut, WhoWasSilentBeforeIsNotMissed) {
  const std::vector<NftTable> before = host_tables();
  std::vector<std::string> asked;
  const auto applied = apply(kOneMore, [&](const NetnsName& from, const IpAddress& address) {
    asked.push_back(from.text() + " " + address.text());
    return false;
  });
  EXPECT_TRUE(applied.ok());
  EXPECT_NE(host_tables(), before);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked.front().rfind("web 10.0.0.", 0), 0U) << asked.front();
}

TEST_F(LockOut, NobodyIsAskedWhereTheFiltersStay) {
  const auto applied = apply("labels = { zone = \"x\" }\n", [](const NetnsName&, const IpAddress&) {
    ADD_FAILURE() << "asked";
    return true;
  });
  EXPECT_TRUE(applied.ok()) << applied.error().message;
}

}  // namespace ovl
