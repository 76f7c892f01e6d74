// A keystore that is a file, and hosts that are elsewhere.
#include "reconcile/manifest/file_store.hpp"

#include <algorithm>

#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"([cluster]
name = "demo"
[host.a]
advertise = "192.0.2.1"
[host.b]
advertise = "192.0.2.2"
[host.idle]
advertise = "192.0.2.3"
[network.web]
subnet = "10.0.9.0/24"
[endpoint.x]
network = "web"
host = "a"
[endpoint.y]
network = "web"
host = "b"
)";

class FileStore : public OneHost {
 protected:
  // What the plan warns of it; empty: nothing.
  std::string warning(const std::string& url, const std::string& manifest = kManifest) {
    keystore_access_ = R"({"url":")" + url + "\"}";
    const auto planned = plan(manifest);
    EXPECT_TRUE(planned.ok()) << planned.error().message;
    if (!planned.ok()) return "";
    const std::vector<Finding>& warnings = planned.value().plan.warnings;
    const auto at = std::ranges::find_if(
        warnings, [](const Finding& one) { return one.id.text() == "file-for-several"; });
    return at == warnings.end() ? "" : at->message;
  }

  // As host b's apply would.
  void speak_as_b() {
    const HostFacts facts{.host = HostName::parse("b").value(), .machine = "machine-b", .version = "1"};
    const std::string key = StoreLayout(Label::parse("demo").value()).facts(facts.host);
    const auto keystore = store_.connect();
    ASSERT_TRUE(keystore->commit({.writes = {{.key = key, .value = encode(facts).json()}}}).ok());
  }
};

}  // namespace

TEST_F(FileStore, OfOneMachineIsToldWhereOtherHostsSaidNothingInIt) {
  EXPECT_EQ(warning("sqlite:///run/nowhere/keystore.db"),
            "it is a file of this machine, and host b said nothing in it yet: on another machine there is "
            "another file, and another cluster");
  EXPECT_EQ(warning("etcd://192.0.2.9:2379"), "");
  EXPECT_EQ(warning("sqlite:///run/nowhere/keystore.db", kOneEndpoint), "");
  speak_as_b();
  EXPECT_EQ(warning("sqlite:///run/nowhere/keystore.db"), "") << "b sees the file";
}

}  // namespace ovl
