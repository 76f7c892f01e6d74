// A server that is not whom the client means learns nothing: its certificate is of another authority, of
// another name, or of yesterday. What it is sent inside TLS is recorded.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tests/stores/certificates.hpp"
#include "tests/stores/consul_server.hpp"
#include "tests/stores/real_stores.hpp"

namespace ovl::test {

namespace {

constexpr const char* kSecret = "11111111-cafe-4000-8000-abcdefabcdef";

// Takes connections one after another, and writes down what comes.
constexpr const char* kRecorder = R"(
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
context.set_alpn_protocols(["h2", "http/1.1"])
server = socket.create_server(("127.0.0.1", int(sys.argv[3])))
received = open(sys.argv[4], "ab", buffering=0)
while True:
    connection, _ = server.accept()
    connection.settimeout(1)
    try:
        with context.wrap_socket(connection, server_side=True) as inner:
            while data := inner.recv(65536):
                received.write(data)
    except OSError:
        pass
)";

class Recorder {
 public:
  explicit Recorder(const std::string& certificate) {
    const Certificates& made = certificates();
    write_file(directory_.file("recorder.py"), kRecorder);
    server_ = std::make_unique<Server>(
        std::vector<std::string>{"python3", directory_.file("recorder.py"), made.file(certificate + ".pem"),
                                 made.file(certificate + ".key"), std::to_string(port_),
                                 directory_.file("received")},
        directory_.file("log"));
  }

  [[nodiscard]] bool wait() const {
    const std::string knock = fmt::format("bash -c '</dev/tcp/127.0.0.1/{}'", port_);
    return server_->wait_until_ready([&] { return run_shell(knock).ok; });
  }

  [[nodiscard]] std::string received() const { return read_file(directory_.file("received")); }

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  TemporaryDirectory directory_;
  std::uint16_t port_ = free_port();
  std::unique_ptr<Server> server_;
};

class TlsMatrix : public ::testing::TestWithParam<std::string> {
 protected:
  // A write with a secret, to a server with that certificate. Answers what is told to people.
  [[nodiscard]] Error write_to(const Recorder& recorder) const {
    KeystoreOptions options{.url = fmt::format("{}://127.0.0.1:{}", GetParam(), recorder.port()),
                            .timeout = std::chrono::milliseconds{1500},
                            .ca_file = certificates().file("ca.pem"),
                            .driver_directory = OVL_DRIVER_DIR};
    if (GetParam() == "consul") options.token = kSecret;
    if (GetParam() == "etcd") options.user = options.password = kSecret;
    const auto store = open_keystore(options);
    if (!store.ok()) return store.error();
    const auto done = store.value()->commit({{}, {put("canary", kSecret)}});
    return done.ok() ? Error{} : done.error();
  }
};

}  // namespace

TEST_P(TlsMatrix, AServerThatIsNotMeantIsToldNothing) {
  std::set<std::string> told;
  for (const std::string certificate : {"stranger", "wrong-name", "expired"}) {
    const Recorder recorder(certificate);
    ASSERT_TRUE(recorder.wait());
    const Error error = write_to(recorder);
    EXPECT_EQ(error.code, Errc::unreachable) << certificate << ": " << error.message;
    EXPECT_EQ(recorder.received(), "") << certificate;
    EXPECT_EQ((error.message + error.hint).find(kSecret), std::string::npos) << certificate;
    // The port is another one each time.
    std::string text = error.message + " / " + error.hint;
    const std::string port = std::to_string(recorder.port());
    for (std::size_t at = 0; (at = text.find(port)) != std::string::npos;) text.erase(at, port.size());
    told.insert(text);
  }
  // gRPC has one text for all that its verification refuses; the hint then names both reasons.
  const bool is_told_apart = GetParam() == "consul";
  EXPECT_EQ(told.size(), is_told_apart ? 3U : 2U);
  const bool has_both = std::ranges::any_of(told, [](const std::string& text) {
    return text.find("authority") != std::string::npos && text.find("valid today") != std::string::npos;
  });
  EXPECT_TRUE(is_told_apart || has_both);
}

TEST_P(TlsMatrix, TheOneThatIsMeantIsToldSomething) {
  const Recorder recorder("good");
  ASSERT_TRUE(recorder.wait());
  static_cast<void>(write_to(recorder));
  EXPECT_NE(recorder.received(), "");
}

INSTANTIATE_TEST_SUITE_P(Drivers, TlsMatrix, ::testing::Values("etcd", "consul"),
                         [](const auto& store) { return store.param; });

// A certificate of a client that the server's authority has not issued.
TEST(EtcdTls, AClientOfAnotherAuthorityIsRefused) {
  const Certificates& made = certificates();
  EtcdMember member({"--cert-file", made.file("good.pem"), "--key-file", made.file("good.key"),
                     "--client-cert-auth", "--trusted-ca-file", made.file("ca.pem")},
                    "https");
  ASSERT_TRUE(member.wait("--cacert " + made.file("ca.pem") + " --cert " + made.file("good.pem") + " --key " +
                          made.file("good.key")));
  const auto store = must(open_keystore({.url = "etcd://" + member.host(),
                                         .timeout = std::chrono::milliseconds{2000},
                                         .ca_file = made.file("ca.pem"),
                                         .cert_file = made.file("stranger.pem"),
                                         .key_file = made.file("stranger.key"),
                                         .driver_directory = OVL_DRIVER_DIR}));
  const auto read = store->read("");
  ASSERT_FALSE(read.ok());
  EXPECT_TRUE(read.error().code == Errc::unreachable || read.error().code == Errc::privilege);
  EXPECT_NE(read.error().hint.find("certificate"), std::string::npos) << read.error().message;
}

}  // namespace ovl::test
