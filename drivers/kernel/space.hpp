// A namespace that is open: its descriptor, its sockets and the device indexes known so far. Spaces
// keeps those that were used last, within the process's limit of descriptors.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "drivers/kernel/kinds/netns.hpp"
#include "drivers/kernel/netlink/socket.hpp"
#include "drivers/nft/nft.hpp"

namespace ovl {

// "ovl-a:br0"; the host's own namespace has no name: ":br0" would read badly, so it is "br0".
std::string place_name(const NetnsName& netns, std::string_view object);

class Space {
 public:
  // fd: of the namespace; not needed for the calling thread's own, which has no name.
  static Result<std::unique_ptr<Space>> open(NetnsName name, UniqueFd fd);

  [[nodiscard]] const NetnsName& name() const { return name_; }

  [[nodiscard]] int fd() const { return fd_.get(); }

  // For run_in_namespace(): -1 when we are there already.
  [[nodiscard]] int entry() const { return name_.empty() ? -1 : fd_.get(); }

  [[nodiscard]] NetlinkSocket& route() { return route_; }

  [[nodiscard]] NftClient& nft() { return nft_; }

  // The device's index. Errors: not_found.
  Result<int> index_of(const IfName& name);
  // The same, as far as it was asked for before.
  [[nodiscard]] std::optional<int> known_index(const IfName& name) const;

  void forget_index(const IfName& name) { indexes_.erase(name); }

  void forget_indexes() { indexes_.clear(); }

  [[nodiscard]] std::uint64_t writes() const { return route_.writes() + nft_.writes(); }

  std::uint64_t last_used = 0;  // of Spaces' clock

 private:
  Space(NetnsName name, UniqueFd fd, NetlinkSocket route, NftClient nft);

  NetnsName name_;
  UniqueFd fd_;
  NetlinkSocket route_;
  NftClient nft_;
  std::map<IfName, int> indexes_;
};

class Spaces {
 public:
  explicit Spaces(const NamespaceDirectory& directory);

  // Opens the namespace or finds it open. Valid until trim() or forget(). Errors: not_found, conflict.
  Result<Space*> get(const NetnsName& name);
  // Closes it: an open namespace outlives its name.
  void forget(const NetnsName& name);

  [[nodiscard]] const NamespaceDirectory& directory() const { return directory_; }

  // More are open than should be: time to trim().
  [[nodiscard]] bool crowded() const { return open_.size() > limit_; }

  // When crowded, closes those unused for longest.
  void trim();
  // Closes all but the process's own: what is open outlives its name, and a VXLAN device in it keeps
  // its VNI. Forgets device indexes.
  void close();

  // Forgets device indexes everywhere: removing one end of a veth pair takes the other along.
  void forget_indexes();

  // Messages that the spaces sent, those closed since included.
  [[nodiscard]] std::uint64_t writes() const;

 private:
  // Errors: conflict, when it is the host's own.
  Status is_another(const NetnsName& name, int fd);

  const NamespaceDirectory& directory_;
  std::size_t limit_;
  std::uint64_t clock_ = 0;
  std::uint64_t closed_writes_ = 0;
  std::map<NetnsName, std::unique_ptr<Space>> open_;
};

}  // namespace ovl
