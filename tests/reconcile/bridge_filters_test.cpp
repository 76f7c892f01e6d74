// Bridged frames pass the filters of IP in no sandbox, whatever the kernel's default is.
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

class BridgeFilters : public OneHost {
 protected:
  static std::string path(const std::string& family) { return "net/bridge/bridge-nf-call-" + family; }

  // br_netfilter, as this kernel's namespaces have it.
  void set(const NetnsName& where, const std::string& value) {
    std::vector<Sysctl>& sysctls = kernel_.objects().at(where).sysctls;
    std::erase_if(sysctls, [](const Sysctl& one) { return one.path.starts_with("net/bridge/"); });
    for (const char* family : {"ip6tables", "iptables"}) sysctls.push_back({path(family), value});
    kernel_.objects().sort();
  }

  std::string in_sandbox(const std::string& family) {
    for (const Sysctl& one : kernel_.objects().at(netns("ovl-web")).sysctls) {
      if (one.path == path(family)) return one.value;
    }
    return "none";
  }
};

}  // namespace

TEST_F(BridgeFilters, AreOffInSandboxes) {
  set(NetnsName(), "1");
  ASSERT_TRUE(apply(kOneEndpoint).ok());
  for (const char* family : {"ip6tables", "iptables"}) EXPECT_EQ(in_sandbox(family), "0") << family;
  const auto again = plan(kOneEndpoint);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again.value().plan.object_changes.empty());
}

// As one that an earlier version made, or somebody's change.
TEST_F(BridgeFilters, AreTurnedOffWhereTheyWereOn) {
  ASSERT_TRUE(apply(kOneEndpoint).ok());
  EXPECT_EQ(in_sandbox("iptables"), "none") << "not in this kernel";
  set(NetnsName(), "0");
  set(netns("ovl-web"), "1");
  ASSERT_TRUE(apply(kOneEndpoint).ok());
  for (const char* family : {"ip6tables", "iptables"}) EXPECT_EQ(in_sandbox(family), "0") << family;
}

}  // namespace ovl
