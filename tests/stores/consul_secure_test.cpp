// Tokens and TLS: what is refused, and in which words.
#include <fmt/format.h>

#include "tests/stores/consul_server.hpp"
#include "tests/stores/real_stores.hpp"

namespace ovl::test {

namespace {

using std::chrono::seconds;

constexpr const char* kMaster = "11111111-2222-3333-4444-555555555555";

std::unique_ptr<Keystore> connect(KeystoreOptions options) {
  options.driver_directory = OVL_DRIVER_DIR;
  return must(open_keystore(options));
}

template <class T>
Error error_of(Result<T> result) {
  if (!result.ok()) return std::move(result).error();
  ADD_FAILURE() << "it succeeded";
  return {};
}

// ---- tokens -----------------------------------------------------------------------------------

class ConsulToken : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_consul()) GTEST_SKIP() << kNoConsul;
    const std::string tokens = fmt::format(R"({{"master": "{0}", "agent": "{0}"}})", kMaster);
    server_ = std::make_unique<ConsulServer>(ConsulOptions{
        .config = R"("acl": {"enabled": true, "default_policy": "deny", "tokens": )" + tokens + "},"});
  }

  [[nodiscard]] std::unique_ptr<Keystore> with(const std::string& token) const {
    return connect({.url = server_->url(), .token = token});
  }

  [[nodiscard]] std::string token_for(const std::string& name, const std::string& rules) const {
    const std::string consul = fmt::format("CONSUL_HTTP_TOKEN={} {} acl ", kMaster, consul_program());
    const std::string address = " -http-addr=http://" + server_->address();
    output_of(fmt::format("{} policy create -name {} -rules '{}' {}", consul, name, rules, address));
    const std::string out =
        output_of(fmt::format("{} token create -policy-name {} {}", consul, name, address));
    const std::size_t at = out.find("SecretID:");
    if (at == std::string::npos) return out;
    const std::size_t start = out.find_first_not_of(' ', at + 9);
    return out.substr(start, out.find('\n', start) - start);
  }

  static void expect_refused(const Error& error, const std::string& token) {
    EXPECT_EQ(error.code, Errc::privilege) << error.message;
    EXPECT_FALSE(error.hint.empty());
    const bool shown = !token.empty() && (error.message + error.hint).find(token) != std::string::npos;
    EXPECT_FALSE(shown) << error.message;
  }

  std::unique_ptr<ConsulServer> server_;
};

