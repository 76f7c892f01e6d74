#include <fcntl.h>

#include <iostream>

#include "cmd/cli.hpp"
#include "cmd/exit.hpp"

namespace {

// A file of ours that got a closed stream's number would be told what is meant for a person. In the contrary
// mode, so that who reads or writes there notices (as stdopen() of gnulib does).
void fill_standard_streams() {
  for (const int stream : {0, 1, 2}) {
    if (::fcntl(stream, F_GETFD) < 0)
      static_cast<void>(::open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY));
  }
}

// Nobody saw what could not be written: that is no success.
int unless_unheard(int code) {
  if (std::cout.flush()) return code;
  std::cerr << "ovl: standard output can't be written: what it did or found was not shown\n";
  return code == ovl::kExitDone || code == ovl::kExitChanges ? ovl::kExitError : code;
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_streams();
  return unless_unheard(ovl::run_cli(argc, argv));
}
