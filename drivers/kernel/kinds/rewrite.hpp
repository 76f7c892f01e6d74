// Changes files in place: their inodes are pinned by bind mounts. Space comes first, what was there is put
// back when writing fails, and a copy beside the file lets a rewriting that was cut off be finished.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "model/base/result.hpp"

namespace ovl {

// Reads to the end of the file. Errors: io with EFBIG when it has more than `most` bytes.
Result<std::string> read_whole(int fd, std::size_t most, const std::string& path);

// Makes `before`, which the file holds, `now`. Bytes that both begin with are not written. The file never
// has less than its new text: a shorter one is padded with line ends before the file is cut.
// Errors: io, among them ENOSPC before anything was written. The file then is as it was, unless that could
// not be written either.
Status rewrite(int fd, std::string_view before, std::string_view now, const std::string& path);

// Where the copy of a rewriting is: a file of that name in an open directory.
struct RewriteCopy {
  int directory = -1;
  std::string name;

  // Writes both texts down, on the disk when this returns.
  [[nodiscard]] Status keep(std::string_view before, std::string_view now) const;

  // What a rewriting that was cut off was about to write. Nothing without a whole copy, and when somebody
  // else has written the file since: then `current` is no mixture of the two texts.
  [[nodiscard]] std::optional<std::string> meant(std::string_view current, std::size_t most) const;

  void drop() const;
};

}  // namespace ovl
