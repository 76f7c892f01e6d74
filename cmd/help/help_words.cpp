// What CLI11's tree has no place for. Kept in tables by name and not beside each add_option(), so that the
// words can be read and weighed against each other; a test holds that each verb and each option with a value
// is in them.
#include "cmd/help/help_words.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace ovl {

namespace {

constexpr std::string_view kDescribe = "Describe";
constexpr std::string_view kChange = "Change";
constexpr std::string_view kLook = "Look";
constexpr std::string_view kFollow = "Follow by itself";
constexpr std::string_view kStores = "Keystore and state";
constexpr std::string_view kHere = "On this machine";
constexpr std::string_view kShell = "Shell";

// The way through the tool: write, change, look, let it run, and what is behind it.
constexpr std::string_view kGroups[] = {kDescribe, kChange, kLook, kFollow, kStores, kHere, kShell};

// Sentences that say what a verb changes and what it leaves, which is what somebody asks before calling it.
constexpr VerbWords kVerbs[] = {
    {"init",
     kDescribe,
     "Writes a first manifest, ovl.toml, with comments that say what each block is for. A file that is there "
     "stays as it is.",
     {"ovl init", "ovl init net"},
     "validate plan"},
    {"validate",
     kDescribe,
     "Reads a manifest and names every error with its place. It needs neither store nor kernel nor root, so "
     "that "
     "a hook or a pipeline can run it anywhere.",
     {"ovl validate", "ovl validate --format github net"},
     "fmt plan"},
    {"explain",
     kDescribe,
     "Prints what a block of the manifest, or one of its keys, means and looks like.",
     {"ovl explain network", "ovl explain network.vni"},
     "validate init"},
    {"fmt",
     kDescribe,
     "Writes the files of a manifest in their one look. Comments stay where they are.",
     {"ovl fmt", "ovl fmt --check net"},
     "validate"},
    {"plan",
     kChange,
     "Compares the manifest with the keystore, and the keystore with this host, and prints what an apply "
     "would "
     "change. It changes nothing. Without root, this host is left out.",
     {"ovl plan", "ovl plan --scope cluster --out next.plan net"},
     "apply show"},
    {"apply",
     kChange,
     "Plans, shows the plan, asks, and makes the changes: first the records in the keystore, then this host. "
     "Given a saved plan, it makes exactly that one, or refuses it as stale.",
     {"ovl apply", "ovl apply --auto-approve next.plan"},
     "plan destroy"},
    {"destroy",
     kChange,
     "Removes what the manifest declared: the records, and what ovl made on this host. What belongs to "
     "others "
     "stays.",
     {"ovl destroy", "ovl destroy --target endpoint.web"},
     "apply"},
    {"show",
     kChange,
     "Prints a plan that plan --out has saved, as it was planned.",
     {"ovl show next.plan", "ovl show --json next.plan"},
     "plan apply"},
    {"rollback",
     kChange,
     "Makes the cluster again what it was at an earlier generation or commit. The result is a new "
     "generation: "
     "nothing of the history is lost.",
     {"ovl rollback", "ovl rollback 41"},
     "history diff"},
    {"diff",
     kLook,
     "Plans one revision against another, without a look at the kernel.",
     {"ovl diff HEAD~1 HEAD", "ovl diff main feature --host n1"},
     "plan rollback"},
    {"status",
     kLook,
     "Prints which generation the cluster is at, since when and by whom, and where each host stands. With "
     "--watch it does so again with each change; with --json, too, one document is a line then.",
     {"ovl status", "ovl status --wait 60s"},
     "doctor host"},
    {"doctor",
     kLook,
     "Looks for what keeps traffic from passing: the store, the other hosts, the kernel, filters of others. "
     "Each "
     "finding has a remedy.",
     {"ovl doctor", "ovl doctor --json"},
     "status plan"},
    {"network",
     kLook,
     "Lists the cluster's networks, or shows one with everything known about it.",
     {"ovl network ls", "ovl network inspect my-net"},
     "host endpoint"},
    {"host",
     kLook,
     "Lists the cluster's hosts, shows one with everything known about it, or forgets a machine that is "
     "gone.",
     {"ovl host ls", "ovl host inspect n1"},
     "network endpoint"},
    {"endpoint",
     kLook,
     "Lists the cluster's endpoints, or shows one with everything known about it.",
     {"ovl endpoint ls --label tier=front", "ovl endpoint inspect web"},
     "network host exec"},
    {"graph",
     kLook,
     "Draws hosts, endpoints and the networks that join them, for Graphviz or Mermaid.",
     {"ovl graph --format svg --out net.svg", "ovl graph --format mermaid"},
     "network"},
    {"history",
     kLook,
     "Lists the cluster's generations, the newest first: when, who, from which commit.",
     {"ovl history", "ovl history --json"},
     "rollback"},
    {"agent",
     kFollow,
     "Keeps this host as the cluster's records say, until it is told to end. A store that can't be reached "
     "costs "
     "time: nothing is removed meanwhile.",
     {"ovl agent", "ovl agent --keystore etcd://10.0.0.10:2379 --cluster demo --host n1"},
     "sync suspend"},
    {"sync",
     kFollow,
     "Fetches a repository, verifies and applies its revision, once or again and again. Its keystore, and "
     "the "
     "name of its cluster, are what this host says, never what the repository says.",
     {"ovl sync --repo https://git.example.org/net.git --ref main --interval 30s",
      "ovl sync --scope host --interval 30s"},
     "agent hook suspend"},
    {"hook",
     kFollow,
     "Installs git hooks that validate, plan and apply what is committed or pushed, shows and removes them. "
     "A "
     "hook that is there already runs first.",
     {"ovl hook install pre-receive post-receive --repo /srv/net.git", "ovl hook status"},
     "sync suspend"},
    {"suspend",
     kFollow,
     "Lets sync, agent and post-receive stand back here, so that somebody can work by hand.",
     {"ovl suspend --reason maintenance", "ovl suspend --repo /srv/net.git"},
     "resume"},
    {"resume",
     kFollow,
     "Lets sync, agent and post-receive apply again.",
     {"ovl resume", "ovl resume --repo /srv/net.git"},
     "suspend"},
    {"keystore",
     kStores,
     "Copies a cluster to another keystore, checks, exports or imports its records.",
     {"ovl keystore check", "ovl keystore export --out backup.json"},
     "lock state"},
    {"lock",
     kStores,
     "Shows who holds the cluster's lock, or takes it from who will not give it back.",
     {"ovl lock ls", "ovl lock break 17"},
     "keystore"},
    {"state",
     kStores,
     "Shows and mends what this host remembers of what ovl made here.",
     {"ovl state list", "ovl state rm endpoint.web"},
     "keystore"},
    {"exec",
     kHere,
     "Runs a command inside an endpoint's network namespace, with the names that it resolves.",
     {"ovl exec web -- ip addr", "ovl exec web -- ping -c 1 db"},
     "endpoint"},
    {"lab",
     kHere,
     "Makes all hosts of a manifest on this machine, each with a network and files of its own, to try it "
     "out.",
     {"ovl lab up net", "ovl lab exec n1 -- ovl apply"},
     "exec"},
    {"help",
     kShell,
     "Prints what a verb does, how it is called and which options it has.",
     {"ovl help plan", "ovl help --all keystore export"},
     "completion"},
    {"completion",
     kShell,
     "Prints the script that lets a shell complete verbs, options and names.",
     {"ovl completion bash", "ovl completion zsh"},
     "help"},
    {"version", kShell, "Prints the version.", {"ovl version", "ovl help version"}, "help"},
};

using Pair = std::pair<std::string_view, std::string_view>;

// CLI11 calls each value TEXT: what is to be put there is the half of what an option's help has to say.
constexpr Pair kValues[] = {
    {"--cluster", "NAME"},
    {"--events", "FILE"},
    {"--exclude", "ADDRESS"},
    {"--format", "FORMAT"},
    {"--heartbeat", "DURATION"},
    {"--host", "NAME"},
    {"--interval", "DURATION"},
    {"--json-into", "FILE"},
    {"--keystore", "URL"},
    {"--lab", "DIR"},
    {"--label", "LABEL"},
    {"--lock-timeout", "DURATION"},
    {"--max-destroy", "COUNT"},
    {"--mount-namespace", "FILE"},
    {"--out", "FILE"},
    {"--password", "REFERENCE"},
    {"--path", "PATH"},
    {"--policy", "FILE"},
    {"--reason", "TEXT"},
    {"--ref", "REF"},
    {"--replace", "ADDRESS"},
    {"--repo", "REPO"},
    {"--run-dir", "DIR"},
    {"--scope", "SCOPE"},
    {"--state-dir", "DIR"},
    {"--target", "ADDRESS"},
    {"--time-limit", "DURATION"},
    {"--timeout", "DURATION"},
    {"--tls-ca", "REFERENCE"},
    {"--tls-cert", "REFERENCE"},
    {"--tls-key", "REFERENCE"},
    {"--token", "REFERENCE"},
    {"--ttl", "DURATION"},
    {"--user", "REFERENCE"},
    {"--wait", "DURATION"},
};

// The keystore's secrets and TLS stand on every verb, and would hide the two options that somebody looks for.
constexpr std::string_view kRare[] = {"--user",    "--password", "--tls-ca",          "--tls-cert",
                                      "--tls-key", "--token",    "--allow-plaintext", "--mount-namespace"};

// --from-token and --to-token are --token of one of two stores.
std::string general(std::string_view option) {
  for (const std::string_view side : {"--from-", "--to-"}) {
    if (option.starts_with(side)) return "--" + std::string(option.substr(side.size()));
  }
  return std::string(option);
}

}  // namespace

std::span<const std::string_view> verb_groups() {
  return kGroups;
}

const VerbWords* words_of(std::string_view verb) {
  const auto* const at = std::ranges::find(kVerbs, verb, &VerbWords::verb);
  return at == std::end(kVerbs) ? nullptr : at;
}

std::string_view value_name(std::string_view option) {
  const auto* const at = std::ranges::find(kValues, general(option), &Pair::first);
  return at == std::end(kValues) ? "VALUE" : at->second;
}

bool is_rare(std::string_view option) {
  return std::ranges::find(kRare, general(option)) != std::end(kRare);
}

}  // namespace ovl
