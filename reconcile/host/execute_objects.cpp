#include "reconcile/host/execute_objects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "reconcile/objects/made_here.hpp"
#include "reconcile/objects/operations.hpp"

namespace ovl {

namespace {

// Every namespace that may hold something of ours from now on. Known before the first write, so that
// a crash leaves nothing unknown.
std::vector<NetnsName> touched_namespaces(const Plan& plan) {
  std::vector<NetnsName> names;
  for (const NetnsName& name : plan.spaces) {
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

// Those that are wanted, and those that could not be touched.
std::vector<NetnsName> kept_namespaces(const Plan& plan) {
  std::vector<NetnsName> names = plan.frozen;
  std::erase(names, NetnsName());
  for (const NamespaceObjects& space : plan.desired.namespaces) {
    if (!space.name.empty()) names.push_back(space.name);
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// What a sysctl was before we change it, kept before the change. Devices of ours take theirs along.
Status remember_originals(const Plan& plan, State& state) {
  for (const ObjectChange& change : plan.object_changes) {
    const auto* const* before = std::get_if<const Sysctl*>(&change.before);
    const auto* const* after = std::get_if<const Sysctl*>(&change.after);
    if (before == nullptr || after == nullptr) continue;
    // What goes back to its original, which the state may have learned from the filter that goes too.
    const bool back = change.action == Action::remove;
    if (!back && change.action != Action::update) continue;
    OVL_CHECK(state.remember_original(Original{.netns = plan.spaces[change.space],
                                               .path = (*before)->path,
                                               .original = (back ? *after : *before)->value,
                                               .ours = (back ? *before : *after)->value}));
  }
  return {};
}

Status forget_originals(const Plan& plan, State& state, const FrozenParts& frozen) {
  for (const ObjectChange& change : plan.object_changes) {
    const auto* const* before = std::get_if<const Sysctl*>(&change.before);
    if (before == nullptr || change.action != Action::remove) continue;
    if (frozen.cover(plan.spaces[change.space], change.before)) continue;
    OVL_CHECK(state.forget_original(plan.spaces[change.space], (*before)->path));
  }
  return {};
}

bool existed(const Plan& plan, std::uint32_t space) {
  const NamespaceObjects* observed = plan.observed.find(plan.spaces[space]);
  return observed != nullptr && observed->netns && !observed->netns->unfinished;
}

void announce_to(std::vector<Announcement>& out, const NetnsName& netns, const IpAddress& address,
                 const MacAddress& mac) {
  out.push_back(
      Announcement{.netns = netns, .dev = IfName::from_kernel("br0"), .address = address, .mac = mac});
}

// A sandbox that lived before may hold endpoints that remember an address with another MAC.
std::vector<Announcement> announcements_of(const Plan& plan) {
  std::vector<Announcement> out;
  for (const ObjectChange& change : plan.object_changes) {
    const auto* const* neighbour = std::get_if<const Neighbour*>(&change.after);
    if (neighbour == nullptr || !existed(plan, change.space)) continue;
    announce_to(out, plan.spaces[change.space], (*neighbour)->address, (*neighbour)->mac);
  }
  return out;
}

// The addresses of endpoints that are new in a sandbox that is not.
void add_local_announcements(const Plan& plan, std::vector<Announcement>& out) {
  for (const ObjectChange& change : plan.object_changes) {
    const auto* const* port = std::get_if<const Link*>(&change.after);
    const bool is_new = change.action == Action::create || change.action == Action::replace;
    if (port == nullptr || !(*port)->peer || !is_new || !existed(plan, change.space)) continue;
    const NamespaceObjects* inside = plan.desired.find((*port)->peer->netns);
    if (inside == nullptr) continue;
    const auto link = std::ranges::find((*inside).links, (*port)->peer->name, &Link::name);
    if (link == inside->links.end() || !link->mac) continue;
    for (const Address& address : inside->addresses) {
      if (address.dev != link->name) continue;
      announce_to(out, plan.spaces[change.space], address.address.address, *link->mac);
    }
  }
}

// For the time of one apply.
class HeldNamespaces {
 public:
  explicit HeldNamespaces(Kernel& kernel) : kernel_(kernel) { kernel_.hold_namespaces(true); }

  HeldNamespaces(const HeldNamespaces&) = delete;
  HeldNamespaces& operator=(const HeldNamespaces&) = delete;

  ~HeldNamespaces() { kernel_.hold_namespaces(false); }

 private:
  Kernel& kernel_;
};

// Operations between two words of progress; they travel in batches of some hundred at most.
constexpr std::size_t kTellEvery = 1'000;

std::optional<Error> run_operations(const OperationGroup& group, Kernel& kernel, Freezer* freezer,
                                    const Progress& progress) {
  const std::span<const Operation> all(group.operations);
  for (std::size_t done = 0; done < all.size();) {
    if (done > 0) {
      Status goes_on =
          progress.go_on(group.step, fmt::format("{} of its {} operations are done", done, all.size()));
      if (!goes_on.ok()) return std::move(goes_on).error();
    }
    const std::size_t next = std::min(kTellEvery, all.size() - done);
    ApplyOutcome outcome = kernel.apply(all.subspan(done, next), freezer);
    if (outcome.error) return std::move(outcome.error);
    done += next;
    if (done < all.size()) progress.progress(group.step, done, all.size());
  }
  return std::nullopt;
}

std::size_t failures_of(const Freezer* freezer) {
  return freezer != nullptr ? freezer->failures().size() : 0;
}

Status run_group(const OperationGroup& group, bool destroy, Kernel& kernel, State& state,
                 const std::string& apply_id, Freezer* freezer, const Progress& progress) {
  const std::string step =
      std::string(destroy ? kDestroyPrefix : std::string_view()) + std::string(group.step);
  OVL_TRY(const std::int64_t row, state.begin(apply_id, step, group.operations.size()));
  const std::size_t before = failures_of(freezer);
  const std::optional<Error> stopped = run_operations(group, kernel, freezer, progress);
  std::optional<Error> error = stopped;
  if (!error && failures_of(freezer) > before) {
    error = freezer->errors()[before];
  }
  Status kept = state.end(row, error ? &*error : nullptr);
  if (kept.ok() && !stopped) return {};
  if (!error) return kept;
  // What the kernel said comes first, whatever becomes of the journal: its row stays open, as after a crash.
  if (!kept.ok())
    error->message += fmt::format("; nor could the journal be written: {}", kept.error().message);
  return *std::move(error);
}

// What of this host is done before a step; the records were written before.
std::string words_after(std::span<const OperationGroup> groups, const OperationGroup& next) {
  return fmt::format("{} of {} steps on this host are done; apply again to go on", &next - groups.data(),
                     groups.size());
}

Status run_groups(const Plan& plan, Kernel& kernel, State& state, const std::string& apply_id,
                  Freezer* freezer, const Progress& progress) {
  const HeldNamespaces held(kernel);
  const std::vector<OperationGroup> groups = operations_of(plan);
  for (const OperationGroup& group : groups) {
    OVL_CHECK(progress.go_on(group.step, words_after(groups, group)));
    progress.start(group.step, group.operations.size());
    const std::size_t before = failures_of(freezer);
    OVL_CHECK(run_group(group, plan.destroy, kernel, state, apply_id, freezer, progress));
    if (failures_of(freezer) > before) {
      progress.fail(group.step, group.operations.size());
    } else {
      progress.complete(group.step, group.operations.size());
    }
  }
  return {};
}

}  // namespace

Status execute_objects(const Plan& plan, Kernel& kernel, State& state, const std::string& apply_id,
                       const Progress& progress, Freezer* freezer) {
  if (plan.object_changes.empty()) return {};
  OVL_CHECK(remember_makers(plan, state));
  OVL_CHECK(forget_births(plan, state));
  OVL_CHECK(state.add_namespaces(touched_namespaces(plan)));
  OVL_CHECK(remember_originals(plan, state));
  OVL_CHECK(run_groups(plan, kernel, state, apply_id, freezer, progress));
  const FrozenParts none(plan);
  const FrozenParts& frozen = freezer != nullptr ? freezer->parts() : none;
  OVL_CHECK(forget_originals(plan, state, frozen));
  std::vector<Announcement> announcements = announcements_of(plan);
  add_local_announcements(plan, announcements);
  std::erase_if(announcements, [&](const Announcement& one) { return frozen.contain(one.netns); });
  if (announcements.empty()) return {};
  return kernel.announce(announcements);
}

namespace {

// Of applies that died: this one has made what they left.
Status end_dangling(State& state) {
  OVL_TRY(const std::vector<JournalEntry> open, state.dangling());
  const Error later{.code = Errc::interrupted, .message = "cut short; a later apply went on from there"};
  for (const JournalEntry& entry : open) OVL_CHECK(state.end(entry.id, &later));
  return {};
}

}  // namespace

Status record_generation(State& state, const Plan& plan, std::int64_t serial, const std::string& apply_id,
                         std::int64_t now, const std::string& who) {
  OVL_CHECK(end_dangling(state));
  // What was not asked for may still stand in namespaces that are no longer desired.
  OVL_CHECK(remember_makers(plan, state));
  if (!plan.partial) {
    const std::vector<NetnsName> kept = kept_namespaces(plan);
    OVL_CHECK(state.set_namespaces(kept));
    OVL_CHECK(forget_makers(kept, state));
  }
  return state.add_generation(Generation{.serial = serial,
                                         .source = plan.origin.source,
                                         .commit = plan.origin.commit,
                                         .when = now,
                                         .who = who,
                                         .apply_id = apply_id,
                                         .result = "ok"});
}

}  // namespace ovl
