// Options that several verbs have.
#include <functional>

#include <CLI/CLI.hpp>

#include "cmd/cli/cli_parts.hpp"

namespace ovl {

CLI::App& verb(CLI::App& parent, CommandLine& line, const std::string& name, const std::string& what,
               std::function<int()> run) {
  CLI::App& app = *parent.add_subcommand(name, what);
  // At once: CLI11 then reads the environment for the verb that was asked for alone. Verbs may share a
  // variable and take different words from it.
  app.parse_complete_callback([&line, run = std::move(run)] { line.run = run; });
  return app;
}

namespace {

// What describes the place has a variable beside it, OVL_ and its name: the keystore, who this host is, where
// it keeps things, how it tells. What a command does has none; tests/cmd/environment_test.cpp holds the list.
//
// How to reach the store where no manifest says it. Secrets are references, never values.
void add_access(CLI::App& app, KeystoreAccess& access) {
  const auto add = [&](const char* name, std::string& value, const char* what, const char* twin) {
    app.add_option(name, value, what)->envname(twin)->group("Keystore");
  };
  add("--keystore", access.url, "Keystore URL, instead of the manifest's", "OVL_KEYSTORE");
  add("--token", access.token, "Instead of the manifest's: env:NAME or file:PATH", "OVL_TOKEN");
  add("--user", access.user, "Instead of the manifest's: env:NAME or file:PATH", "OVL_USER");
  add("--password", access.password, "Instead of the manifest's: env:NAME or file:PATH", "OVL_PASSWORD");
  add("--tls-ca", access.ca, "Instead of the manifest's: file:PATH of the CA", "OVL_TLS_CA");
  add("--tls-cert", access.cert, "Instead of the manifest's: file:PATH of our certificate", "OVL_TLS_CERT");
  add("--tls-key", access.key, "Instead of the manifest's: file:PATH of its key", "OVL_TLS_KEY");
  app.add_flag("--allow-plaintext", access.allow_plaintext, "Without TLS, also off this machine")
      ->envname("OVL_ALLOW_PLAINTEXT")
      ->group("Keystore");
}

void add_selection(CLI::App& app, PlanOptions& plan) {
  const auto add = [&](const char* name, std::vector<std::string>& value, const char* what) {
    // One word each, or "--target a PATH" would take the manifest's path for a second target.
    app.add_option(name, value, what)->group("Selection")->allow_extra_args(false);
  };
  add("--target", plan.targets, "Only this record or object, and what it needs; may be repeated");
  add("--exclude", plan.excludes, "Not this record or object, nor what needs it; may be repeated");
  add("--replace", plan.replaces, "Make this object anew, or a record's links; may be repeated");
  app.add_flag("--refresh-only", plan.refresh_only, "Change nothing but what the store knows of this host")
      ->group("Selection");
}

}  // namespace

void add_json(CLI::App& app, PlanOptions& plan) {
  app.add_flag("--json", plan.json, "Print JSON instead of text");
}

void add_format(CLI::App& app, std::string& format, bool of_plans) {
  std::vector<std::string> words(EnumNames<Format>::names.begin(), EnumNames<Format>::names.end());
  // What GitLab calls a report counts changes to infrastructure.
  if (!of_plans) std::erase(words, name_of(Format::gitlab));
  app.add_option("--format", format, "How to print it, for people or for a service")
      ->capture_default_str()
      // Checked while parsing, so that a wrong word is told before anything is read or connected to.
      ->check(CLI::IsMember(words));
}

void add_policy(CLI::App& app, PlanOptions& plan) {
  app.add_option(
         "--policy", plan.policy,
         "This host's own policy, which no manifest overrides; default /etc/ovl/policy.toml if it exists")
      // A variable too: which guard holds on a machine is a matter of the machine.
      ->envname("OVL_POLICY");
}

void add_store(CLI::App& app, PlanOptions& plan) {
  add_access(app, plan.keystore);
  app.add_option("--timeout", plan.timeout, "Of one call to the keystore: 500ms, 5s, 1m")
      ->envname("OVL_TIMEOUT")
      ->capture_default_str()
      ->group("Keystore");
  app.add_option("--cluster", plan.cluster, "Cluster name, instead of the manifest's")
      ->envname("OVL_CLUSTER")
      ->group("Keystore");
}

void add_revision(CLI::App& app, PlanOptions& plan) {
  app.add_option("--repo", plan.repo, "A git repository that has the manifest, bare or not; PATH is in it")
      ->group("Revision");
  app.add_option("--ref", plan.ref, "Its branch, tag or commit, instead of files; default HEAD")
      ->group("Revision");
}

// PATH is an argument and the keystore's are options: what a verb is about stands behind it, and where that
// is, is mostly known already.
void add_where(CLI::App& app, PlanOptions& plan) {
  app.add_option("PATH", plan.path, "The manifest: a file or a directory; default all *.toml here");
  add_revision(app, plan);
  add_store(app, plan);
}

// Its variable is for services: /etc/ovl/agent.env says once which host a machine is that is called
// otherwise.
void add_host(CLI::App& app, PlanOptions& plan) {
  app.add_option("--host", plan.host, "Which declared host this machine is; default its hostname")
      ->envname("OVL_HOST");
}

void add_planning(CLI::App& app, PlanOptions& plan) {
  add_where(app, plan);
  add_planning_options(app, plan);
}

void add_reading_a_plan(CLI::App& app, PlanOptions& plan) {
  add_json(app, plan);
  add_format(app, plan.format, true);
  app.add_flag("--detailed-exitcode", plan.detailed_exitcode,
               "Exit 2 when there are changes, 0 when there are none");
  app.add_option("--json-into", plan.json_into, "Write the plan as JSON into this file too");
  app.add_option("--max-destroy", plan.max_destroy,
                 "Refuse to remove more records than that: 12 or 50%; default 50%, for destroy all");
  add_policy(app, plan);
  add_show_all(app, plan);
}

void add_show_all(CLI::App& app, PlanOptions& plan) {
  app.add_flag("--show-all", plan.show_all, "Show every change, also in runs of more than 50 alike");
}

// The same for plan, apply and destroy, so that a plan that was looked at is applied by changing one word.
void add_planning_options(CLI::App& app, PlanOptions& plan) {
  add_host(app, plan);
  add_reading_a_plan(app, plan);
  app.add_option("--scope", plan.scope,
                 "all, cluster (the keystore only) or host (this machine, as the records say)")
      ->capture_default_str();
  app.add_option("--lock-timeout", plan.lock_timeout, "How long to wait for a lock: 500ms, 30s, 2m")
      ->capture_default_str();
  app.add_flag("--allow-rollback", plan.allow_rollback,
               "Apply an older commit, or another source than the cluster came from");
  app.add_flag("--new-cluster", plan.new_cluster,
               "Begin the cluster if the keystore does not hold it, also where nobody is asked");
  app.add_flag("--restored", plan.restored,
               "The keystore was put back from an older copy: go on from what is remembered here");
  add_selection(app, plan);
}

// An option of its own and no part of --allow-rollback: who lets another source in must not let an older
// commit in with it.
void add_take_over(CLI::App& app, PlanOptions& plan) {
  app.add_flag("--take-over", plan.take_over,
               "Make this manifest's place the source of the records, once: from files to git, say");
}

// No variable stands for it: one that somebody has exported would let every apply go on unasked.
void add_approval(CLI::App& app, PlanOptions& plan) {
  app.add_flag("--auto-approve", plan.auto_approve, "Do not ask");
}

// Agent and sync have the same: what others believe of a host must not hang on which of the two runs there.
void add_beats(CLI::App& app, std::string& heartbeat, std::string& ttl) {
  app.add_option("--heartbeat", heartbeat, "How often this host says that it is there")
      ->capture_default_str();
  app.add_option("--ttl", ttl, "How long others believe it")->capture_default_str();
}

}  // namespace ovl
