#include "drivers/kernel/space.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "drivers/kernel/netlink/errors.hpp"

namespace ovl {

namespace {

// A space holds three descriptors; some are left for everything else.
std::size_t space_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 64;
  const std::uint64_t spare = limit.rlim_cur > 128 ? limit.rlim_cur - 64 : 64;
  return static_cast<std::size_t>(std::clamp<std::uint64_t>(spare / 3, 16, 4096));
}

}  // namespace

std::string place_name(const NetnsName& netns, std::string_view object) {
  return netns.empty() ? std::string(object) : fmt::format("{}:{}", netns.text(), object);
}

Space::Space(NetnsName name, UniqueFd fd, NetlinkSocket route, NftClient nft)
    : name_(std::move(name)), fd_(std::move(fd)), route_(std::move(route)), nft_(std::move(nft)) {}

Result<std::unique_ptr<Space>> Space::open(NetnsName name, UniqueFd fd) {
  struct Clients {
    NetlinkSocket route;
    NftClient nft;
  };

  auto clients = run_in_namespace(name.empty() ? -1 : fd.get(), []() -> Result<Clients> {
    OVL_TRY(auto route, NetlinkSocket::open());
    OVL_TRY(auto nft, NftClient::open());
    return Clients{std::move(route), std::move(nft)};
  });
  if (!clients.ok()) return std::move(clients).error().within("netns " + name.text());
  Clients opened = std::move(clients).value();
  if (name.empty()) fd = UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return kernel_error("opening the network namespace", errno, {}, Errc::io);
  return std::make_unique<Space>(
      Space(std::move(name), std::move(fd), std::move(opened.route), std::move(opened.nft)));
}

std::optional<int> Space::known_index(const IfName& name) const {
  const auto known = indexes_.find(name);
  return known != indexes_.end() ? std::optional(known->second) : std::nullopt;
}

Result<int> Space::index_of(const IfName& name) {
  if (const auto known = known_index(name)) return *known;
  MessageQueue request;
  request.start(RTM_GETLINK, 0, ifinfomsg{});
  request.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  request.put_text(IFLA_IFNAME, name.view());
  auto answer = route_.get(request);
  if (!answer.ok()) return std::move(answer).error().within("link " + place_name(name_, name.view()));
  const auto bytes = std::move(answer).value();
  const auto message = MessageView::first_of(bytes);
  const auto link = message ? message->family<ifinfomsg>() : std::nullopt;
  if (!link) return Error{.code = Errc::kernel, .message = "RTM_GETLINK: a short answer"};
  indexes_[name] = link->ifi_index;
  return link->ifi_index;
}

Spaces::Spaces(const NamespaceDirectory& directory) : directory_(directory), limit_(space_limit()) {}

Result<Space*> Spaces::get(const NetnsName& name) {
  auto found = open_.find(name);
  if (found == open_.end()) {
    UniqueFd fd;
    if (!name.empty()) {
      OVL_TRY(fd, directory_.open(name));
      OVL_CHECK(is_another(name, fd.get()));
    }
    OVL_TRY(auto space, Space::open(name, std::move(fd)));
    found = open_.emplace(name, std::move(space)).first;
  }
  found->second->last_used = ++clock_;
  return found->second.get();
}

// A name for the host's own namespace (of a container that shares the host's network, as a rule) is no
// endpoint's: what ovl makes for one would be made on the host.
Status Spaces::is_another(const NetnsName& name, int fd) {
  OVL_TRY(const Space* own, get(NetnsName()));

  struct stat named {};

  struct stat here {};

  const bool known = fstat(fd, &named) == 0 && fstat(own->fd(), &here) == 0;
  if (!known || named.st_ino != here.st_ino || named.st_dev != here.st_dev) return {};
  return Error{
      .code = Errc::conflict,
      .message = fmt::format("netns {} is another name of this host's own namespace", name.text()),
      .hint = fmt::format("take the name away, which leaves the namespace: ip netns delete {}; or use "
                          "another one",
                          name.text())};
}

void Spaces::forget(const NetnsName& name) {
  const auto found = open_.find(name);
  if (found == open_.end()) return;
  closed_writes_ += found->second->writes();
  open_.erase(found);
}

void Spaces::trim() {
  if (!crowded()) return;
  std::vector<std::pair<std::uint64_t, NetnsName>> by_age;
  for (const auto& [name, space] : open_) by_age.emplace_back(space->last_used, name);
  std::ranges::sort(by_age);
  by_age.resize(open_.size() - limit_ / 2);
  for (const auto& [age, name] : by_age) forget(name);
}

void Spaces::close() {
  while (!open_.empty() && !open_.rbegin()->first.empty()) forget(NetnsName(open_.rbegin()->first));
  forget_indexes();
}

void Spaces::forget_indexes() {
  for (auto& [name, space] : open_) space->forget_indexes();
}

std::uint64_t Spaces::writes() const {
  std::uint64_t sum = closed_writes_;
  for (const auto& [name, space] : open_) sum += space->writes();
  return sum;
}

}  // namespace ovl
