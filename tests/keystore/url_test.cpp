// The keystore's URL: what is taken, how it is spelled, and what each refusal says.
#include "drivers/keystore/url.hpp"

#include <rapidcheck.h>

#include "tests/keystore/store_under_test.hpp"

namespace ovl::test {

namespace {

TEST(KeystoreUrl, TakesEachStore) {
  const KeystoreUrl file = must(parse_keystore_url("sqlite:///var/lib/ovl/keystore.db"));
  EXPECT_EQ(file.kind, StoreKind::sqlite);
  EXPECT_EQ(file.path, "/var/lib/ovl/keystore.db");
  EXPECT_TRUE(file.is_local());

  const KeystoreUrl etcd =
      must(parse_keystore_url("etcd://10.0.0.1:2379,[FD00::0:1]:4001,Store.Example/team/a/"));
  EXPECT_EQ(etcd.kind, StoreKind::etcd);
  EXPECT_EQ(etcd.servers,
            (std::vector<StoreServer>{{"10.0.0.1", 2379}, {"fd00::1", 4001}, {"store.example", 2379}}));
  EXPECT_EQ(etcd.prefix, "team/a");
  EXPECT_FALSE(etcd.is_local());

  const KeystoreUrl consul = must(parse_keystore_url("consul://192.168.99.103"));
  EXPECT_EQ(consul.servers, (std::vector<StoreServer>{{"192.168.99.103", 8500}}));
  EXPECT_EQ(consul.prefix, "");

  const KeystoreUrl other_dc = must(parse_keystore_url("consul://10.0.0.1/team/a/?dc=east-1"));
  EXPECT_EQ(other_dc.prefix, "team/a");
  EXPECT_EQ(other_dc.datacenter, "east-1");
  EXPECT_EQ(other_dc.text(), "consul://10.0.0.1:8500/team/a?dc=east-1");

  const KeystoreUrl zookeeper = must(parse_keystore_url("zk://a:2181,b"));
  EXPECT_EQ(zookeeper.kind, StoreKind::zookeeper);
  EXPECT_EQ(zookeeper.text(), "zk://a:2181,b:2181");
}

TEST(KeystoreUrl, IsLocalOnLoopbackOnly) {
  EXPECT_TRUE(must(parse_keystore_url("etcd://127.0.0.1,[::1],localhost")).is_local());
  EXPECT_FALSE(must(parse_keystore_url("etcd://127.0.0.1,10.0.0.1")).is_local());
  EXPECT_FALSE(must(parse_keystore_url("consul://localhost.example")).is_local());
}

TEST(KeystoreUrl, TakesAUnixSocket) {
  const KeystoreUrl plain = must(parse_keystore_url("consul+unix:///run/consul.sock"));
  EXPECT_EQ(plain.kind, StoreKind::consul);
  EXPECT_EQ(plain.socket, "/run/consul.sock");
  EXPECT_TRUE(plain.servers.empty());
  EXPECT_TRUE(plain.is_local());
  EXPECT_EQ(plain.text(), "consul+unix:///run/consul.sock");

  const KeystoreUrl full = must(parse_keystore_url("consul+unix:///run/c?prefix=/team/a/&dc=east"));
  EXPECT_EQ(full.prefix, "team/a");
  EXPECT_EQ(full.datacenter, "east");
  EXPECT_EQ(full.text(), "consul+unix:///run/c?dc=east&prefix=team/a");
  EXPECT_EQ(must(parse_keystore_url("consul+unix:///run/c?prefix=a")).text(),
            "consul+unix:///run/c?prefix=a");
}

struct Refusal {
  const char* url;
  const char* says;
};

class KeystoreUrlRefusal : public ::testing::TestWithParam<Refusal> {};

TEST_P(KeystoreUrlRefusal, SaysWhyAndWhatToDo) {
  const auto url = parse_keystore_url(GetParam().url);
  ASSERT_FALSE(url.ok()) << GetParam().url;
  EXPECT_EQ(url.error().code, Errc::usage);
  EXPECT_NE(url.error().message.find(GetParam().says), std::string::npos) << url.error().message;
  EXPECT_FALSE(url.error().hint.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Urls, KeystoreUrlRefusal,
    ::testing::Values(Refusal{"", "no \"://\""}, Refusal{"/var/lib/x.db", "no \"://\""},
                      Refusal{"redis://a:1", "unknown kind of store \"redis\""},
                      Refusal{"sqlite://relative.db", "absolute"}, Refusal{"sqlite://", "absolute"},
                      Refusal{"sqlite:///a/b/", "directory"}, Refusal{"sqlite:///a?mode=ro", "'?'"},
                      Refusal{"etcd://", "missing"}, Refusal{"etcd://a,,b", "missing"},
                      Refusal{"etcd:///prefix", "missing"}, Refusal{"etcd://a:0", "no port"},
                      Refusal{"etcd://a:65536", "no port"}, Refusal{"etcd://a:", "no port"},
                      Refusal{"etcd://a:1x", "no port"}, Refusal{"etcd://a:-1", "no port"},
                      Refusal{"etcd://a,a:2379", "twice"}, Refusal{"etcd://[fd00::1", "']'"},
                      Refusal{"etcd://[fd00::1]x", "follows"}, Refusal{"etcd://fd00::1", "IPv6"},
                      Refusal{"etcd://[10.0.0.1]", "neither"}, Refusal{"etcd://10.0.0.256", "neither"},
                      Refusal{"etcd://a_b!", "neither"}, Refusal{"etcd://a/x/../y", "no prefix"},
                      Refusal{"etcd://a/x//y", "no prefix"}, Refusal{"etcd://a/x y", "blank"},
                      Refusal{"consul://a,b", "one address"}, Refusal{"consul://a#b", "'#'"},
                      Refusal{"etcd://a?dc=b", "'?'"}, Refusal{"zk://a?dc=b", "'?'"},
                      Refusal{"consul://a?", "no parameter"}, Refusal{"consul://a?dc", "no datacenter"},
                      Refusal{"consul://a?dc=", "no datacenter"},
                      Refusal{"consul://a?dc=b.c", "no datacenter"}, Refusal{"consul://a?dc=b&dc=c", "twice"},
                      Refusal{"consul://a?dc=b&", "no parameter"},
                      Refusal{"consul://a?token=b", "\"token\" is no parameter"},
                      Refusal{"consul://a?prefix=b", "no parameter"},
                      Refusal{"consul+unix://run/c", "absolute"}, Refusal{"consul+unix:///run/", "directory"},
                      Refusal{"consul+unix:///run/c?prefix=a..b/..", "no prefix"},
                      Refusal{"consul+unix:///run/c?wait=1", "no parameter"}));

TEST(KeystoreUrl, DoesNotRepeatASecret) {
  for (const char* url : {"etcd://root:hunter2@10.0.0.1:2379", "consul://hunter2@a", "zk://a/@hunter2"}) {
    const auto parsed = parse_keystore_url(url);
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ((parsed.error().message + parsed.error().hint).find("hunter2"), std::string::npos);
  }
}

TEST(KeystoreUrl, TextParsesBackToTheSame) {
  EXPECT_TRUE(rc::check("parse(text(url)) is url", [] {
    const auto server = rc::gen::exec([] {
      const std::string host =
          *rc::gen::element<std::string>("10.0.0.1", "[fd00::1]", "store", "a.b.example");
      return host + ":" + std::to_string(*rc::gen::inRange(1, 65536));
    });
    const std::string scheme = *rc::gen::element<std::string>("etcd", "zk", "consul");
    std::string text = scheme + "://" + *server;
    if (scheme != "consul" && *rc::gen::arbitrary<bool>()) text += "," + *server;
    text += *rc::gen::element<std::string>("", "/", "/team", "/team/a.b_c-d/");
    if (scheme == "consul") text += *rc::gen::element<std::string>("", "?dc=east");
    const auto url = parse_keystore_url(text);
    RC_PRE(url.ok());
    RC_ASSERT(must(parse_keystore_url(url.value().text())) == url.value());
  }));
}

TEST(KeystoreUrl, AnyTextIsTakenOrRefusedInWords) {
  EXPECT_TRUE(rc::check("no crash, and a message", [] {
    const std::string scheme =
        *rc::gen::element<std::string>("etcd://", "sqlite://", "zk://", "consul://", "consul+unix:///", "");
    const auto rest =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("a1.:/[],@?# -_%\0\xff", 18)));
    const auto url = parse_keystore_url(scheme + rest);
    // In a value of its own: RC_ASSERT's || would look at both sides.
    const bool fine = url.ok() || (url.error().code == Errc::usage && !url.error().hint.empty());
    RC_ASSERT(fine);
  }));
}

TEST(OpenKeystore, NamesTheDriverThatIsMissing) {
  const auto store = open_keystore({.url = "redis://a"});
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, Errc::usage);
}

TEST(OpenKeystore, OpensAFile) {
  const TemporaryDirectory directory;
  const auto store = must(open_keystore({.url = "sqlite://" + directory.file("k.db")}));
  must(store->commit({{}, {put("a", "1")}}));
  EXPECT_EQ(must(store->get("a"))->value, "1");
  EXPECT_EQ(store->name(), "sqlite://" + directory.file("k.db"));
}

}  // namespace

}  // namespace ovl::test
