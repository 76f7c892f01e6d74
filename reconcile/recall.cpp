#include "reconcile/recall.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "reconcile/guards.hpp"

namespace ovl {

namespace {

Finding put_back_warning(const Request& request, const Planned& planned) {
  Finding out{
      .code = Errc::not_found,
      .id = "keystore-lost",
      .subject = "cluster " + request.cluster.text(),
      .message = fmt::format("the keystore has lost it; it is rebuilt as this host knew it at generation {}",
                             planned.remembered.serial),
      .hint = "if this is another keystore by mistake, do not apply"};
  if (request.destroy) {
    out.message = fmt::format(
        "the keystore does not hold what is remembered here, generation {}; that it is destroyed is written "
        "there all the same, so that nobody puts it back",
        planned.remembered.serial);
    return out;
  }
  if (planned.tree == Tree::lost) return out;
  out.code = Errc::conflict;
  out.id = "keystore-put-back";
  const Head& head = *planned.view.head;
  out.message =
      head.lineage == planned.memory.lineage
          ? fmt::format(
                "the keystore is at generation {} of an older copy; it is brought forward from what is "
                "remembered here, generation {}",
                head.serial, planned.remembered.serial)
          : fmt::format(
                "it was begun anew in the keystore (lineage {}, generation {}); lineage, ids and addresses "
                "are put back as this place knew them at generation {}, lineage {}",
                head.lineage, head.serial, planned.remembered.serial, planned.memory.lineage);
  return out;
}

// A store that was wiped, begun anew or put back from an older copy gets back the ids, VNIs and addresses
// that the hosts still use.
Status put_back(const Request& request, const State& state, Planned& planned) {
  OVL_TRY(planned.remembered, remember(state));
  planned.known = put_back(planned.remembered.records, planned.view.records);
  planned.lost_counts = true;
  recall_facts(planned.remembered.facts, planned.view.facts);
  planned.plan.warnings.push_back(put_back_warning(request, planned));
  return {};
}

// Where it is remembered: by this host, or by whoever writes records here. The one that knows the store's
// lineage counts, of two that do the newer one.
Result<const State*> recollect(const World& world, Planned& planned) {
  const State* found = nullptr;
  const auto is_better = [&](const Memory& other) {
    if (found == nullptr || planned.memory.lineage.empty()) return true;
    if (other.lineage != planned.memory.lineage) {
      return planned.view.head && other.lineage == planned.view.head->lineage;
    }
    return other.head && (!planned.memory.head || other.head->serial > planned.memory.head->serial);
  };
  const std::array<const State*, 2> places{world.state, world.memory};
  for (const State* state : places) {
    if (state == nullptr) continue;
    OVL_TRY(Memory memory, memory_of(*state));
    if (!is_better(memory)) continue;
    planned.memory = std::move(memory);
    found = state;
  }
  return found;
}

// The generation that is written is the whole cluster for everybody who follows it.
Status refuse_part(const Request& request, const Planned& planned) {
  if (!planned.puts_back || request.refresh_only || request.selection.all()) return {};
  return Error{
      .code = Errc::guard,
      .message = fmt::format("cluster {}: what the keystore has lost is put back as a whole, and this "
                             "is a part of it",
                             request.cluster.text()),
      .hint = "apply the whole manifest first; nothing was done here"};
}

Status check_restored(const Request& request, const Planned& planned) {
  if (!request.restored || !planned.memory.lineage.empty()) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("nothing is remembered here of cluster {}", request.cluster.text()),
               .hint = "put it back where it is remembered: on one of its hosts"};
}

}  // namespace

void recall_facts(const Facts& remembered, Facts& facts) {
  for (const HostFacts& known : remembered.hosts) {
    if (facts.host(known.host) == nullptr) facts.set(known);
  }
}

Status recall(const Request& request, const World& world, Planned& planned) {
  if (request.scope != Scope::host) planned.known = planned.view.records;
  OVL_TRY(const State* const state, recollect(world, planned));
  OVL_CHECK(check_restored(request, planned));
  planned.tree = judge(planned.memory, planned.view, url_of(request.keystore_access));
  if (auto refused = refusal_to_begin(request, planned)) planned.plan.refused.push_back(std::move(*refused));
  const bool told = request.restored && (planned.tree == Tree::older || planned.tree == Tree::foreign);
  // A head that fails its validation is somebody's doing: a manifest is needed against that.
  const bool spoilt = !planned.view.head && request.scope == Scope::host &&
                      planned.view.revisions.contains(StoreLayout(request.cluster).head());
  planned.puts_back = !spoilt && state != nullptr && (told || is_put_back(planned.tree));
  OVL_CHECK(refuse_part(request, planned));
  return planned.puts_back ? put_back(request, *state, planned) : Status();
}

bool is_away(const Error& why, const std::string& url) {
  if (why.code == Errc::unreachable) return true;
  const bool is_server = !url.empty() && !url.starts_with("sqlite:");
  return is_server && (why.code == Errc::io || why.code == Errc::privilege || why.code == Errc::corrupt ||
                       why.code == Errc::in_doubt || why.code == Errc::not_found);
}

// A host that boots before its store keeps to what it realised last.
Status stand_alone(const Request& request, const World& world, const Error& why, Planned& planned) {
  const bool may = request.scope == Scope::host && !request.destroy && world.state != nullptr;
  if (!may || !is_away(why, url_of(request.keystore_access))) return why;
  OVL_TRY(planned.memory, memory_of(*world.state));
  if (!planned.memory.head) return why;
  OVL_TRY(planned.remembered, remember(*world.state));
  planned.away = true;
  planned.view.head = planned.memory.head;
  planned.view.records = planned.remembered.records;
  planned.view.facts = planned.remembered.facts;
  planned.plan.warnings.push_back(Finding{
      .code = Errc::unreachable,
      .id = "keystore-away",
      .subject = "cluster " + request.cluster.text(),
      .message =
          fmt::format("the keystore can't be reached; this host keeps to generation {}, which it realised "
                      "last, and removes nothing ({})",
                      planned.memory.head->serial, why.message),
      .hint = "it follows the store when that is back"});
  return {};
}

}  // namespace ovl
