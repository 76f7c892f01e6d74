// The catalogue of errors holds what the code reports, nothing else, and docs/errors.md is made from it.
#include "cmd/help/error_docs.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>

#include "cmd/base/error_text.hpp"
#include "model/base/catalogue.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The product's sources, without the catalogue itself.
std::map<std::string, std::string> sources() {
  std::map<std::string, std::string> out;
  for (const char* layer : {"model", "sqlite", "state", "drivers", "reconcile", "cmd"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(OVL_SOURCE_DIR) / layer)) {
      const std::string extension = entry.path().extension();
      const std::string name = entry.path().filename();
      const bool ours = name != "catalogue.hpp" && name != "exit.hpp" && name != "error_docs.cpp";
      if (ours && (extension == ".cpp" || extension == ".hpp")) {
        out.emplace(entry.path().string(), read_file(entry.path()));
      }
    }
  }
  return out;
}

bool any_holds(const std::map<std::string, std::string>& files, const std::string& text) {
  return std::ranges::any_of(files,
                             [&](const auto& file) { return file.second.find(text) != std::string::npos; });
}

TEST(ErrorCatalogue, CommittedPageIsWhatTheCatalogueSays) {
  EXPECT_EQ(read_file(OVL_SOURCE_DIR "/docs/errors.md"), errors_markdown()) << "rebuild it: gen-docs docs";
}

TEST(ErrorCatalogue, EachEntryIsOnceAndWhole) {
  std::set<std::string_view> seen;
  for (const CatalogueEntry& entry : kCatalogue) {
    EXPECT_TRUE(seen.insert(entry.id).second) << entry.id;
    EXPECT_TRUE(entry.cause.ends_with('.')) << entry.id;
    EXPECT_TRUE(entry.remedy.ends_with('.')) << entry.id;
    EXPECT_NE(errors_markdown().find("| `" + std::string(entry.id) + "` |"), std::string::npos) << entry.id;
  }
}

TEST(ErrorCatalogue, EachFamilyStandsAtItsCode) {
  for (std::size_t i = 0; i < kErrorFamilies.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(kErrorFamilies[i].code), i);
    EXPECT_TRUE(kErrorFamilies[i].cause.ends_with('.'));
    EXPECT_FALSE(kErrorFamilies[i].remedy.empty());
  }
  EXPECT_EQ(kErrorFamilies.size(), EnumNames<Errc>::names.size());
}

// The other way round the compiler checks: a FindingId that is not in the catalogue does not compile.
TEST(ErrorCatalogue, EachIdIsReportedSomewhere) {
  const auto files = sources();
  for (const CatalogueEntry& entry : kCatalogue) {
    EXPECT_TRUE(any_holds(files, "\"" + std::string(entry.id) + "\"")) << entry.id;
  }
}

TEST(ErrorCatalogue, EachFamilyIsUsedSomewhere) {
  const auto files = sources();
  for (const Errc code :
       {Errc::usage, Errc::manifest, Errc::io, Errc::conflict, Errc::guard, Errc::stale, Errc::locked,
        Errc::unreachable, Errc::in_doubt, Errc::privilege, Errc::kernel, Errc::not_found, Errc::corrupt,
        Errc::verify, Errc::interrupted, Errc::unsupported, Errc::bug}) {
    std::string name(name_of(code));
    std::ranges::replace(name, '-', '_');
    EXPECT_TRUE(any_holds(files, "Errc::" + name)) << name;
  }
}

// Whoever makes a finding names it.
TEST(ErrorCatalogue, EachFindingHasAnId) {
  const std::regex made(R"(Finding\{\s*\.code = [^,]*,\s*\.id =)");
  std::size_t count = 0;
  for (const auto& [path, text] : sources()) {
    std::size_t braces = 0;
    for (std::size_t at = text.find("Finding{"); at != std::string::npos;
         at = text.find("Finding{", at + 1)) {
      ++braces;
    }
    const auto named = std::distance(std::sregex_iterator(text.begin(), text.end(), made), {});
    EXPECT_EQ(braces, static_cast<std::size_t>(named)) << path << ": a Finding without .id after its .code";
    count += braces;
  }
  EXPECT_GE(count, 9U);
}

TEST(ErrorText, HasTheFamilyAndARemedy) {
  const Style plain(false);
  EXPECT_EQ(error_text({.code = Errc::locked, .message = "a\nb", .hint = "wait"}, plain),
            "ovl: a\\x0ab [locked]\nhint: wait\n");
  EXPECT_EQ(error_text({.code = Errc::in_doubt, .message = "no answer"}, plain),
            "ovl: no answer [in-doubt]\nhint: apply again: it reads what is there and goes on from that\n");
  EXPECT_EQ(error_text({.code = Errc::interrupted, .message = "interrupted"}, plain),
            "ovl: interrupted [interrupted]\n");
}

// What helps against most errors of a family sends the reader of another one astray.
TEST(ErrorText, HasNoRemedyOfAnotherCase) {
  const Style plain(false);
  for (const Errc code : {Errc::conflict, Errc::guard, Errc::stale, Errc::not_found, Errc::corrupt}) {
    const Error error{.code = code, .message = "so it is"};
    EXPECT_EQ(error_text(error, plain), fmt::format("ovl: so it is [{}]\n", name_of(code)));
    EXPECT_EQ(remedy_for(error), "");
  }
}

}  // namespace

}  // namespace ovl
