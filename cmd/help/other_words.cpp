// People come with the words of other tools in their fingers. An error that names ovl's word costs a table; a
// verb by two names would be a promise for ever, and scripts would use both.
#include "cmd/help/other_words.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ovl {

namespace {

using Chain = std::span<const CommandInfo* const>;

struct Word {
  std::string_view theirs, ours;
};

// Commands of groups, by another name. Several rows of one word: the first that the group has counts.
constexpr Word kCommands[] = {
    {"list", "ls"},           {"list", "list"},    {"list", "status"},      {"ls", "list"},
    {"ls", "status"},         {"ps", "status"},    {"show", "inspect"},     {"show", "ls"},
    {"show", "status"},       {"get", "inspect"},  {"get", "show"},         {"describe", "inspect"},
    {"inspect", "show"},      {"status", "ls"},    {"info", "status"},      {"rm", "break"},
    {"rm", "uninstall"},      {"remove", "rm"},    {"remove", "uninstall"}, {"remove", "break"},
    {"delete", "rm"},         {"delete", "break"}, {"delete", "uninstall"}, {"unlock", "break"},
    {"release", "break"},     {"move", "mv"},      {"rename", "mv"},        {"start", "up"},
    {"stop", "down"},         {"destroy", "down"}, {"rm", "down"},          {"remove", "down"},
    {"run", "exec"},          {"ssh", "exec"},     {"shell", "exec"},       {"enter", "exec"},
    {"backup", "export"},     {"dump", "export"},  {"save", "export"},      {"restore", "import"},
    {"load", "import"},       {"verify", "check"}, {"validate", "check"},   {"migrate", "copy"},
    {"move", "copy"},         {"cp", "copy"},      {"add", "install"},      {"enable", "install"},
    {"disable", "uninstall"},
};

constexpr std::string_view kDeclare = "declare it in the manifest, then: ovl apply";
constexpr std::string_view kTakeOut = "take it out of the manifest, then: ovl apply";
constexpr std::string_view kLists = "ovl network ls, ovl host ls, ovl endpoint ls";
constexpr std::string_view kInspects =
    "ovl network inspect NAME; host and endpoint have the same; of everything: ovl status";
constexpr std::string_view kValidate = "ovl validate checks a manifest, ovl doctor a host";
constexpr std::string_view kExec = "ovl exec ENDPOINT -- CMD; on a lab's host: ovl lab exec HOST -- CMD";
constexpr std::string_view kApply = "ovl apply makes what the manifest says; ovl plan shows it first";
constexpr std::string_view kRunAsService =
    "ovl apply makes it so once; a host that follows by itself: systemctl enable --now ovl-agent";

// Also for what ovl has under no name at all: "create" has no verb here, as the manifest says what is to be.
constexpr Word kVerbsElsewhere[] = {
    {"refresh", "ovl plan --refresh-only shows what drifted"},
    {"create", kDeclare},
    {"add", kDeclare},
    {"new", kDeclare},
    {"set", kDeclare},
    {"rm", kTakeOut},
    {"remove", kTakeOut},
    {"delete", kTakeOut},
    {"del", kTakeOut},
    {"prune", kTakeOut},
    {"connect", "declare an endpoint in the manifest, then: ovl apply"},
    {"disconnect", "take the endpoint out of the manifest, then: ovl apply"},
    {"edit", "change the manifest, then: ovl plan"},
    {"list", kLists},
    {"ls", kLists},
    {"ps", "ovl endpoint ls"},
    {"inspect", kInspects},
    {"describe", kInspects},
    {"get", kInspects},
    {"info", kInspects},
    {"link", kInspects},
    {"logs", "ovl history lists what was applied; of a service: journalctl -u ovl-agent"},
    {"log", "ovl history lists what was applied; of a service: journalctl -u ovl-agent"},
    {"events", "ovl apply --events FILE tells an apply; ovl history lists what was applied"},
    {"run", kExec},
    {"attach", kExec},
    {"enter", kExec},
    {"shell", kExec},
    {"console", kExec},
    {"check", kValidate},
    {"lint", kValidate},
    {"test", kValidate},
    {"verify", kValidate},
    {"format", "ovl fmt"},
    {"start", kRunAsService},
    {"stop", "ovl suspend lets what applies by itself stand back; ovl destroy removes everything"},
    {"restart", kRunAsService},
    {"enable", kRunAsService},
    {"disable", "ovl suspend lets what applies by itself stand back"},
    {"reload", kApply},
    {"reconcile", kApply},
    {"update", kApply},
    {"upgrade", kApply},
    {"deploy", kApply},
    {"install", kApply},
    {"taint", "ovl apply --replace ADDRESS makes an object anew"},
    {"output", "ovl network inspect NAME --json"},
    {"workspace", "a cluster is named in its manifest, or by --cluster"},
    {"import", "ovl state import takes over what exists; ovl keystore import fills a keystore"},
    {"backup", "ovl keystore export --out FILE"},
    {"restore", "ovl keystore import FILE"},
    {"undo", "ovl rollback"},
    {"revert", "ovl rollback"},
    {"watch", "ovl status --watch"},
    {"forget", "ovl host forget NAME"},
    {"up", "ovl apply; a whole cluster on this machine: ovl lab up"},
    {"down", "ovl destroy; of a lab: ovl lab down"},
};

struct Option {
  std::string_view theirs;
  std::string_view needs;  // an option that the verb has to have; empty: none
  std::string_view ours;
};

constexpr std::string_view kUnasked = "to be asked nothing: --auto-approve";
constexpr std::string_view kPlanFirst = "ovl plan shows what an apply would do, and changes nothing";
constexpr std::string_view kPath = "a file or folder is named without an option, behind the verb";
constexpr std::string_view kJson = "for programs: --json";

// A row counts where the verb has what it advises: no hint names an option that would be refused next.
constexpr Option kOptions[] = {
    {"--yes", "--auto-approve", kUnasked},
    {"-y", "--auto-approve", kUnasked},
    {"--assume-yes", "--auto-approve", kUnasked},
    {"--force", "--auto-approve",
     "a refusal names the option that allows it; to be asked nothing: --auto-approve"},
    {"-f", "--auto-approve",
     "a file or folder is named without an option; to be asked nothing: --auto-approve"},
    {"--dry-run", "", kPlanFirst},
    {"-n", "--auto-approve", kPlanFirst},
    {"--check", "--auto-approve", kPlanFirst},
    {"--file", "", kPath},
    {"-f", "", kPath},
    {"--filename", "", kPath},
    {"--config", "", kPath},
    {"-c", "", kPath},
    {"--chdir", "", kPath},
    {"--manifest", "", kPath},
    {"--filter", "--label", "by label: --label zone=a"},
    {"--selector", "--label", "by label: --label zone=a"},
    {"--all", "--quiet", "all are listed; with -q their names alone"},
    {"-a", "--quiet", "all are listed; with -q their names alone"},
    {"--var", "",
     "a manifest has no variables; what describes the place may stand in OVL_KEYSTORE, OVL_HOST"},
    {"-o", "--out", "a plan is saved with --out FILE"},
    {"-o", "--json", kJson},
    {"--output", "--out", "a plan is saved with --out FILE; for programs: --json"},
    {"--output", "--json", kJson},
    {"--format", "--json", kJson},
    {"--debug", "", "say more: -v, and -vv"},
    {"-d", "", "say more: -v, and -vv"},
    {"--trace", "", "say more: -v, and -vv"},
    {"--wait", "", "ovl status --wait 60s waits until every host is up to date"},
    {"--watch", "", "ovl status --watch"},
    {"--url", "--keystore", "--keystore URL"},
};

bool has_option(Chain chain, std::string_view name) {
  return std::ranges::any_of(
      chain, [&](const CommandInfo* one) { return one->option(std::string(name)) != nullptr; });
}

}  // namespace

std::string verb_of_other_tools(Chain chain, const std::string& word) {
  // Of a group, whatever it has under another name comes first: "ovl lock rm" means break, and no endpoint.
  if (chain.size() > 1) {
    for (const Word& one : kCommands) {
      // Only what this group has: "ls" of one is "list" of another.
      const bool known = one.theirs == word && chain.back()->command(std::string(one.ours)) != nullptr;
      if (known) return fmt::format("it is called {} here", one.ours);
    }
  }
  // A machine that is gone is in no manifest.
  const bool forgets = chain.back()->command("forget") != nullptr;
  const auto* const at = std::ranges::find(kVerbsElsewhere, word, &Word::theirs);
  if (at == std::end(kVerbsElsewhere)) return {};
  if (forgets && at->ours == kTakeOut)
    return fmt::format("{}; a machine that is gone: ovl host forget NAME", at->ours);
  return std::string(at->ours);
}

std::string option_of_other_tools(Chain chain, const std::string& name) {
  // The first row that fits: "-f" is one thing to a verb that asks and another to one that does not.
  for (const Option& one : kOptions) {
    if (one.theirs == name && (one.needs.empty() || has_option(chain, one.needs)))
      return std::string(one.ours);
  }
  return {};
}

}  // namespace ovl
