// etcd over TLS, and with users.
#include "tests/stores/certificates.hpp"
#include "tests/stores/etcd_server.hpp"
#include "tests/stores/real_stores.hpp"

namespace ovl::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<std::string> tls_options(const std::string& name) {
  return {"--cert-file", certificates().file(name + ".pem"), "--key-file",
          certificates().file(name + ".key")};
}

std::vector<std::string> and_client_certificates(std::vector<std::string> options) {
  options.insert(options.end(), {"--client-cert-auth", "--trusted-ca-file", certificates().file("ca.pem")});
  return options;
}

std::string as_good_client() {
  const Certificates& made = certificates();
  return "--cacert " + made.file("ca.pem") + " --cert " + made.file("good.pem") + " --key " +
         made.file("good.key");
}

KeystoreOptions options_for(const EtcdMember& member, const std::string& ca = "ca") {
  return {.url = "etcd://" + member.host(),
          .timeout = milliseconds{2000},
          .ca_file = ca.empty() ? "" : certificates().file(ca + ".pem"),
          .driver_directory = OVL_DRIVER_DIR};
}

std::string told(const Error& error) {
  return error.message + " / " + error.hint;
}

Error refusal(const KeystoreOptions& options) {
  const auto store = open_keystore(options);
  if (!store.ok()) return store.error();
  const auto result = store.value()->read("");
  EXPECT_FALSE(result.ok());
  return result.ok() ? Error{} : result.error();
}

TEST(EtcdTls, SpeaksTls) {
  EtcdMember member(tls_options("good"), "https");
  ASSERT_TRUE(member.wait(as_good_client()));
  const auto store = must(open_keystore(options_for(member)));
  const Revision start = must(store->commit({{}, {put("a", "1")}})).revision;
  const auto watch = must(store->watch("", start));
  must(store->commit({{}, {put("a", "2")}}));
  EXPECT_EQ(must(watch->next(seconds{5})).events.size(), 1U);
}

TEST(EtcdTls, RefusesAServerOfAnotherAuthority) {
  EtcdMember member(tls_options("good"), "https");
  ASSERT_TRUE(member.wait(as_good_client()));
  const Error error = refusal(options_for(member, "wrong-ca"));
  EXPECT_EQ(error.code, Errc::unreachable);
  EXPECT_NE(error.hint.find("tls.ca"), std::string::npos) << told(error);
}

TEST(EtcdTls, RefusesAServerOfAnotherName) {
  EtcdMember member(tls_options("wrong-name"), "https");
  ASSERT_TRUE(member.wait(as_good_client() + " --insecure-skip-tls-verify"));
  const Error error = refusal(options_for(member));
  EXPECT_EQ(error.code, Errc::unreachable);
  EXPECT_NE(error.hint.find("another name"), std::string::npos) << told(error);
}

TEST(EtcdTls, RefusesAnExpiredCertificate) {
  EtcdMember member(tls_options("expired"), "https");
  ASSERT_TRUE(member.wait(as_good_client() + " --insecure-skip-tls-verify"));
  const Error error = refusal(options_for(member));
  EXPECT_EQ(error.code, Errc::unreachable);
  EXPECT_NE(error.hint.find("valid today"), std::string::npos) << told(error);
}

TEST(EtcdTls, PlainAndTlsDoNotMeet) {
  EtcdMember tls(tls_options("good"), "https");
  ASSERT_TRUE(tls.wait(as_good_client()));
  const Error plain = refusal(options_for(tls, ""));
  EXPECT_EQ(plain.code, Errc::unreachable);
  EXPECT_NE(plain.hint.find("TLS"), std::string::npos) << told(plain);
  EtcdMember open;
  ASSERT_TRUE(open.wait());
  const Error error = refusal(options_for(open));
  EXPECT_EQ(error.code, Errc::unreachable);
  EXPECT_NE(error.hint.find("TLS"), std::string::npos) << told(error);
}

