#include "reconcile/objects/made_here.hpp"

#include <algorithm>
#include <map>

#include "reconcile/objects/freeze.hpp"
#include "reconcile/objects/project.hpp"

namespace ovl {

namespace {

constexpr std::string_view kMade = "made";
constexpr std::string_view kFound = "found";  // it was there before ovl

struct Maker {
  bool ovl = false;
  std::string born;  // which one ovl made (Netns::born); empty: not known
};

using Makers = std::map<NetnsName, Maker>;

// "made", "made BIRTH" or "found".
Maker decode_maker(std::string_view text) {
  if (!text.starts_with(kMade)) return {};
  text.remove_prefix(kMade.size());
  if (!text.empty()) text.remove_prefix(1);
  return {.ovl = true, .born = std::string(text)};
}

std::string encode(const Maker& maker) {
  if (!maker.ovl) return std::string(kFound);
  return std::string(kMade) + (maker.born.empty() ? "" : " " + maker.born);
}

Result<Makers> read_makers(const State& state) {
  OVL_TRY(const std::vector<OwnedObject> owned, state.owned());
  Makers out;
  for (const OwnedObject& item : owned) {
    if (item.id.kind == Netns::kind) out[item.id.netns] = decode_maker(item.value);
  }
  return out;
}

OwnedKey key_of(const NetnsName& name) {
  return OwnedKey{.netns = name, .kind = std::string(Netns::kind), .key = name.text()};
}

bool is_sandbox_name(const NetnsName& name) {
  return name.text().starts_with(kSandboxPrefix);
}

// The name that ovl gives a namespace when nobody chooses another.
bool is_own_name(const NetnsName& name, const Label& cluster, const std::string& mark) {
  return is_sandbox_name(name) || mark == owner_mark(cluster, "endpoint/" + name.text());
}

class Judge {
 public:
  Judge(Makers makers, std::vector<NetnsName> known, const Label& cluster, const NetnsList& listed)
      : makers_(std::move(makers)), known_(std::move(known)), cluster_(cluster), listed_(listed) {}

  [[nodiscard]] bool made(const Netns& have) const {
    const auto remembered = makers_.find(have.name);
    if (remembered != makers_.end()) {
      const Maker& maker = remembered->second;
      return maker.ovl && (maker.born.empty() || have.born.empty() || maker.born == have.born);
    }
    // An ovl that did not keep who made it went by the mark.
    if (makers_.empty() && !have.unfinished && std::ranges::binary_search(known_, have.name)) return true;
    if (have.unfinished) return is_sandbox_name(have.name);
    return is_own_name(have.name, cluster_, have.owner) && !listed_.allows(have.name);
  }

  // Whatever is written in it.
  [[nodiscard]] bool made_this(const Netns& have) const {
    const auto remembered = makers_.find(have.name);
    return remembered != makers_.end() && remembered->second.ovl && !have.born.empty() &&
           remembered->second.born == have.born;
  }

