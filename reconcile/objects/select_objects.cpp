#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "reconcile/base/closure.hpp"
#include "reconcile/base/find_same.hpp"
#include "reconcile/base/selection.hpp"
#include "reconcile/objects/diff_objects.hpp"

namespace ovl {

namespace {

using Addresses = std::set<std::string>;

// f(namespace's name, object) for every object.
template <class F>
void for_each_object(const HostObjects& objects, const F& f) {
  for (const NamespaceObjects& space : objects.namespaces) {
    if (space.netns) f(space.name, &*space.netns);
    for_each_kind([&](auto member) {
      for (const auto& object : space.*member) f(space.name, &object);
    });
  }
}

// The objects that are there, or as they are, only because of some records.
struct Contribution {
  Addresses exists;   // not there without them
  Addresses touched;  // these and the ones that are others without them

  void add(const HostObjects& with, const HostObjects& without) {
    for_each_object(with, [&](const NetnsName& name, const auto* object) {
      const NamespaceObjects* space = without.find(name);
      const auto* same = space != nullptr ? find_same(*space, *object) : nullptr;
      if (same != nullptr && *same == *object) return;
      const std::string address = name_of(name, object).address();
      touched.insert(address);
      if (same == nullptr) exists.insert(address);
    });
    // What such a record keeps away: an empty resolv.conf where there is no way out.
    for_each_object(without, [&](const NetnsName& name, const auto* object) {
      const NamespaceObjects* space = with.find(name);
      if (space == nullptr || find_same(*space, *object) == nullptr) {
        touched.insert(name_of(name, object).address());
      }
    });
  }
};

struct MarkOf {
  std::string_view operator()(std::monostate) const { return {}; }

  std::string_view operator()(const Netns* netns) const { return netns->owner; }

  std::string_view operator()(const Link* link) const { return link->alias; }

  std::string_view operator()(const NftTable* table) const { return table->comment; }

  std::string_view operator()(const HostsFile* file) const { return file->owner; }

  template <class K>
  std::string_view operator()(const K*) const {
    return {};
  }
};

std::string_view mark_of(const ObjectRef& object) {
  return std::visit(MarkOf{}, object);
}

// Also what is left of a record that is gone already.
bool is_made_for(const ObjectChange& change, const NetnsName& space, const ChangeName& record) {
  const bool own_space =
      record.type == "network" && space.text() == std::string(kSandboxPrefix) + record.name;
  return own_space || is_marked(mark_of(change.before), record) || is_marked(mark_of(change.after), record);
}

class ObjectSelector {
 public:
  ObjectSelector(Plan& plan, const Selection& selection, const Records& desired, const Records& realised,
                 const Projection& project)
      : plan_(plan), selection_(selection), desired_(desired), realised_(realised), project_(project) {}

  void run() {
    const std::size_t size = plan_.object_changes.size();
    find_makers();
    std::vector<std::vector<std::size_t>> needs;
    for (std::size_t i = 0; i < size; ++i) needs.push_back(needs_of(i));
    Closure closure(std::move(needs));
    const Contribution wanted = contribution_of(selection_.targets);
    for (std::size_t i = 0; i < size; ++i) {
      if (selection_.targets.empty() || is_asked_for(i, selection_.targets, wanted.touched)) closure.keep(i);
    }
    const Contribution unwanted = contribution_of(selection_.excludes);
    for (std::size_t i = 0; i < size; ++i) {
      if (is_asked_for(i, selection_.excludes, unwanted.exists)) closure.drop(i);
    }
    closure.settle();
    std::size_t index = 0;
    std::erase_if(plan_.object_changes, [&](const ObjectChange&) { return !closure.keeps(index++); });
  }

 private:
  [[nodiscard]] Contribution contribution_of(const std::vector<ChangeName>& names) const {
    Contribution out;
    std::vector<ChangeName> records;
    std::ranges::copy_if(names, std::back_inserter(records), &ChangeName::is_record);
    if (records.empty()) return out;
    out.add(project_(desired_), project_(without(desired_, records)));
    out.add(project_(realised_), project_(without(realised_, records)));
    return out;
  }

  [[nodiscard]] bool is_asked_for(std::size_t i, const std::vector<ChangeName>& names,
                                  const Addresses& addresses) const {
    const ObjectChange& change = plan_.object_changes[i];
    const ChangeName name = name_of(plan_, change);
    if (is_covered(names, name) || addresses.contains(name.address())) return true;
    return std::ranges::any_of(names, [&](const ChangeName& record) {
      return record.is_record() && is_made_for(change, plan_.spaces[change.space], record);
    });
  }

