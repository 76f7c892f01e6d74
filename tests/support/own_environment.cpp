// A test meets no word of whoever runs it: neither variables that ovl, git or a terminal obey, nor what this
// machine's /etc/ovl says. Part of every test program, before its first test.
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ovl::test {

namespace {

// What tests themselves are asked by.
constexpr std::array kAsked{std::string_view("OVL_ACCEPT"),       std::string_view("OVL_HOSTILE_COUNT"),
                            std::string_view("OVL_HOSTILE_SEED"), std::string_view("OVL_SEED"),
                            std::string_view("OVL_SOAK"),         std::string_view("OVL_TESTS"),
                            std::string_view("OVL_TEST_APPLIER")};

constexpr std::array kPrefixes{std::string_view("OVL_"), std::string_view("GIT_"),
                               std::string_view("LC_"),  std::string_view("GITHUB_"),
                               std::string_view("CI_"),  std::string_view("CLICOLOR")};

constexpr std::array kNames{
    std::string_view("CI"),           std::string_view("NO_COLOR"),       std::string_view("LANG"),
    std::string_view("LANGUAGE"),     std::string_view("JOURNAL_STREAM"), std::string_view("NOTIFY_SOCKET"),
    std::string_view("WATCHDOG_USEC")};

template <class Words>
bool has(const Words& words, std::string_view name) {
  for (const std::string_view word : words) {
    if (word == name) return true;
  }
  return false;
}

bool is_somebodys(std::string_view name) {
  if (has(kAsked, name)) return false;
  for (const std::string_view prefix : kPrefixes) {
    if (name.starts_with(prefix)) return true;
  }
  return has(kNames, name);
}

void forget_variables() {
  std::vector<std::string> names;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view text(*one);
    const std::string_view name = text.substr(0, text.find('='));
    if (is_somebodys(name)) names.emplace_back(name);
  }
  for (const std::string& name : names) ::unsetenv(name.c_str());
}

// For root, who may; others are told by what fails.
void hide_host_files() {
  std::error_code error;
  const bool there = std::filesystem::is_directory("/etc/ovl", error) &&
                     !std::filesystem::is_empty("/etc/ovl", error) && !error;
  if (!there || ::geteuid() != 0) return;
  const bool hidden = ::unshare(CLONE_NEWNS) == 0 &&
                      ::mount("", "/", nullptr, MS_PRIVATE | MS_REC, nullptr) == 0 &&
                      ::mount("tmpfs", "/etc/ovl", "tmpfs", 0, "mode=0755") == 0;
  if (!hidden) std::perror("hiding this machine's /etc/ovl");
}

[[maybe_unused]] const bool kIsOwn = [] {
  forget_variables();
  hide_host_files();
  return true;
}();

}  // namespace

}  // namespace ovl::test
