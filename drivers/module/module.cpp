#include "drivers/module/module.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

namespace ovl {

namespace {

namespace fs = std::filesystem;

std::string file_of(std::string_view name) {
  return fmt::format("ovl-{}.so", name);
}

std::string find_module(std::string_view name, const std::string& directory) {
  if (!directory.empty()) return fs::path(directory) / file_of(name);
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& place : {program, program.parent_path() / "lib" / "ovl"}) {
    if (fs::exists(place / file_of(name), error)) return place / file_of(name);
  }
  return {};
}

Error no_module(std::string_view name, std::string_view why) {
  return Error{.code = Errc::unsupported,
               .message = fmt::format("the {} driver {}", name, why),
               .hint = fmt::format("{} belongs beside the program or into ../lib/ovl", file_of(name))};
}

}  // namespace

Result<const void*> load_module(std::string_view name, const char* symbol, const std::string& directory) {
  const std::string path = find_module(name, directory);
  if (path.empty()) return no_module(name, "is not installed");
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) return no_module(name, fmt::format("can't be loaded: {}", dlerror()));
  const void* found = dlsym(handle, symbol);
  if (found == nullptr || std::string_view(*static_cast<const char* const*>(found)) != kModuleBuild) {
    return no_module(name, "is of another build");
  }
  return found;
}

}  // namespace ovl
