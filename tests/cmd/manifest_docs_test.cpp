// The documents about the manifest and about changes are what the tables say, and the schema agrees with the
// parser.
#include "cmd/help/manifest_docs.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "cmd/help/change_docs.hpp"

namespace ovl {

namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr const char* kRemedy = "rebuild it: gen-docs docs";

TEST(ManifestDocs, CommittedPageIsWhatTheTablesSay) {
  EXPECT_EQ(read_file(OVL_SOURCE_DIR "/docs/manifest.md"), manifest_markdown()) << kRemedy;
}

TEST(ChangeDocs, CommittedPageIsWhatTheTablesSay) {
  EXPECT_EQ(read_file(OVL_SOURCE_DIR "/docs/changes.md"), changes_markdown()) << kRemedy;
}

TEST(ManifestDocs, CommittedSchemaIsWhatTheTablesSay) {
  EXPECT_EQ(read_file(OVL_SOURCE_DIR "/docs/manifest.schema.json"), manifest_json_schema()) << kRemedy;
}

TEST(ManifestDocs, SchemaAgreesWithTheParser) {
  const std::string command = "/usr/bin/python3 " OVL_SOURCE_DIR "/tests/cmd/check_schema.py " OVL_SOURCE_DIR
                              "/docs/manifest.schema.json " OVL_SOURCE_DIR "/tests/golden/manifest";
  const int status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127) GTEST_SKIP() << "needs python3-jsonschema";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace

}  // namespace ovl