 private:
  Makers makers_;
  std::vector<NetnsName> known_;
  const Label& cluster_;
  const NetnsList& listed_;
};

// Per space of the plan whether ovl makes, or made, it. None: it is not there, and not made.
std::vector<std::optional<bool>> makers_of(const Plan& plan) {
  std::vector<std::optional<bool>> out(plan.spaces.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const NamespaceObjects* observed = plan.observed.find(plan.spaces[i]);
    if (observed == nullptr || !observed->netns) continue;
    out[i] = observed->netns->unfinished || observed->netns->made_here ||
             is_owner_mark(plan.cluster, observed->netns->owner);
  }
  for (const ObjectChange& change : plan.object_changes) {
    if (as<Netns>(change.after) == nullptr) continue;
    if (change.action == Action::create || change.action == Action::adopt) out[change.space] = true;
    if (change.action == Action::forget) out[change.space] = false;
  }
  return out;
}

// What the host does not list is not taken, also not by having been asked for.
bool is_refused(const Plan& plan, const NetnsName& space) {
  if (!std::ranges::binary_search(plan.frozen, space)) return false;
  const std::string part = part_name(plan, space);
  return std::ranges::any_of(plan.conflicts, [&](const Finding& conflict) {
    return conflict.id.text() == "netns-not-listed" && conflict.part == part;
  });
}

}  // namespace

Status discount_marks(HostObjects& observed, const State& state, const Label& cluster,
                      const NetnsList& listed) {
  OVL_TRY(Makers makers, read_makers(state));
  OVL_TRY(std::vector<NetnsName> known, state.namespaces());
  const Judge judge(std::move(makers), std::move(known), cluster, listed);
  for (NamespaceObjects& space : observed.namespaces) {
    if (!space.netns) continue;
    space.netns->made_here = judge.made_this(*space.netns);
    if (space.netns->made_here) continue;
    const bool marked = space.netns->unfinished || is_owner_mark(cluster, space.netns->owner);
    if (!marked || judge.made(*space.netns)) continue;
    space.netns->owner.clear();
    if (space.netns->unfinished) space.netns.reset();
  }
  return {};
}

Result<std::vector<NetnsName>> taken_before(const State& state) {
  OVL_TRY(const Makers makers, read_makers(state));
  // An ovl that did not keep who made a namespace kept those that it was in.
  if (makers.empty()) return state.namespaces();
  std::vector<NetnsName> out;
  for (const auto& [name, maker] : makers) {
    if (!maker.ovl) out.push_back(name);
  }
  return out;
}

Status remember_makers(const Plan& plan, State& state) {
  OVL_TRY(const Makers known, read_makers(state));
  const std::vector<std::optional<bool>> makers = makers_of(plan);
  std::vector<OwnedObject> now;
  for (std::size_t i = 0; i < makers.size(); ++i) {
    const auto before = known.find(plan.spaces[i]);
    const bool is_known = before != known.end() && makers[i] == before->second.ovl;
    if (plan.spaces[i].empty() || !makers[i] || is_known || is_refused(plan, plan.spaces[i])) continue;
    now.push_back({.id = key_of(plan.spaces[i]), .value = encode(Maker{.ovl = *makers[i]})});
  }
  return now.empty() ? Status() : state.record(now, {});
}

Status forget_births(const Plan& plan, State& state) {
  OVL_TRY(const Makers known, read_makers(state));
  std::vector<OwnedObject> now;
  for (const ObjectChange& change : plan.object_changes) {
    if (as<Netns>(change.after) == nullptr || change.action != Action::create) continue;
    const auto before = known.find(plan.spaces[change.space]);
    if (before == known.end() || before->second.born.empty()) continue;
    now.push_back({.id = key_of(before->first), .value = encode(Maker{.ovl = true, .born = {}})});
  }
  return now.empty() ? Status() : state.record(now, {});
}

Status remember_births(const HostObjects& observed, const Label& cluster, State& state) {
  OVL_TRY(const Makers known, read_makers(state));
  std::vector<OwnedObject> now;
  for (const NamespaceObjects& space : observed.namespaces) {
    if (!space.netns || space.netns->born.empty()) continue;
    const auto maker = known.find(space.name);
    const bool unborn = maker != known.end() && maker->second.ovl && maker->second.born.empty();
    if (!unborn || !is_owner_mark(cluster, space.netns->owner)) continue;
    now.push_back({.id = key_of(space.name), .value = encode(Maker{.ovl = true, .born = space.netns->born})});
  }
  return now.empty() ? Status() : state.record(now, {});
}

Status forget_all_births(State& state) {
  OVL_TRY(const Makers known, read_makers(state));
  std::vector<OwnedObject> now;
  for (const auto& [name, maker] : known) {
    if (maker.ovl) now.push_back({.id = key_of(name), .value = encode(Maker{.ovl = true, .born = {}})});
  }
  return now.empty() ? Status() : state.record(now, {});
}

Status forget_makers(std::span<const NetnsName> kept, State& state) {
  OVL_TRY(const Makers known, read_makers(state));
  std::vector<OwnedKey> gone;
  for (const auto& [name, maker] : known) {
    if (!std::ranges::binary_search(kept, name)) gone.push_back(key_of(name));
  }
  return gone.empty() ? Status() : state.record({}, gone);
}

}  // namespace ovl
