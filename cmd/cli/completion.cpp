// ovl completion and ovl __complete: the shells' completion, with the names that the store knows. A TAB is
// pressed without a thought, in folders of strangers too. So it never connects to an address that this host
// has not named itself, never asks a question, waits for no answer longer than a second, and says nothing
// rather than an error.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>

#include "cmd/base/exit.hpp"
#include "cmd/base/style.hpp"
#include "cmd/cli/cli.hpp"
#include "cmd/help/complete.hpp"
#include "cmd/session/context.hpp"
#include "cmd/verbs/state_verbs.hpp"
#include "cmd/verbs/verbs.hpp"
#include "drivers/git/git_program.hpp"
#include "drivers/process/run.hpp"
#include "model/manifest/manifest_schema.hpp"

namespace ovl {

namespace {

// Nobody waits longer for a TAB.
constexpr const char* kPatience = "1s";

// An endpoint of several networks has a record for each.
template <class Records>
std::vector<std::string> names_of(const Records& records) {
  std::vector<std::string> out;
  out.reserve(records.size());
  for (const auto& record : records) out.push_back(record.name.text());
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string twin_of(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value != nullptr ? std::string(value) : std::string();
}

// The twins of the options: of a line that is not finished nothing else is taken.
KeystoreAccess access_of_environment() {
  return KeystoreAccess{.url = twin_of("OVL_KEYSTORE"),
                        .token = twin_of("OVL_TOKEN"),
                        .user = twin_of("OVL_USER"),
                        .password = twin_of("OVL_PASSWORD"),
                        .ca = twin_of("OVL_TLS_CA"),
                        .cert = twin_of("OVL_TLS_CERT"),
                        .key = twin_of("OVL_TLS_KEY"),
                        .allow_plaintext = twin_of("OVL_ALLOW_PLAINTEXT") == "true"};
}

template <class Records>
void add_addresses(std::vector<std::string>& out, const std::string& kind, const Records& records) {
  for (const std::string& name : names_of(records)) out.push_back(fmt::format("{}.{}", kind, name));
}

std::vector<std::string> addresses_of(const Records& records) {
  std::vector<std::string> out;
  add_addresses(out, "network", records.networks);
  add_addresses(out, "host", records.hosts);
  add_addresses(out, "endpoint", records.endpoints);
  return out;
}

template <class Records>
void add_labels(std::set<std::string>& out, const Records& records) {
  for (const auto& record : records) {
    for (const auto& [name, value] : record.labels) out.insert(fmt::format("{}={}", name, value));
  }
}

// "zone=a" of any record: what may stand behind --label.
std::vector<std::string> labels_of(const Records& records) {
  std::set<std::string> out;
  add_labels(out, records.networks);
  add_labels(out, records.hosts);
  add_labels(out, records.endpoints);
  return {out.begin(), out.end()};
}

// What this host's state lists.
Result<std::vector<std::string>> state_addresses(const GlobalOptions& global) {
  PlanOptions options;
  options.cluster = twin_of("OVL_CLUSTER");
  OVL_TRY(
      Context context,
      Context::open(global, options, {.manifest = false, .host = false, .keystore = false, .state = true}));
  OVL_TRY(const Recorded recorded, recorded_here(context));
  std::vector<std::string> out;
  for (const RecordedItem& item : items_of(recorded)) out.push_back(item.name.address());
  return out;
}

// Branches and tags of the repository that one stands in. Reading names runs nothing of the repository's.
Result<std::vector<std::string>> refs_here() {
  // With git's own empty environment otherwise: GIT_DIR of somebody's shell would list another repository.
  static constexpr std::array<const char*, 1> kPassed{"HOME"};
  std::error_code error;
  OVL_TRY(const ProcessOutput ran,
          run_process(ProcessCommand{.arguments = {kGitProgram, "-c", "core.fsmonitor=false", "for-each-ref",
                                                   "--count=200", "--format=%(refname:short)"},
                                     .environment = git_environment(kPassed),
                                     .directory = std::filesystem::current_path(error).string(),
                                     .timeout = std::chrono::seconds(1)}));
  std::vector<std::string> out;
  std::istringstream lines(ran.out);
  for (std::string line; std::getline(lines, line);) out.push_back(line);
  return out;
}

// "network", "network.vni", ...
std::vector<std::string> manifest_keys() {
  std::vector<std::string> out;
  for (const BlockSpec& block : manifest_blocks()) {
    out.emplace_back(block.name);
    for (const KeySpec& key : block.keys) out.push_back(std::string(block.name) + "." + std::string(key.key));
  }
  return out;
}

// Options on the line are not looked at: a --keystore that is still being typed is no address to connect to.
Result<std::vector<std::string>> stored_names(const GlobalOptions& global, const std::string& kind) {
  PlanOptions options;
  options.timeout = kPatience;
  // What a manifest names is no address here, with a secret or without: see cmd/trust/keystore_word.hpp.
  options.only_named = true;
  options.keystore = access_of_environment();
  options.cluster = twin_of("OVL_CLUSTER");
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  OVL_TRY(const StoreView view,
          read_store(*context.world().keystore, StoreLayout(context.request().cluster)));
  if (kind == "address") return addresses_of(view.records);
  if (kind == "label") return labels_of(view.records);
  if (kind == "network") return names_of(view.records.networks);
  if (kind == "host") return names_of(view.records.hosts);
  if (kind == "endpoint") return names_of(view.records.endpoints);
  return std::vector<std::string>();
}

// Records by the store, and objects as this host's state has them. Either may be missing, a store that is
// away or a state that is root's: what the other one knows is offered all the same.
std::vector<std::string> all_addresses(const GlobalOptions& global) {
  auto stored = stored_names(global, "address");
  std::vector<std::string> out = stored.ok() ? std::move(stored).value() : std::vector<std::string>();
  const auto here = state_addresses(global);
  for (const std::string& address : here.ok() ? here.value() : std::vector<std::string>()) {
    // Records are in both.
    if (std::ranges::find(out, address) == out.end()) out.push_back(address);
  }
  return out;
}

Result<std::vector<std::string>> live_names(const GlobalOptions& global, const std::string& kind) {
  if (kind == "key") return manifest_keys();
  if (kind == "ref") return refs_here();
  if (kind == "state") return state_addresses(global);
  if (kind == "address") return all_addresses(global);
  return stored_names(global, kind);
}

void print(const Candidate& candidate) {
  // Names come from the store, and the shell puts them on a terminal.
  std::cout << printable(candidate.text);
  if (!candidate.description.empty()) std::cout << "\t" << printable(candidate.description);
  std::cout << "\n";
}

}  // namespace

int run_completion(const std::string& shell) {
  std::cout << completion_script(shell);
  return kExitDone;
}

int run_complete(const GlobalOptions& global, const std::vector<std::string>& words) {
  // The scripts send "--" first, so that nothing of the rest is taken for an option.
  const std::size_t skipped = !words.empty() && words.front() == "--" ? 1 : 0;
  const auto given = std::span<const std::string>(words).subspan(skipped);
  Completion completion = complete(command_tree(), given);
  if (!completion.live.empty()) {
    const auto names = live_names(global, completion.live);
    for (const std::string& name : names.ok() ? names.value() : std::vector<std::string>()) {
      // zsh and fish filter themselves, bash does not.
      if (name.starts_with(completion.begun)) completion.candidates.push_back({completion.before + name, {}});
    }
  }
  for (const Candidate& candidate : completion.candidates) print(candidate);
  if (completion.files) std::cout << ":files\n";
  // Whatever went wrong: a shell that sees a failure beeps, or prints it into the line.
  return kExitDone;
}

}  // namespace ovl
