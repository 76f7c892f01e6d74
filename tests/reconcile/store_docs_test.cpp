// What docs/keystores.md says is in a store.
#include <gtest/gtest.h>

#include "reconcile/store/store_view.hpp"
#include "tests/support/process.hpp"

namespace ovl {

TEST(StoreDocs, NameEveryKeyOfTheTree) {
  const std::string text = test::read_file(OVL_SOURCE_DIR "/docs/keystores.md");
  const StoreLayout layout(Label::parse("demo").value());
  ASSERT_FALSE(layout.tree().parts.empty());
  for (const std::string& part : layout.tree().parts) {
    EXPECT_NE(text.find("/" + part), std::string::npos) << part;
  }
  EXPECT_NE(text.find("`ovl/<cluster>/past/`"), std::string::npos);
}

}  // namespace ovl
