#include "cmd/base/keystore_options.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "reconcile/manifest/parse.hpp"

namespace ovl {

namespace {

class KeystoreOptionsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "ovl-secret-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text, mode_t mode) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
  }

  // The options of a manifest in this folder whose keystore has these keys.
  Result<KeystoreOptions> options_with(const std::string& keys) {
    write("ovl.toml", "[cluster]\nname = \"c\"\n[keystore]\nurl = \"consul://127.0.0.1:8500\"\n" + keys,
          0644);
    OVL_TRY(const Sources sources, read_sources(folder_));
    const Parsed parsed = parse(sources);
    EXPECT_TRUE(parsed.diagnostics.empty());
    return keystore_options(access_of(parsed.manifest.keystore, sources));
  }

  std::string folder_;
};

}  // namespace

TEST_F(KeystoreOptionsTest, ASecretFileLiesBesideTheManifest) {
  write("token", "s3cret\nanother line\n", 0600);
  const auto options = options_with("token = \"file:token\"\n");
  ASSERT_TRUE(options.ok()) << options.error().message;
  EXPECT_EQ(options.value().token, "s3cret");
}

TEST_F(KeystoreOptionsTest, ASecretFileThatOthersReadIsRefused) {
  write("token", "s3cret\n", 0644);
  const auto options = options_with("token = \"file:token\"\n");
  ASSERT_FALSE(options.ok());
  EXPECT_EQ(options.error().code, Errc::guard);
  EXPECT_EQ(options.error().message, "the secret file " + folder_ + "/token is readable by others");
}

TEST_F(KeystoreOptionsTest, AKeyOfTlsIsASecret) {
  const std::string keys = "tls = { ca = \"file:no/ca\", cert = \"file:no/cert\", key = \"file:k.pem\" }\n";
  for (const mode_t mode : {0640U, 0604U, 0644U, 0666U}) {
    write("k.pem", "key", mode);
    const auto options = options_with(keys);
    ASSERT_FALSE(options.ok()) << mode;
    EXPECT_EQ(options.error().code, Errc::guard);
    EXPECT_NE(options.error().message.find("k.pem is readable by others"), std::string::npos)
        << options.error().message;
  }
  write("k.pem", "key", 0600);
  EXPECT_TRUE(options_with(keys).ok());
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  ASSERT_EQ(::chown((folder_ + "/k.pem").c_str(), 65534, 65534), 0);
  EXPECT_FALSE(options_with(keys).ok()) << "somebody else's";
}

// They say whom this host takes for its keystore.
TEST_F(KeystoreOptionsTest, AnAuthorityThatOthersWriteIsRefused) {
  const std::string keys = "tls = { ca = \"file:ca.pem\", cert = \"file:c.pem\", key = \"file:no/key\" }\n";
  for (const char* name : {"ca.pem", "c.pem"}) {
    for (const mode_t mode : {0664U, 0646U, 0666U}) {
      write(name, "certificate", mode);
      const auto options = options_with(keys);
      ASSERT_FALSE(options.ok()) << name << mode;
      EXPECT_EQ(options.error().code, Errc::guard);
      EXPECT_EQ(options.error().hint, "chmod go-w " + folder_ + "/" + name);
    }
    write(name, "certificate", 0644);
    EXPECT_TRUE(options_with(keys).ok());
  }
  ASSERT_EQ(::chmod(folder_.c_str(), 0777), 0);
  EXPECT_FALSE(options_with(keys).ok()) << "anybody may put another in its place";
  ASSERT_EQ(::chmod(folder_.c_str(), 0700), 0);
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  ASSERT_EQ(::chown((folder_ + "/ca.pem").c_str(), 65534, 65534), 0);
  EXPECT_FALSE(options_with(keys).ok()) << "somebody else's";
}

TEST_F(KeystoreOptionsTest, AMissingSecretIsNamed) {
  const auto file = options_with("token = \"file:nowhere\"\n");
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().code, Errc::io);
  const auto variable = options_with("token = \"env:OVL_TEST_NO_SUCH_VARIABLE\"\n");
  ASSERT_FALSE(variable.ok());
  EXPECT_EQ(variable.error().message, "the environment has no OVL_TEST_NO_SUCH_VARIABLE");
}

TEST_F(KeystoreOptionsTest, TheCommandLineStandsForTheManifestMemberByMember) {
  const KeystoreAccess manifest{.url = "etcd://10.0.0.1", .user = "env:A", .password = "env:B"};
  const KeystoreAccess merged = overlay(manifest, {.password = "env:C", .allow_plaintext = true});
  EXPECT_EQ(merged.url, "etcd://10.0.0.1");
  EXPECT_EQ(merged.user, "env:A");
  EXPECT_EQ(merged.password, "env:C");
  EXPECT_TRUE(merged.allow_plaintext);
}

TEST_F(KeystoreOptionsTest, PathsOfTlsLieBesideTheManifestToo) {
  const auto options =
      options_with("tls = { ca = \"file:ca.pem\", cert = \"file:/etc/c.pem\", key = \"file:k.pem\" }\n");
  ASSERT_TRUE(options.ok()) << options.error().message;
  EXPECT_EQ(options.value().ca_file, folder_ + "/ca.pem");
  EXPECT_EQ(options.value().cert_file, "/etc/c.pem");
  EXPECT_EQ(options.value().key_file, folder_ + "/k.pem");
}

TEST_F(KeystoreOptionsTest, AManifestsTextAloneNamesVariablesToForget) {
  for (const char* name : {"OVL_TEST_ONE", "OVL_TEST_TWO", "OVL_TEST_PLAIN"}) ::setenv(name, "x", 1);
  forget_variables_in("token = \"env:OVL_TEST_ONE\"\n[broken\npassword = 'env:OVL_TEST_TWO");
  EXPECT_EQ(::getenv("OVL_TEST_ONE"), nullptr);
  EXPECT_EQ(::getenv("OVL_TEST_TWO"), nullptr);
  EXPECT_STREQ(::getenv("OVL_TEST_PLAIN"), "x");
  ::unsetenv("OVL_TEST_PLAIN");
}

TEST_F(KeystoreOptionsTest, ASecretIsInNoCoreFileAndNotInTheEnvironmentOfOthers) {
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  ASSERT_TRUE(options_with("").ok());
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1) << "there is no secret yet";
  ::setenv("OVL_TEST_TOKEN", "hidden", 1);
  ::setenv("OVL_TEST_PLAIN", "shown", 1);
  ASSERT_TRUE(options_with("token = \"env:OVL_TEST_TOKEN\"\n").ok());
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
  forget_secret_variables(KeystoreAccess{.token = "env:OVL_TEST_TOKEN", .password = "file:/OVL_TEST_PLAIN"});
  EXPECT_EQ(::getenv("OVL_TEST_TOKEN"), nullptr);
  EXPECT_NE(::getenv("OVL_TEST_PLAIN"), nullptr);
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

}  // namespace ovl
