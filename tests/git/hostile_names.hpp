// Names of a tree's entries, with what each of them is: told here, not worked out.
#pragma once

#include <array>
#include <string>

namespace ovl::test {

enum class Fate {
  manifest,  // *.toml
  plain,     // any other file or folder
  hidden,    // begins with a dot: skipped
  no_text,   // a manifest whose name is no UTF-8
  refused,   // no honest commit has it
  broken,    // not even a tree can be parsed that has it
};

struct HostileName {
  std::string text;
  Fate fate;
};

inline const std::array<HostileName, 8> kHonestNames{{{"ovl.toml", Fate::manifest},
                                                      {"a.toml", Fate::manifest},
                                                      {"z.toml", Fate::manifest},
                                                      {"net", Fate::plain},
                                                      {"lib", Fate::plain},
                                                      {"net.d", Fate::plain},
                                                      {"README", Fate::plain},
                                                      {".github", Fate::hidden}}};

inline const std::array<HostileName, 36> kHostileNames{{{"..", Fate::refused},
                                                        {".", Fate::refused},
                                                        {".git", Fate::refused},
                                                        {".GIT", Fate::refused},
                                                        {".gIt", Fate::refused},
                                                        {".g\u200cit", Fate::refused},
                                                        {".git\u200d", Fate::refused},
                                                        {"\ufeff.git", Fate::refused},
                                                        {"git~1", Fate::refused},
                                                        {"GIT~1", Fate::refused},
                                                        {".git ", Fate::refused},
                                                        {".git.", Fate::refused},
                                                        {".git. .", Fate::refused},
                                                        {".git::$INDEX_ALLOCATION", Fate::refused},
                                                        {".GIT:x", Fate::refused},
                                                        {"git~1 ", Fate::refused},
                                                        {"a/b.toml", Fate::refused},
                                                        {"/etc/ovl.toml", Fate::refused},
                                                        {"../up.toml", Fate::refused},
                                                        {"a\\b.toml", Fate::refused},
                                                        {"..\\up.toml", Fate::refused},
                                                        {"\x01.toml", Fate::refused},
                                                        {"\x1b[2J.toml", Fate::refused},
                                                        {"a\nb.toml", Fate::refused},
                                                        {"a\tb", Fate::refused},
                                                        {"\x7f.toml", Fate::refused},
                                                        {std::string(295, 'n') + ".toml", Fate::refused},
                                                        {std::string(250, 'n') + ".toml", Fate::manifest},
                                                        {"", Fate::broken},
                                                        {"\xff\xfe.toml", Fate::no_text},
                                                        {"\xc0\xae\xc0\xae.toml", Fate::no_text},
                                                        {"\xed\xa0\x80.toml", Fate::no_text},
                                                        {"git~2.toml", Fate::manifest},
                                                        {".gitmodules", Fate::hidden},
                                                        {".git2.toml", Fate::hidden},
                                                        {"...", Fate::hidden}}};

}  // namespace ovl::test
