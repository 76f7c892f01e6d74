#include "drivers/git/libgit2/libgit2_repository.hpp"

extern "C" [[gnu::visibility("default")]] const ovl::GitModule ovl_git_module;
extern "C" const ovl::GitModule ovl_git_module{ovl::kModuleBuild, ovl::open_libgit2};
