#include "cmd/trust/policy_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "cmd/base/style.hpp"
#include "files/trusted_file.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/parse.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMostPolicy = 1 << 20;

// An invalid policy refuses, and is not skipped: one mistyped key would let everything pass. All of its
// findings are shown, as only the host's administrator can mend them.
Result<Policy> policy_in(SourceFile file) {
  const Sources sources{std::move(file)};
  ParsedPolicy parsed = parse_policy(sources.front());
  if (parsed.diagnostics.empty()) return std::move(parsed.policy);
  std::cerr << render_all(parsed.diagnostics, sources, wants_colour(STDERR_FILENO));
  return Error{.code = Errc::guard,
               .message = fmt::format("the host's policy {} is invalid; nothing was done", sources[0].name),
               .hint = "correct it; docs/policy.md lists its keys"};
}

}  // namespace

Result<std::optional<Policy>> read_host_policy(const std::string& path) {
  std::error_code ignored;
  // Absolute, as every folder on the way is checked.
  const std::filesystem::path place = std::filesystem::absolute(path.empty() ? kHostPolicy : path, ignored);
  auto text = read_trusted_file(place.string(), kMostPolicy);
  const bool absent = !text.ok() && text.error().code == Errc::not_found;
  // A policy that nobody named need not be there. One that somebody named and that is gone must not count as
  // none: the guard would be off without a word.
  if (absent && path.empty()) return std::optional<Policy>();
  if (!text.ok()) {
    Error error = std::move(text).error().within("the host's policy");
    if (absent) error.hint = "name a file that is there, or leave --policy and OVL_POLICY out";
    return error;
  }
  OVL_TRY(Policy policy, policy_in({.name = place.string(), .text = std::move(text).value()}));
  return std::optional(std::move(policy));
}

}  // namespace ovl
