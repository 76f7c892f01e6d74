// gen-docs DIRECTORY: writes changes.md, errors.md, manifest.md, manifest.schema.json and schemas/ there.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "cmd/formats/output_schemas.hpp"
#include "cmd/help/change_docs.hpp"
#include "cmd/help/error_docs.hpp"
#include "cmd/help/manifest_docs.hpp"

namespace {

bool write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) std::fprintf(stderr, "gen-docs: can't write %s\n", path.c_str());
  return static_cast<bool>(file);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: gen-docs DIRECTORY\n");
    return 2;
  }
  const std::string directory = argv[1];
  bool written = write(directory + "/changes.md", ovl::changes_markdown()) &&
                 write(directory + "/errors.md", ovl::errors_markdown()) &&
                 write(directory + "/manifest.md", ovl::manifest_markdown()) &&
                 write(directory + "/manifest.schema.json", ovl::manifest_json_schema());
  std::error_code error;
  std::filesystem::create_directories(directory + "/schemas", error);
  for (const ovl::OutputSchema& schema : ovl::output_schemas()) {
    written = written && write(directory + "/schemas/" + schema.file, schema.text);
  }
  return written ? 0 : 1;
}
