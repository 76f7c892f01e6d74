// Golden cases as text: a comment, then sections that begin with "-- NAME --". A case's input sections
// are read, its expectation sections compared; OVL_ACCEPT=1 rewrites them instead, and the test then
// reports SKIPPED, so that nothing is accepted by accident.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ovl::test {

struct TxtarSection {
  std::string name;
  std::string text;  // ends with a line break, or is empty
};

struct Txtar {
  std::string comment;
  std::vector<TxtarSection> sections;

  // The section of that name, or nullptr.
  [[nodiscard]] const TxtarSection* find(std::string_view name) const;
};

Txtar parse_txtar(std::string_view text);
std::string text_of(const Txtar& archive);

// The *.txt of a folder, sorted.
std::vector<std::filesystem::path> cases_in(const std::filesystem::path& folder);

// A test's name for gtest: the file's stem with '_' for '-'.
std::string case_name(const std::filesystem::path& path);

Txtar load_case(const std::filesystem::path& path);

// Compares a section with `actual`, or rewrites the file in accept mode. Call it last in a test.
void expect_section(const std::filesystem::path& path, std::string_view section, const std::string& actual);

}  // namespace ovl::test
