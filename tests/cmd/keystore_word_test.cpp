// Whose words choose a keystore's address and its secrets: the whole decision, without a file or a socket.
#include "cmd/trust/keystore_word.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/process.hpp"

namespace ovl {

namespace {

const KeystoreAccess kStated{.url = "etcd://10.0.0.1,10.0.0.2", .token = "file:/a"};

KeystoreAccess naming_both() {
  return {.url = "etcd://10.0.0.2:2379,10.0.0.1:2379"};
}

KeystoreWords stated_alone() {
  return {.stated = kStated, .own_files = true};
}

void expect_refused(const KeystoreWords& words) {
  const ChosenAccess chosen = choose_access(words);
  EXPECT_FALSE(chosen.is_confirmed) << chosen.access.url << " " << chosen.access.token;
  const Error error = unconfirmed_access(chosen, "ovl.toml:3:1");
  EXPECT_EQ(error.code, Errc::guard);
  EXPECT_NE(error.message.find("has not named"), std::string::npos) << error.message;
  EXPECT_NE(error.hint.find("--keystore URL"), std::string::npos) << error.hint;
}

void expect_used(const KeystoreWords& words, const KeystoreAccess& access) {
  const ChosenAccess chosen = choose_access(words);
  EXPECT_TRUE(chosen.is_confirmed);
  EXPECT_EQ(encode(chosen.access).json(), encode(access).json());
}

}  // namespace

TEST(KeystoreWordTest, AStrangersAddressGetsNothingUnconfirmed) {
  KeystoreWords words = stated_alone();
  expect_refused(words);
  words.file.url = "etcd://10.0.0.1";  // one of two: the other is a stranger
  expect_refused(words);
  words.file.url = "consul://10.0.0.1";
  expect_refused(words);
  words.file.url = "etcd://10.0.0.1,10.0.0.2/elsewhere";
  expect_refused(words);
}

TEST(KeystoreWordTest, ASecretOfTheHostsGoesToNoAddressOfTheManifests) {
  KeystoreWords words{
      .given = {.token = "env:HOSTS"}, .stated = {.url = "consul://10.0.0.9"}, .own_files = true};
  expect_refused(words);
  words.file = {.url = "consul://10.0.0.1", .token = "env:HOSTS"};
  expect_refused(words);
}

TEST(KeystoreWordTest, WithoutASecretAnAddressMayBeAnybodys) {
  const KeystoreAccess plain{.url = "etcd://10.0.0.9", .allow_plaintext = true};
  expect_used({.stated = plain}, plain);
  EXPECT_FALSE(choose_access({.stated = plain}).is_named) << "completion asks for that";
}

TEST(KeystoreWordTest, AnAddressThatTheHostNamesGetsWhatItsUsersOwnFilesSay) {
  KeystoreWords words = stated_alone();
  words.file = naming_both();
  KeystoreAccess both = naming_both();
  both.token = kStated.token;
  expect_used(words, both);
  words.stated.allow_plaintext = true;
  expect_used(words, both);  // plain transport is the host's word
  words.automation = true;
  expect_refused(words);
  words.automation = false;
  words.own_files = false;
  expect_refused(words);
}

TEST(KeystoreWordTest, TheCommandLineStandsAlone) {
  KeystoreWords words = stated_alone();
  words.given = naming_both();
  KeystoreAccess both = naming_both();
  both.token = kStated.token;
  expect_used(words, both);
  words.automation = true;
  expect_used(words, words.given);
  words.automation = false;
  words.given.token = "env:OTHER";
  words.stated.ca = "file:/evil.pem";
  expect_used(words, words.given);
  words.given = {.url = "etcd://10.0.0.7"};
  words.file = {.url = "etcd://10.0.0.1,10.0.0.2", .token = "env:FILE"};
  expect_used(words, words.given);
}

TEST(KeystoreWordTest, TheLastApplyNamesItsAddressWithItsReferencesAlone) {
  KeystoreWords words{.bound = naming_both(), .stated = kStated, .automation = true};
  expect_refused(words);  // named without a secret
  words.bound.token = "file:/b";
  expect_refused(words);
  words.bound.token = kStated.token;
  expect_used(words, words.bound);
  words.stated.ca = "file:/evil.pem";
  expect_refused(words);
  words.stated = {.url = "etcd://10.0.0.1", .allow_plaintext = true};
  expect_used(words, words.bound);  // and over plain transport only if it was so then
}

TEST(KeystoreWordTest, WhereNothingIsStatedTheHostSpeaks) {
  const KeystoreAccess file{.url = "etcd://10.0.0.1", .token = "env:FILE"};
  expect_used({.file = file}, file);
  const KeystoreAccess bound{.url = "etcd://10.0.0.7", .token = "env:BOUND"};
  expect_used({.file = file, .bound = bound}, bound);
  expect_used({.file = file, .bound = {.url = "etcd://10.0.0.1:2379", .token = "env:OLD"}}, file);
}

TEST(KeystoreWordTest, OnlyFilesOfOnesOwnAreOnesOwn) {
  EXPECT_FALSE(are_own_files({}));
  EXPECT_FALSE(are_own_files({test::TemporaryDirectory().file("none/ovl.toml")}));
}

TEST(KeystoreWordTest, TheSameStoreUnderOtherSpellings) {
  EXPECT_TRUE(names_no_other_store("consul://10.0.0.1", "consul://10.0.0.1:8500"));
  EXPECT_TRUE(names_no_other_store("zk://a:2181", "zk://b,A"));
  for (const char* other : {"consul://10.0.0.1:8501", "consul://10.0.0.1?dc=x", "consul://10.0.0.1/p",
                            "consul://10.0.0.10", "consul+unix:///run/x", "sqlite:///x", "nonsense", ""}) {
    EXPECT_FALSE(names_no_other_store(other, "consul://10.0.0.1")) << other;
    EXPECT_FALSE(names_no_other_store("consul://10.0.0.1", other)) << other;
  }
}

}  // namespace ovl
