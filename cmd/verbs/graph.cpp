// ovl graph: the cluster's records as a drawing, or, before the first apply, what the manifest asks for. SVG
// is made by graphviz's dot, which takes our place.
#include "reconcile/run/graph.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <iostream>

#include "cmd/base/exit.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/desired_view.hpp"
#include "cmd/session/loss.hpp"
#include "cmd/verbs/verbs.hpp"
#include "drivers/process/enter.hpp"
#include "model/base/handle.hpp"
#include "reconcile/cluster/standing.hpp"

namespace ovl {

namespace {

Error io_error(const std::string& what) {
  return Error{.code = Errc::io, .message = what + " failed", .os_errno = errno};
}

// What is printed from now on goes into this file.
Status redirect_stdout(const std::string& path) {
  // Descriptor 1 itself, not a stream: dot writes there too, in our place. dup2() leaves it open over the
  // exec, as it does not copy O_CLOEXEC (dup(2)).
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file.valid() || ::dup2(file.get(), STDOUT_FILENO) < 0) return io_error("writing " + path);
  return {};
}

// Returns only when there is no dot to run.
Status become_dot(const std::string& text) {
  // A file and no pipe: a pipe holds 64 KiB, and who would write the rest is the process that has become dot.
  // The copy at descriptor 0 stays open over the exec.
  const UniqueFd input(::memfd_create("graph", MFD_CLOEXEC));
  const auto size = static_cast<ssize_t>(text.size());
  if (!input.valid() || ::write(input.get(), text.data(), text.size()) != size ||
      ::lseek(input.get(), 0, SEEK_SET) != 0 || ::dup2(input.get(), STDIN_FILENO) < 0) {
    return io_error("handing the graph to dot");
  }
  Error error = replace_process({"dot", "-Tsvg"});
  error.hint = "SVG is made by graphviz: install it, or take --format dot or mermaid";
  return error;
}

// A host's own words are not for a drawing: they may be any text.
std::string_view word_for(Standing::Kind kind) {
  switch (kind) {
    case Standing::Kind::never: return "never applied";
    case Standing::Kind::behind: return "behind";
    case Standing::Kind::failed: return "failed";
    case Standing::Kind::frozen: return "frozen";
    case Standing::Kind::drifted: return "drifted";
    case Standing::Kind::leftover: return "out of the records";
    case Standing::Kind::lost: return "lost";
    case Standing::Kind::current: return "up to date";
  }
  return "";
}

HostNotes notes_of(const StoreView& view, std::int64_t now) {
  HostNotes out;
  for (const HostRecord& host : view.records.hosts) {
    const Standing::Kind kind = standing_of(view, host.name).kind;
    // A host that never applied has no presence that could be missing.
    const std::string health =
        kind == Standing::Kind::never ? std::string() : health_of(view, host.name, now) + ", ";
    out.emplace(host.name, health + std::string(word_for(kind)));
  }
  return out;
}

// What is to be drawn: the store's records, or the manifest's where no store has any yet.
StoreView view_to_draw(const Context& context, StoreView stored) {
  // The manifest stands for a cluster that is not there yet, never for one that is: a drawing of what
  // somebody is still writing would be taken for what runs.
  if (stored.head) return stored;
  auto wanted = desired_view(context, stored);
  if (!wanted) return stored;
  // On stderr: stdout is the drawing.
  std::cerr << "ovl: the keystore holds no cluster yet: this is what the manifest asks for\n";
  return std::move(*wanted);
}

Result<int> graph(const GlobalOptions& global, const PlanOptions& options, const GraphOptions& given) {
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  const Label& cluster = context.request().cluster;
  OVL_TRY(StoreView stored, read_store(*context.world().keystore, StoreLayout(cluster)));
  // Before anything is drawn: an empty or older store would draw a cluster that nobody runs.
  OVL_CHECK(tell_loss(global, options, context, stored));
  const StoreView view = view_to_draw(context, std::move(stored));
  // SVG is dot's affair: what it reads is DOT.
  const GraphFormat format = given.format == "mermaid" ? GraphFormat::mermaid : GraphFormat::dot;
  const std::string text = graph_text(cluster, view.records, format, notes_of(view, std::time(nullptr)));
  if (!given.out.empty()) OVL_CHECK(redirect_stdout(given.out));
  if (given.format == "svg") OVL_CHECK(become_dot(text));
  std::cout << text << std::flush;
  // Nobody reads the text again: a full disk behind the redirection shows here or nowhere.
  return std::cout.good() ? kExitDone : kExitError;
}

}  // namespace

int run_graph(const GlobalOptions& global, const PlanOptions& options, const GraphOptions& given) {
  auto code = graph(global, options, given);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
