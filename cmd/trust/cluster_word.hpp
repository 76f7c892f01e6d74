// Whose word a cluster's name is. Where a manifest is somebody else's or changes by itself (hooks, sync,
// agent) it is the host's: under another name everything would be made anew in a tree that no host follows,
// and what guards and `protect` compare with would be empty.
#pragma once

#include <string>
#include <vector>

#include "cmd/base/options.hpp"
#include "model/manifest/manifest.hpp"
#include "reconcile/manifest/sources.hpp"

namespace ovl {

// The names that the host side allows: --cluster, else [cluster] in /etc/ovl/keystore.toml, else what the
// file `options.cluster_file` remembers, else `followed`. Empty: any, as nothing was applied yet. Errors:
// guard (a file that others can write, or that holds no name), manifest, io.
Result<std::vector<Label>> held_clusters(const PlanOptions& options, const std::vector<Label>& followed);

// Errors: guard, with the place and the remedy, when the manifest says none of those names.
Status check_cluster_held(const Manifest& manifest, const Sources& sources, const std::vector<Label>& held);

// Writes the name that is about to be applied into `file`, for held_clusters(). The folder is made. Errors:
// io.
Status remember_cluster(const std::string& file, const Label& name);

// Where the hooks of a repository remember it. `repository`: its own folder, that of the objects.
std::string hooks_cluster_file(const std::string& repository);

}  // namespace ovl
