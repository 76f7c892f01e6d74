// The one way in which ovl reads files: bounded, never waiting for somebody, never throwing.
// tools/check-layers keeps other ways out.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "model/base/handle.hpp"
#include "model/base/result.hpp"

namespace ovl {

enum class Links : std::uint8_t {
  follow,  // the caller named the file
  refuse   // somebody else chose what lies there
};

struct FileLimits {
  std::size_t most = std::size_t{1} << 20;  // bytes; a larger file is refused, and no more is read of it
  Links links = Links::follow;              // of the last part of the path
};

// Opens a regular file to read. Anything else is refused without being opened: opening a pipe waits for its
// other end or wakes it, opening a device may do something. directory: the descriptor that `name` is
// relative to, or AT_FDCWD; shown: as messages name it. Errors: not_found, privilege, io (os_errno ELOOP: a
// symbolic link; EISDIR: a directory; ENXIO: another special file).
Result<UniqueFd> open_regular(int directory, const std::string& name, const std::string& shown, Links links);

// What is left of an open file or stream, to its end. Errors: io (EFBIG: more than `most` bytes).
Result<std::string> read_open(int fd, const std::string& shown, std::size_t most);

// Both of the above.
Result<std::string> read_regular(const std::string& path, const FileLimits& limits);

// The first line of a file of the kernel's, "/proc/sys/kernel/random/boot_id"; empty when it can't be read.
std::string read_first_line(const std::string& path);

// Standard input to its end, whatever it is. Errors: io (EFBIG).
Result<std::string> read_stdin(std::size_t most);

// The names in a directory, without "." and "..", sorted. Errors: not_found, privilege, io (EFBIG: more
// than 100,000).
Result<std::vector<std::string>> names_in(const std::string& path);
// The same of an open directory, which stays open.
Result<std::vector<std::string>> names_in(int directory, const std::string& shown);

}  // namespace ovl
