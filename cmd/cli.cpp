#include "cmd/cli.hpp"

#include <cctype>
#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>

#include "cmd/cli_parts.hpp"
#include "cmd/command_tree.hpp"
#include "cmd/exit.hpp"
#include "cmd/verbs.hpp"

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

void add_json(CLI::App& app, PlanOptions& plan) {
  app.add_flag("--json", plan.json, "Print JSON instead of text")->envname("OVL_JSON");
}

// The words of an enum, for CLI11 to choose from.
template <NamedEnum E>
std::vector<std::string> words_of() {
  return {EnumNames<E>::names.begin(), EnumNames<E>::names.end()};
}

CLI::Option& add_format(CLI::App& app, std::string& format) {
  return *app.add_option("--format", format, "How to print it, for people or for a service")
              ->envname("OVL_FORMAT")
              ->capture_default_str();
}

void add_selection(CLI::App& app, PlanOptions& plan) {
  const auto add = [&](const char* name, std::vector<std::string>& value, const char* what,
                       const char* twin) {
    app.add_option(name, value, what)->envname(twin)->group("Selection")->allow_extra_args(false);
  };
  add("--target", plan.targets, "Only this record or object, and what it needs; may be repeated",
      "OVL_TARGET");
  add("--exclude", plan.excludes, "Not this record or object, nor what needs it; may be repeated",
      "OVL_EXCLUDE");
  add("--replace", plan.replaces, "Make this object anew, or a record's links; may be repeated",
      "OVL_REPLACE");
  app.add_flag("--refresh-only", plan.refresh_only, "Change nothing but what the store knows of this host")
      ->envname("OVL_REFRESH_ONLY")
      ->group("Selection");
}

void add_policy(CLI::App& app, PlanOptions& plan) {
  app.add_option(
         "--policy", plan.policy,
         "This host's own policy, which no manifest overrides; default /etc/ovl/policy.toml if it exists")
      ->envname("OVL_POLICY");
}

}  // namespace

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
      ->envname("OVL_REPO")
      ->group("Revision");
  app.add_option("--ref", plan.ref, "Its branch, tag or commit, instead of files; default HEAD")
      ->envname("OVL_REF")
      ->group("Revision");
}

void add_where(CLI::App& app, PlanOptions& plan) {
  app.add_option("PATH", plan.path,
                 "The manifest: a file or a directory; default ./ovl.toml, else *.toml here");
  add_revision(app, plan);
  add_store(app, plan);
}

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
  add_format(app, plan.format).check(CLI::IsMember(words_of<Format>()));
  app.add_flag("--detailed-exitcode", plan.detailed_exitcode,
               "Exit 2 when there are changes, 0 when there are none")
      ->envname("OVL_DETAILED_EXITCODE");
  app.add_option("--json-into", plan.json_into, "Write the plan as JSON into this file too")
      ->envname("OVL_JSON_INTO");
  app.add_option("--max-destroy", plan.max_destroy,
                 "Refuse to remove more records than that: 12 or 50%; default 50%, for destroy all")
      ->envname("OVL_MAX_DESTROY");
  add_policy(app, plan);
  app.add_flag("--show-all", plan.show_all, "Show every change, also in long runs")->envname("OVL_SHOW_ALL");
}

void add_planning_options(CLI::App& app, PlanOptions& plan) {
  add_host(app, plan);
  add_reading_a_plan(app, plan);
  app.add_option("--scope", plan.scope,
                 "all, cluster (the keystore only) or host (this machine, as the records say)")
      ->envname("OVL_SCOPE")
      ->capture_default_str();
  app.add_option("--lock-timeout", plan.lock_timeout, "How long to wait for a lock: 500ms, 30s, 2m")
      ->envname("OVL_LOCK_TIMEOUT")
      ->capture_default_str();
  app.add_flag("--allow-rollback", plan.allow_rollback,
               "Apply an older commit, or another source than the cluster came from")
      ->envname("OVL_ALLOW_ROLLBACK");
  add_selection(app, plan);
}

void add_approval(CLI::App& app, PlanOptions& plan) {
  app.add_flag("--auto-approve", plan.auto_approve, "Do not ask")->envname("OVL_AUTO_APPROVE");
}

