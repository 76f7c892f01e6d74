#include "reconcile/objects/diff_objects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "reconcile/objects/freeze.hpp"
#include "reconcile/objects/project.hpp"
#include "reconcile/objects/resized.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

// What becomes of a link.
enum class LinkFate : std::uint8_t { keep, update, create, replace, remove, adopt };

struct LinkState {
  const Link* desired = nullptr;
  const Link* observed = nullptr;
  LinkFate fate = LinkFate::keep;
  Reason reason = Reason::differs;
  FieldMask fields = 0;
};

using LinkKey = std::pair<NetnsName, IfName>;

const FieldMask kFixedLinkFields = fields_with<Link>(Role::fixed);

FieldMask mask_of_port_fields() {
  FieldMask mask = 0;
  FieldMask bit = 1;
  for_each_field<Link>([&](const auto& field) {
    if (field.name == "master" || field.name.starts_with("port_")) mask |= bit;
    bit <<= 1;
  });
  return mask;
}

IfName sysctl_device(const std::string& path) {
  // net/ipv4/conf/<dev>/forwarding
  const auto conf = path.find("/conf/");
  if (conf == std::string::npos) return {};
  const auto begin = conf + 6;
  const auto end = path.find('/', begin);
  return IfName::from_kernel(std::string_view(path).substr(begin, end - begin));
}

class Differ {
 public:
  Differ(Plan& plan, std::span<const ChangedSysctl> changed, const Replaces& replaces,
         const Adoption& adoption)
      : plan_(plan), changed_(changed), replaces_(replaces), adoption_(adoption) {}

  void run() {
    collect_spaces();
    for (std::uint32_t i = 0; i < plan_.spaces.size(); ++i) diff_netns(i);
    for (std::uint32_t i = 0; i < plan_.spaces.size(); ++i) gather_links(i);
    settle_links();
    emit_links();
    for (std::uint32_t i = 0; i < plan_.spaces.size(); ++i) diff_contents(i);
    restore_sysctls();
    name_other_clusters();
  }

 private:
  struct Space {
    const NamespaceObjects* desired = nullptr;
    const NamespaceObjects* observed = nullptr;
    bool created = false;                         // does not exist yet
    bool removed = false;                         // goes as a whole
    bool blocked = false;                         // somebody else's stands in the way
    std::optional<std::set<IfName>> losing_ipv4;  // its devices that do; when somebody has asked
  };

  [[nodiscard]] bool ours(std::string_view mark) const { return is_owner_mark(plan_.cluster, mark); }

  // Ours: our mark, or our group and no mark yet (killed between two messages).
  [[nodiscard]] bool ours(const Link& link) const {
    return ours(link.alias) || (link.group == kLinkGroup && link.alias.empty());
  }

  [[nodiscard]] bool ours(const Netns& netns) const { return netns.made_here || ours(netns.owner); }

  void collect_spaces() {
    for (const NamespaceObjects& space : plan_.desired.namespaces) plan_.spaces.push_back(space.name);
    for (const NamespaceObjects& space : plan_.observed.namespaces) plan_.spaces.push_back(space.name);
    std::ranges::sort(plan_.spaces);
    plan_.spaces.erase(std::unique(plan_.spaces.begin(), plan_.spaces.end()), plan_.spaces.end());
    for (const NetnsName& name : plan_.spaces) {
      spaces_.push_back(Space{.desired = plan_.desired.find(name), .observed = plan_.observed.find(name)});
    }
  }

  void emit(std::uint32_t space, Action action, Reason reason, ObjectRef before, ObjectRef after,
            FieldMask fields = 0) {
    plan_.object_changes.push_back(ObjectChange{.action = action,
                                                .reason = reason,
                                                .space = space,
                                                .before = before,
                                                .after = after,
                                                .fields = fields});
  }

  // Of a part of the host; without one it concerns all of it.
  void conflict(std::string part, FindingId id, std::string subject, std::string message, std::string hint) {
    plan_.conflicts.push_back(Finding{.code = Errc::conflict,
                                      .id = id,
                                      .subject = std::move(subject),
                                      .message = std::move(message),
                                      .hint = std::move(hint),
                                      .part = std::move(part)});
  }

