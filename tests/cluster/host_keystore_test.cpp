// In hooks and in sync the host says where the keystore is and what its secrets are. What a revision says is
// refused before anything of it is looked at: no connection, no name resolved, no secret opened.
#include <fmt/format.h>

#include <vector>

#include "tests/cluster/hooks_rig.hpp"
#include "tests/cluster/listener.hpp"

namespace ovl {

namespace {

class HostKeystore : public HooksRig {
 protected:
  void SetUp() override {
    HooksRig::SetUp();
    test::write_file(file("secret"), "hunter2");
    ASSERT_EQ(install("pre-receive post-receive").code, 0);
    const Ran tried = shell("strace -o /dev/null true");
    traced_ = tried.code == 0;
    if (!traced_) GTEST_SKIP() << "no system call can be traced here: " << tried.out;
  }

  // Runs a command and keeps its system calls. A build with sanitizers can't look for leaks while it is
  // traced.
  [[nodiscard]] Ran trace(const std::string& command) const {
    return shell("cd " + file("hub.git") +
                 " && ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=%file,%network -o " + file("calls") +
                 " " + command);
  }

  // `commit` is on the hub; a hook is told of it as git would.
  [[nodiscard]] Ran hook(const std::string& name, const std::string& commit) const {
    const std::string line = std::string(40, '0') + " " + commit + " refs/heads/main";
    return trace(fmt::format("sh -c 'echo {} | SECRET=hunter2 {}'", line, file("hub.git/hooks/" + name)));
  }

  [[nodiscard]] Ran sync() const {
    return trace(
        fmt::format("env SECRET=hunter2 OVL_STATE_DIR={} {} sync net --repo file://{} --ref main "
                    "--scope cluster --keystore {}",
                    file("state"), OVL_BINARY, file("hub.git"), store()));
  }

  void nothing_was_looked_at() const {
    const std::string calls = test::read_file(file("calls"));
    EXPECT_NE(calls.find("ovl-git.so"), std::string::npos) << "ovl was traced";
    for (const std::string& trouble :
         {fmt::format("htons({})", listener_.port()), std::string("htons(53)"), std::string("htons(8500)"),
          std::string("/etc/resolv.conf"), std::string("/etc/hosts"), file("secret"),
          std::string("/secret\""), std::string("other.db"), std::string("AF_INET")}) {
      EXPECT_EQ(calls.find(trouble), std::string::npos) << trouble;
    }
    EXPECT_FALSE(listener_.heard());
  }

  // All ways by which a revision gets here refuse it with 12 and these words.
  void is_refused(const std::string& keystore, const std::string& words) {
    SCOPED_TRACE(keystore);
    write("[keystore]\n" + keystore + "\n[network.one]\n");
    const std::string id = commit("hostile");
    ASSERT_EQ(push("-f hub main:refs/heads/draft").code, 0);
    refused(hook("pre-receive", id), words);
    ASSERT_EQ(shell("git -C " + file("hub.git") + " update-ref refs/heads/main " + id).code, 0);
    refused(hook("post-receive", id), words);
    refused(sync(), words);
    EXPECT_FALSE(test::exists(file("keystore.db"))) << "its own store has nothing to do with it either";
  }

  void refused(const Ran& ran, const std::string& words) const {
    EXPECT_EQ(ran.code, 12) << ran.out;
    EXPECT_TRUE(ran.has(words)) << ran.out;
    EXPECT_TRUE(ran.has("leave it out of the manifest: this host says where its keystore is")) << ran.out;
    EXPECT_FALSE(ran.has("hunter2")) << ran.out;
    nothing_was_looked_at();
  }

  Listener listener_;
  bool traced_ = false;
};

}  // namespace

TEST_F(HostKeystore, IsNotTheRevisionsToChoose) {
  const std::string other = "net/ovl.toml:8:7: the manifest names another keystore than this host does";
  for (const std::string& url :
       {"sqlite://" + file("other.db"), fmt::format("consul://127.0.0.1:{}", listener_.port()),
        fmt::format("etcd://127.0.0.1:{}", listener_.port()),
        fmt::format("zk://127.0.0.1:{}", listener_.port()), std::string("consul://keystore.invalid:8500"),
        store() + ".old", "sqlite://" + file("./keystore.db")}) {
    is_refused("url = \"" + url + "\"\nallow_plaintext = true", other);
  }
}

TEST_F(HostKeystore, HasNoSecretsThatTheRevisionNames) {
  const std::string secret =
      "net/ovl.toml:7:2: the manifest names a secret or a file that this host does not";
  const std::string url = fmt::format("url = \"{}\"\n", store());
  for (const std::string& reference :
       {std::string("token = \"env:SECRET\""), "token = \"file:" + file("secret") + "\"",
        std::string("user = \"env:SECRET\"\npassword = \"file:/root/secret\""),
        std::string("password = \"file:secret\"\nuser = \"env:SECRET\""),
        "tls = { ca = \"file:" + file("secret") + "\" }",
        "tls = { ca = \"file:ca.pem\", cert = \"file:" + file("secret") +
            "\", key = \"file:" + file("secret") + "\" }"}) {
    is_refused(url + reference, secret);
  }
}

// The same manifest is its user's own words where it is a plain file and the host names its address: then the
// trace hears it all.
TEST_F(HostKeystore, IsTheManifestsOwnForWhoStandsBesideIt) {
  write(fmt::format("[keystore]\nurl = \"consul://127.0.0.1:{0}\"\ntoken = \"file:{1}\"\n", listener_.port(),
                    file("secret")));
  ASSERT_EQ(shell("chmod 600 " + file("secret")).code, 0);
  const Ran ran = trace(
      fmt::format("env -u CI OVL_KEYSTORE=consul://127.0.0.1:{} {} plan {} --scope cluster --timeout 300ms",
                  listener_.port(), OVL_BINARY, file("work/net")));
  EXPECT_EQ(ran.code, 16) << ran.out;
  const std::string calls = test::read_file(file("calls"));
  EXPECT_NE(calls.find(fmt::format("htons({})", listener_.port())), std::string::npos);
  EXPECT_NE(calls.find(file("secret")), std::string::npos);
  EXPECT_TRUE(listener_.heard());
}

}  // namespace ovl
