// What an older build can't read is not written for it.
#include "reconcile/records/older_builds.hpp"

#include <algorithm>

#include "model/records/abilities.hpp"
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "demo"
[keystore]
url = "sqlite:///keystore.db"
[host.b]
advertise = "192.0.2.2"
[network.net]
subnet = "10.0.0.0/24"
[network.alone]
subnet = "10.1.0.0/24"
[endpoint.far]
network = "net"
host = "b"
address = "10.0.0.9"
[endpoint.own]
network = "alone"
host = "a"
[host.a]
advertise = "192.0.2.1"
)";

constexpr const char* kWeb = "[endpoint.web]\nnetwork = \"net\"\nhost = \"a\"\n";

class OlderBuilds : public OneHost {
 protected:
  // As host b's build would write its facts.
  void say_as_b(const std::string& version) {
    const HostFacts facts{.host = HostName::parse("b").value(), .machine = "machine-b", .version = version};
    const std::string key = StoreLayout(Label::parse("demo").value()).facts(facts.host);
    const auto keystore = store_.connect();
    ASSERT_TRUE(keystore->commit({.writes = {{.key = key, .value = encode(facts).json()}}}).ok());
  }

  // What the plan of this is refused with; empty: nothing.
  std::string refusal(const std::string& more) {
    const auto planned = plan(kManifest + more);
    EXPECT_TRUE(planned.ok()) << planned.error().message;
    if (!planned.ok() || planned.value().plan.refused.empty()) return "";
    const Finding& first = planned.value().plan.refused.front();
    EXPECT_EQ(first.id.text(), "older-build");
    return first.subject + ": " + first.message + "; " + first.hint;
  }
};

}  // namespace

TEST_F(OlderBuilds, HoldUpWhatTheyCannotRead) {
  const std::string with_alias = kWeb + std::string("aliases = [\"web_1\"]\n");
  EXPECT_EQ(refusal(with_alias), "") << "a host that has said nothing is new";
  say_as_b("0.1.0");
  EXPECT_EQ(refusal(with_alias),
            "endpoint.web[\"net\"]: the build of ovl on host b can't read \"_\" in aliases, and would stop "
            "following "
            "it; first update ovl on host b and apply there");
  EXPECT_NE(refusal(kWeb + std::string("link_local = \"any\"\n")).find("can't read link_local"),
            std::string::npos);
  EXPECT_NE(refusal("ttl_check = \"off\"\n").find("host.a: "), std::string::npos);
  EXPECT_EQ(refusal(kWeb + std::string("aliases = [\"web-1\"]\n")), "");
  EXPECT_EQ(refusal("[endpoint.too]\nnetwork = \"alone\"\nhost = \"a\"\naliases = [\"a_b\"]\n"), "")
      << "b is not in that network";
  EXPECT_FALSE(apply(kManifest + with_alias).ok());
  say_as_b("0.1.0+new-words.shared-aliases");
  EXPECT_EQ(refusal(with_alias), "");
  ASSERT_TRUE(apply(kManifest + with_alias).ok());
  // It goes back: the record is there, and what else is said of it brings nothing new.
  say_as_b("0.1.0");
  EXPECT_EQ(refusal(with_alias + "labels = { x = \"y\" }\n"), "");
}

TEST_F(OlderBuilds, HoldUpAnAliasOfSeveralEndpoints) {
  const std::string one = kWeb + std::string("aliases = [\"www\"]\naddress = \"10.0.0.8\"\n");
  const std::string two = one +
                          "[endpoint.web2]\nnetwork = \"net\"\nhost = \"a\"\naliases = [\"www\"]\n"
                          "address = \"10.0.0.7\"\n";
  for (const char* version : {"0.1.0", "0.1.0+new-words"}) {
    say_as_b(version);
    EXPECT_EQ(refusal(one), "");
    EXPECT_NE(refusal(two).find("on host b can't read an alias that several endpoints have"),
              std::string::npos);
    EXPECT_EQ(refusal(one + "[endpoint.own2]\nnetwork = \"alone\"\nhost = \"a\"\naliases = [\"www\"]\n"), "")
        << "another network";
  }
  say_as_b("0.1.0+new-words.shared-aliases");
  ASSERT_TRUE(apply(kManifest + two).ok());
  const HostsFile* names = nullptr;
  for (const HostsFile& file : space("web").hosts_files) names = file.file == "hosts" ? &file : names;
  ASSERT_NE(names, nullptr);
  EXPECT_EQ(encode(names->lines).json(),
            R"(["10.0.0.9 far far.net","10.0.0.8 web web.net www","10.0.0.7 web2 web2.net www"])");
  // It goes back: what else is said of them brings nothing new.
  say_as_b("0.1.0");
  EXPECT_EQ(refusal(two + "labels = { x = \"y\" }\n"), "");
}

TEST(Aliases, AreLabelsWithUnderscoresInside) {
  for (const char* good : {"web_1", "a", "a-_-b", "A_B", "0_0"}) EXPECT_TRUE(Alias::parse(good).ok()) << good;
  for (const char* bad : {"", "_a", "a_", "a.b", "a b", "-a", "\u00e9_"})
    EXPECT_FALSE(Alias::parse(bad).ok()) << bad;
  EXPECT_TRUE(Alias::parse(std::string(63, 'a')).ok());
  EXPECT_FALSE(Alias::parse("a" + std::string(62, '_') + "a").ok());
  EXPECT_EQ(Alias::parse("Web_1").value().text(), "web_1");
}

}  // namespace ovl