  void stands_in_the_way(std::uint32_t space, ObjectRef before, ObjectRef after) {
    plan_.in_the_way.push_back(ObjectChange{.action = Action::update,
                                            .reason = Reason::differs,
                                            .space = space,
                                            .before = before,
                                            .after = after});
  }

  [[nodiscard]] std::string part_of(std::uint32_t index, const ObjectRef& object) const {
    const NetnsName& space = plan_.spaces[index];
    return is_host_filter(space, object) ? std::string() : part_name(plan_, space);
  }

  // ---- other clusters of ovl on this host --------------------------------------------------------

  // Whether what stands in the way is another cluster's. Only where no tenant can write marks.
  bool is_other_clusters(std::uint32_t index, const ObjectRef& object, std::string_view mark) {
    const NetnsName& space = plan_.spaces[index];
    constexpr std::string_view kPrefix = "ovl:";
    if (!(space.empty() || space.text().starts_with(kSandboxPrefix))) return false;
    if (!mark.starts_with(kPrefix) || ours(mark)) return false;
    const std::string cluster(mark.substr(kPrefix.size(), mark.find('/') - kPrefix.size()));
    other_clusters_.emplace(cluster, name_of(space, object).address());
    return true;
  }

  void name_other_clusters() {
    for (const auto& [cluster, object] : other_clusters_) {
      conflict(
          {}, "other-cluster", "host " + plan_.host.text(),
          fmt::format("it is in cluster {} already ({}), and a host is in one cluster only", cluster, object),
          fmt::format("let it leave that one first: ovl destroy --scope host --cluster {}; or apply on "
                      "another host",
                      cluster));
    }
  }

  // ---- namespaces --------------------------------------------------------------------------------

  void diff_netns(std::uint32_t index) {
    Space& space = spaces_[index];
    if (plan_.spaces[index].empty()) return;
    if (space.observed != nullptr && !space.observed->unreadable.empty()) return settle_unreadable(index);
    const Netns* want = space.desired != nullptr && space.desired->netns ? &*space.desired->netns : nullptr;
    const Netns* have =
        space.observed != nullptr && space.observed->netns ? &*space.observed->netns : nullptr;
    const bool cut_short = have != nullptr && have->unfinished;
    if (want != nullptr && (have == nullptr || cut_short)) {
      space.created = true;
      emit(index, Action::create, cut_short ? Reason::half_made : Reason::absent, {}, want);
    } else if (want == nullptr && have != nullptr && (cut_short || ours(*have))) {
      space.removed = true;
      emit(index, Action::remove, cut_short ? Reason::half_made : Reason::not_desired, have, {});
    } else if (want != nullptr && have != nullptr) {
      settle_existing(index, *want, *have);
    }
  }

  void settle_unreadable(std::uint32_t index) {
    const NetnsName& name = plan_.spaces[index];
    Space& space = spaces_[index];
    const Netns* have = space.observed->netns ? &*space.observed->netns : nullptr;
    const bool wanted = space.desired != nullptr && space.desired->netns;
    // What ovl made goes, whatever somebody has put into it.
    if (!wanted && have != nullptr && have->made_here) {
      space.removed = true;
      return emit(index, Action::remove, Reason::not_desired, have, {});
    }
    space.blocked = true;
    if (wanted) stands_in_the_way(index, {}, &*space.desired->netns);
    conflict(
        part_name(plan_, name), "unreadable-netns", "netns " + name.text(),
        "it can't be read: " + space.observed->unreadable,
        !space.observed->remedy.empty()
            ? space.observed->remedy
            : fmt::format(
                  "remove what is in the way there, or, when nothing in it is needed, all of it: ip netns "
                  "delete {}",
                  name.text()));
  }

