#include "reconcile/host/let_go.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/base/ids.hpp"
#include "reconcile/host/execute_objects.hpp"
#include "reconcile/host/observe.hpp"
#include "reconcile/objects/holders.hpp"
#include "reconcile/objects/made_here.hpp"
#include "reconcile/objects/project.hpp"

namespace ovl {

namespace {

std::string& mark_of(Netns& netns) {
  return netns.owner;
}

std::string& mark_of(Link& link) {
  return link.alias;
}

std::string& mark_of(NftTable& table) {
  return table.comment;
}

std::string& mark_of(HostsFile& file) {
  return file.owner;
}

template <class K>
constexpr bool kCarriesMark = requires(K item) {
  mark_of(item);
};

class Planner {
 public:
  Planner(const Recorded& recorded, const std::vector<ChangeName>& asked, Plan& plan)
      : recorded_(recorded), asked_(asked), holders_(recorded.records, recorded.host), plan_(plan) {}

  void run() {
    plan_.desired = plan_.observed;
    for (NamespaceObjects& space : plan_.desired.namespaces) plan_.spaces.push_back(space.name);
    for (std::uint32_t i = 0; i < plan_.spaces.size(); ++i) plan_space(i);
  }

 private:
  void plan_space(std::uint32_t index) {
    const NamespaceObjects* recorded = recorded_.objects.find(plan_.spaces[index]);
    if (recorded == nullptr) return;
    const NamespaceObjects& before = plan_.observed.namespaces[index];
    NamespaceObjects& after = plan_.desired.namespaces[index];
    if (before.netns && recorded->netns) forget(index, *before.netns, *after.netns);
    for_each_kind([&](auto member) {
      using K = typename std::decay_t<decltype(before.*member)>::value_type;
      if constexpr (kCarriesMark<K>) {
        forget_recorded(index, recorded->*member, before.*member, after.*member);
      }
    });
  }

  template <class K>
  void forget_recorded(std::uint32_t index, const std::vector<K>& recorded, const std::vector<K>& before,
                       std::vector<K>& after) {
    for (std::size_t i = 0; i < before.size(); ++i) {
      const auto is_it = [&](const K& one) { return one.key() == before[i].key(); };
      if (std::ranges::any_of(recorded, is_it)) forget(index, before[i], after[i]);
    }
  }

  template <class K>
  void forget(std::uint32_t index, const K& before, K& after) {
    const NetnsName& space = plan_.spaces[index];
    const bool meant = is_meant(asked_, name_of(space, &before), holders_.of(space, &before), true);
    if (!meant || !is_owner_mark(recorded_.cluster, mark_of(after))) return;
    mark_of(after).clear();
    if constexpr (std::is_same_v<K, Link>) after.group = 0;
    plan_.object_changes.push_back(ObjectChange{.action = Action::forget,
                                                .reason = Reason::requested,
                                                .space = index,
                                                .before = &before,
                                                .after = &after,
                                                .fields = differing(after, before)});
  }

  const Recorded& recorded_;
  const std::vector<ChangeName>& asked_;
  Holders holders_;
  Plan& plan_;
};

Status check_recorded(const Recorded& recorded, const std::vector<ChangeName>& asked) {
  const std::vector<RecordedItem> items = items_of(recorded);
  for (const ChangeName& one : asked) {
    if (std::ranges::any_of(items, [&](const RecordedItem& item) { return one.covers(item.name); })) continue;
    return Error{.code = Errc::not_found,
                 .message = fmt::format("this host's state has nothing called {}", one.address()),
                 .hint = "see what it has with: ovl state list"};
  }
  return {};
}

// The namespaces that still hold something of ours.
std::vector<NetnsName> kept_namespaces(const Recorded& recorded) {
  std::vector<NetnsName> out;
  for (const NamespaceObjects& space : recorded.objects.namespaces) {
    if (!space.name.empty() && (space.netns || !space.links.empty())) out.push_back(space.name);
  }
  return out;
}

}  // namespace

Result<Plan> plan_letting_go(const Recorded& recorded, const std::vector<ChangeName>& asked, Kernel& kernel,
                             const State& state) {
  OVL_CHECK(check_recorded(recorded, asked));
  Plan plan;
  plan.scope = Scope::host;
  plan.cluster = recorded.cluster;
  plan.host = recorded.host;
  OVL_TRY(plan.observed, observe(kernel, state, recorded.objects, {}));
  OVL_CHECK(discount_marks(plan.observed, state, plan.cluster));
  Planner(recorded, asked, plan).run();
  return plan;
}

Status let_go(const Plan& plan, const Recorded& recorded, const std::vector<ChangeName>& asked,
              Kernel& kernel, State& state) {
  OVL_CHECK(state.back_up());
  OVL_CHECK(execute_objects(plan, kernel, state, random_id()));
  std::vector<ChangeName> forgotten = recorded.forgotten;
  for (const ChangeName& one : asked) {
    if (std::ranges::find(forgotten, one) == forgotten.end()) forgotten.push_back(one);
  }
  OVL_CHECK(remember_forgotten(state, forgotten));
  OVL_TRY(const Recorded left, read_recorded(state, recorded.cluster, {}));
  return state.set_namespaces(kept_namespaces(left));
}

}  // namespace ovl
