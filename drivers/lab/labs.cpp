#include "drivers/lab/labs.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <set>

#include "drivers/kernel/kinds/netns.hpp"
#include "drivers/kernel/linux.hpp"
#include "drivers/kernel/netlink/errors.hpp"
#include "drivers/lab/node.hpp"
#include "drivers/lab/own_tree.hpp"
#include "drivers/lab/processes.hpp"
#include "drivers/lab/server.hpp"
#include "files/read.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

constexpr std::array kPinTypes{"net", "mnt", "uts"};

std::string shared_name(std::size_t index) {
  return fmt::format("shared/{}", index);
}

Result<std::vector<std::string>> entries_of(const std::string& directory) {
  std::vector<std::string> paths;
  const auto names = names_in(directory);
  if (!names.ok() && names.error().code == Errc::not_found) return paths;
  if (!names.ok()) return names.error();
  for (const std::string& name : names.value()) paths.push_back(fmt::format("{}/{}", directory, name));
  return paths;
}

// Below a node's own directory there is nothing to be made on the machine.
bool is_private(const fs::path& path) {
  const auto dirs = private_directories();
  return std::ranges::any_of(
      dirs, [&](const std::string& directory) { return path.string().starts_with(directory + "/"); });
}

}  // namespace

// ---- up ------------------------------------------------------------------------------------------

Result<bool> Labs::up(const std::string& directory, const LabPlan& plan, std::span<const Operation> network,
                      const OnStep& step) const {
  OVL_TRY(const UniqueFd lock, state_.lock());
  OVL_TRY(const auto existing, state_.find(directory));
  if (existing && existing->complete) {
    if (existing->plan == plan) return false;
    return Error{.code = Errc::conflict,
                 .message = fmt::format("the lab of {} is up, with other hosts or addresses", directory),
                 .hint = "run ovl lab down first"};
  }
  if (existing) OVL_CHECK(remove(*existing));
  const LabEntry lab{.id = lab_id(directory), .directory = directory, .complete = false, .plan = plan};
  Status built = build(lab, network, step);
  if (built.ok()) return true;
  (void)remove(lab);  // the first error is the one to tell
  (void)tidy();
  return std::move(built).error();
}

Status Labs::build(const LabEntry& lab, std::span<const Operation> network, const OnStep& step) const {
  step("the run state");
  OVL_CHECK(state_.make_root());
  state_.remove_unfinished();
  step("the lab's folder");
  OVL_CHECK(state_.add(lab));
  step("mount points");
  OVL_CHECK(make_mount_points(lab.plan));
  step("shared files");
  OVL_CHECK(make_shared_files(lab));
  step("the network");
  OVL_CHECK(build_network(lab, network));
  for (const LabNode& node : lab_nodes(lab.plan)) {
    step(node.name);
    OVL_CHECK(build_node(lab, node));
  }
  if (lab.plan.server) {
    step("the keystore's server");
    OVL_CHECK(start_keystore(lab));
  }
  step("complete");
  LabEntry complete = lab;
  complete.complete = true;
  return state_.update(complete);
}

Status Labs::make_mount_points(const LabPlan& plan) const {
  for (const std::string& file : plan.shared_files) {
    std::error_code error;
    const fs::path real = fs::weakly_canonical(file, error);
    if (error) return kernel_error("looking at " + file, error.value(), {}, Errc::io);
    if (!is_private(real)) OVL_CHECK(state_.make_mount_point(real));
  }
  return {};
}

Status Labs::make_shared_files(const LabEntry& lab) const {
  for (std::size_t i = 0; i < lab.plan.shared_files.size(); ++i) {
    const std::string path = state_.path_of(lab.id, shared_name(i));
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!file.valid()) return kernel_error("making " + path, errno, {}, Errc::io);
  }
  return {};
}

Status Labs::build_network(const LabEntry& lab, std::span<const Operation> network) const {
  LinuxKernelOptions options;
  options.run_directory = state_.path_of(lab.id, "net");
  OVL_TRY(const std::unique_ptr<Kernel> kernel, open_linux_kernel(options));
  ApplyOutcome outcome = kernel->apply(network);
  if (outcome.error) return std::move(*outcome.error).within("making the lab's network");
  return {};
}