  void settle_existing(std::uint32_t index, const Netns& want, const Netns& have) {
    if (ours(have)) {
      const FieldMask fields = differing(want, have);
      if (fields != 0) emit(index, Action::update, Reason::differs, &have, &want, fields);
      return;
    }
    // An endpoint may live in a namespace that somebody else made; a sandbox may not.
    const bool allowed = adoption_.allows(want.name, &want);
    if (!allowed && !want.name.text().starts_with(kSandboxPrefix)) return set_loopback(index, want, have);
    if (allowed && may_adopt(index, "the namespace", want, have, have.owner)) {
      return adopt(index, want, have);
    }
    spaces_[index].blocked = true;
    if (allowed || is_other_clusters(index, &want, have.owner)) return;
    stands_in_the_way(index, &have, &want);
    conflict(part_name(plan_, want.name), "foreign-netns", "netns " + want.name.text(),
             "the namespace exists and is not ovl's",
             fmt::format("remove or rename it: ip netns delete {}; or take it over: {}", want.name.text(),
                         import_words(index, &want)));
  }

  // What an endpoint says to itself goes over lo, whoever made the namespace.
  void set_loopback(std::uint32_t index, const Netns& want, const Netns& have) {
    const FieldMask fields = differing(want, have) & ~fields_with<Netns>(Role::mark);
    if (fields != 0) emit(index, Action::update, Reason::differs, &have, &want, fields);
  }

  // ---- what is taken over ------------------------------------------------------------------------

  [[nodiscard]] std::string import_words(std::uint32_t index, const ObjectRef& object) const {
    return fmt::format("ovl state import '{}'", name_of(plan_.spaces[index], object).address());
  }

  // Whether `have`, which is not ours, is all that is wanted but for its marks. Else that is a conflict
  // that says in what it differs.
  template <class K>
  bool may_adopt(std::uint32_t index, std::string_view what, const K& want, const K& have,
                 const std::string& mark) {
    const ObjectRef object(&want);
    const std::string subject = name_of(plan_.spaces[index], object).address();
    if (mark.starts_with("ovl:")) {
      conflict(part_of(index, object), "foreign-cluster", subject,
               fmt::format("{} belongs to another cluster: {}", what, mark), "let it go there first");
      return false;
    }
    const FieldMask fields = differing(want, have) & ~fields_with<K>(Role::mark);
    if (fields == 0) return true;
    conflict(part_of(index, object), "adopt-differs", subject,
             fmt::format("{} exists, is not ovl's, and is not as wanted: {}", what,
                         differences(object, &have, fields)),
             "make it equal, or remove or rename it");
    return false;
  }

  template <class K>
  void adopt(std::uint32_t index, const K& want, const K& have) {
    emit(index, Action::adopt, Reason::requested, &have, &want, differing(want, have));
  }

  // ---- links -------------------------------------------------------------------------------------

  void gather_links(std::uint32_t index) {
    const Space& space = spaces_[index];
    if (space.blocked) return;
    const NetnsName& name = plan_.spaces[index];
    if (space.desired != nullptr) {
      for (const Link& link : space.desired->links) {
        links_[{name, link.name}].desired = &link;
        if (link.peer) outer_ends_[{link.peer->netns, link.peer->name}] = VethPeer{name, link.name};
      }
    }
    if (space.observed == nullptr || space.removed || space.created) return;
    for (const Link& link : space.observed->links) {
      const bool wanted = links_.contains({name, link.name});
      if (wanted || ours(link)) links_[{name, link.name}].observed = &link;
    }
  }

  void settle_links() {
    for (auto& [key, state] : links_) settle_link(key, state);
    for (auto& [key, state] : links_) settle_peer(key, state);
    for (auto& [key, state] : links_) settle_port(key, state);
  }

  void settle_link(const LinkKey& key, LinkState& state) {
    if (state.desired == nullptr) {
      set(state, LinkFate::remove, Reason::not_desired);
    } else if (state.observed == nullptr) {
      set(state, LinkFate::create, Reason::absent);
    } else if (!ours(*state.observed)) {
      settle_foreign(key, state);
    } else {
      state.fields = differing(*state.desired, *state.observed);
      if ((state.fields & kFixedLinkFields) != 0) {
        set(state, LinkFate::replace, Reason::fixed_field);
      } else if (state.fields != 0) {
        set(state, LinkFate::update, state.observed->alias.empty() ? Reason::half_made : Reason::differs);
      }
      if (state.fate != LinkFate::replace && is_requested(key.first, state.desired)) {
        set(state, LinkFate::replace, Reason::requested);
      }
    }
  }

