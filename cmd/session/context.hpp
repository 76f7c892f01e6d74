// What a verb works with: the manifest, the identity of this machine, and the opened ports. Everything
// that the edge of the program reads from its environment is read here.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cmd/base/options.hpp"
#include "cmd/formats/report.hpp"
#include "cmd/session/manifest_source.hpp"
#include "cmd/trust/keystore_word.hpp"
#include "cmd/trust/netns_file.hpp"
#include "files/file_watch.hpp"
#include "reconcile/run/apply.hpp"
#include "state/host_lock.hpp"

namespace ovl {

// A manifest that is not read from where the user stands: that of a saved plan.
struct GivenManifest {
  Sources files;
  Origin origin;
  std::string repo;  // where its commit was read, and by which name; empty: from a plain folder
  std::string ref;
  KeystoreAccess access;  // how its keystore is reached
  std::string file;       // where it was saved
  bool revision = false;  // from the object database
  bool dirty = false;     // its files were not those of the commit
};

class Context {
 public:
  // How much of the world a verb needs.
  struct Needs {
    bool manifest = true;            // false: records do, when there is no manifest
    bool host = true;                // this machine's kernel and state
    bool identity = true;            // which of the declared hosts this machine is
    bool optional_identity = false;  // a machine that is none of them is all right
    bool keystore = true;
    bool state = false;        // this machine's state, also without its kernel
    bool source = false;       // where the manifest comes from, for what changes the records
    bool memory = false;       // what is remembered of the records, where no manifest changes them
    bool policy = false;       // the host's own, for what changes the records
    bool writable = false;     // state may be made
    bool any_machine = false;  // also a state that another machine has written
    ManifestFindings* findings = nullptr;  // filled as soon as the manifest is read, also when opening fails
  };

  // Prints the manifest's diagnostics on stderr when there are any. Errors: manifest, usage, guard,
  // unreachable, privilege.
  // `given` stands for the manifest's files: those of a saved plan.
  static Result<Context> open(const GlobalOptions& global, const PlanOptions& options, const Needs& needs,
                              const GivenManifest* given = nullptr);

  // Reads again what this host says, for a verb that goes on with one manifest: its policy, who has signed
  // by the keys of now, where the keystore is and its secrets. False: the keystore is reached otherwise
  // now, and another context has to be opened. Errors: as open().
  Result<bool> refresh(const GlobalOptions& global, const PlanOptions& options);

  // Reads again which namespaces this host gives to endpoints. True: others than before. Errors: as
  // read_netns_list().
  Result<bool> refresh_netns();

  // The same for who asks again and again: reads only when the file has changed since it was asked last.
  Result<bool> watch_netns();

  // Asks the records again what this host is called. Whether that is another name than before: it is that one
  // from then on. Errors: as the store, and the state.
  Result<bool> follow_name();

  // This machine's lock; nothing in cluster scope. Errors: locked, io.
  Result<std::optional<HostLock>> lock_host();

  // The same, into `lock`, for who has waited for a person meanwhile: it is held since now.
  Status lock_host_for(std::optional<HostLock>& lock);

  [[nodiscard]] const Request& request() const { return request_; }

  [[nodiscard]] const Sources& sources() const { return source_.files; }

  [[nodiscard]] const Manifest* manifest() const { return manifest_.get(); }

  // The repository that the manifest comes from; none: a plain folder, or nobody asked (Needs::source).
  [[nodiscard]] GitRepository* repository() const { return source_.repository.get(); }

  // It was read from the repository's objects, not from files.
  [[nodiscard]] bool is_revision() const { return source_.revision; }

  [[nodiscard]] const KeystoreAccess& access() const { return access_; }

  World& world() { return world_; }

  // The keystore as it is reached now, for who goes on with it when this ends; none: it was not reached.
  [[nodiscard]] std::shared_ptr<Keystore> store() const { return keystore_; }

  // Opens the store when it could not be reached before. Errors: as keystore_options() and open_keystore();
  // unreachable for a file that is gone, see World::in_place.
  Status reach_store();

 private:
  Status load_manifest(const PlanOptions& options, const Needs& needs, const GivenManifest* given);
  bool manifest_known();
  Status open_store(const GlobalOptions& global, const PlanOptions& options, const Needs& needs);
  Status hear_host(const GlobalOptions& global, const PlanOptions& options);
  Status choose_keystore(const GlobalOptions& global, const PlanOptions& options);
  [[nodiscard]] Result<KeystoreAccess> bound_access(const GlobalOptions& global) const;
  [[nodiscard]] bool knows_keystore() const;
  Status fill_host_policy(const PlanOptions& options);
  [[nodiscard]] bool stands_alone(const Needs& needs) const;
  Status open_memory(const GlobalOptions& global, const PlanOptions& options, const Needs& needs);
  void recall_host(const GlobalOptions& global);
  [[nodiscard]] bool may_begin(const PlanOptions& options) const;
  [[nodiscard]] bool never_held_it() const;
  void mind_place(const PlanOptions& options);
  Status identify(const PlanOptions& options);
  [[nodiscard]] Result<std::optional<HostName>> find_name(const std::vector<std::string>& candidates,
                                                          const Manifest* manifest,
                                                          const Records& records) const;
  Result<Records> records_now();
  Result<HostName> name_now(const std::string& former, const Records& records);
  Status open_host(const GlobalOptions& global);
  Status open_state(const GlobalOptions& global, const Needs& needs);
  Status fill_request(const GlobalOptions& global, const PlanOptions& options, const GivenManifest* given);
  Status fill_netns(const PlanOptions& options, const GivenManifest* given);
  Status fill_selection(const PlanOptions& options);
  Status fill_source(const std::string& path);
  Status fill_commit();
  Status fill_signer();
  Status fill_given(const GivenManifest& given);
  Status fill_access(const PlanOptions& options, const GivenManifest* given);
  Status fill_cluster(const GlobalOptions& global, const PlanOptions& options);
  void remember_name(const PlanOptions& options);

  ManifestSource source_;
  std::unique_ptr<Manifest> manifest_;
  KeystoreWords words_;
  std::vector<std::string> stated_in_;  // the plain files with the words that are not the host's
  std::string stated_at_;               // the place in them
  KeystoreAccess access_;
  std::shared_ptr<Keystore> keystore_;
  std::string reached_by_;  // digest of what the keystore was opened with
  bool asks_policy_ = false;
  std::unique_ptr<Kernel> kernel_;
  std::unique_ptr<State> state_;
  std::unique_ptr<State> memory_;
  KeystoreOptions store_;  // as it was, or will be, opened
  bool is_alone_ = false;  // what is remembered may stand for a store that can't be reached
  Request request_;
  FileWatch netns_file_{kHostNetnsFile};
  World world_;
  std::string run_directory_;
};

// How a host reached its store when it applied last; empty: it never did. Errors: as State, and corrupt.
Result<KeystoreAccess> access_in(const State& state);

// "30s", "500ms", "2m" as milliseconds. option: whose value it is, "--timeout". Errors: usage.
Result<std::chrono::milliseconds> parse_duration(const std::string& option, const std::string& text);

// One error on stderr as "ovl: message" and "hint: ...", control characters made visible. Answers the
// exit code.
int report_error(const Error& error);

}  // namespace ovl
