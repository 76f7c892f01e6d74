#include "drivers/module/module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <vector>

namespace ovl {

namespace {

namespace fs = std::filesystem;

std::string file_of(std::string_view name) {
  return fmt::format("ovl-{}.so", name);
}

Error no_module(std::string_view name, std::string_view why) {
  return Error{.code = Errc::unsupported,
               .message = fmt::format("the {} driver {}", name, why),
               .hint = fmt::format("{} belongs beside the program or into ../lib/ovl", file_of(name))};
}

// The first part of the path that this user is kept out of: a folder, or the file itself.
std::string closed_part(const fs::path& file) {
  fs::path part;
  for (const fs::path& name : file) {
    part /= name;
    const bool is_file = part == file;
    if (::access(part.c_str(), is_file ? R_OK : X_OK) != 0 && errno == EACCES) return part;
  }
  return file;
}

// It may well be installed, for others.
Error closed_module(std::string_view name, const fs::path& file) {
  const std::string part = closed_part(file);
  return Error{
      .code = Errc::unsupported,
      .message = fmt::format("the {} driver {} can't be read: {} is not open to this user", name,
                             file.string(), part),
      .hint = fmt::format("let this user {} {}, install ovl where everybody may read it, or run as root",
                          part == file ? "read" : "enter", part),
      .os_errno = EACCES};
}

Result<std::string> find_module(std::string_view name, const std::string& directory) {
  std::vector<fs::path> places{directory};
  if (directory.empty()) {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
    if (error) return no_module(name, "can't be looked for: /proc is not mounted");
    places = {program, program.parent_path() / "lib" / "ovl"};
  }
  std::optional<Error> closed;
  for (const fs::path& place : places) {
    const fs::path file = place / file_of(name);
    if (::access(file.c_str(), R_OK) == 0) return file.string();
    if (errno == EACCES && !closed) closed = closed_module(name, file);
  }
  return closed ? *closed : no_module(name, "is not installed");
}

}  // namespace

Result<const void*> load_module(std::string_view name, const char* symbol, const std::string& directory) {
  OVL_TRY(const std::string path, find_module(name, directory));
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) return no_module(name, fmt::format("can't be loaded: {}", dlerror()));
  const void* found = dlsym(handle, symbol);
  if (found == nullptr || std::string_view(*static_cast<const char* const*>(found)) != kModuleBuild) {
    return no_module(name, "is of another build");
  }
  return found;
}

}  // namespace ovl
