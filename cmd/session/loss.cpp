// Verbs that only read have no guard that could refuse them, and what they print of a store that has lost its
// cluster reads like the truth: no networks, no hosts, nothing wrong. So each compares what it has read with
// what this place remembers.
#include "cmd/session/loss.hpp"

#include <fmt/format.h>

#include <ctime>

#include "cmd/session/cluster_memory.hpp"
#include "reconcile/cluster/fit.hpp"
#include "reconcile/cluster/standing.hpp"
#include "reconcile/store/store_place.hpp"

namespace ovl {

namespace {

std::string text_of(Tree tree, const Memory& memory, const StoreView& view) {
  // A memory of an earlier version has a lineage and no head.
  const std::int64_t known = memory.head ? memory.head->serial : 0;
  switch (tree) {
    case Tree::goes_on:
    // Nothing is remembered, so nothing can be missing.
    case Tree::absent: return {};
    case Tree::lost:
      return fmt::format(
          "the keystore has lost it: generation {} is remembered here, and an apply here puts it back",
          known);
    case Tree::rebuilt:
    case Tree::older:
      return fmt::format("the keystore holds an older copy, generation {}: generation {} is remembered here",
                         view.head->serial, known);
    case Tree::begun_anew:
    case Tree::foreign:
      return fmt::format(
          "the keystore holds another one, lineage {}: lineage {}, generation {}, is remembered here",
          view.head->lineage, memory.lineage, known);
  }
  return {};
}

// Empty when the state tells nothing.
std::string loss_in(const State& state, const std::string& url, const StoreView& view) {
  const auto memory = memory_of(state);
  // What is remembered is of one store. Of another one it says nothing, least of all that it has lost
  // something.
  if (!memory.ok() || store_place(memory.value().keystore) != store_place(url)) return {};
  return text_of(judge(memory.value(), view, url), memory.value(), view);
}

// While somebody writes, half of it is there. A look without the lock can fall between two transactions of a
// publish, which is no loss.
std::string misfit_of(const StoreView& view) {
  if (!view.lock.empty() || fits_head(view)) return {};
  return fmt::format(
      "the keystore's records are not those of generation {}: some were lost or changed, or a write was cut "
      "short; an apply of the manifest puts them back",
      view.head->serial);
}

}  // namespace

std::string loss_of(const GlobalOptions& global, const PlanOptions& options, Context& context,
                    const StoreView& view) {
  const Label& cluster = context.request().cluster;
  const std::string& url = context.access().url;
  // The host's own state first: it has realised what it remembers, which is more than having written it.
  const auto own = State::open_read_only({.root = global.state_directory, .cluster = cluster});
  std::string out = own.ok() ? loss_in(own.value(), url, view) : std::string();
  if (!out.empty()) return out;
  const auto kept =
      open_memory({.folder = memory_folder(global, options), .url = url, .cluster = cluster}, false);
  // A memory that is there and can't be read is told, and not taken for one that has nothing to say.
  if (!kept.ok()) return kept.error().message;
  if (kept.value()) out = loss_in(*kept.value(), url, view);
  // Last: a tree that was put back from an older copy fits its own head.
  return out.empty() ? misfit_of(view) : out;
}

Status tell_loss(const GlobalOptions& global, const PlanOptions& options, Context& context,
                 const StoreView& view) {
  const std::string loss = loss_of(global, options, context, view);
  if (loss.empty()) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("cluster {}: {}", context.request().cluster.text(), loss),
               .hint = "see docs/keystores.md, Restoring"};
}

std::string alone_text(const GlobalOptions& global, const PlanOptions& options) {
  const Context::Needs needs{.manifest = false, .host = false, .keystore = false, .state = true};
  // By the state's file alone: this is asked where the store did not answer.
  auto context = Context::open(global, options, needs);
  if (!context.ok()) return {};
  const State& state = *context.value().world().state;
  const auto memory = memory_of(state);
  if (!memory.ok() || !memory.value().head) return {};
  std::string out = fmt::format("Cluster {}: the keystore can't be reached; this host keeps to generation {}",
                                context.value().request().cluster.text(), memory.value().head->serial);
  const auto since = state.binding("away since");
  if (since.ok() && since.value() && !since.value()->empty()) {
    out += ", alone since " + ago(std::atoll(since.value()->c_str()), std::time(nullptr));
  }
  return out + "\n";
}

}  // namespace ovl
