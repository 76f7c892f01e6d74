// gen-man DIRECTORY: writes ovl.1 and one page for each of its verbs there.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>

#include "cmd/cli.hpp"
#include "cmd/man_page.hpp"

namespace {

bool write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) std::fprintf(stderr, "gen-man: can't write %s\n", path.c_str());
  return static_cast<bool>(file);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: gen-man DIRECTORY\n");
    return 2;
  }
  const std::string directory = argv[1];
  const ovl::CommandInfo root = ovl::command_tree();
  const bool written = write(directory + "/ovl.1", ovl::main_page(root)) &&
                       std::ranges::all_of(root.commands, [&](const ovl::CommandInfo& verb) {
                         return write(directory + "/ovl-" + verb.name + ".1", ovl::verb_page(root, verb));
                       });
  return written ? 0 : 1;
}
