// What lab tests share: a machine of the test's own, manifests as values, and commands run inside a lab's
// nodes.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "drivers/lab/labs.hpp"
#include "drivers/lab/processes.hpp"
#include "drivers/process/enter.hpp"
#include "reconcile/objects/operations.hpp"
#include "reconcile/run/lab_plan.hpp"
#include "tests/support/own_machine.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

template <class T>
T parsed(std::string_view text) {
  auto value = T::parse(text);
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? std::move(value).value() : T();
}

// advertise: an address, or the name of an interface.
inline HostBlock host_block(std::string_view name, std::string_view advertise) {
  HostBlock host;
  host.name = parsed<HostName>(name);
  const auto address = IpAddress::parse(advertise);
  if (address.ok()) {
    host.advertise.value = address.value();
  } else {
    host.advertise.value = parsed<IfName>(advertise);
  }
  return host;
}

inline Manifest manifest_of(std::vector<HostBlock> hosts) {
  Manifest manifest;
  manifest.cluster.value = parsed<Label>("demo");
  manifest.keystore.url.value = "sqlite:///var/lib/ovl/keystore.db";
  manifest.hosts = std::move(hosts);
  return manifest;
}

struct Ran {
  int status = -1;  // exit status; 128 and the signal for one that was killed
  std::string output;
};

class LabTest : public ::testing::Test {
 protected:
  static constexpr const char* kRoot = "/run/ovl/lab";

  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: makes namespaces and mounts";
    // The network is its own, too: what is counted there is of this test alone.
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    ASSERT_NO_FATAL_FAILURE(enter_own_machine());
    const Status sys = remount_sys();
    ASSERT_TRUE(sys.ok()) << sys.error().message;
  }

  // The mounts go with this process; what runs inside would not.
  void TearDown() override {
    const auto all = labs_.list();
    for (const LabEntry& lab : all.ok() ? all.value() : std::vector<LabEntry>()) {
      EXPECT_TRUE(labs_.down(lab.directory).ok());
    }
    if (etc_) {
      EXPECT_EQ(umount2("/etc", MNT_DETACH), 0);
    }
  }

  static LabPlan plan(const Manifest& manifest) {
    auto plan = plan_lab(manifest);
    EXPECT_TRUE(plan.ok()) << plan.error().message;
    return plan.ok() ? std::move(plan).value() : LabPlan();
  }

  static LabPlan two_hosts() {
    return plan(manifest_of({host_block("alpha", "192.168.99.104"), host_block("beta", "192.168.99.105")}));
  }

  static std::vector<Operation> operations(const Plan& network) {
    std::vector<Operation> all;
    for (const OperationGroup& group : operations_of(network)) {
      all.insert(all.end(), group.operations.begin(), group.operations.end());
    }
    return all;
  }

  Result<bool> up(
      const std::string& directory, const LabPlan& plan,
      const Labs::OnStep& step = [](std::string_view) {}) const {
    const Plan network = plan_lab_network(plan);
    return labs_.up(directory, plan, operations(network), step);
  }

  void expect_up(const std::string& directory, const LabPlan& plan) const {
    const auto started = up(directory, plan);
    ASSERT_TRUE(started.ok()) << started.error().message;
    EXPECT_TRUE(started.value());
  }

  [[nodiscard]] LabEntry entry(const std::string& directory) const {
    const auto all = labs_.list();
    EXPECT_TRUE(all.ok());
    for (const LabEntry& lab : all.value()) {
      if (lab.directory == directory) return lab;
    }
    ADD_FAILURE() << "no lab of " << directory;
    return {};
  }

  static LabNode node(const LabEntry& lab, const std::string& name) {
    for (const LabNode& node : lab_nodes(lab.plan)) {
      if (node.name == name) return node;
    }
    ADD_FAILURE() << "no node " << name;
    return {};
  }

  // Runs work in a child that is inside the node.
  template <class Work>
  pid_t start_inside(const std::string& directory, const std::string& name, const Work& work) const {
    const LabEntry lab = entry(directory);
    const LabNode where = node(lab, name);
    return fork_child([&] {
      const Status entered = labs_.enter(lab, where);
      if (!entered.ok()) std::cerr << entered.error().message << "\n";
      EXPECT_TRUE(entered.ok());
      if (entered.ok()) work();
    });
  }

  // Runs a shell's command line inside a node; stdout and stderr come together.
  [[nodiscard]] Ran run(const std::string& directory, const std::string& name,
                        const std::string& command) const {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    const pid_t child = start_inside(directory, name, [&] {
      dup2(ends[1], STDOUT_FILENO);
      dup2(ends[1], STDERR_FILENO);
      (void)replace_process({"/bin/sh", "-c", command});
    });
    const UniqueFd reader(ends[0]);
    UniqueFd(ends[1]).reset();
    Ran ran;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = read(reader.get(), buffer.data(), buffer.size())) > 0;) {
      ran.output.append(buffer.data(), static_cast<std::size_t>(got));
    }
    const int status = wait_for(child);
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return ran;
  }

  void expect_output(const std::string& directory, const std::string& name, const std::string& command,
                     const std::string& output) const {
    const Ran ran = run(directory, name, command);
    EXPECT_EQ(ran.status, 0) << command << ": " << ran.output;
    EXPECT_EQ(ran.output, output) << command;
  }

  void expect_ping(const std::string& directory, const std::string& from, const std::string& to) const {
    // The first packet waits for the neighbour's answer; five seconds are for a busy machine.
    const Ran ran = run(directory, from, "ping -c 1 -W 5 " + to);
    EXPECT_EQ(ran.status, 0) << from << " to " << to << ": " << ran.output;
  }

  // What a test makes and removes in /etc is its own.
  void own_etc() {
    using Options = std::filesystem::copy_options;
    const std::string copy = etc_.emplace().file("etc");
    std::filesystem::copy("/etc", copy, Options::recursive | Options::copy_symlinks);
    ASSERT_EQ(mount(copy.c_str(), "/etc", nullptr, MS_BIND, nullptr), 0);
    std::filesystem::create_directories("/etc/netns");
  }

  static std::string contents(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  // Names below a directory, sorted.
  static std::vector<std::string> tree(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, ignored)) {
      names.push_back(entry.path());
    }
    std::ranges::sort(names);
    return names;
  }

  // All that a lab could leave behind on this machine.
  struct Traces {
    std::string mounts;
    std::vector<std::string> run;
    std::vector<std::string> lib;
    std::vector<std::string> devices;

    bool operator==(const Traces&) const = default;
  };

  // But for those below /tmp, where labs mount nothing and other tests' directories come and go.
  static std::string mounts() {
    std::istringstream lines(contents("/proc/self/mountinfo"));
    std::string out;
    for (std::string line; std::getline(lines, line);) {
      if (line.find(" /tmp/") == std::string::npos) out += line + "\n";
    }
    return out;
  }

  static Traces traces() {
    Traces traces{.mounts = mounts(), .run = tree("/run"), .lib = tree("/var/lib")};
    for (const auto& entry : std::filesystem::directory_iterator("/sys/class/net")) {
      traces.devices.push_back(entry.path().filename());
    }
    std::ranges::sort(traces.devices);
    // The parent of the lab's directory stays: it is ovl's, not the lab's.
    std::erase(traces.run, "/run/ovl");
    return traces;
  }

  const Labs labs_{kRoot};

 private:
  std::optional<TemporaryDirectory> etc_;
};

}  // namespace ovl::test
