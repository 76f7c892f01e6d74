#include "reconcile/manifest/host_file.hpp"

#include "reconcile/manifest/decode_manifest.hpp"
#include "reconcile/toml/reporter.hpp"
#include "reconcile/toml/toml_node.hpp"

namespace ovl {

namespace {

void check_blocks(const TomlNode& tree, Diagnostics& diagnostics) {
  Reporter report(diagnostics);
  for (const TomlMember& member : tree.members) {
    if (member.key == "keystore" || member.key == "cluster") continue;
    report.error("unknown-block", member.place, "only [keystore] and [cluster] belong into this file",
                 "put it into the manifest");
  }
}

}  // namespace

Parsed parse_host_side(const Sources& files) {
  Parsed out;
  std::vector<TomlNode> trees;
  for (std::size_t i = 0; i < files.size(); ++i) {
    auto tree = read_toml(files[i], static_cast<std::uint32_t>(i), out.diagnostics);
    if (!tree) continue;
    check_blocks(*tree, out.diagnostics);
    trees.push_back(std::move(*tree));
  }
  Decoded decoded = decode_manifest(trees, out.diagnostics);
  out.manifest.keystore = std::move(decoded.manifest.keystore);
  out.manifest.cluster = std::move(decoded.manifest.cluster);
  const bool says_nothing = out.manifest.keystore.url.value.empty() && out.manifest.cluster.value.empty();
  if (out.diagnostics.empty() && says_nothing) {
    Reporter(out.diagnostics)
        .error("missing-key", Place{}, "the file names no keystore", "add url to [keystore]");
  }
  return out;
}

}  // namespace ovl
