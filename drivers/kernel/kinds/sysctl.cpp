#include "drivers/kernel/kinds/sysctl.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "drivers/kernel/kinds/netns.hpp"
#include "drivers/kernel/netlink/errors.hpp"

namespace ovl {

namespace {

Result<UniqueFd> open_directory(const std::string& proc) {
  const std::string path = proc + "/sys";
  UniqueFd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return kernel_error("opening " + path, errno, {}, Errc::io);
  return directory;
}

Error refused_path(std::string_view path) {
  return Error{.code = Errc::bug, .message = fmt::format("sysctl {}: not a path below net/", path)};
}

// nullopt when there is no such file, or it can't be read (some are write-only).
Result<std::optional<std::string>> read_value(int directory, const std::string& path) {
  const UniqueFd file = open_beneath(directory, path.c_str(), O_RDONLY);
  if (!file.valid() && (errno == ENOENT || errno == ENOTDIR)) return std::optional<std::string>();
  if (!file.valid()) return kernel_error("sysctl " + path, errno);
  std::string value(4096, '\0');
  const ssize_t size = read(file.get(), value.data(), value.size());
  if (size < 0) return kernel_error("sysctl " + path, errno);
  value.resize(static_cast<std::size_t>(size));
  while (value.ends_with('\n')) value.pop_back();
  return std::optional(std::move(value));
}

}  // namespace

bool is_sysctl_path(std::string_view path) {
  if (!path.starts_with("net/") || path.ends_with('/')) return false;
  if (path.find('\0') != std::string_view::npos || path.find("//") != std::string_view::npos) return false;
  return fmt::format("/{}/", path).find("/../") == std::string::npos;
}

Result<std::vector<Sysctl>> observe_sysctls(const std::string& proc, std::span<const Sysctl> wanted) {
  std::vector<Sysctl> found;
  if (wanted.empty()) return found;
  OVL_TRY(const UniqueFd directory, open_directory(proc));
  for (const Sysctl& sysctl : wanted) {
    if (!is_sysctl_path(sysctl.path)) return refused_path(sysctl.path);
    OVL_TRY(auto value, read_value(directory.get(), sysctl.path));
    if (value) found.push_back(Sysctl{.path = sysctl.path, .value = std::move(*value)});
  }
  return found;
}

Status write_sysctl(const std::string& proc, const Sysctl& sysctl) {
  if (!is_sysctl_path(sysctl.path)) return refused_path(sysctl.path);
  OVL_TRY(const UniqueFd directory, open_directory(proc));
  const std::string what = fmt::format("sysctl {} = {}", sysctl.path, sysctl.value);
  const UniqueFd file = open_beneath(directory.get(), sysctl.path.c_str(), O_WRONLY);
  if (!file.valid()) return kernel_error(what, errno);
  // One write: a sysctl takes its value at offset 0 only (sysctl_writes_strict).
  const std::string line = sysctl.value + "\n";
  if (write(file.get(), line.data(), line.size()) < 0) return kernel_error(what, errno);
  return {};
}

}  // namespace ovl
