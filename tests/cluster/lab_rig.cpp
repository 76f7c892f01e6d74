#include "tests/cluster/lab_rig.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "drivers/lab/run_state.hpp"
#include "model/base/handle.hpp"
#include "tests/support/own_machine.hpp"

namespace ovl {

namespace {

// Of all tests of this program.
[[maybe_unused]] const auto* const kOwnMachine =
    ::testing::AddGlobalTestEnvironment(std::make_unique<test::OwnMachine>().release());

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The binary under test is what "ovl" means inside the lab.
std::string with_path(const std::string& command) {
  const std::string folder = std::filesystem::path(OVL_BINARY).parent_path().string();
  return "PATH=" + folder + ":$PATH; " + command;
}

}  // namespace

Ran shell(const std::string& command) {
  const std::string line =
      "exec 2>&1; exec env -u CI -u OVL_IN_AUTOMATION timeout 120 sh -c " + quoted(command) + " </dev/null";
  FILE* pipe = popen(line.c_str(), "r");
  Ran ran;
  if (pipe == nullptr) return ran;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    ran.out.append(buffer.data(), got);
  }
  const int status = pclose(pipe);
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

void LabRig::SetUp() {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  std::string pattern = "/tmp/ovl-lab-XXXXXX";
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  directory_ = pattern;
}

void LabRig::TearDown() {
  if (directory_.empty()) return;
  const Ran down = shell(std::string(OVL_BINARY) + " lab down " + directory_);
  EXPECT_EQ(down.code, 0) << down.out;
  std::filesystem::remove_all(directory_);
}

void LabRig::write(const std::string& manifest) const {
  std::ofstream(directory_ + "/ovl.toml") << manifest;
}

void LabRig::up(const std::string& manifest) {
  write(manifest);
  const Ran ran = shell(std::string(OVL_BINARY) + " lab up " + directory_);
  ASSERT_EQ(ran.code, 0) << ran.out;
}

// As `ovl lab exec`, which tests/lab has, without another program with sanitizers for each command.
Ran LabRig::on(const std::string& host, const std::string& command) const {
  const std::string place = "/run/ovl/lab/" + lab_id(directory_);
  const bool is_host = std::filesystem::exists(place + "/net/" + host);
  const std::string node = is_host ? host : "ovl-" + host;  // "router", "outside", "keystore"
  return shell("nsenter --uts=" + place + "/uts/" + node + " --net=" + place + "/net/" + node +
               " --mount=" + place + "/mnt/" + node + " sh -c " +
               quoted("cd " + directory_ + " || exit 125; " + with_path(command)));
}

Ran LabRig::in(const std::string& host, const std::string& endpoint, const std::string& command) const {
  return on(host, "ovl exec " + endpoint + " -- sh -c " + quoted(command));
}

bool lacks_consul(const std::string& url) {
  return url.starts_with("consul:") &&
         !std::filesystem::exists(std::string(OVL_SOURCE_DIR) + "/build/servers/consul");
}

std::string LabRig::apply(const std::string& host, const std::string& options) const {
  Ran ran = on(host, "ovl apply --auto-approve " + options);
  EXPECT_EQ(ran.code, 0) << host << ":\n" << ran.out;
  return ran.out;
}

bool LabRig::in_sync(const std::string& host) const {
  const Ran ran = on(host, "ovl plan --detailed-exitcode");
  if (ran.code != 0) ADD_FAILURE() << host << ":\n" << ran.out;
  return ran.code == 0;
}

// Link-local addresses come by themselves, a while after their device.
std::string LabRig::snapshot(const std::string& host) const {
  return on(host,
            "{ ip -d link; ip addr; ip route show table all; ip neigh show nud permanent; bridge fdb; nft -s "
            "list ruleset; "
            "} | grep -v -e fe80: -e 33:33: -e valid_lft; find /run/netns /etc/netns -type f 2>/dev/null; "
            "for f in /proc/sys/net/ipv4/conf/*/forwarding /proc/sys/net/ipv4/ip_forward; do echo $f $(cat "
            "$f); done")
      .out;
}

}  // namespace ovl
