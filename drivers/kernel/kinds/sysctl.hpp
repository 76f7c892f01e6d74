// Kind sysctl: files under /proc/sys/net. They show the network namespace of the thread that reads,
// so both functions are for a thread inside it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/kinds/sysctl.hpp"

namespace ovl {

// Whether the path is one that ovl may touch: "net/", then names without ".." in between.
bool is_sysctl_path(std::string_view path);

// Those of `wanted` whose file exists, with the values they have now. proc: "/proc".
Result<std::vector<Sysctl>> observe_sysctls(const std::string& proc, std::span<const Sysctl> wanted);

// Errors: kernel (also when there is no such file), privilege.
Status write_sysctl(const std::string& proc, const Sysctl& sysctl);

}  // namespace ovl
