#include "tests/cluster/lab_rig.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "model/handle.hpp"

namespace ovl {

namespace {

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

Ran LabRig::on(const std::string& host, const std::string& command) const {
  return shell("cd " + directory_ + " && " + OVL_BINARY + " lab exec --lab " + directory_ + " " + host +
               " -- sh -c " + quoted(with_path(command)));
}

Ran LabRig::in(const std::string& host, const std::string& endpoint, const std::string& command) const {
  return on(host, "ovl exec " + endpoint + " -- sh -c " + quoted(command));
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
