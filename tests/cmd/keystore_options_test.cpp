#include "cmd/keystore_options.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "reconcile/parse.hpp"

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