Status Labs::build_node(const LabEntry& lab, const LabNode& node) const {
  const NamespaceDirectory networks(state_.path_of(lab.id, "net"));
  OVL_TRY(const UniqueFd netns, networks.open(node.netns));
  const NodeWish wish{
      .netns_fd = netns.get(), .hostname = node.name, .hidden = state_.root(), .shared = shared_files(lab)};
  auto made = make_node(wish);
  if (!made.ok()) return std::move(made).error().within(node.name);
  const NodeNamespaces spaces = std::move(made).value();
  OVL_CHECK(pin(spaces.uts, state_.path_of(lab.id, "uts/" + node.netns.text())));
  return pin(spaces.mount, state_.path_of(lab.id, "mnt/" + node.netns.text()));
}

Status Labs::start_keystore(const LabEntry& lab) const {
  OVL_TRY(const std::string program, find_server(*lab.plan.server));
  return start_server(*lab.plan.server, program, pins_of(lab, lab.plan.server->machine.text()));
}

// ---- down ----------------------------------------------------------------------------------------

Result<bool> Labs::down(const std::string& directory) const {
  OVL_TRY(const UniqueFd lock, state_.lock());
  OVL_TRY(const auto existing, state_.find(directory));
  if (existing) OVL_CHECK(remove(*existing));
  OVL_CHECK(tidy());
  return existing.has_value();
}

Status Labs::remove(const LabEntry& lab) const {
  LabEntry incomplete = lab;
  incomplete.complete = false;
  OVL_CHECK(state_.update(incomplete));
  std::vector<std::string> pins;
  for (const char* type : kPinTypes) {
    OVL_TRY(std::vector<std::string> some, entries_of(state_.path_of(lab.id, type)));
    std::ranges::move(some, std::back_inserter(pins));
  }
  std::set<NamespaceId> inside;
  // A pin that was never mounted is a plain file; no process is in that.
  for (const std::string& path : pins) {
    if (const auto id = namespace_at(path)) inside.insert(*id);
  }
  OVL_CHECK(end_processes_inside(inside));
  for (const std::string& path : pins) OVL_CHECK(unpin(path));
  // The network driver makes its directory a mount of its own.
  OVL_CHECK(unpin(state_.path_of(lab.id, "net")));
  return state_.remove(lab);
}

Status Labs::tidy() const {
  OVL_CHECK(state_.remove_unused_root());
  state_.remove_lock();
  return {};
}

// ---- inside --------------------------------------------------------------------------------------

Result<std::vector<std::size_t>> Labs::count_processes(const LabEntry& lab) const {
  std::vector<std::size_t> counts;
  for (const LabNode& node : lab_nodes(lab.plan)) {
    std::set<NamespaceId> namespaces;
    if (const auto id = namespace_at(state_.path_of(lab.id, "uts/" + node.netns.text()))) {
      namespaces.insert(*id);
    }
    OVL_TRY(const std::vector<pid_t> inside, processes_inside(namespaces));
    counts.push_back(inside.size());
  }
  return counts;
}

Status Labs::enter(const LabEntry& lab, const LabNode& node) const {
  if (!lab.complete) {
    return Error{.code = Errc::not_found,
                 .message = fmt::format("the lab of {} was not started to the end", lab.directory),
                 .hint = "run ovl lab up again"};
  }
  Status entered = enter_node(pins_of(lab, node.netns.text()));
  if (!entered.ok()) return std::move(entered).error().within(node.name);
  return {};
}

NodePins Labs::pins_of(const LabEntry& lab, std::string_view node) const {
  const auto pin_of = [&](const char* type) {
    return state_.path_of(lab.id, fmt::format("{}/{}", type, node));
  };
  return NodePins{
      .net = pin_of("net"), .mount = pin_of("mnt"), .uts = pin_of("uts"), .shared = shared_files(lab)};
}

std::vector<SharedFile> Labs::shared_files(const LabEntry& lab) const {
  std::vector<SharedFile> files;
  for (std::size_t i = 0; i < lab.plan.shared_files.size(); ++i) {
    files.push_back({.source = state_.path_of(lab.id, shared_name(i)), .target = lab.plan.shared_files[i]});
  }
  return files;
}

}  // namespace ovl
