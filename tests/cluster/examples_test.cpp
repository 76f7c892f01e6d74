// Every example is planned, applied, found in order, and leaves nothing behind.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/cluster/lab_rig.hpp"

namespace ovl {

namespace {

std::vector<std::string> examples() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(OVL_SOURCE_DIR) + "/examples")) {
    if (entry.is_directory()) names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

class Examples : public LabRig, public ::testing::WithParamInterface<std::string> {
 protected:
  // All files of the example as one manifest.
  [[nodiscard]] static std::string manifest() {
    std::string text;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::string(OVL_SOURCE_DIR) + "/examples/" + GetParam())) {
      if (entry.path().extension() != ".toml") continue;
      std::ifstream file(entry.path());
      text.append(std::istreambuf_iterator<char>(file), {});
    }
    return text;
  }

  static std::vector<std::string> hosts(const std::string& manifest) {
    std::vector<std::string> names;
    for (std::size_t at = 0; (at = manifest.find("[host.", at)) != std::string::npos; ++at) {
      names.push_back(manifest.substr(at + 6, manifest.find(']', at) - at - 6));
    }
    return names;
  }
};

}  // namespace

TEST_P(Examples, IsAppliedAndRemoved) {
  const std::string text = manifest();
  up(text);
  std::vector<std::string> before;
  for (const std::string& host : hosts(text)) before.push_back(snapshot(host));
  for (const std::string& host : hosts(text)) apply(host);
  // A host may learn from the facts of those that came after it.
  for (const std::string& host : hosts(text)) EXPECT_TRUE(in_sync(host));
  for (const std::string& host : hosts(text)) EXPECT_EQ(on(host, "ovl destroy --auto-approve").code, 0);
  std::size_t index = 0;
  for (const std::string& host : hosts(text)) EXPECT_EQ(snapshot(host), before[index++]);
}

INSTANTIATE_TEST_SUITE_P(All, Examples, ::testing::ValuesIn(examples()), [](const auto& one) {
  std::string name = one.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace ovl