  static bool makes(const ObjectChange& change) {
    return change.action == Action::create || change.action == Action::replace;
  }

  // The changes that make what others stand on, and those that a replaced device brings about.
  void find_makers() {
    for (std::size_t i = 0; i < plan_.object_changes.size(); ++i) {
      const ObjectChange& change = plan_.object_changes[i];
      if (change.reason == Reason::parent_replaced) add_follower(i);
      if (!makes(change)) continue;
      if (as<Netns>(change.after) != nullptr) netns_makers_.emplace(plan_.spaces[change.space], i);
      if (const Link* link = as<Link>(change.after)) {
        link_makers_.emplace(std::pair(plan_.spaces[change.space], link->name), i);
        if (link->peer) link_makers_.emplace(std::pair(link->peer->netns, link->peer->name), i);
      }
    }
  }

  void add_follower(std::size_t i) {
    const ObjectChange& change = plan_.object_changes[i];
    const NetnsName& space = plan_.spaces[change.space];
    followers_.emplace(std::pair(space, device_of(change.after)), i);
    const Link* link = as<Link>(change.after);
    if (link != nullptr && link->master) followers_.emplace(std::pair(space, *link->master), i);
  }

  void add_followers(std::vector<std::size_t>& out, const NetnsName& space, const IfName& dev) const {
    const auto [begin, end] = followers_.equal_range({space, dev});
    for (auto at = begin; at != end; ++at) out.push_back(at->second);
  }

  void add_link_maker(std::vector<std::size_t>& out, const NetnsName& space, const IfName& name) const {
    const auto at = link_makers_.find({space, name});
    if (at != link_makers_.end()) out.push_back(at->second);
  }

  void add_netns_maker(std::vector<std::size_t>& out, const NetnsName& space) const {
    const auto at = netns_makers_.find(space);
    if (at != netns_makers_.end()) out.push_back(at->second);
  }

  [[nodiscard]] std::vector<std::size_t> needs_of(std::size_t i) const {
    const ObjectChange& change = plan_.object_changes[i];
    std::vector<std::size_t> out;
    if (change.action == Action::remove) return out;
    const NetnsName& space = plan_.spaces[change.space];
    add_netns_maker(out, space);
    const IfName dev = device_of(change.after);
    if (!dev.empty()) add_link_maker(out, space, dev);
    if (const Link* link = as<Link>(change.after)) {
      if (link->master) add_link_maker(out, space, *link->master);
      if (link->peer) add_netns_maker(out, link->peer->netns);
      if (link->peer) add_followers(out, link->peer->netns, link->peer->name);
      if (change.action == Action::replace) add_followers(out, space, link->name);
    }
    std::erase(out, i);
    return out;
  }

  Plan& plan_;
  const Selection& selection_;
  const Records& desired_;
  const Records& realised_;
  const Projection& project_;
  std::map<NetnsName, std::size_t> netns_makers_;
  std::map<std::pair<NetnsName, IfName>, std::size_t> link_makers_;
  std::multimap<std::pair<NetnsName, IfName>, std::size_t> followers_;
};

bool is_known(const ChangeName& name, const Plan& plan) {
  bool found = false;
  for (const HostObjects* objects : {&plan.desired, &plan.observed}) {
    for_each_object(*objects, [&](const NetnsName& space, const auto* object) {
      found = found || name.covers(name_of(space, object));
    });
  }
  return found;
}

}  // namespace

Status check_known(const std::vector<ChangeName>& names, const Plan& plan,
                   std::initializer_list<const Records*> records) {
  for (const ChangeName& name : names) {
    const bool changes = std::ranges::any_of(
        plan.record_changes, [&](const RecordChange& change) { return name.covers(name_of(change)); });
    const bool recorded =
        std::ranges::any_of(records, [&](const Records* all) { return has_record(*all, name); });
    if (changes || recorded || (!name.is_record() && is_known(name, plan))) continue;
    return Error{.code = Errc::not_found,
                 .message = fmt::format("there is no {}", name.address()),
                 .hint = "write addresses as a plan shows them; see them all with: ovl plan --show-all"};
  }
  return {};
}

void select_objects(Plan& plan, const Selection& selection, const Records& desired, const Records& realised,
                    const Projection& project) {
  if (selection.all()) return;
  ObjectSelector(plan, selection, desired, realised, project).run();
}

}  // namespace ovl