TEST(EtcdTls, ClientCertificates) {
  EtcdMember member(and_client_certificates(tls_options("good")), "https");
  ASSERT_TRUE(member.wait(as_good_client()));
  KeystoreOptions options = options_for(member);
  const Error missing = refusal(options);
  EXPECT_TRUE(missing.code == Errc::unreachable || missing.code == Errc::privilege);
  EXPECT_NE(missing.hint.find("certificate"), std::string::npos) << told(missing);
  options.cert_file = certificates().file("good.pem");
  EXPECT_EQ(refusal(options).code, Errc::usage) << "a certificate without its key";
  options.key_file = certificates().file("good.key");
  must(must(open_keystore(options))->read(""));
  options.key_file = certificates().file("wrong-ca.key");
  const Error mismatch = refusal(options);
  EXPECT_TRUE(mismatch.code == Errc::unreachable || mismatch.code == Errc::io) << told(mismatch);
}

TEST(EtcdTls, FilesThatAreNotThere) {
  EtcdMember member;
  KeystoreOptions options = options_for(member);
  options.ca_file = certificates().file("none/ca.pem");
  EXPECT_EQ(refusal(options).code, Errc::io);
  options.ca_file = certificates().file("ca.csr-that-is-not-there");
  write_file(options.ca_file, "no certificate");
  EXPECT_EQ(refusal(options).code, Errc::io);
}

class EtcdUsers : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(member_.wait(as_good_client()));
    for (const char* step :
         {"user add root:first", "user add ovl:secret", "user add reader:secret", "role add writes",
          "role add reads", "role grant-permission writes --prefix=true readwrite ovl/",
          "role grant-permission reads --prefix=true read ovl/", "user grant-role ovl writes",
          "user grant-role reader reads", "auth enable"}) {
      const Ran ran = member_.ctl(as_good_client() + " " + step);
      ASSERT_TRUE(ran.ok) << step << ": " << ran.out;
    }
  }

  KeystoreOptions as(const std::string& user, const std::string& password) {
    KeystoreOptions options = options_for(member_);
    options.user = user;
    options.password = password;
    return options;
  }

  EtcdMember member_{tls_options("good"), "https"};
};

TEST_F(EtcdUsers, OnlyWithTheRightPassword) {
  const auto store = must(open_keystore(as("ovl", "secret")));
  const Revision start = must(store->commit({{}, {put("ovl/a", "1")}})).revision;
  const auto watch = must(store->watch("ovl/", start));
  must(store->commit({{{Guard::Kind::unmodified, "ovl/a", start}}, {put("ovl/a", "2")}}));
  EXPECT_EQ(must(watch->next(seconds{5})).events.size(), 1U);
  const Error wrong = refusal(as("ovl", "s3cret-typo"));
  EXPECT_EQ(wrong.code, Errc::privilege) << told(wrong);
  EXPECT_EQ(told(wrong).find("s3cret-typo"), std::string::npos);
  const Error nobody = refusal(as("", ""));
  EXPECT_EQ(nobody.code, Errc::privilege) << told(nobody);
  KeystoreOptions token = as("", "");
  token.token = "made-up.1";
  EXPECT_EQ(refusal(token).code, Errc::privilege);
}

TEST_F(EtcdUsers, APermissionThatIsMissing) {
  const auto store = must(open_keystore(as("reader", "secret")));
  EXPECT_TRUE(must(store->read("ovl/")).items.empty());
  const auto write = store->commit({{}, {put("ovl/a", "1")}});
  ASSERT_FALSE(write.ok());
  EXPECT_EQ(write.error().code, Errc::privilege) << told(write.error());
  const auto watch = store->watch("other/", 1);
  ASSERT_FALSE(watch.ok());
  EXPECT_EQ(watch.error().code, Errc::privilege) << told(watch.error());
}

// A server that was restarted knows none of its tokens any more.
TEST_F(EtcdUsers, ATokenIsRenewed) {
  KeystoreOptions options = as("ovl", "secret");
  options.timeout = seconds{5};
  const auto store = must(open_keystore(options));
  const Revision start = must(store->commit({{}, {put("ovl/a", "1")}})).revision;
  const auto watch = must(store->watch("ovl/", start));
  member_.server().stop();
  member_.server().start();
  ASSERT_TRUE(member_.wait(as_good_client() + " --user root:first"));
  EXPECT_TRUE(must(store->commit({{}, {put("ovl/a", "2")}})).committed);
  EXPECT_EQ(must(watch->next(seconds{5})).events.size(), 1U);
}

}  // namespace

}  // namespace ovl::test