  [[nodiscard]] bool is_requested(const NetnsName& space, const ObjectRef& object) const {
    if (replaces_.empty()) return false;
    const ChangeName name = name_of(space, object);
    return std::ranges::any_of(replaces_, [&](const ChangeName& asked) {
      return asked.covers(name) || (asked.is_record() && is_link_of(object, asked));
    });
  }

  static bool is_link_of(const ObjectRef& object, const ChangeName& record) {
    const auto* const* link = std::get_if<const Link*>(&object);
    return link != nullptr && is_marked((*link)->alias, record);
  }

  void settle_foreign(const LinkKey& key, LinkState& state) {
    const std::uint32_t index = index_of(key.first);
    if (!adoption_.allows(key.first, state.desired)) {
      if (is_other_clusters(index, state.desired, state.observed->alias)) return;
      stands_in_the_way(index, state.observed, state.desired);
      conflict(part_name(plan_, key.first), "foreign-link",
               fmt::format("link {}:{}", key.first.text(), key.second.view()),
               "a device of this name exists and is not ovl's",
               "remove or rename it; or take it over: " + import_words(index, state.desired));
    } else if (is_of_another_pair(key, state)) {
      conflict(part_name(plan_, key.first), "adopt-differs", name_of(key.first, state.desired).address(),
               fmt::format("the device exists and is not ovl's, and its other end is {}, not {}",
                           other_end_of(*state.observed), words_for(outer_ends_.at(key))),
               "remove or rename it: a pair is taken over with both ends, or made anew");
    } else if (may_adopt(index, "the device", *state.desired, *state.observed, state.observed->alias)) {
      state.fields = differing(*state.desired, *state.observed);
      set(state, LinkFate::adopt, Reason::requested);
    }
  }

  // The inner end of a pair has no wish of its own to say where the outer one is.
  [[nodiscard]] bool is_of_another_pair(const LinkKey& key, const LinkState& state) const {
    const auto outer = outer_ends_.find(key);
    return outer != outer_ends_.end() && state.observed->peer != outer->second;
  }

  static std::string words_for(const VethPeer& end) {
    const std::string where = end.netns.empty() ? "the host's own namespace" : "netns " + end.netns.text();
    return fmt::format("{} in {}", safe_text(end.name.view()), where);
  }

  static std::string other_end_of(const Link& link) {
    if (link.type != LinkType::veth) return "nowhere";
    return link.peer ? words_for(*link.peer) : "in a namespace that is not looked at";
  }

  static void set(LinkState& state, LinkFate fate, Reason reason) {
    state.fate = fate;
    state.reason = reason;
  }

  // The inner end of a pair is born and dies with the outer one.
  void settle_peer(const LinkKey&, LinkState& outer) {
    if (outer.desired == nullptr || !outer.desired->peer) return;
    if (outer.fate != LinkFate::create && outer.fate != LinkFate::replace) return;
    const auto inner = links_.find({outer.desired->peer->netns, outer.desired->peer->name});
    if (inner == links_.end() || inner->second.desired == nullptr || inner->second.observed == nullptr)
      return;
    if (ours(*inner->second.observed)) set(inner->second, LinkFate::replace, Reason::parent_replaced);
  }

  // A port that comes to a bridge, a new one or back from another, brings nothing along: its settings and
  // its entries were the other bridge's (br_del_if(), br_fdb_delete_by_port()).
  void settle_port(const LinkKey& key, LinkState& state) {
    if (state.desired == nullptr || state.observed == nullptr || !state.desired->master) return;
    if (state.fate == LinkFate::create || state.fate == LinkFate::replace || state.desired->master->empty())
      return;
    const auto bridge = links_.find({key.first, *state.desired->master});
    const bool made = bridge != links_.end() &&
                      (bridge->second.fate == LinkFate::create || bridge->second.fate == LinkFate::replace);
    if (!made && state.observed->master == state.desired->master) return;
    static const FieldMask port_fields = mask_of_port_fields();
    state.fields |= port_fields;
    set(state, LinkFate::update, made ? Reason::parent_replaced : Reason::differs);
    rejoining_.insert(key);
  }

