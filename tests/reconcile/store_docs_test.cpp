// What docs/keystores.md says is in a store.
#include <gtest/gtest.h>

#include <fstream>

#include "reconcile/store/store_view.hpp"

namespace ovl {

TEST(StoreDocs, NameEveryKeyOfTheTree) {
  std::ifstream file(OVL_SOURCE_DIR "/docs/keystores.md");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const StoreLayout layout(Label::parse("demo").value());
  ASSERT_FALSE(layout.tree().parts.empty());
  for (const std::string& part : layout.tree().parts) {
    EXPECT_NE(text.find("/" + part), std::string::npos) << part;
  }
  EXPECT_NE(text.find("`ovl/<cluster>/past/`"), std::string::npos);
}

}  // namespace ovl
