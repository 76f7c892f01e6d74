#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <iostream>
#include <new>
#include <string_view>

#include "cmd/base/exit.hpp"
#include "cmd/base/style.hpp"
#include "cmd/cli/cli.hpp"

namespace {

// A file of ours that got a closed stream's number would be told what is meant for a person. In the contrary
// mode, so that who reads or writes there notices (as stdopen() of gnulib does).
void fill_standard_streams() {
  for (const int stream : {0, 1, 2}) {
    if (::fcntl(stream, F_GETFD) < 0)
      // In ascending order: open(2) takes the lowest number that is free, which is this one.
      static_cast<void>(::open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY));
  }
}

// Nobody saw what could not be written: that is no success.
int unless_unheard(int code) {
  // A full disk shows here at the latest, as streams keep what was written until then.
  if (std::cout.flush()) return code;
  std::cerr << "ovl: standard output can't be written: what it did or found was not shown\n";
  // An error's own code says more, and stays.
  return code == ovl::kExitDone || code == ovl::kExitChanges ? ovl::kExitError : code;
}

// What is thrown where nobody may throw, or in a thread of a library: words, as for any other error.
[[noreturn]] void end_in_words() {
  constexpr std::string_view words =
      "ovl: it could not go on (out of memory?); what was begun stays as it is\n";
  static_cast<void>(!::write(STDERR_FILENO, words.data(), words.size()));
  ::_exit(ovl::kExitError);
}

// Our functions answer errors; what a library throws all the same ends here.
int run_guarded(int argc, char** argv) {
  // An exception in a thread, or out of a destructor, passes every catch below; without this the user sees
  // "terminate called" and a core.
  std::set_terminate(end_in_words);
  try {
    return ovl::run_cli(argc, argv);
  } catch (const std::bad_alloc&) {
    // Apart from the others: to put what() into words takes memory.
    std::cerr << "ovl: out of memory; what was begun stays as it is\n";
  } catch (const std::exception& thrown) {
    std::cerr << "ovl: it could not go on: " << ovl::printable(thrown.what()) << "\n";
  }
  return ovl::kExitError;
}

}  // namespace

int main(int argc, char** argv) {
  // A limit on the size of files is an error of the write, EFBIG, that says which file. The default ends the
  // process with a core, in the middle of an apply (setrlimit(2), RLIMIT_FSIZE). Programs that we become get
  // it back, see replace_process().
  std::signal(SIGXFSZ, SIG_IGN);
  fill_standard_streams();
  return unless_unheard(run_guarded(argc, argv));
}
