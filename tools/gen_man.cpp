// gen-man DIRECTORY: writes man1/ovl.1, a page for each of its verbs beside it, and man5's of the files that
// it reads. The folders are there.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>

#include "cmd/cli/cli.hpp"
#include "cmd/help/man_page.hpp"

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
  const bool written =
      write(directory + "/man1/ovl.1", ovl::main_page(root)) &&
      write(directory + "/man5/ovl.toml.5", ovl::manifest_page()) &&
      write(directory + "/man5/ovl-policy.5", ovl::policy_page()) &&
      std::ranges::all_of(root.commands, [&](const ovl::CommandInfo& verb) {
        return write(directory + "/man1/ovl-" + verb.name + ".1", ovl::verb_page(root, verb));
      });
  return written ? 0 : 1;
}