namespace {

void add_destroy(CLI::App& app, PlanOptions& plan) {
  app.add_flag("--destroy", plan.destroy, "The removal of everything")->envname("OVL_DESTROY");
}

void add_planning_verbs(CLI::App& app, CommandLine& line) {
  CLI::App& plan =
      verb(app, line, "plan", "Show what would change", [&line] { return run_plan(line.global, line.plan); });
  add_planning(plan, line.plan);
  plan.add_option("--out", line.plan.out, "Save the plan, for apply and show")->envname("OVL_OUT");
  add_destroy(plan, line.plan);
  CLI::App& apply = verb(app, line, "apply", "Plan, ask, and make the changes; or make those of a saved plan",
                         [&line] { return run_apply(line.global, line.plan); });
  CLI::App& destroy = verb(app, line, "destroy", "Remove what this manifest declared", [&line] {
    line.plan.destroy = true;
    return run_apply(line.global, line.plan);
  });
  for (CLI::App* one : {&apply, &destroy}) {
    add_planning(*one, line.plan);
    add_approval(*one, line.plan);
    one->add_option("--events", line.plan.events,
                    "Tell what happens, as lines of JSON: a file, a FIFO, - for stdout")
        ->envname("OVL_EVENTS");
  }
  add_destroy(apply, line.plan);
  CLI::App& show =
      verb(app, line, "show", "Print a saved plan", [&line] { return run_show(line.global, line.plan); });
  show.add_option("PLAN", line.plan.path, "A file that plan --out wrote")->required();
  add_json(show, line.plan);
}

void add_agent(CLI::App& app, CommandLine& line) {
  CLI::App& agent = verb(app, line, "agent", "Keep this host as the records say, until told to end",
                         [&line] { return run_agent(line.global, line.plan, line.agent); });
  add_where(agent, line.plan);
  add_host(agent, line.plan);
  add_beats(agent, line.agent.heartbeat, line.agent.ttl);
}

void add_kind_verbs(CLI::App& app, CommandLine& line, const std::string& kind) {
  CLI::App& group = *app.add_subcommand(kind, "List or inspect " + kind + "s");
  group.require_subcommand(1);
  CLI::App& ls = verb(group, line, "ls", "List them", [&line, kind] {
    line.ls.kind = kind;
    return run_ls(line.global, line.plan, line.ls);
  });
  add_where(ls, line.plan);
  add_json(ls, line.plan);
  ls.add_flag("--no-trunc", line.ls.no_trunc, "Show whole ids")->envname("OVL_NO_TRUNC");
  CLI::App& inspect =
      verb(group, line, "inspect", "Show one with everything known about it, as JSON", [&line, kind] {
        line.ls.kind = kind;
        return run_inspect(line.global, line.plan, line.ls);
      });
  inspect.add_option("NAME", line.ls.name, "Its name")->required();
  add_where(inspect, line.plan);
}

void add_forget(CLI::App& group, CommandLine& line) {
  CLI::App& forget = verb(group, line, "forget", "Forget the machine that had a host's name, and is gone",
                          [&line] { return run_forget(line.global, line.plan, line.ls.name); });
  forget.add_option("NAME", line.ls.name, "The host's name")->required();
  add_where(forget, line.plan);
}

// The access of one of two stores: --from-token, --to-token, ... and OVL_FROM_TOKEN, OVL_TO_TOKEN.
void add_side(CLI::App& app, const std::string& side, KeystoreAccess& access) {
  const auto twin_of = [](std::string name) {
    for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return "OVL_" + name;
  };
  const auto add = [&](const std::string& what, std::string& value, const char* help) {
    const std::string name = side + "-" + what;
    app.add_option("--" + name, value, help)->envname(twin_of(name))->group("Keystore");
  };
  add("token", access.token, "env:NAME or file:PATH");
  add("user", access.user, "env:NAME or file:PATH");
  add("password", access.password, "env:NAME or file:PATH");
  add("tls-ca", access.ca, "file:PATH of the CA");
  add("tls-cert", access.cert, "file:PATH of our certificate");
  add("tls-key", access.key, "file:PATH of its key");
  const std::string plaintext = side + "-allow-plaintext";
  app.add_flag("--" + plaintext, access.allow_plaintext, "Without TLS, also off this machine")
      ->envname(twin_of(plaintext))
      ->group("Keystore");
}

void add_copy(CLI::App& group, CommandLine& line) {
  CLI::App& copy = verb(group, line, "copy", "Copy a cluster to another keystore, with its ids",
                        [&line] { return run_keystore_copy(line.keystore); });
  copy.add_option("FROM", line.keystore.from.url, "URL of the keystore that has it")->required();
  copy.add_option("TO", line.keystore.to.url, "URL of the keystore that has it not")->required();
  copy.add_option("--cluster", line.keystore.cluster, "The cluster's name")
      ->envname("OVL_CLUSTER")
      ->required();
  copy.add_option("--timeout", line.keystore.timeout, "Of one call to a keystore")
      ->envname("OVL_TIMEOUT")
      ->capture_default_str();
  add_side(copy, "from", line.keystore.from);
  add_side(copy, "to", line.keystore.to);
}

void add_keystore_verbs(CLI::App& app, CommandLine& line) {
  CLI::App& group = *app.add_subcommand("keystore", "Copy, check, export or import a cluster's records");
  group.require_subcommand(1);
  add_copy(group, line);
  CLI::App& check = verb(group, line, "check", "Validate every record and claim",
                         [&line] { return run_keystore_check(line.global, line.plan); });
  add_where(check, line.plan);
  CLI::App& out = verb(group, line, "export", "Write all records to stdout or a file",
                       [&line] { return run_keystore_export(line.global, line.plan, line.keystore); });
  add_where(out, line.plan);
  out.add_option("--out", line.keystore.file, "The file; default stdout")->envname("OVL_OUT");
  out.add_option("--format", line.keystore.format, "json or toml")
      ->envname("OVL_FORMAT")
      ->check(CLI::IsMember({"json", "toml"}))
      ->capture_default_str();
  CLI::App& in = verb(group, line, "import", "Fill an empty keystore from an export",
                      [&line] { return run_keystore_import(line.global, line.plan, line.keystore); });
  in.add_option("FILE", line.keystore.file, "The export, JSON or TOML; - for stdin")->required();
  add_store(in, line.plan);
}

void add_reading_verbs(CLI::App& app, CommandLine& line) {
  for (const char* kind : {"network", "host", "endpoint"}) add_kind_verbs(app, line, kind);
  add_forget(*app.get_subcommand("host"), line);
  CLI::App& doctor = verb(app, line, "doctor", "Ask the store, the peers and the kernel what is wrong",
                          [&line] { return run_doctor(line.global, line.plan); });
  add_where(doctor, line.plan);
  add_host(doctor, line.plan);
  add_json(doctor, line.plan);
  add_keystore_verbs(app, line);
  CLI::App& status = verb(app, line, "status", "Show where the cluster and its hosts stand",
                          [&line] { return run_status(line.global, line.plan, line.wait); });
  add_where(status, line.plan);
  status.add_option("--wait", line.wait, "Wait until every host is up to date: 500ms, 60s, 5m; else exit 1")
      ->envname("OVL_WAIT");
  add_json(status, line.plan);
  CLI::App& exec = verb(app, line, "exec", "Run a command inside an endpoint's namespace",
                        [&line] { return run_exec(line.global, line.plan, line.exec); });
  exec.add_option("ENDPOINT", line.exec.endpoint, "The endpoint")->required();
  exec.add_option("CMD", line.exec.command, "The command, behind --")->required();
  add_store(exec, line.plan);
}

void add_history(CLI::App& app, CommandLine& line) {
  CLI::App& history =
      verb(app, line, "history", "List the cluster's generations: when, who, from which commit",
           [&line] { return run_history(line.global, line.plan); });
  add_where(history, line.plan);
  add_json(history, line.plan);
  CLI::App& group = *app.add_subcommand("lock", "See or break the cluster's lock");
  group.require_subcommand(1);
  CLI::App& ls = verb(group, line, "ls", "Show who holds it, since when",
                      [&line] { return run_lock_ls(line.global, line.plan); });
  add_where(ls, line.plan);
  add_json(ls, line.plan);
  CLI::App& breaking = verb(group, line, "break", "Take it from its holder, whose writes are refused then",
                            [&line] { return run_lock_break(line.global, line.plan, line.lock_id); });
  breaking.add_option("ID", line.lock_id, "The lock's id, as lock ls shows it")->required();
  add_where(breaking, line.plan);
}

void add_cluster(CLI::App& app, PlanOptions& plan) {
  app.add_option("--cluster", plan.cluster, "Cluster name, where this host follows several")
      ->envname("OVL_CLUSTER");
}

void add_state_reading(CLI::App& group, CommandLine& line) {
  CLI::App& list = verb(group, line, "list", "List what this host's state holds, by address",
                        [&line] { return run_state_list(line.global, line.plan, line.state.address); });
  list.add_option("PREFIX", line.state.address, "Only addresses that begin so: link. or endpoint.web");
  add_cluster(list, line.plan);
  add_json(list, line.plan);
  CLI::App& show = verb(group, line, "show", "Print one of them as it was last applied, as JSON",
                        [&line] { return run_state_show(line.global, line.plan, line.state.address); });
  show.add_option("ADDR", line.state.address, "Its address, as list prints it")->required();
  add_cluster(show, line.plan);
  CLI::App& recover =
      verb(group, line, "recover", "Settle by looking what a killed apply left open; changes nothing else",
           [&line] { return run_state_recover(line.global, line.plan); });
  add_store(recover, line.plan);
  add_host(recover, line.plan);
  add_json(recover, line.plan);
  CLI::App& pull = verb(group, line, "pull", "Print the whole state as JSON",
                        [&line] { return run_state_pull(line.global, line.plan); });
  add_cluster(pull, line.plan);
}

void add_state_ownership(CLI::App& group, CommandLine& line) {
  CLI::App& rm = verb(group, line, "rm", "Let go: take ovl's marks off, leave everything in place",
                      [&line] { return run_state_rm(line.global, line.plan, line.state.addresses); });
  rm.add_option("ADDR", line.state.addresses, "Endpoints, networks (with their endpoints here), or objects")
      ->required();
  add_cluster(rm, line.plan);
  CLI::App& import = verb(group, line, "import", "Take over what exists here and is as the records want it",
                          [&line] { return run_state_import(line.global, line.plan, line.state.addresses); });
  import
      .add_option("ADDR", line.state.addresses, "Endpoints, networks (with their endpoints here), or objects")
      ->required();
  add_store(import, line.plan);
  add_host(import, line.plan);
  for (CLI::App* app : {&rm, &import}) {
    add_approval(*app, line.plan);
    add_json(*app, line.plan);
  }
}

void add_state_mv(CLI::App& group, CommandLine& line) {
  CLI::App& mv = verb(group, line, "mv", "Give a record another name in the keystore; its ids stay",
                      [&line] { return run_state_mv(line.global, line.plan, line.state.addresses); });
  mv.add_option("FROM TO", line.state.addresses, "host.NAME, network.NAME or endpoint.NAME, twice")
      ->required()
      ->expected(2);
  add_store(mv, line.plan);
  add_policy(mv, line.plan);
  add_approval(mv, line.plan);
  add_json(mv, line.plan);
}

void add_state_verbs(CLI::App& app, CommandLine& line) {
  CLI::App& group = *app.add_subcommand("state", "What this host remembers; take over, let go, recover");
  group.require_subcommand(1);
  add_state_reading(group, line);
  add_state_ownership(group, line);
  add_state_mv(group, line);
}

void add_graph(CLI::App& app, CommandLine& line) {
  CLI::App& graph = verb(app, line, "graph", "Draw hosts, endpoints and the networks that join them",
                         [&line] { return run_graph(line.global, line.plan, line.graph); });
  add_where(graph, line.plan);
  graph.add_option("--format", line.graph.format, "dot, mermaid or svg (made by graphviz)")
      ->envname("OVL_FORMAT")
      ->check(CLI::IsMember({"dot", "mermaid", "svg"}))
      ->capture_default_str();
  graph.add_option("--out", line.graph.out, "The file; default stdout")->envname("OVL_OUT");
}

void add_manifest_verbs(CLI::App& app, CommandLine& line) {
  CLI::App& validate =
      verb(app, line, "validate", "Check a manifest; needs neither store nor kernel", [&line] {
        line.validate.repo = line.plan.repo;
        line.validate.ref = line.plan.ref;
        return ovl::validate(line.validate, std::cout, std::cerr);
      });
  validate.add_option("PATH", line.validate.path, "A file or a directory");
  add_revision(validate, line.plan);
  validate.add_flag("--json", line.validate.json, "Print JSON instead of text")->envname("OVL_JSON");
  // GitLab's report counts changes, which a validation has none of.
  std::vector<std::string> formats = words_of<Format>();
  std::erase(formats, name_of(Format::gitlab));
  add_format(validate, line.validate.format).check(CLI::IsMember(formats));
  CLI::App& fmt = verb(app, line, "fmt", "Give a manifest's files their one look; comments stay",
                       [&line] { return run_fmt(line.fmt); });
  fmt.add_option("PATH", line.fmt.path, "A file or a directory; - for stdin to stdout");
  fmt.add_flag("--check", line.fmt.check, "Write nothing; name the files that differ, and exit 1 for them")
      ->envname("OVL_CHECK");
  CLI::App& init = verb(app, line, "init", "Write a manifest to start from",
                        [&line] { return ovl::init(line.init, std::cout, std::cerr); });
  init.add_option("DIR", line.init.directory, "The directory to write ovl.toml into");
}

void add_lab_verbs(CLI::App& app, CommandLine& line) {
  CLI::App& group = *app.add_subcommand("lab", "Turn this machine into the manifest's cluster");
  group.require_subcommand(1);
  CLI::App& up =
      verb(group, line, "up", "Make the lab", [&line] { return lab_up(line.lab, std::cout, std::cerr); });
  up.add_option("DIR", line.lab.directory, "The manifest's directory")->required();
  CLI::App& exec = verb(group, line, "exec", "Run a command on one of its hosts",
                        [&line] { return lab_exec(line.lab, std::cout, std::cerr); });
  exec.add_option("HOST", line.lab.host, "The host, outside or router")->required();
  exec.add_option("CMD", line.lab.command, "The command, behind --")->required();
  exec.add_option("--lab", line.lab.directory, "The lab's directory, when there are several")
      ->envname("OVL_LAB");
  verb(group, line, "status", "List the labs",
       [&line] { return lab_status(line.lab, std::cout, std::cerr); });
  CLI::App& down = verb(group, line, "down", "End and remove the lab",
                        [&line] { return lab_down(line.lab, std::cout, std::cerr); });
  down.add_option("DIR", line.lab.directory, "The manifest's directory")->envname("OVL_LAB");
}

void add_shell_verbs(CLI::App& app, CommandLine& line) {
  verb(app, line, "version", "Print the version", [] {
    std::cout << "ovl " OVL_VERSION "\n";
    return kExitDone;
  });
  CLI::App& script = verb(app, line, "completion", "Print a shell's completion script, for it to source",
                          [&line] { return run_completion(line.shell); });
  script.add_option("SHELL", line.shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

void add_global(CLI::App& app, GlobalOptions& global) {
  app.set_version_flag("--version", "ovl " OVL_VERSION);
  app.add_flag("-v,--verbose", global.verbose, "Say more; twice for every step")->envname("OVL_VERBOSE");
  app.add_flag("--no-color", global.no_color, "No colours; NO_COLOR does the same")->envname("OVL_NO_COLOR");
  app.add_option("--state-dir", global.state_directory, "Where this host keeps its state")
      ->envname("OVL_STATE_DIR")
      ->capture_default_str();
  app.add_option("--run-dir", global.run_directory, "Where namespaces and locks are")
      ->envname("OVL_RUN_DIR")
      ->capture_default_str();
}

constexpr const char* kWhat = "Overlay networks on Linux hosts, described in git and kept true";

void add_all(CLI::App& app, CommandLine& line) {
  app.require_subcommand(1);
  app.fallthrough();
  add_global(app, line.global);
  add_manifest_verbs(app, line);
  add_planning_verbs(app, line);
  add_agent(app, line);
  add_git_verbs(app, line);
  add_graph(app, line);
  add_history(app, line);
  add_reading_verbs(app, line);
  add_state_verbs(app, line);
  add_lab_verbs(app, line);
  add_shell_verbs(app, line);
}

}  // namespace

void add_beats(CLI::App& app, std::string& heartbeat, std::string& ttl) {
  app.add_option("--heartbeat", heartbeat, "How often this host says that it is there")
      ->envname("OVL_HEARTBEAT")
      ->capture_default_str();
  app.add_option("--ttl", ttl, "How long others believe it")->envname("OVL_TTL")->capture_default_str();
}

CommandInfo command_tree() {
  CLI::App app(kWhat, "ovl");
  CommandLine line;
  add_all(app, line);
  return describe(app);
}

int run_cli(int argc, char** argv) {
  // What the completion scripts ask: its words are somebody's unfinished line and no options of ours.
  if (argc > 1 && std::string_view(argv[1]) == "__complete") {
    return run_complete(GlobalOptions(), std::vector<std::string>(argv + 2, argv + argc));
  }
  CLI::App app(kWhat, "ovl");
  CommandLine line;
  // A hook's options are those that it was installed with, whatever the one who pushes has set.
  if (argc > 2 && std::string_view(argv[1]) == "hook" && std::string_view(argv[2]) == "run") {
    line.hook.environment = take_environment(std::vector<std::string>(argv + 3, argv + argc));
  }
  add_all(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version end here too, with exit code 0.
    return app.exit(error) == 0 ? kExitDone : kExitError;
  }
  return line.run ? line.run() : kExitError;
}

}  // namespace ovl
