#include "reconcile/objects/operations.hpp"

#include <algorithm>
#include <map>

#include "reconcile/objects/freeze.hpp"
#include "reconcile/objects/resized.hpp"

namespace ovl {

namespace {

// The steps, in order. THE order of an apply; kinds are spread over it twice, going and coming.
enum class Step : std::uint8_t {
  netns_set,
  hosts_file_remove,
  route_remove,
  address_remove,
  sysctl_restore,
  link_remove,
  nft_remove,
  netns_remove,
  nft_set,
  link_create,
  link_update,
  sysctl_set,
  address_create,
  old_address_remove,
  neighbour_set,
  port_fdb_remove,
  fdb_set,
  fdb_remove,
  neighbour_remove,
  route_create,
  hosts_file_set,
  stray_link_remove,
  host_filter_remove
};

// Each step's own name, for the journal and for progress: two of one kind may be open at different times.
constexpr std::array<std::string_view, 23> kStepNames{"set namespaces",
                                                      "remove names",
                                                      "remove routes",
                                                      "remove addresses",
                                                      "restore sysctls",
                                                      "remove links",
                                                      "remove filters",
                                                      "remove namespaces",
                                                      "set filters",
                                                      "create links",
                                                      "update links",
                                                      "set sysctls",
                                                      "set addresses",
                                                      "remove old addresses",
                                                      "set neighbours",
                                                      "remove port fdb",
                                                      "set fdb",
                                                      "remove fdb",
                                                      "remove neighbours",
                                                      "set routes",
                                                      "set names",
                                                      "remove stray links",
                                                      "remove the host's filter"};

struct Item {
  Step step;
  std::uint8_t rank;  // within a step: what must come first
  std::uint32_t space;
  std::uint32_t index;  // into object_changes; keeps the order stable
  Operation operation;
};

// Bridges before the VXLAN devices and ports that join them, outer ends before inner ones.
std::uint8_t link_rank(const Link& link) {
  switch (link.type) {
    case LinkType::bridge: return 0;
    case LinkType::vxlan: return 1;
    case LinkType::other: return 2;
    case LinkType::veth: return link.peer ? 3 : 4;
  }
  return 2;
}

struct Steps {
  Step remove;
  Step create;
  Step update;
};

template <class K>
constexpr Steps steps_of() {
  if constexpr (std::is_same_v<K, Netns>) return {Step::netns_remove, Step::netns_set, Step::netns_set};
  if constexpr (std::is_same_v<K, NftTable>) return {Step::nft_remove, Step::nft_set, Step::nft_set};
  if constexpr (std::is_same_v<K, Link>) return {Step::link_remove, Step::link_create, Step::link_update};
  if constexpr (std::is_same_v<K, Sysctl>) return {Step::sysctl_restore, Step::sysctl_set, Step::sysctl_set};
  if constexpr (std::is_same_v<K, Address>)
    return {Step::address_remove, Step::address_create, Step::address_create};
  if constexpr (std::is_same_v<K, Route>) return {Step::route_remove, Step::route_create, Step::route_create};
  if constexpr (std::is_same_v<K, Neighbour>) {
    return {Step::neighbour_remove, Step::neighbour_set, Step::neighbour_set};
  }
  if constexpr (std::is_same_v<K, HostsFile>) {
    return {Step::hosts_file_remove, Step::hosts_file_set, Step::hosts_file_set};
  }
}

struct StepsOf {
  template <class K>
  Steps operator()(const K*) const {
    return steps_of<K>();
  }

  // A bridge holds one entry per MAC (fdb_add_entry()): it leaves one port before it comes to another.
  Steps operator()(const Fdb* entry) const {
    const bool of_port = entry->table == FdbTable::master;
    return {of_port ? Step::port_fdb_remove : Step::fdb_remove, Step::fdb_set, Step::fdb_set};
  }

