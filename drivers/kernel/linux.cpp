#include "drivers/kernel/linux.hpp"

#include <algorithm>

#include "drivers/kernel/apply.hpp"
#include "drivers/kernel/kinds/announce.hpp"
#include "drivers/kernel/kinds/netns.hpp"
#include "drivers/kernel/links/link.hpp"
#include "drivers/kernel/links/tunnel_obstacles.hpp"
#include "drivers/kernel/look/facts.hpp"
#include "drivers/kernel/look/on_link.hpp"
#include "drivers/kernel/look/way_out.hpp"
#include "drivers/kernel/observe.hpp"
#include "drivers/kernel/space.hpp"
#include "drivers/nft/others.hpp"
#include "files/read.hpp"

namespace ovl {

namespace {

// What every alias that ovl sets begins with, whatever the cluster.
constexpr std::string_view kMarkPrefix = "ovl:";

class LinuxKernel : public Kernel {
 public:
  explicit LinuxKernel(const LinuxKernelOptions& options)
      : options_(options),
        directory_(options.run_directory, options.mount_namespace),
        spaces_(directory_),
        files_(HostsFileOptions{.etc_directory = options.etc_directory}) {}

  // Opens the host's own namespace, so that a lack of privilege shows at once.
  Status open() {
    OVL_TRY(Space * own, spaces_.get(NetnsName()));
    (void)own;
    return {};
  }

  Result<std::vector<NetnsName>> owned_namespaces() override {
    OVL_TRY(const auto names, directory_.list());
    std::vector<NetnsName> owned;
    for (const NetnsName& name : names) {
      auto ours = is_owned(name);
      spaces_.forget(name);
      // One that can't be read is looked at by observe(), which says why, if its name is one of ours.
      if (ours.ok() ? ours.value() : name.text().starts_with(kSandboxPrefix)) owned.push_back(name);
    }
    return with_files(std::move(owned));
  }

  Result<HostObjects> observe(const HostObjects& wanted) override {
    auto observed = observe_namespaces(spaces_, files_, options_.proc, wanted);
    spaces_.close();
    return observed;
  }

  Result<HostFacts> facts(const FactsRequest& request) override {
    OVL_TRY(Space * own, spaces_.get(NetnsName()));
    return read_facts(own->route(), options_, request);
  }

  Result<std::optional<IfName>> way_out(const IfName& bridge, const IpAddress& source) override {
    OVL_TRY(Space * own, spaces_.get(NetnsName()));
    return find_way_out(own->route(), bridge, source);
  }

  Result<std::vector<IpAddress>> on_link(const IpAddress& source,
                                         std::span<const IpAddress> addresses) override {
    OVL_TRY(Space * own, spaces_.get(NetnsName()));
    return addresses_on_link(own->route(), source, addresses);
  }

  Result<bool> is_shut_by_others() override { return others_shut_this_host(); }

  Result<std::vector<TunnelObstacle>> tunnel_obstacles(std::span<const Link> wanted) override {
    auto found = find_tunnel_obstacles(spaces_, options_.proc, wanted);
    spaces_.close();
    return found;
  }

  Result<std::vector<NftTable>> filters_of_others() override { return ovl::filters_of_others(); }

  using Kernel::apply;

  ApplyOutcome apply(std::span<const Operation> operations, Failures* failures) override {
    const ApplyContext context{.directory = directory_,
                               .spaces = spaces_,
                               .files = files_,
                               .proc = options_.proc,
                               .other_writes = other_writes_,
                               .failures = failures};
    ApplyOutcome outcome = apply_operations(context, operations);
    if (held_) {
      spaces_.forget_indexes();
    } else {
      spaces_.close();
    }
    return outcome;
  }

  void hold_namespaces(bool held) override {
    held_ = held;
    if (!held_) spaces_.close();
  }

  Status announce(std::span<const Announcement> announcements) override {
    Status status;
    for (const Announcement& announcement : announcements) {
      status = announce_one(announcement);
      if (!status.ok()) break;
      spaces_.trim();
    }
    spaces_.close();
    return status;
  }

  [[nodiscard]] std::uint64_t writes() const override {
    return spaces_.writes() + files_.writes() + other_writes_;
  }

 private:
  // Also those that are gone and have left files of ours in /etc/netns.
  Result<std::vector<NetnsName>> with_files(std::vector<NetnsName> owned) const {
    const auto folders = names_in(options_.etc_directory);
    if (!folders.ok()) return owned;  // there are none
    for (const std::string& text : folders.value()) {
      auto name = NetnsName::parse(text);
      if (!name.ok() || std::ranges::binary_search(owned, name.value())) continue;
      const auto files = files_.observe(name.value(), {});
      if (files.ok() && !files.value().empty()) owned.push_back(std::move(name).value());
    }
    std::ranges::sort(owned);
    owned.erase(std::unique(owned.begin(), owned.end()), owned.end());
    return owned;
  }

  Result<bool> is_owned(const NetnsName& name) {
    if (directory_.is_unfinished(name)) return name.text().starts_with(kSandboxPrefix);
    auto space = spaces_.get(name);
    // Gone meanwhile, or no network namespace at all.
    const bool none =
        !space.ok() && (space.error().code == Errc::not_found || space.error().code == Errc::conflict);
    if (none) return false;
    if (!space.ok()) return std::move(space).error();
    OVL_TRY(const LinkTable links, read_links(space.value()->route()));
    const LinkRow* lo = links.loopback();
    return (lo != nullptr && lo->link.alias.starts_with(kMarkPrefix)) ||
           std::ranges::any_of(links.rows(), [](const LinkRow& row) { return carries_our_mark(row.link); });
  }

  Status announce_one(const Announcement& announcement) {
    OVL_TRY(Space * space, spaces_.get(announcement.netns));
    OVL_TRY(const int index, space->index_of(announcement.dev));
    const std::string what = "announcing " + announcement.address.text() + " on link " +
                             place_name(announcement.netns, announcement.dev.view());
    const auto frame = announcement_frame(announcement.address, announcement.mac);
    return run_in_namespace(space->entry(), [&] { return send_frame(index, frame, what); });
  }

  LinuxKernelOptions options_;
  NamespaceDirectory directory_;
  Spaces spaces_;
  HostsFiles files_;
  std::uint64_t other_writes_ = 0;
  bool held_ = false;
};

}  // namespace

Result<std::unique_ptr<Kernel>> open_linux_kernel(const LinuxKernelOptions& options) {
  auto kernel = std::make_unique<LinuxKernel>(options);
  OVL_CHECK(kernel->open());
  return std::unique_ptr<Kernel>(std::move(kernel));
}

}  // namespace ovl
