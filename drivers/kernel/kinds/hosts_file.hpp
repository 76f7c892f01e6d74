// Kind hosts_file: /etc/netns/<netns>/hosts and resolv.conf, of which a block between two marker lines
// is ours. Files are changed in place: a bind mount pins the inode, so a file replaced by rename is
// never seen by processes that run inside.
#pragma once

#include <string>
#include <vector>

#include "model/kinds/hosts_file.hpp"

namespace ovl {

struct HostsFileOptions {
  std::string etc_directory = "/etc/netns";
};

class HostsFiles {
 public:
  explicit HostsFiles(HostsFileOptions options) : options_(std::move(options)) {}

  // The files of one namespace that have a block of ours, sorted; of those that `wanted` has by name also
  // such as can't be written.
  [[nodiscard]] Result<std::vector<HostsFile>> observe(const NetnsName& netns,
                                                       const std::vector<HostsFile>& wanted) const;

  // Errors: conflict when the file has a block of ours; usage when a line has a control character.
  Status create(const HostsFile& file);

  // Also puts what a new file has in front of the block in the place of what another build put there, where
  // nobody has changed it. Errors: not_found when the block has gone since it was read.
  Status update(const HostsFile& file);

  // Takes the block out; a file that ovl made and nobody added to goes as a whole. Absent is success.
  Status remove(const HostsFile& file);

  // Files written or removed.
  [[nodiscard]] std::uint64_t writes() const { return writes_; }

 private:
  HostsFileOptions options_;
  std::uint64_t writes_ = 0;
};

}  // namespace ovl