  Steps operator()(std::monostate) const { return {}; }
};

std::uint8_t rank_of(const ObjectRef& object) {
  const auto* const* link = std::get_if<const Link*>(&object);
  return link != nullptr ? link_rank(**link) : std::uint8_t{0};
}

bool is_set(const ObjectRef& object) {
  return !std::holds_alternative<std::monostate>(object);
}

class Expander {
 public:
  explicit Expander(const Plan& plan) : plan_(plan) {}

  std::vector<OperationGroup> run() {
    for (std::uint32_t i = 0; i < plan_.object_changes.size(); ++i) expand(i);
    std::ranges::sort(items_, [](const Item& a, const Item& b) {
      return std::tie(a.step, a.rank, a.space, a.index) < std::tie(b.step, b.rank, b.space, b.index);
    });
    std::vector<OperationGroup> groups;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (i == 0 || items_[i].step != items_[i - 1].step) {
        const auto step = static_cast<std::size_t>(items_[i].step);
        groups.push_back(OperationGroup{.step = kStepNames[step]});
      }
      groups.back().operations.push_back(items_[i].operation);
    }
    return groups;
  }

 private:
  void expand(std::uint32_t index) {
    const ObjectChange& change = plan_.object_changes[index];
    const Steps steps = std::visit(StepsOf{}, is_set(change.before) ? change.before : change.after);
    switch (change.action) {
      case Action::create: add(index, steps.create, {}, change.after, 0); break;
      case Action::update: add(index, steps.update, change.before, change.after, change.fields); break;
      case Action::remove: add_removal(index, removal_step(change, steps.remove), change); break;
      case Action::replace:
        add(index, steps.remove, change.before, {}, 0);
        add(index, steps.create, {}, change.after, 0);
        break;
      // Marks alone, set in place.
      case Action::adopt:
      case Action::forget: add(index, steps.update, change.before, change.after, change.fields); break;
    }
  }

  // What guards all parts goes when none of them is there any more.
  [[nodiscard]] Step removal_step(const ObjectChange& change, Step usual) {
    if (is_host_filter(plan_.spaces[change.space], change.before)) return Step::host_filter_remove;
    if (is_stray(change)) return Step::stray_link_remove;
    return is_resized(change) ? Step::old_address_remove : usual;
  }

  // What a tenant made with our marks can be as much as it likes, and each bridge's end takes the kernel some
  // hundredths of a second (synchronize_net()): nobody waits for that.
  [[nodiscard]] bool is_stray(const ObjectChange& change) const {
    const auto* link = as<Link>(change.before);
    return link != nullptr && link->type != LinkType::veth && is_tenants(plan_.spaces[change.space]);
  }

  // What takes over its subnet comes first, so that no packet takes another way meanwhile.
  [[nodiscard]] bool is_resized(const ObjectChange& change) {
    const auto* old = as<Address>(change.before);
    const NamespaceObjects* desired =
        old != nullptr ? plan_.desired.find(plan_.spaces[change.space]) : nullptr;
    if (desired == nullptr) return false;
    return resized_.try_emplace(change.space, desired->addresses).first->second.contain(*old);
  }

  // "Removing" a sysctl writes the value back that was there before us.
  void add_removal(std::uint32_t index, Step step, const ObjectChange& change) {
    add(index, step, change.before, change.after,
        is_set(change.after) ? fields_with<Sysctl>(Role::setting) : 0);
  }

  void add(std::uint32_t index, Step step, ObjectRef before, ObjectRef after, FieldMask fields) {
    const ObjectChange& change = plan_.object_changes[index];
    const bool removing = !is_set(after);
    const std::uint8_t rank = rank_of(removing ? before : after);
    items_.push_back(
        Item{.step = step,
             .rank = removing ? static_cast<std::uint8_t>(UINT8_MAX - rank) : rank,
             .space = change.space,
             .index = index,
             .operation = Operation{
                 .netns = &plan_.spaces[change.space], .before = before, .after = after, .changed = fields}});
  }

  const Plan& plan_;
  std::map<std::uint32_t, ResizedSubnets> resized_;  // by space
  std::vector<Item> items_;
};

}  // namespace

std::vector<OperationGroup> operations_of(const Plan& plan) {
  return Expander(plan).run();
}

}  // namespace ovl
