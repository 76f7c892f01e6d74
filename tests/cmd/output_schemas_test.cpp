// docs/schemas is what the tables say. That the outputs fit is tested where they are made: on plans in
// tests/golden, on all verbs in tests/cluster.
#include "cmd/formats/output_schemas.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "cmd/verbs/validate.hpp"
#include "tests/support/process.hpp"
#include "tests/support/schema_check.hpp"

namespace ovl {

namespace {

TEST(OutputSchemas, CommittedFilesAreWhatTheTablesSay) {
  const std::filesystem::path folder = OVL_SOURCE_DIR "/docs/schemas";
  std::set<std::string> wanted;
  for (const OutputSchema& schema : output_schemas()) {
    std::ifstream file(folder / schema.file, std::ios::binary);
    const std::string committed{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(committed, schema.text) << schema.file << ": rebuild it: gen-docs docs";
    wanted.insert(schema.file);
  }
  std::set<std::string> there;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) there.insert(entry.path().filename());
  EXPECT_EQ(there, wanted);
}

TEST(OutputSchemas, VerdictsOnManifestsFit) {
  if (!test::has_schema_validator()) GTEST_SKIP() << "needs python3-jsonschema";
  const test::TemporaryDirectory directory;
  std::vector<std::string> files;
  const auto judge = [&](const std::string& name, const std::string& manifest, int code) {
    std::ofstream(directory.file(name + ".toml")) << manifest;
    std::ofstream out(directory.file(name + ".json"));
    std::ostringstream err;
    EXPECT_EQ(validate({.path = directory.file(name + ".toml"), .json = true}, out, err), code);
    files.push_back(directory.file(name + ".json"));
  };
  judge("good", "[cluster]\nname = \"demo\"\n", 0);
  judge("unplaced", "", 13);
  judge("twice", "[cluster]\nname = \"demo\"\n[network.a]\nvni = 0\n[network.a]\nmtu = 1\n", 13);
  judge("several", "[cluster]\nname = \"demo\"\n[network.a]\nsubnet = \"10.0.9.1/24\"\ncolour = 1\n", 13);
  test::expect_fits("validate", files, true);
}

}  // namespace

}  // namespace ovl