  void emit_links() {
    for (const auto& [key, state] : links_) {
      const std::uint32_t space = index_of(key.first);
      switch (state.fate) {
        case LinkFate::keep: break;
        case LinkFate::create: emit(space, Action::create, state.reason, {}, state.desired); break;
        case LinkFate::update:
          emit(space, Action::update, state.reason, state.observed, state.desired, state.fields);
          break;
        case LinkFate::replace:
          emit(space, Action::replace, state.reason, state.observed, state.desired, state.fields);
          break;
        case LinkFate::remove: emit(space, Action::remove, state.reason, state.observed, {}); break;
        case LinkFate::adopt:
          emit(space, Action::adopt, state.reason, state.observed, state.desired, state.fields);
          break;
      }
      if (state.fate == LinkFate::replace || state.fate == LinkFate::remove) gone_.insert(key);
    }
  }

  [[nodiscard]] std::uint32_t index_of(const NetnsName& name) const {
    return static_cast<std::uint32_t>(std::ranges::lower_bound(plan_.spaces, name) - plan_.spaces.begin());
  }

  // ---- what stands on links ----------------------------------------------------------------------

  void diff_contents(std::uint32_t index) {
    if (spaces_[index].blocked) return;
    for_each_kind([&](auto member) { diff_kind(index, member); });
  }

  template <class K>
  void diff_kind(std::uint32_t index, std::vector<K> NamespaceObjects::*member) {
    if constexpr (!std::is_same_v<K, Link>) {
      static const std::vector<K> none;
      const Space& space = spaces_[index];
      const auto& desired = space.desired != nullptr ? space.desired->*member : none;
      // Files outlive their namespace; everything else goes with it.
      const bool inside = !std::is_same_v<K, HostsFile>;
      const bool empty = space.observed == nullptr || (inside && (space.created || space.removed));
      merge(index, desired, empty ? none : space.observed->*member);
    }
  }

  template <class K>
  void merge(std::uint32_t index, const std::vector<K>& desired, const std::vector<K>& observed) {
    auto want = desired.begin();
    auto have = observed.begin();
    while (want != desired.end() || have != observed.end()) {
      if (have == observed.end() || (want != desired.end() && want->key() < have->key())) {
        emit(index, Action::create, Reason::absent, {}, &*want++);
      } else if (want == desired.end() || have->key() < want->key()) {
        unwanted(index, *have++);
      } else {
        both(index, *want++, *have++);
      }
    }
  }

  template <class K>
  void unwanted(std::uint32_t index, const K& have) {
    if (is_gone(index, &have)) return;
    if constexpr (std::is_same_v<K, NftTable>) {
      if (ours(have.comment)) emit(index, Action::remove, Reason::not_desired, &have, {});
    } else if constexpr (std::is_same_v<K, HostsFile>) {
      if (ours(have.owner)) emit(index, Action::remove, Reason::not_desired, &have, {});
    } else if constexpr (!std::is_same_v<K, Sysctl>) {
      if (stands_on_adopted(index, device_of(&have))) {
        return conflict(part_name(plan_, plan_.spaces[index]), "adopt-undeclared",
                        name_of(plan_.spaces[index], &have).address(),
                        "it stands on a device that would be taken over, and nobody declared it",
                        "declare it, or remove it");
      }
      if (stands_on_ours(index, device_of(&have))) emit(index, Action::remove, Reason::stray, &have, {});
    }
  }

