// The transports that a remote is fetched by, each with a real server on this machine.
#include <fmt/format.h>

#include <fstream>

#include "tests/cluster/hooks_rig.hpp"

namespace ovl {

namespace {

class Transports : public HooksRig {
 protected:
  void SetUp() override {
    HooksRig::SetUp();
    write("[network.one]\n");
    commit("one");
    ASSERT_EQ(push().code, 0);
  }

  void TearDown() override {
    if (!server_.empty()) shell("kill " + server_);
  }

  [[nodiscard]] std::string sync(const std::string& url) const {
    return fmt::format("{} --state-dir {} sync --repo {} --ref main net --scope cluster --keystore {}",
                       OVL_BINARY, file("state"), url, store());
  }

  // The repository's files over TLS; answers the port.
  std::string serve_https() {
    EXPECT_EQ(
        shell(
            "cd " + file("") +
            " && git -C hub.git update-server-info && openssl req -x509 -newkey ec -pkeyopt "
            "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost "
            "-keyout key.pem -out cert.pem 2>/dev/null")
            .code,
        0);
    std::ofstream(file("serve.py"))
        << "import functools, http.server, ssl\n"
           "handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory='.')\n"
           "server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)\n"
           "context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
           "context.load_cert_chain('cert.pem', 'key.pem')\n"
           "server.socket = context.wrap_socket(server.socket, server_side=True)\n"
           "open('port', 'w').write(str(server.server_port) + '\\n')\n"
           "server.serve_forever()\n";
    const Ran ran = shell("cd " + file("") +
                          " && mkfifo port && { python3 serve.py >/dev/null 2>&1 & } && echo $! && cat port");
    server_ = ran.out.substr(0, ran.out.find('\n'));
    return ran.out.substr(server_.size() + 1, ran.out.rfind('\n') - server_.size() - 1);
  }

 private:
  std::string server_;
};

}  // namespace

TEST_F(Transports, HttpsIsVerified) {
  const std::string url = "https://localhost:" + serve_https() + "/hub.git";
  const Ran stranger = shell("HOME=" + file("none") + " " + sync(url));
  EXPECT_EQ(stranger.code, 16) << stranger.out;
  EXPECT_TRUE(stranger.has("certificate")) << stranger.out;
  std::ofstream(file(".gitconfig")) << "[http]\nsslCAInfo = " << file("cert.pem") << "\n";
  const Ran known = shell("HOME=" + file("") + " " + sync(url));
  EXPECT_EQ(known.code, 0) << known.out;
  EXPECT_TRUE(known.has("Apply complete")) << known.out;
}

// Server and client share a mount namespace where root has another home: the user's keys and known hosts are
// there.
TEST_F(Transports, SshAsksItsKnownHosts) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, for a mount namespace";
  const std::string home = file("root");
  const std::string prepare =
      "cd " + file("") + " && sed 's|^\\(root:[^:]*:[^:]*:[^:]*:[^:]*\\):[^:]*|\\1:" + home +
      "|' /etc/passwd >passwd && mount --bind passwd /etc/passwd && rm -rf root && "
      "mkdir -m 700 root root/.ssh && cd root/.ssh && "
      "ssh-keygen -q -t ed25519 -N '' -f id_ed25519 && cp id_ed25519.pub authorized_keys && "
      "dropbearkey -t ed25519 -f host >/dev/null 2>&1 && "
      "port=$(python3 -c 'import socket; s = socket.socket(); s.bind((\"127.0.0.1\", 0)); "
      "print(s.getsockname()[1])') && "
      "{ dropbear -F -E -r host -P '' -p 127.0.0.1:$port 2>log & } && server=$! && "
      "until grep -q 'Not backgrounding' log; do kill -0 $server || exit 9; done && ";
  const std::string trust =
      "{ printf '[127.0.0.1]:%s ' $port; dropbearkey -y -f host | grep ^ssh-; } >known_hosts && ";
  const auto run = [&](const std::string& before) {
    std::ofstream(file("ssh.sh")) << before << "HOME=" << home << " "
                                  << sync("ssh://root@127.0.0.1:$port" + file("hub.git"))
                                  << "; code=$?; kill $server; exit $code\n";
    return shell("unshare -m sh " + file("ssh.sh"));
  };
  const Ran stranger = run(prepare);
  EXPECT_EQ(stranger.code, 16) << stranger.out;
  EXPECT_TRUE(stranger.has("Host key verification failed")) << stranger.out;
  const Ran known = run(prepare + trust);
  EXPECT_EQ(known.code, 0) << known.out;
  EXPECT_TRUE(known.has("Apply complete")) << known.out;
}

}  // namespace ovl
