// CLI11 is known in this folder, in cmd/help/command_tree.cpp and in cmd/session/cli_environment.cpp alone.
// Options are parsed into plain structs (cmd/base/options.hpp), and what a verb does begins after the whole
// line was understood.
#include "cmd/cli/cli.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>

#include "cmd/base/exit.hpp"
#include "cmd/cli/cli_parts.hpp"
#include "cmd/help/command_tree.hpp"
#include "cmd/help/help.hpp"
#include "cmd/session/cli_environment.hpp"
#include "cmd/session/context.hpp"
#include "cmd/trust/output_paths.hpp"
#include "cmd/verbs/verbs.hpp"

namespace ovl {

namespace {

int run_help(const std::vector<std::string>& words, bool all);

void add_destroy(CLI::App& app, PlanOptions& plan) {
  app.add_flag("--destroy", plan.destroy, "The removal of everything");
}

// Verbs share one PlanOptions: only one verb runs, and what an option is called and means is the same for
// all.
void add_planning_verbs(CLI::App& app, CommandLine& line) {
  CLI::App& plan =
      verb(app, line, "plan", "Show what would change", [&line] { return run_plan(line.global, line.plan); });
  add_planning(plan, line.plan);
  plan.add_option("--out", line.plan.out, "Save the plan, for apply and show");
  add_take_over(plan, line.plan);
  add_destroy(plan, line.plan);
  CLI::App& apply = verb(app, line, "apply", "Plan, ask, and make the changes; or make those of a saved plan",
                         [&line] { return run_apply(line.global, line.plan); });
  CLI::App& destroy = verb(app, line, "destroy", "Remove what this manifest declared", [&line] {
    // `ovl destroy` is an apply in all but what is wanted: the same plan, question, guards and locks.
    line.plan.destroy = true;
    return run_apply(line.global, line.plan);
  });
  for (CLI::App* one : {&apply, &destroy}) {
    add_planning(*one, line.plan);
    // Not of plan: a plan that can be approved unseen would be an apply by another name.
    add_approval(*one, line.plan);
    one->add_option("--events", line.plan.events,
                    "Tell what happens, as lines of JSON: a file, a FIFO, - for stdout");
  }
  add_take_over(apply, line.plan);
  add_destroy(apply, line.plan);
  CLI::App& show =
      verb(app, line, "show", "Print a saved plan", [&line] { return run_show(line.global, line.plan); });
  show.add_option("PLAN", line.plan.path, "A file that plan --out wrote")->required();
  add_json(show, line.plan);
  add_show_all(show, line.plan);
}

// Neither selection nor approval: an agent follows the records whole, and nobody is there to be asked.
void add_agent(CLI::App& app, CommandLine& line) {
  CLI::App& agent = verb(app, line, "agent", "Keep this host as the records say, until told to end",
                         [&line] { return run_agent(line.global, line.plan, line.agent); });
  add_where(agent, line.plan);
  add_host(agent, line.plan);
  add_beats(agent, line.agent.heartbeat, line.agent.ttl);
}

void add_listing(CLI::App& app, LsOptions& ls) {
  app.add_flag("--no-trunc", ls.no_trunc, "Show whole ids");
  app.add_flag("-q,--quiet", ls.quiet, "Print names only, one a line")->excludes(app.get_option("--json"));
  app.add_option("-l,--label", ls.labels,
                 "Only what has this label: zone=a, or zone for any value; may be repeated, all have to hold")
      // CLI11 lets an option that fills a list take every word behind it: "-l zone=a NAME" would swallow the
      // name.
      ->allow_extra_args(false);
}

// One set of verbs for three kinds, so that what one can list, the others can.
void add_kind_verbs(CLI::App& app, CommandLine& line, const std::string& kind) {
  CLI::App& group = *app.add_subcommand(kind, "List or inspect " + kind + "s");
  group.require_subcommand(1);
  CLI::App& ls = verb(group, line, "ls", "List them", [&line, kind] {
    line.ls.kind = kind;
    return run_ls(line.global, line.plan, line.ls);
  });
  add_where(ls, line.plan);
  add_json(ls, line.plan);
  add_listing(ls, line.ls);
  CLI::App& inspect = verb(group, line, "inspect", "Show one with everything known about it", [&line, kind] {
    line.ls.kind = kind;
    return run_inspect(line.global, line.plan, line.ls);
  });
  inspect.add_option("NAME", line.ls.name, "Its name")->required();
  add_where(inspect, line.plan);
  add_json(inspect, line.plan);
}

void add_forget(CLI::App& group, CommandLine& line) {
  CLI::App& forget = verb(group, line, "forget", "Forget the machine that had a host's name, and is gone",
                          [&line] { return run_forget(line.global, line.plan, line.ls.name, line.lost); });
  forget.add_option("NAME", line.ls.name, "The host's name")->required();
  forget.add_flag("--lost", line.lost, "Keep all that it has, and wait for it no longer until it is back");
  add_where(forget, line.plan);
}

void add_reading_verbs(CLI::App& app, CommandLine& line) {
  // Alike in all three, so that who knows one knows the others.
  for (const char* kind : {"network", "host", "endpoint"}) add_kind_verbs(app, line, kind);
  add_forget(*app.get_subcommand("host"), line);
  CLI::App& doctor = verb(app, line, "doctor", "Ask the store, the peers and the kernel what is wrong",
                          [&line] { return run_doctor(line.global, line.plan); });
  add_where(doctor, line.plan);
  add_host(doctor, line.plan);
  add_json(doctor, line.plan);
  add_keystore_verbs(app, line);
  CLI::App& status = verb(app, line, "status", "Show where the cluster and its hosts stand",
                          [&line] { return run_status(line.global, line.plan, line.status); });
  add_where(status, line.plan);
  CLI::Option* wait = status.add_option("--wait", line.status.wait,
                                        "Wait until every host is up to date: 500ms, 60s, 5m; else exit 1");
  status
      .add_flag("--watch", line.status.watch,
                "Print it again with each change of the store, until interrupted")
      ->excludes(wait);
  add_json(status, line.plan);
  CLI::App& exec = verb(app, line, "exec", "Run a command inside an endpoint's namespace",
                        [&line] { return run_exec(line.global, line.plan, line.exec); });
  exec.add_option("ENDPOINT", line.exec.endpoint, "The endpoint")->required();
  exec.add_option("CMD", line.exec.command, "The command, behind --")->required();
  add_host(exec, line.plan);
  add_store(exec, line.plan);
}

void add_graph(CLI::App& app, CommandLine& line) {
  CLI::App& graph = verb(app, line, "graph", "Draw hosts, endpoints and the networks that join them",
                         [&line] { return run_graph(line.global, line.plan, line.graph); });
  add_where(graph, line.plan);
  graph.add_option("--format", line.graph.format, "dot, mermaid or svg (made by graphviz)")
      ->check(CLI::IsMember({"dot", "mermaid", "svg"}))
      ->capture_default_str();
  graph.add_option("--out", line.graph.out, "The file; default stdout");
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
  validate.add_flag("--json", line.validate.json, "Print JSON instead of text");
  add_format(validate, line.validate.format, false);
  CLI::App& fmt = verb(app, line, "fmt", "Give a manifest's files their one look; comments stay",
                       [&line] { return run_fmt(line.fmt); });
  fmt.add_option("PATH", line.fmt.path, "A file or a directory; - for stdin to stdout");
  fmt.add_flag("--check", line.fmt.check, "Write nothing; name the files that differ, and exit 1 for them");
  CLI::App& explain = verb(app, line, "explain", "Print what a block or a key of the manifest means",
                           [&line] { return run_explain(line.target); });
  explain.add_option("BLOCK.KEY", line.target, "A block, or a key of it: network, network.vni");
  CLI::App& init = verb(app, line, "init", "Write a manifest to start from",
                        [&line] { return ovl::init(line.init, std::cout, std::cerr); });
  init.add_option("DIR", line.init.directory,
                  "The directory to write ovl.toml into, made if it is not there");
}

// No --host and no store: a lab is of its manifest, and everything else is said inside of it.
void add_lab_verbs(CLI::App& app, CommandLine& line) {
  CLI::App& group = *app.add_subcommand("lab", "Turn this machine into the manifest's cluster");
  group.require_subcommand(1);
  CLI::App& up =
      verb(group, line, "up", "Make the lab", [&line] { return lab_up(line.lab, std::cout, std::cerr); });
  up.add_option("DIR", line.lab.directory, "The manifest's directory; default the one you stand in");
  CLI::App& exec = verb(group, line, "exec", "Run a command on one of its hosts",
                        [&line] { return lab_exec(line.lab, std::cout, std::cerr); });
  exec.add_option("HOST", line.lab.host, "The host, outside or router")->required();
  exec.add_option("CMD", line.lab.command, "The command, behind --")->required();
  // A variable of its own, as who works in one lab all day names it once.
  exec.add_option("--lab", line.lab.directory,
                  "The lab's directory, when you stand elsewhere and there are several")
      ->envname("OVL_LAB");
  verb(group, line, "status", "List the labs",
       [&line] { return lab_status(line.lab, std::cout, std::cerr); });
  CLI::App& down = verb(group, line, "down", "End and remove the lab",
                        [&line] { return lab_down(line.lab, std::cout, std::cerr); });
  down.add_option("DIR", line.lab.directory,
                  "The manifest's directory; default the one you stand in, or the only lab")
      ->envname("OVL_LAB");
}

void add_help(CLI::App& app, CommandLine& line) {
  CLI::App& help = verb(app, line, "help", "Print what a verb does and how it is called",
                        [&line] { return run_help(line.topics, line.all); });
  help.add_option("VERB", line.topics, "The verb, and a command of it; default all verbs");
  help.add_flag("--all", line.all, "Say every option, also those that are rarely needed");
}

void add_shell_verbs(CLI::App& app, CommandLine& line) {
  add_help(app, line);
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
  app.set_version_flag("-V,--version", "ovl " OVL_VERSION, "Print the version");
  app.add_flag("-v,--verbose", global.verbose, "Say more; twice for every step")->envname("OVL_VERBOSE");
  app.add_flag("--no-color", global.no_color, "No colours; NO_COLOR does the same")->envname("OVL_NO_COLOR");
  app.add_option("--state-dir", global.state_directory, "Where this host keeps its state")
      ->envname("OVL_STATE_DIR")
      ->capture_default_str();
  app.add_option("--run-dir", global.run_directory, "Where namespaces and locks are")
      ->envname("OVL_RUN_DIR")
      ->capture_default_str();
  app.add_option(
         "--mount-namespace", global.mount_namespace,
         "The file of the mount namespace where namespaces get their names; for a service that has one of "
         "its own")
      ->envname("OVL_MOUNT_NAMESPACE");
}

constexpr const char* kWhat = "Overlay networks on Linux hosts, described in git and kept true";

void add_all(CLI::App& app, CommandLine& line) {
  app.require_subcommand(1);
  // Options of the program may stand behind the verb: nobody remembers which ones have to come first.
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

int print_help(const CLI::App& app, const std::vector<std::string>& words) {
  // Not CLI11's own help: it knows no examples, no groups of verbs, and is wider than a terminal.
  const CommandInfo root = describe(app);
  std::cout << help_text(chain_of(root, words), false);
  return kExitDone;
}

int run_help(const std::vector<std::string>& words, bool all) {
  // A tree of its own, as a verb knows nothing of the one that was parsed.
  const auto text = help_for(command_tree(), words, all);
  if (!text.ok()) return report_error(text.error());
  std::cout << text.value();
  return kExitDone;
}

// The file of `keystore import` is read.
std::vector<OutputPath> outputs_of(const CommandLine& line, const std::vector<std::string>& words) {
  const bool exports = std::ranges::find(words, "export") != words.end();
  // Every option that names a file to be written stands here: one that is missing could write over a
  // manifest.
  return {{.option = "--out", .path = line.plan.out},
          {.option = "--json-into", .path = line.plan.json_into},
          {.option = "--events", .path = line.plan.events},
          {.option = "--out", .path = line.graph.out},
          {.option = "--out",
           .path = exports ? line.keystore.file : std::string(),
           .is_toml = line.keystore.format == "toml"}};
}

// Files in them are opened from elsewhere, too, and databases by their whole path alone.
void make_absolute(GlobalOptions& global) {
  for (std::string* folder : {&global.state_directory, &global.run_directory}) {
    std::error_code error;
    const auto absolute = std::filesystem::absolute(*folder, error).lexically_normal();
    if (!error && !folder->empty()) *folder = absolute.string();
  }
}

}  // namespace

CommandInfo command_tree() {
  // Thrown away: the tree is made of values, and CLI11 keeps pointers into the CommandLine.
  CLI::App app(kWhat, "ovl");
  CommandLine line;
  add_all(app, line);
  return describe(app);
}

int run_cli(int argc, char** argv) {
  // What the completion scripts ask: its words are somebody's unfinished line and no options of ours. Not a
  // hidden verb of the tree: CLI11 would judge a half-typed line before we could, and offer this one in the
  // help.
  if (argc > 1 && std::string_view(argv[1]) == "__complete") {
    GlobalOptions global;
    const char* state = std::getenv("OVL_STATE_DIR");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (state != nullptr && *state != '\0') global.state_directory = state;
    return run_complete(global, std::vector<std::string>(argv + 2, argv + argc));
  }
  CLI::App app(kWhat, "ovl");
  CommandLine line;
  // A hook's options are those that it was installed with, whatever the one who pushes has set. As the script
  // of a hook writes it, with nothing before it: who calls it otherwise is no hook.
  if (argc > 2 && std::string_view(argv[1]) == "hook" && std::string_view(argv[2]) == "run") {
    // Before add_all() and parse(): CLI11 reads the twins of options when it parses, and by then there must
    // be none.
    line.hook.environment = take_environment(std::vector<std::string>(argv + 3, argv + argc));
  }
  add_all(app, line);
  // As they were typed, for what is told of a line that is wrong.
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    // By the words and not by the parser's state, as it stopped in the middle of them.
    return print_help(app, words);
  } catch (const CLI::ParseError& error) {
    // --version ends here too, with exit code 0.
    if (error.get_exit_code() == 0) return app.exit(error) == 0 ? kExitDone : kExitError;
    return report_error(misuse(describe(app), words, error.what()));
  }
  // Before any verb runs: a manifest that is written over is gone.
  const Status outputs = check_outputs(outputs_of(line, words), line.plan.path);
  if (!outputs.ok()) return report_error(outputs.error());
  make_absolute(line.global);
  const EnvironmentOfLine environment = environment_of(app, words);
  // A variable that counts for nothing is told each time: somebody set it and trusts in it.
  tell_ignored(environment);
  line.plan.environment = environment.taken;
  // After the parser has gone through the whole line: a verb that ran inside of its callback would run before
  // a wrong word behind it was seen.
  return line.run ? line.run() : kExitError;
}

}  // namespace ovl
