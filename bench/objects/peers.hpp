// The peers of the kernel driver: the same namespaces, links, addresses, neighbours, forwarding entries and
// routes, made and read without any of ovl's drivers. Filters, sysctls and hosts files are not theirs.
#pragma once

#include <string>
#include <vector>

#include "model/plan/objects.hpp"

namespace ovl::bench {

// Ends the program with words.
[[noreturn]] void fail(std::string_view what);

// A program of our own on libmnl: one socket per namespace, batches of 16 KiB, one acknowledgement each.
void make_with_libmnl(const HostObjects& wanted);
// Dumps what observing looks at, and reads no further than each message's length. Answers the messages.
std::size_t read_with_libmnl(const HostObjects& wanted);

// `ip -batch` and `bridge -batch`: files written beforehand, one process per namespace and tool.
class Iproute {
 public:
  // directory: for the files.
  Iproute(const HostObjects& wanted, const std::string& directory);
  void make() const;
  void read() const;

 private:
  using Command = std::vector<std::string>;

  void add_batch(const std::string& tool, const NetnsName& where, const std::string& lines);

  std::string directory_;
  std::vector<Command> make_;
  std::vector<Command> read_;
};

}  // namespace ovl::bench
