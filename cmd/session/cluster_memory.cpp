#include "cmd/session/cluster_memory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "files/read.hpp"
#include "reconcile/base/ids.hpp"
#include "reconcile/store/memory.hpp"
#include "reconcile/store/store_place.hpp"
#include "state/folders.hpp"

namespace ovl {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value != nullptr ? std::string(value) : std::string();
}

// Relative values are ignored, as the XDG Base Directory Specification asks: they would be a folder of
// wherever one stands.
std::string folder_of_account() {
  const std::string state = variable("XDG_STATE_HOME");
  if (state.starts_with('/')) return state + "/ovl";
  const std::string home = variable("HOME");
  return home.starts_with('/') ? home + "/.local/state/ovl" : std::string();
}

bool has_memory(const std::string& root, const Label& cluster) {
  const std::vector<Label> there = clusters_with_state(root);
  return std::ranges::find(there, cluster) != there.end();
}

// One that says something, or nothing yet. Read at once: a file that opens and holds nonsense would be found
// out only where its words are needed, after the store was written to.
Result<State> opened(Result<State> state) {
  if (!state.ok()) return state;
  auto memory = memory_of(state.value());
  if (!memory.ok()) return std::move(memory).error();
  return state;
}

// What can't be read here is no reason to stop: it may be the memory of another store.
bool is_of_store(const std::string& root, const Label& cluster, const std::string& store) {
  if (!has_memory(root, cluster)) return false;
  const auto state = State::open_read_only({.root = root, .cluster = cluster});
  if (!state.ok()) return false;
  const auto memory = memory_of(state.value());
  return memory.ok() && store_place(memory.value().keystore) == store;
}

// Of the store, however its URL is spelled. Earlier versions went by the spelling: theirs is gone on with.
std::string root_of(const MemoryPlace& place) {
  const std::string folder = place.folder + "/memory";
  const std::string store = store_place(place.url);
  // A URL has slashes, and may be longer than a name. Two stores under one cluster's name are two memories: a
  // test store must not make the real one look lost.
  std::string root = fmt::format("{}/{:.16}", folder, sha256_hex(store));
  if (has_memory(root, place.cluster)) return root;
  const auto others = names_in(folder);
  if (!others.ok()) return root;
  for (const std::string& name : others.value()) {
    std::string other = fmt::format("{}/{}", folder, name);
    if (is_of_store(other, place.cluster, store)) return other;
  }
  return root;
}

}  // namespace

std::string memory_folder(const GlobalOptions& global, const PlanOptions& options) {
  // Who names a folder means all that is kept, and tests and labs keep theirs apart by it.
  if (global.state_directory != GlobalOptions().state_directory) return global.state_directory;
  if (!options.memory_folder.empty()) return options.memory_folder;
  // Root's memory lies with the host's state, so that one backup has both.
  return ::geteuid() == 0 ? global.state_directory : folder_of_account();
}

Result<std::optional<State>> open_memory(const MemoryPlace& place, bool writable) {
  if (place.folder.empty() || place.url.empty()) return std::optional<State>();
  const StateOptions where{.root = root_of(place), .cluster = place.cluster};
  auto state = opened(writable ? State::open(where) : State::open_read_only(where));
  if (state.ok()) return std::optional(std::move(state).value());
  // None can be made here (a read-only file system, no folder): an apply in CI goes on without one. What is
  // lost with it is told by the guard for new clusters.
  if (!has_memory(where.root, where.cluster)) return std::optional<State>();
  Error error = std::move(state).error().within("what is remembered here of cluster " + where.cluster.text());
  error.hint = "mend it; if it is lost, move it away: nothing is remembered here then";
  return error;
}

}  // namespace ovl
