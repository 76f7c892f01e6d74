#include "cmd/cluster_memory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "reconcile/ids.hpp"
#include "reconcile/memory.hpp"

namespace ovl {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value != nullptr ? std::string(value) : std::string();
}

std::string folder_of_account() {
  const std::string state = variable("XDG_STATE_HOME");
  if (state.starts_with('/')) return state + "/ovl";
  const std::string home = variable("HOME");
  return home.starts_with('/') ? home + "/.local/state/ovl" : std::string();
}

}  // namespace

std::string memory_folder(const GlobalOptions& global, const PlanOptions& options) {
  if (global.state_directory != GlobalOptions().state_directory) return global.state_directory;
  if (!options.memory_folder.empty()) return options.memory_folder;
  return ::geteuid() == 0 ? global.state_directory : folder_of_account();
}

std::optional<State> open_memory(const MemoryPlace& place, bool writable) {
  if (place.folder.empty() || place.url.empty()) return std::nullopt;
  const StateOptions where{.root = fmt::format("{}/memory/{:.16}", place.folder, sha256_hex(place.url)),
                           .cluster = place.cluster};
  auto state = writable ? State::open(where) : State::open_read_only(where);
  if (!state.ok() || !memory_of(state.value()).ok()) return std::nullopt;
  return std::move(state).value();
}

}  // namespace ovl
