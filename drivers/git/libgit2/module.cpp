#include "drivers/git/libgit2/libgit2_repository.hpp"

OVL_GIT_MODULE(ovl::open_libgit2);
