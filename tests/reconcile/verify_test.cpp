// What an apply verifies against when others write records meanwhile.
#include <cerrno>

#include "state/tables.hpp"
#include "tests/reconcile/one_host.hpp"

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
[endpoint.web]
network = "net"
host = "a"
)";

class VerifyTest : public OneHost {
 protected:
  // An end of a step is refused from now on.
  void break_journal() {
    auto other = open_state_tables(State::directory(where()), sqlite::Access::create);
    ASSERT_TRUE(other.ok() && other.value()) << other.error().message;
    test::must(
        other.value()->execute("CREATE TRIGGER full BEFORE UPDATE ON journal "
                               "BEGIN SELECT RAISE(ABORT, 'no journal today'); END"));
  }
};

TEST_F(VerifyTest, RecordsThatOthersWriteMeanwhileAreTheNextApplys) {
  const Manifest before = parsed(kManifest);
  ASSERT_TRUE(apply(Scope::cluster, &before, approve_all).ok());
  const Manifest after =
      parsed(std::string(kManifest) + "[endpoint.other]\nnetwork = \"net\"\nhost = \"b\"\n");
  const auto meanwhile = [&](const Plan&) -> Status {
    const auto written = apply(Scope::cluster, &after, approve_all);
    return written.ok() ? Status() : Status(written.error());
  };

  const auto applied = apply(Scope::host, nullptr, meanwhile);
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  EXPECT_EQ(applied.value().serial, 1);

  const auto next = apply(Scope::host, nullptr, approve_all);
  ASSERT_TRUE(next.ok()) << next.error().message;
  EXPECT_FALSE(next.value().planned.plan.object_changes.empty());
  EXPECT_EQ(next.value().serial, 2);
}

// A full disk under the state, while the kernel refuses too: the kernel's word is the one that helps.
TEST_F(VerifyTest, TheKernelsErrorSurvivesAJournalThatCantBeWritten) {
  const Manifest manifest = parsed(kManifest);
  ASSERT_TRUE(apply(Scope::cluster, &manifest, approve_all).ok());
  kernel_.fail({.nth = 0, .kind = KernelFault::Kind::before});
  const auto refused_from_now = [&](const Plan&) -> Status {
    break_journal();
    return {};
  };

  const auto applied = apply(Scope::host, nullptr, refused_from_now);
  ASSERT_FALSE(applied.ok());
  const Error& error = applied.error();
  EXPECT_EQ(error.code, Errc::kernel) << error.message;
  EXPECT_EQ(error.os_errno, EBUSY);
  EXPECT_NE(error.message.find("no journal today"), std::string::npos) << error.message;
}

}  // namespace

}  // namespace ovl
