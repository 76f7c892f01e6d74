// What the command line says, as values. Filled by cmd/cli/cli.cpp, the only place that knows CLI11.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cmd/base/keystore_options.hpp"
#include "model/plan/plan.hpp"

namespace ovl {

// Options that every verb has.
struct GlobalOptions {
  int verbose = 0;  // -v, -vv
  bool no_color = false;
  std::string state_directory = "/var/lib/ovl";
  std::string run_directory = "/run";
  std::string mount_namespace;  // a file, for services with one of their own; empty: this process's
};

// Planning options, the same on plan, apply and destroy; the inspecting verbs take the first four.
struct PlanOptions {
  std::string path;        // a file, a directory, or a saved plan for apply and show
  std::string repo;        // a git repository; empty: files, or the repository here
  std::string ref;         // a revision of it; empty: files, or HEAD of `repo`
  std::string quarantine;  // a folder of objects that a push brings; see GitRepository::add_quarantine()
  std::string
      memory_folder;  // of a hook, which has no home: its repository's; see cmd/session/cluster_memory.hpp
  bool by_itself = false;      // nobody asked for this apply; see check_rolled_back()
  bool host_side = false;      // keystore and cluster are what this host says, never what a manifest says
  bool unattended = false;     // sync, agent: nobody is asked, and the cluster's name is the host's word
  bool only_named = false;     // completion: nothing goes where this host has not named
  KeystoreAccess keystore;     // URL and references, over the manifest's
  std::string timeout = "5s";  // of one call to the keystore
  std::string cluster;         // name, over the manifest's
  std::string cluster_file;  // by itself: where the name is kept that was applied first; see held_clusters()
  std::string host;          // who this machine is
  std::string scope = "all";
  std::string lock_timeout = "30s";
  std::string out;              // where plan saves itself
  std::string events;           // of apply and destroy: where they tell what happens
  std::string json_into;        // a file for the plan's JSON, beside what is printed
  bool json = false;            // the same as the format "json"
  std::string format = "text";  // of plan, apply and destroy; see Format
  bool destroy = false;
  bool detailed_exitcode = false;
  bool auto_approve = false;
  bool show_all = false;
  bool allow_rollback = false;
  bool take_over = false;       // of plan and apply: the manifest's place may become the records' source
  bool goes_back = false;       // of rollback: an older commit is meant; who may be followed stays guarded
  std::int64_t generation = 0;  // of rollback: whose records are to be again, in place of a manifest; 0: none
  bool new_cluster = false;
  bool restored = false;
  bool refresh_only = false;
  std::string max_destroy;            // "12" or "50%"; empty: the half
  std::string policy;                 // the host's own; empty: /etc/ovl/policy.toml, when it exists
  std::vector<std::string> targets;   // addresses
  std::vector<std::string> excludes;  // addresses
  std::vector<std::string> replaces;  // addresses
  std::vector<std::string>
      environment;  // variables that options were taken from; see cmd/session/cli_environment.hpp
};

struct ExecOptions {
  std::string endpoint;
  std::vector<std::string> command;
};

struct LsOptions {
  std::string kind;  // network, host, endpoint
  std::string name;  // for inspect
  bool no_trunc = false;
  bool quiet = false;               // names only
  std::vector<std::string> labels;  // "zone=a", "zone"; see cmd/base/label_filter.hpp
};

struct StatusOptions {
  std::string wait;    // a duration; empty: it does not wait
  bool watch = false;  // told again with each change of the store
};

struct FmtOptions {
  std::string path;    // "-": from stdin to stdout
  bool check = false;  // write nothing
};

struct GraphOptions {
  std::string format = "dot";  // or mermaid, svg
  std::string out;             // a file; empty: stdout
};

struct AgentOptions {
  std::string heartbeat = "20s";
  std::string ttl = "60s";
};

struct SyncOptions {
  std::string interval;  // empty: once
  std::string heartbeat = "20s";
  std::string ttl = "60s";
};

struct KeystoreVerbOptions {
  KeystoreAccess from, to;  // of copy
  std::string cluster;      // of copy
  std::string timeout = "5s";
  std::string file;             // of export and import; empty: stdout
  std::string format = "json";  // or toml
};

}  // namespace ovl