  template <class K>
  void both(std::uint32_t index, const K& want, const K& have) {
    if (is_gone(index, &have)) return emit(index, Action::create, Reason::parent_replaced, {}, &want);
    if (foreign(index, want, have)) return;
    const FieldMask fields = differing(want, have);
    if (is_requested(plan_.spaces[index], &want)) {
      return emit(index, Action::replace, Reason::requested, &have, &want, fields);
    }
    if (fields == 0) return;
    if constexpr (!std::is_same_v<K, Sysctl>) {
      if (stands_on_adopted(index, device_of(&have))) {
        if (may_adopt(index, K::kind, want, have, {})) adopt(index, want, have);
        return;
      }
    }
    const bool fixed = (fields & fields_with<K>(Role::fixed)) != 0;
    emit(index, fixed ? Action::replace : Action::update, fixed ? Reason::fixed_field : Reason::differs,
         &have, &want, fields);
  }

  template <class K>
  bool foreign(std::uint32_t index, const K& want, const K& have) {
    if constexpr (std::is_same_v<K, HostsFile>) {
      const bool as_wanted = !have.owner.empty() && differing(want, have) == 0;
      if (have.unusable.empty() || as_wanted) return false;
      stands_in_the_way(index, &have, &want);
      conflict(
          part_name(plan_, plan_.spaces[index]), "unusable-file",
          name_of(plan_.spaces[index], &want).address(), have.unusable,
          fmt::format("make it a plain file of at most {} MiB, in a plain folder, that root may write; or "
                      "remove what is there",
                      kMaxHostsFileBytes >> 20));
      return true;
    }
    if constexpr (std::is_same_v<K, NftTable>) {
      if (ours(have.comment)) return false;
      if (adoption_.allows(plan_.spaces[index], &want)) {
        if (may_adopt(index, "the table", want, have, have.comment)) adopt(index, want, have);
        return true;
      }
      if (is_other_clusters(index, &want, have.comment)) return true;
      stands_in_the_way(index, &have, &want);
      conflict(part_of(index, &want), "foreign-table",
               fmt::format("nft_table {}:{} {}", plan_.spaces[index].text(), name_of(have.family), have.name),
               "a table of this name exists and is not ovl's",
               "remove or rename it; or take it over: " + import_words(index, &want));
      return true;
    }
    if constexpr (std::is_same_v<K, Route>) return foreign_route(index, want, have);
    return false;
  }

  // In the place of ours, and not on a device of ours, where it is but drift.
  bool foreign_route(std::uint32_t index, const Route& want, const Route& have) {
    const bool takes_over = stands_on_ours(index, have.dev) || stands_on_adopted(index, have.dev);
    if (have.protocol == kRouteProtocol || takes_over) return false;
    const std::string where = plan_.spaces[index].text();
    const std::string to = want.destination.length() == 0 ? "default" : want.destination.text();
    stands_in_the_way(index, &have, &want);
    conflict(part_name(plan_, plan_.spaces[index]), "foreign-route", fmt::format("route {}:{}", where, to),
             "a route of this destination and metric exists and is not ovl's",
             fmt::format("remove it: ip -n {} route del {}; one with another metric may stay", where, to));
    return true;
  }

  [[nodiscard]] bool is_gone(std::uint32_t index, const ObjectRef& object) {
    const IfName dev = device_of(object);
    if (dev.empty()) return false;
    const LinkKey key{plan_.spaces[index], dev};
    // A bridge takes its table along, so its ports' entries in it too.
    const auto* const* fdb = std::get_if<const Fdb*>(&object);
    const bool in_bridge = fdb != nullptr && (*fdb)->table == FdbTable::master;
    const auto* const* route = std::get_if<const Route*>(&object);
    const bool by_ipv4 = route != nullptr && (*route)->destination.address().is_ipv4();
    return gone_.contains(key) || (in_bridge && rejoining_.contains(key)) ||
           (by_ipv4 && devices_losing_ipv4(index).contains(dev));
  }

  // With its last IPv4 address a device loses its IPv4 routes (fib_inetaddr_event()), also when another
  // address follows: old ones go first, as a new one beside them would be secondary. Not so where its subnet
  // is but resized.
  static std::set<IfName> losing_ipv4(const Space& space) {
    static const std::vector<Address> none;
    const std::vector<Address>& desired = space.desired != nullptr ? space.desired->addresses : none;
    const ResizedSubnets resized(desired);
    std::set<IfName> had;
    std::set<IfName> keep;
    for (const Address& have : space.observed->addresses) {
      if (!have.address.address.is_ipv4()) continue;
      had.insert(have.dev);
      const bool stays = std::ranges::binary_search(desired, have, key_less<Address>);
      if (stays || resized.contain(have)) keep.insert(have.dev);
    }
    std::erase_if(had, [&](const IfName& dev) { return keep.contains(dev); });
    return had;
  }

