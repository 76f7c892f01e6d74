#include "tests/support/txtar.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace ovl::test {

namespace {

std::string_view section_name(std::string_view line) {
  if (!line.starts_with("-- ") || !line.ends_with(" --") || line.size() < 7) return {};
  return line.substr(3, line.size() - 6);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool accepting() {
  const char* value = std::getenv("OVL_ACCEPT");
  return value != nullptr && std::string_view(value) == "1";
}

void accept(const std::filesystem::path& path, Txtar archive, std::string_view section,
            const std::string& actual) {
  const auto found = std::ranges::find(archive.sections, section, &TxtarSection::name);
  if (found != archive.sections.end()) {
    found->text = actual;
  } else {
    archive.sections.push_back({.name = std::string(section), .text = actual});
  }
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text_of(archive);
}

}  // namespace

const TxtarSection* Txtar::find(std::string_view name) const {
  const auto found = std::ranges::find(sections, name, &TxtarSection::name);
  return found != sections.end() ? &*found : nullptr;
}

Txtar parse_txtar(std::string_view text) {
  Txtar archive;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    const std::string_view line = text.substr(0, end + 1);
    const std::string_view name = section_name(line.ends_with('\n') ? line.substr(0, end) : line);
    if (!name.empty()) {
      archive.sections.push_back({.name = std::string(name), .text = {}});
    } else {
      (archive.sections.empty() ? archive.comment : archive.sections.back().text) += line;
    }
    text.remove_prefix(end + 1);
  }
  return archive;
}

std::string text_of(const Txtar& archive) {
  std::string out = archive.comment;
  for (const TxtarSection& section : archive.sections) out += "-- " + section.name + " --\n" + section.text;
  return out;
}

std::vector<std::filesystem::path> cases_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

std::string case_name(const std::filesystem::path& path) {
  std::string name = path.stem().string();
  std::ranges::replace_if(
      name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

Txtar load_case(const std::filesystem::path& path) {
  return parse_txtar(read_file(path));
}

void expect_section(const std::filesystem::path& path, std::string_view section, const std::string& actual) {
  const Txtar archive = load_case(path);
  const TxtarSection* expected = archive.find(section);
  if (expected != nullptr && expected->text == actual) return;
  if (accepting()) {
    accept(path, archive, section, actual);
    GTEST_SKIP() << "accepted: " << path.string();
  }
  const std::string wanted = expected != nullptr ? expected->text : "";
  EXPECT_EQ(wanted, actual) << path.string() << ": section " << section << "; OVL_ACCEPT=1 rewrites it";
}

}  // namespace ovl::test