TEST_F(ConsulToken, AGoodOneMayDoWhatItsPolicySays) {
  const auto store = with(token_for("team", R"(key_prefix "team/" { policy = "write" }
                                              session_prefix "" { policy = "write" })"));
  const auto session = must(store->open_session(seconds{60}));
  const Revision made =
      must(store->commit({{{Guard::Kind::absent, "team/a"}}, {put("team/a", "1", session->id())}})).revision;
  EXPECT_EQ(must(store->read("team/")).revision, made);
  EXPECT_EQ(must(store->get("team/a"))->value, "1");
  EXPECT_TRUE(must(store->read("team/none/")).items.empty());
  must(session->keep_alive());
  must(session->close());
}

// The agent answers "nothing there" to who may not look.
TEST_F(ConsulToken, AMissingOrWrongOneIsNoEmptyStore) {
  must(with(kMaster)->commit({{}, {put("team/a", "1")}}));
  for (const std::string token : {"", "99999999-2222-3333-4444-555555555555"}) {
    const auto store = with(token);
    expect_refused(error_of(store->read("team/")), token);
    expect_refused(error_of(store->read("")), token);
    expect_refused(error_of(store->get("team/a")), token);
    expect_refused(error_of(store->watch("team/", 1)), token);
    expect_refused(error_of(store->commit({{}, {put("team/a", "2")}})), token);
    expect_refused(error_of(store->commit({{{Guard::Kind::absent, "team/b"}}, {}})), token);
    expect_refused(error_of(store->open_session(seconds{60})), token);
  }
  EXPECT_EQ(must(with(kMaster)->get("team/a"))->value, "1");
}

TEST_F(ConsulToken, AReaderMayNotWrite) {
  must(with(kMaster)->commit({{}, {put("team/a", "1")}}));
  const auto store = with(token_for("reader", R"(key_prefix "team/" { policy = "read" })"));
  EXPECT_EQ(must(store->read("team/")).items.size(), 1U);
  expect_refused(error_of(store->commit({{}, {put("team/a", "2")}})), "");
  expect_refused(error_of(store->commit({{}, {erase("team/a")}})), "");
  EXPECT_EQ(must(store->get("team/a"))->value, "1");
}

TEST(ConsulOptions, ATokenWithALineBreakIsRefusedWithoutBeingShown) {
  const Error error = error_of(open_keystore(
      {.url = "consul://127.0.0.1", .token = "secret\nX-Other: 1", .driver_directory = OVL_DRIVER_DIR}));
  EXPECT_EQ(error.code, Errc::usage);
  EXPECT_EQ((error.message + error.hint).find("secret"), std::string::npos);
}

// ---- TLS --------------------------------------------------------------------------------------

// An authority, and certificates of it.
class Authority {
 public:
  explicit Authority(std::string base) : base_(std::move(base)) {
    run(
        fmt::format("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
                    "-subj /CN=ovl-test-authority -keyout {0}.key -out {0}.pem",
                    base_));
  }

  // Writes <file>.pem and <file>.key.
  void issue(const std::string& file, const std::string& names, int days) const {
    run(
        fmt::format("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=ovl-test "
                    "-keyout {0}.key -out {0}.csr",
                    file));
    write_file(file + ".ext", "subjectAltName=" + names + "\n");
    run(
        fmt::format("x509 -req -in {0}.csr -CA {1}.pem -CAkey {1}.key -CAcreateserial -days {2} "
                    "-extfile {0}.ext -out {0}.pem",
                    file, base_, days));
    if (!exists(file + ".pem")) std::abort();
  }

  [[nodiscard]] std::string certificate() const { return base_ + ".pem"; }

 private:
  static void run(const std::string& words) { output_of("openssl " + words); }

  std::string base_;
};

class ConsulTls : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_consul()) GTEST_SKIP() << kNoConsul;
  }

  void serve(const std::string& names, int days, bool asks_clients = false) {
    authority_.issue(directory_.file("server"), names, days);
    server_ = std::make_unique<ConsulServer>(
        ConsulOptions{.config = fmt::format(R"("ca_file": "{}", "cert_file": "{}", "key_file": "{}",
                                 "verify_incoming_https": {},)",
                                            authority_.certificate(), directory_.file("server.pem"),
                                            directory_.file("server.key"), asks_clients),
                      .has_https = true});
  }

  [[nodiscard]] Error refusal(const std::string& ca_file) const {
    return error_of(connect({.url = server_->url(), .ca_file = ca_file})->read("a/"));
  }

  static void expect_tls_error(const Error& error) {
    EXPECT_EQ(error.code, Errc::unreachable) << error.message;
    EXPECT_NE(error.hint.find("certificate"), std::string::npos) << error.message << ": " << error.hint;
  }

  TemporaryDirectory directory_;
  Authority authority_{directory_.file("authority")};
  std::unique_ptr<ConsulServer> server_;
};

TEST_F(ConsulTls, AGoodCertificateIsTakenAndAnotherAuthorityIsNot) {
  serve("IP:127.0.0.1", 2);
  const auto store = connect({.url = server_->url(), .ca_file = authority_.certificate()});
  must(store->commit({{}, {put("a/b", "1")}}));
  EXPECT_EQ(must(store->read("a/")).items.size(), 1U);
  const Authority other(directory_.file("other"));
  expect_tls_error(refusal(other.certificate()));
  expect_tls_error(refusal(directory_.file("none.pem")));
  EXPECT_FALSE(connect({.url = server_->url()})->read("a/").ok()) << "plain HTTP to it";
}

TEST_F(ConsulTls, AnotherNameIsRefused) {
  serve("DNS:other.example,IP:127.0.0.2", 2);
  expect_tls_error(refusal(authority_.certificate()));
}

TEST_F(ConsulTls, AnExpiredCertificateIsRefused) {
  serve("IP:127.0.0.1", 0);
  std::this_thread::sleep_for(seconds{1});
  const Error error = refusal(authority_.certificate());
  expect_tls_error(error);
  EXPECT_NE(error.message.find("expired"), std::string::npos) << error.message;
}

TEST_F(ConsulTls, AServerThatAsksForACertificateGetsOne) {
  serve("IP:127.0.0.1", 2, true);
  authority_.issue(directory_.file("client"), "DNS:host-1", 2);
  const auto store = connect({.url = server_->url(),
                              .ca_file = authority_.certificate(),
                              .cert_file = directory_.file("client.pem"),
                              .key_file = directory_.file("client.key")});
  must(store->commit({{}, {put("a/b", "1")}}));
  const auto bare = connect({.url = server_->url(), .ca_file = authority_.certificate()});
  expect_tls_error(error_of(bare->read("a/")));
  EXPECT_FALSE(bare->commit({{}, {put("a/b", "2")}}).ok());
  EXPECT_EQ(must(store->get("a/b"))->value, "1");
}

}  // namespace

}  // namespace ovl::test