  // Found out once: a namespace's root may fill it with as many addresses as routes.
  const std::set<IfName>& devices_losing_ipv4(std::uint32_t index) {
    std::optional<std::set<IfName>>& losing = spaces_[index].losing_ipv4;
    if (!losing) losing = losing_ipv4(spaces_[index]);
    return *losing;
  }

  [[nodiscard]] bool stands_on_adopted(std::uint32_t index, const IfName& dev) const {
    const auto at = links_.find({plan_.spaces[index], dev});
    return at != links_.end() && at->second.fate == LinkFate::adopt;
  }

  // A route has our protocol number, but only one on a device of ours is ours.
  [[nodiscard]] bool stands_on_ours(std::uint32_t index, const IfName& dev) const {
    const auto at = links_.find({plan_.spaces[index], dev});
    return at != links_.end() && at->second.observed != nullptr && ours(*at->second.observed);
  }

  // ---- values from before us ---------------------------------------------------------------------

  void restore_sysctls() {
    plan_.originals.reserve(changed_.size());
    for (const ChangedSysctl& changed : changed_) {
      const std::uint32_t index = index_of(changed.netns);
      if (index >= plan_.spaces.size() || plan_.spaces[index] != changed.netns) continue;
      if (find_sysctl(spaces_[index].desired, changed.path) != nullptr) continue;
      const Sysctl* now = find_sysctl(spaces_[index].observed, changed.path);
      if (now == nullptr || now->value != changed.ours ||
          gone_.contains({changed.netns, sysctl_device(changed.path)})) {
        continue;
      }
      plan_.originals.push_back(Sysctl{.path = changed.path, .value = changed.original});
      emit(index, Action::remove, Reason::not_desired, now, &plan_.originals.back());
    }
  }

  static const Sysctl* find_sysctl(const NamespaceObjects* space, const std::string& path) {
    if (space == nullptr) return nullptr;
    const auto at = std::ranges::lower_bound(space->sysctls, path, {}, &Sysctl::path);
    return at != space->sysctls.end() && at->path == path ? &*at : nullptr;
  }

  Plan& plan_;
  std::span<const ChangedSysctl> changed_;
  const Replaces& replaces_;
  const Adoption& adoption_;
  std::vector<Space> spaces_;
  std::map<LinkKey, LinkState> links_;
  std::map<LinkKey, VethPeer> outer_ends_;  // of wanted pairs, by their inner end
  std::set<LinkKey> gone_;
  std::map<std::string, std::string> other_clusters_;  // and the first object of each that is in the way
  std::set<LinkKey> rejoining_;                        // ports that come to a bridge
};

struct DeviceOf {
  IfName operator()(std::monostate) const { return {}; }

  IfName operator()(const Netns*) const { return {}; }

  IfName operator()(const NftTable*) const { return {}; }

  IfName operator()(const HostsFile*) const { return {}; }

  IfName operator()(const Link* link) const { return link->name; }

  IfName operator()(const Sysctl* sysctl) const { return sysctl_device(sysctl->path); }

  IfName operator()(const Address* address) const { return address->dev; }

  IfName operator()(const Route* route) const { return route->dev; }

  IfName operator()(const Neighbour* neighbour) const { return neighbour->dev; }

  IfName operator()(const Fdb* fdb) const { return fdb->dev; }
};

}  // namespace

void diff_objects(Plan& plan, std::span<const ChangedSysctl> changed, const Replaces& replaces,
                  const Adoption& adoption) {
  Differ(plan, changed, replaces, adoption).run();
  freeze(plan);
}

IfName device_of(const ObjectRef& object) {
  return std::visit(DeviceOf{}, object);
}

}  // namespace ovl
