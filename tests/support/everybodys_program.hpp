// The program where every user may run it, wherever the build lies: below a folder that only root may enter,
// others are kept out of all that was built there.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace ovl::test {

// The program and its git driver under names in a folder of its own, removed at the end.
class EverybodysProgram {
 public:
  EverybodysProgram() {
    // Not in /dev/shm, from which nothing may be run on some machines.
    std::string pattern = (std::filesystem::temp_directory_path() / "ovl-program-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    const std::filesystem::path built = std::filesystem::path(OVL_BINARY).parent_path();
    for (const char* name : {"ovl", "ovl-git.so"}) {
      std::error_code error;
      // With sanitizers they are hundreds of megabytes.
      std::filesystem::create_hard_link(built / name, folder_ + "/" + name, error);
      if (error) std::filesystem::copy_file(built / name, folder_ + "/" + name, error);
      if (error || ::chmod((folder_ + "/" + name).c_str(), 0755) != 0) std::abort();
    }
    if (::chmod(folder_.c_str(), 0755) != 0) std::abort();
  }

  EverybodysProgram(const EverybodysProgram&) = delete;
  EverybodysProgram& operator=(const EverybodysProgram&) = delete;

  ~EverybodysProgram() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] const std::string& folder() const { return folder_; }

  [[nodiscard]] std::string path() const { return folder_ + "/ovl"; }

 private:
  std::string folder_;
};

}  // namespace ovl::test
