// ovl lab up, exec, status, down. Nothing of ovl runs between two of them: namespaces and mounts hold a lab,
// so each verb finds the labs anew by what is there. Options name a lab by its folder, which everybody has in
// mind, and never by a name of its own.
#include "cmd/verbs/lab.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <ostream>
#include <set>

#include "cmd/base/error_text.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/base/style.hpp"
#include "drivers/keystore/keystore.hpp"
#include "drivers/lab/labs.hpp"
#include "drivers/process/enter.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/manifest/sources.hpp"
#include "reconcile/objects/operations.hpp"
#include "reconcile/run/lab_plan.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

int report(const Error& error, std::ostream& err) {
  err << error_text(error, Style(wants_colour(STDERR_FILENO)));
  return exit_code(error.code);
}

std::string real_path(const std::string& directory) {
  std::error_code error;
  // Absolute first: of a folder that is gone, nothing else makes it so.
  const fs::path real = fs::weakly_canonical(fs::absolute(directory, error), error);
  std::string text = error ? directory : real.string();
  // "lab/" and "lab" are one place.
  if (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

// A lab is of a valid manifest only: what is wrong in it would be met inside, where it is harder to tell from
// the lab's own faults.
Result<LabPlan> read_plan(const std::string& directory, std::ostream& err) {
  OVL_TRY(const Sources sources, read_sources(directory));
  const Parsed parsed = parse(sources);
  err << render_all(parsed.diagnostics, sources, wants_colour(STDERR_FILENO));
  const auto is_error = [](const Diagnostic& d) { return d.severity == Severity::error; };
  if (std::ranges::any_of(parsed.diagnostics, is_error))
    return Error{.code = Errc::manifest, .message = "the manifest is invalid; no lab was started"};
  return plan_lab(parsed.manifest);
}

// A lab's network is made by the kernel driver that makes overlays, so that there is one way to speak to the
// kernel.
std::vector<Operation> network_operations(const Plan& plan) {
  std::vector<Operation> operations;
  for (const OperationGroup& group : operations_of(plan)) {
    operations.insert(operations.end(), group.operations.begin(), group.operations.end());
  }
  return operations;
}

std::string host_count(const LabPlan& plan) {
  return fmt::format("{} host{}", plan.hosts.size(), plan.hosts.size() == 1 ? "" : "s");
}

// ---- choosing a lab --------------------------------------------------------------------------------

const LabNode* find_node(const std::vector<LabNode>& nodes, const std::string& name) {
  const auto at = std::ranges::find(nodes, name, &LabNode::name);
  return at != nodes.end() ? &*at : nullptr;
}

std::string directories_of(const std::vector<LabEntry>& labs) {
  std::vector<std::string> directories;
  directories.reserve(labs.size());
  for (const LabEntry& lab : labs) directories.push_back(lab.directory);
  return fmt::format("{}", fmt::join(directories, ", "));
}

std::string hosts_of(const std::vector<LabEntry>& labs) {
  std::set<std::string> names;
  for (const LabEntry& lab : labs) {
    for (const LabHost& host : lab.plan.hosts) names.insert(host.name.text());
  }
  return fmt::format("{}, outside, router", fmt::join(names, ", "));
}

// With the slash: /srv/net2 is not in /srv/net.
bool is_in(const std::string& place, const std::string& directory) {
  return place == directory || directory == "/" || place.starts_with(directory + "/");
}

// The directory of the lab that one stands in, the innermost; empty when it is none's. The innermost, as the
// folder of one lab may lie in that of another.
std::string standing_in(const std::vector<LabEntry>& labs) {
  const std::string here = real_path(".");
  std::string innermost;
  for (const LabEntry& lab : labs) {
    if (is_in(here, lab.directory) && lab.directory.size() > innermost.size()) innermost = lab.directory;
  }
  return innermost;
}

// The lab of `directory`, else that of the folder one stands in, else the only one there is. `labs` are the
// candidates.
Result<LabEntry> choose(std::vector<LabEntry> labs, std::string directory) {
  if (directory.empty()) directory = standing_in(labs);
  // A folder that is named, or stood in, is an answer. Another lab in its place would be the wrong cluster.
  if (!directory.empty())
    std::erase_if(labs, [&](const LabEntry& lab) { return lab.directory != directory; });
  if (labs.size() == 1) return std::move(labs.front());
  if (labs.empty()) {
    return Error{.code = Errc::not_found,
                 .message = directory.empty() ? "no lab is up" : fmt::format("no lab of {} is up", directory),
                 .hint = "start one: ovl lab up DIR"};
  }
  return Error{.code = Errc::usage,
               .message = fmt::format("several labs are up: {}", directories_of(labs)),
               .hint = "say which one: stand in its directory, name it, or set OVL_LAB"};
}

struct LabPlace {
  LabEntry lab;
  LabNode node;
};

std::vector<LabEntry> of_directory(std::vector<LabEntry> labs, const std::string& directory) {
  std::erase_if(labs, [&](const LabEntry& lab) { return lab.directory != directory; });
  return labs;
}

// own: the labs that were meant, none of which has the host; others: those that have it.
Error no_such_host(const std::string& host, const std::vector<LabEntry>& own,
                   const std::vector<LabEntry>& others) {
  std::string hint = fmt::format("there are: {}", hosts_of(own));
  if (!others.empty())
    hint += fmt::format("; {} is of {}: stand there, or say --lab", host, directories_of(others));
  return Error{.code = Errc::not_found,
               .message = own.size() == 1
                              ? fmt::format("the lab of {} has no host {}", own.front().directory, host)
                              : fmt::format("no lab has a host {}", host),
               .hint = std::move(hint)};
}

// A host of the lab of the named folder, or of the one that one stands in; else of the only lab that has it.
Result<LabPlace> choose_node(const Labs& labs, const LabOptions& options) {
  OVL_TRY(const std::vector<LabEntry> all, labs.list());
  const std::string directory = options.directory.empty() ? standing_in(all) : real_path(options.directory);
  std::vector<LabEntry> with_host = all;
  std::erase_if(with_host,
                [&](const LabEntry& lab) { return find_node(lab_nodes(lab.plan), options.host) == nullptr; });
  // Whoever stands in a lab's folder means that lab. A host that only another one has is refused and not
  // entered: an `ovl apply` there would apply the manifest that lies here.
  const std::vector<LabEntry> own = directory.empty() ? all : of_directory(all, directory);
  const bool has_it = !(directory.empty() ? with_host : of_directory(with_host, directory)).empty();
  if (!own.empty() && !has_it) return no_such_host(options.host, own, with_host);
  OVL_TRY(LabEntry lab, choose(std::move(with_host), directory));
  LabNode node = *find_node(lab_nodes(lab.plan), options.host);
  return LabPlace{std::move(lab), std::move(node)};
}

// ---- the verbs -------------------------------------------------------------------------------------

// ZooKeeper is a JVM, and a machine that starts several labs is busy.
constexpr std::chrono::seconds kServerStart{60};

// What is there may be for a user alone; whoever refuses answers, too.
bool answers(Keystore& store) {
  const auto read = store.get("ovl");
  return read.ok() || read.error().code == Errc::privilege;
}

// In a child inside the lab: 0 once the store answers a read. A child, as entering is for good and for a
// process with one thread, and drivers of stores start threads.
int ask_store(const Labs& labs, const LabEntry& lab) {
  if (!labs.enter(lab, lab_nodes(lab.plan).front()).ok()) return 1;
  const auto deadline = std::chrono::steady_clock::now() + kServerStart;
  while (std::chrono::steady_clock::now() < deadline) {
    // A lab's underlay is namespaces of one machine, so that plain transport is heard by nobody.
    const auto store = open_keystore({.url = lab.plan.keystore, .allow_plaintext = true});
    if (store.ok() && answers(*store.value())) return 0;
    ::usleep(100'000);
  }
  return 1;
}

// A server that has started is not yet one that answers.
Status wait_for_store(const Labs& labs, const std::string& directory) {
  OVL_TRY(std::vector<LabEntry> all, labs.list());
  OVL_TRY(const LabEntry lab, choose(std::move(all), directory));
  if (!lab.plan.server) return {};
  const pid_t child = ::fork();
  // _exit() and not exit(): what stdio and atexit() of the parent hold is the parent's to write.
  if (child == 0) ::_exit(ask_store(labs, lab));
  int result = 1;
  while (::waitpid(child, &result, 0) < 0 && errno == EINTR) {
  }
  if (result == 0) return {};
  return Error{.code = Errc::unreachable,
               .message = fmt::format("the lab's {} did not answer within {} s", lab.plan.server->store,
                                      kServerStart.count()),
               .hint = "read its log: ovl lab exec keystore -- cat /run/keystore/log"};
}

Status up(const LabOptions& options, std::ostream& out, std::ostream& err) {
  const std::string named = options.directory.empty() ? "." : options.directory;
  const std::string directory = real_path(named);
  OVL_TRY(const LabPlan plan, read_plan(named, err));
  const Plan network = plan_lab_network(plan);
  const Labs labs(options.root);
  // What is up already is a success, so that a script may say it again.
  OVL_TRY(const bool started, labs.up(directory, plan, network_operations(network)));
  // Also where it was up already: another `lab up` may have started it a moment ago.
  OVL_CHECK(wait_for_store(labs, directory));
  out << fmt::format("The lab of {} is {}up: cluster {}, {}.\n", directory, started ? "" : "already ",
                     plan.cluster.text(), host_count(plan));
  if (started) out << fmt::format("Try: ovl lab exec {} -- ip address\n", plan.hosts.front().name.text());
  return {};
}

Status down(const LabOptions& options, std::ostream& out) {
  const Labs labs(options.root);
  std::string directory = options.directory.empty() ? "" : real_path(options.directory);
  OVL_TRY(std::vector<LabEntry> all, labs.list());
  if (directory.empty() && !all.empty()) {
    OVL_TRY(const LabEntry only, choose(std::move(all), ""));
    directory = only.directory;
  }
  OVL_TRY(const bool removed, labs.down(directory));
  if (removed) {
    out << fmt::format("The lab of {} is down.\n", directory);
  } else {
    // Nothing to end is no error: `lab down` is what scripts say first.
    out << (directory.empty() ? "No lab is up.\n" : fmt::format("No lab of {} is up.\n", directory));
  }
  return {};
}

Status enter(const LabOptions& options) {
  const Labs labs(options.root);
  OVL_TRY(const LabPlace place, choose_node(labs, options));
  return labs.enter(place.lab, place.node);
}

// Hosts come first in lab_nodes(), then what the lab itself adds.
std::string address_of(const LabPlan& plan, std::size_t node) {
  if (node < plan.hosts.size()) return plan.hosts[node].address.text();
  const bool is_server = lab_nodes(plan)[node].netns.text() == kLabKeystore;
  return is_server ? plan.server->address.text() : "";
}

std::string interface_of(const LabPlan& plan, std::size_t node) {
  return node < plan.hosts.size() ? plan.hosts[node].interface.text() : "";
}

std::string status_text(const LabEntry& lab, const std::vector<std::size_t>& counts) {
  std::string text = fmt::format("{}  cluster {}, {}{}\n", printable(lab.directory), lab.plan.cluster.text(),
                                 lab.plan.keystore, lab.complete ? "" : ", not started to the end");
  Table table;
  table.row({"HOST", "INTERFACE", "ADDRESS", "PROCESSES"});
  // counts has the order of lab_nodes(), which the indices here rely on.
  const std::vector<LabNode> nodes = lab_nodes(lab.plan);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    // The switch is wiring: nobody runs anything there.
    if (nodes[i].netns.text() == kLabSwitch) continue;
    table.row({nodes[i].name, interface_of(lab.plan, i), address_of(lab.plan, i), std::to_string(counts[i])});
  }
  return text + table.text("  ");
}

Value status_json(const LabEntry& lab, const std::vector<std::size_t>& counts) {
  Value value = Value::object();
  value.set("directory", lab.directory);
  value.set("complete", lab.complete);
  value.set("plan", encode(lab.plan));
  Value processes = Value::object();
  const std::vector<LabNode> nodes = lab_nodes(lab.plan);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    processes.set(nodes[i].netns.text(), Value(static_cast<std::int64_t>(counts[i])));
  }
  value.set("processes", std::move(processes));
  return value;
}

Status status(const LabOptions& options, std::ostream& out) {
  const Labs labs(options.root);
  OVL_TRY(const std::vector<LabEntry> all, labs.list());
  std::string text;
  Value json = Value::array();
  for (const LabEntry& lab : all) {
    OVL_TRY(const std::vector<std::size_t> counts, labs.count_processes(lab));
    text += (text.empty() ? "" : "\n") + status_text(lab, counts);
    json.push(status_json(lab, counts));
  }
  if (text.empty()) text = "No lab is up.\n";
  out << (options.json ? json.pretty_json() + "\n" : text);
  return {};
}

int answer(const Status& status, std::ostream& err) {
  return status.ok() ? kExitDone : report(status.error(), err);
}

}  // namespace

int lab_up(const LabOptions& options, std::ostream& out, std::ostream& err) {
  return answer(up(options, out, err), err);
}

int lab_exec(const LabOptions& options, std::ostream& out, std::ostream& err) {
  const Status entered = enter(options);
  if (!entered.ok()) {
    report(entered.error(), err);
    return kExitOwnFailure;
  }
  // The stream's buffer goes with this process's memory when another program takes its place.
  out.flush();
  const Error error = replace_process(options.command);
  report(error, err);
  return error.code == Errc::not_found ? kExitNoCommand : kExitCannotRun;
}

int lab_status(const LabOptions& options, std::ostream& out, std::ostream& err) {
  return answer(status(options, out), err);
}

int lab_down(const LabOptions& options, std::ostream& out, std::ostream& err) {
  return answer(down(options, out), err);
}

}  // namespace ovl
