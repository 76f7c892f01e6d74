// Kind hosts_file: a file under /etc/netns/<netns>/ of which a block between our markers is ours.
#pragma once

#include "model/base/fields.hpp"
#include "model/kinds/host_lines.hpp"

namespace ovl {

// The most that such a file has, whoever wrote it, and the most lines of its block: hundreds of bytes and ten
// addresses for each of 100,000 endpoints.
inline constexpr std::size_t kMaxHostsFileBytes = std::size_t{64} * 1024 * 1024;
inline constexpr std::size_t kMaxHostsFileLines = 1'000'000;

struct HostsFile {
  // Identity: the namespace's name and the file's name in /etc/netns/<netns>/.
  NetnsName netns;
  std::string file;  // "hosts" or "resolv.conf"
  // The lines between our markers, in order, without line ends. When the file does not exist it is
  // made: a hosts file with the names of the loopback in front of the block, and nothing of the machine's.
  HostLines lines;
  // Written into the begin marker: whose block it is.
  std::string owner;
  // Observed only: why what has this name can't be read, as when it is no file or too large.
  std::string unusable = {};

  static constexpr std::string_view kind = "hosts_file";

  static constexpr auto fields() {
    return std::tuple{ovl::key("netns", &HostsFile::netns), ovl::key("file", &HostsFile::file),
                      ovl::setting("lines", &HostsFile::lines), ovl::mark("owner", &HostsFile::owner)};
  }

  [[nodiscard]] auto key() const { return std::tie(netns, file); }

  bool operator==(const HostsFile&) const = default;
};

}  // namespace ovl
