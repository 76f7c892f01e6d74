// Whether a file is still what it was, without reading it.
#pragma once

#include <sys/types.h>

#include <ctime>
#include <optional>
#include <string>

namespace ovl {

class FileWatch {
 public:
  explicit FileWatch(std::string path) : path_(std::move(path)) {}

  // False: it is surely as it was when this was asked last, or absent as then. True the first time, and while
  // its last change is so fresh that another one could have the same time.
  bool may_have_changed();

 private:
  struct Stamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec changed{};  // its content or anything else of it

    bool operator==(const Stamp& other) const;
  };

  std::string path_;
  std::optional<Stamp> seen_;
};

}  // namespace ovl
