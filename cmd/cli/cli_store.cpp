// The verbs of the keystore, its history and its lock, and of this host's state.
#include <cctype>

#include <CLI/CLI.hpp>

#include "cmd/cli/cli_parts.hpp"
#include "cmd/verbs/verbs.hpp"

namespace ovl {

namespace {

// The access of one of two stores: --from-token, --to-token, ... and OVL_FROM_TOKEN, OVL_TO_TOKEN. Two stores
// and two sets of secrets: one set for both would hand the old store's token to the new one.
void add_side(CLI::App& app, const std::string& side, KeystoreAccess& access) {
  const auto twin_of = [](std::string name) {
    // As variable_called_after() makes it: one rule for every option.
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

// Without the options that other verbs have for one store: here each would leave open which of the two it is
// of.
void add_copy(CLI::App& group, CommandLine& line) {
  CLI::App& copy = verb(group, line, "copy", "Copy a cluster to another keystore, with its ids",
                        [&line] { return run_keystore_copy(line.keystore); });
  // Two arguments and no default: nobody copies a cluster by leaving out a word.
  copy.add_option("FROM", line.keystore.from.url, "URL of the keystore that has it")->required();
  copy.add_option("TO", line.keystore.to.url, "URL of the keystore that has it not")->required();
  // Required: no manifest is read here that could say it, and a copy of another cluster would be noticed
  // late.
  copy.add_option("--cluster", line.keystore.cluster, "The cluster's name")
      ->envname("OVL_CLUSTER")
      ->required();
  copy.add_option("--timeout", line.keystore.timeout, "Of one call to a keystore")
      ->envname("OVL_TIMEOUT")
      ->capture_default_str();
  add_side(copy, "from", line.keystore.from);
  add_side(copy, "to", line.keystore.to);
}

}  // namespace

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
  out.add_option("--out", line.keystore.file, "The file; default stdout");
  out.add_option("--format", line.keystore.format, "json or toml")
      ->check(CLI::IsMember({"json", "toml"}))
      ->capture_default_str();
  CLI::App& in = verb(group, line, "import", "Fill an empty keystore from an export",
                      [&line] { return run_keystore_import(line.global, line.plan, line.keystore); });
  in.add_option("FILE", line.keystore.file, "The export, JSON or TOML; - for stdin")->required();
  // No PATH and no revision: the argument is the export, and the manifest of the folder says where to.
  add_store(in, line.plan);
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
  // Required, and no "the present one": it has to be looked up, and with it who holds it.
  breaking.add_option("ID", line.lock_id, "The lock's id, as lock ls shows it")->required();
  add_where(breaking, line.plan);
}

namespace {

// Of the options for a store only this one: these verbs open none.
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
  // It is of this host's state; the store is asked only for where the next apply goes.
  add_store(recover, line.plan);
  add_host(recover, line.plan);
  add_json(recover, line.plan);
  CLI::App& adopt = verb(group, line, "adopt", "Take a state that another machine has written for this one's",
                         [&line] { return run_state_adopt(line.global, line.plan); });
  add_cluster(adopt, line.plan);
  add_approval(adopt, line.plan);
  CLI::App& pull = verb(group, line, "pull", "Print the whole state as JSON",
                        [&line] { return run_state_pull(line.global, line.plan); });
  add_cluster(pull, line.plan);
}

// `rm` needs no store, as what it lets go is here; `import` does, as the records say what may be taken over.
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
  // A rename ends a protected name as a removal does, so that what holds a plan holds it too.
  add_policy(mv, line.plan);
  add_approval(mv, line.plan);
  add_json(mv, line.plan);
}

}  // namespace

void add_state_verbs(CLI::App& app, CommandLine& line) {
  CLI::App& group = *app.add_subcommand("state", "What this host remembers; take over, let go, recover");
  group.require_subcommand(1);
  add_state_reading(group, line);
  add_state_ownership(group, line);
  add_state_mv(group, line);
}

}  // namespace ovl
