// `ovl plan --out net.toml` in a manifest's folder would be a part of the manifest from then on, and
// `--json-into ovl.toml` the end of it.
#include "cmd/trust/output_paths.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "cmd/base/style.hpp"

namespace ovl {

namespace {

bool is_same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  // By what is there and not by the name: a link to the manifest, or ./ovl.toml, is the manifest.
  return !b.empty() && std::filesystem::is_regular_file(b, error) && std::filesystem::equivalent(a, b, error);
}

Status check(const OutputPath& output, const std::string& manifest) {
  std::error_code error;
  // In whatever folder: which ones are somebody's manifest can't be known here.
  const bool is_called_so = output.path.ends_with(".toml");
  // An export in TOML may be called so, as long as it replaces nothing.
  const bool is_new = output.is_toml && !std::filesystem::exists(output.path, error);
  if (!is_same_file(output.path, manifest) && (!is_called_so || is_new)) return {};
  const std::string path = printable(output.path);
  if (output.is_toml) {
    return Error{
        .code = Errc::usage,
        .message = fmt::format("{}: {} is there already, and may be a manifest", output.option, path),
        .hint = "name another file, or move that one away"};
  }
  return Error{
      .code = Errc::usage,
      .message = fmt::format("{}: {} is a manifest's file, or would be read as one", output.option, path),
      .hint = "name a file that does not end with .toml; nothing was done"};
}

}  // namespace

Status check_outputs(const std::vector<OutputPath>& outputs, const std::string& manifest) {
  for (const OutputPath& output : outputs) {
    if (!output.path.empty()) OVL_CHECK(check(output, manifest));
  }
  return {};
}

}  // namespace ovl
