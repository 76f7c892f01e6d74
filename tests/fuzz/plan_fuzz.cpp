// A saved plan is a file that somebody hands over: any bytes are refused in words, or read.
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "cmd/session/plan_output.hpp"

namespace {

// In a folder of this process's own, made once and removed at its end.
class Folder {
 public:
  Folder() {
    std::string name = "/tmp/ovl-plan-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }

  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  ~Folder() {
    ::unlink(file().c_str());
    ::rmdir(path_.c_str());
  }

  [[nodiscard]] std::string file() const { return path_ + "/plan"; }

 private:
  std::string path_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  std::ofstream(folder.file(), std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const auto plan = ovl::load_plan(folder.file());
  if (!plan.ok() && plan.error().message.empty()) std::abort();
  return 0;
}
