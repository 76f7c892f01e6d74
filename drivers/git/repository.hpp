// What git says of the place where a manifest lies. Reads only: no checkout, no hook, no command is run.
#pragma once

#include <memory>
#include <string>

#include "drivers/module/module.hpp"
#include "model/result.hpp"

namespace ovl {

// A place inside a work tree, as it is at its HEAD.
struct Checkout {
  std::string commit;   // HEAD, 40 hexadecimal digits
  std::string root;     // the first commit of its history, by first parents; empty in a shallow clone
  std::string path;     // of the place, below the top of the work tree; "" is the top
  bool tracked = true;  // HEAD has that path
  bool dirty = false;   // the files there are not those of HEAD
};

class GitRepository {
 public:
  virtual ~GitRepository() = default;

  // `place`: a file or a directory. Errors: not_found (no commit yet, a bare repository), io.
  virtual Result<Checkout> checkout(const std::string& place) = 0;

  // Whether `commit` is `ancestor` or comes after it. A commit that is not in this repository follows
  // nothing and is followed by nothing. Errors: io.
  virtual Result<bool> follows(const std::string& commit, const std::string& ancestor) = 0;
};

// What the module's file offers; see load_module().
struct GitModule {
  const char* build;
  Result<std::unique_ptr<GitRepository>> (*open)(const std::string& top);
};

inline constexpr const char* kGitSymbol = "ovl_git_module";

// Defines the exported symbol; `open` is the driver's own opening function.
#define OVL_GIT_MODULE(open_function)                                            \
  extern "C" [[gnu::visibility("default")]] const ovl::GitModule ovl_git_module; \
  extern "C" const ovl::GitModule ovl_git_module {                               \
    ovl::kModuleBuild, (open_function)                                           \
  }

// The repository that `place` is in, or none: no folder above it has a ".git". The driver is loaded only
// then. Errors: guard (the repository is somebody else's), unsupported, io.
Result<std::unique_ptr<GitRepository>> open_repository(const std::string& place,
                                                       const std::string& driver_directory = {});

}  // namespace ovl
