#include "reconcile/objects/recorded.hpp"

#include <algorithm>

#include "reconcile/objects/holders.hpp"
#include "reconcile/objects/project.hpp"
#include "reconcile/store/last_good.hpp"

namespace ovl {

namespace {

constexpr std::string_view kForgotten = "forgotten";  // the binding: addresses, as a JSON array

Result<std::vector<ChangeName>> read_forgotten(const State& state) {
  std::vector<ChangeName> out;
  OVL_TRY(const auto text, state.binding(kForgotten));
  if (!text || text->empty()) return out;
  OVL_TRY(const Value value, Value::parse_json(*text));
  OVL_TRY(const auto addresses, decode<std::vector<std::string>>(value));
  for (const std::string& address : addresses) {
    OVL_TRY(ChangeName name, ChangeName::parse(address));
    out.push_back(std::move(name));
  }
  return out;
}

// Objects of these kinds carry a mark of their own, the others stand on a link.
template <class K>
constexpr bool kMarked =
    std::is_same_v<K, Link> || std::is_same_v<K, NftTable> || std::is_same_v<K, HostsFile>;

// Takes out what was let go, and what stands on it.
class Forgetter {
 public:
  Forgetter(const Recorded& recorded, HostObjects& objects)
      : recorded_(recorded), holders_(recorded.records, recorded.host), objects_(objects) {}

  void run() {
    for (NamespaceObjects& space : objects_.namespaces) drop_from(space);
  }

 private:
  [[nodiscard]] bool is_forgotten(const NetnsName& space, const ObjectRef& object) const {
    return is_meant(recorded_.forgotten, name_of(space, object), holders_.of(space, object), true);
  }

  void drop_from(NamespaceObjects& space) {
    if (space.netns && is_forgotten(space.name, &*space.netns)) space.netns.reset();
    for_each_kind([&](auto member) {
      using K = typename std::decay_t<decltype(space.*member)>::value_type;
      if constexpr (kMarked<K>) {
        std::erase_if(space.*member, [&](const K& item) { return is_forgotten(space.name, &item); });
      }
    });
    for_each_kind([&](auto member) {
      using K = typename std::decay_t<decltype(space.*member)>::value_type;
      if constexpr (requires(K item) { item.dev; }) {
        std::erase_if(space.*member, [&](const K& item) { return !has_link(space, item.dev); });
      }
    });
  }

  static bool has_link(const NamespaceObjects& space, const IfName& name) {
    return std::ranges::binary_search(space.links, name, {}, &Link::name);
  }

  const Recorded& recorded_;
  Holders holders_;
  HostObjects& objects_;
};

class Lister {
 public:
  explicit Lister(const Recorded& recorded) : recorded_(recorded) {}

  std::vector<RecordedItem> run() {
    add_records();
    for (const NamespaceObjects& space : recorded_.objects.namespaces) add_space(space);
    return std::move(out_);
  }

 private:
  template <class Record>
  void add_record(RecordKind kind, const std::string& name, const Record& record) {
    ChangeName address = name_of(kind, name);
    const bool forgotten = is_meant(recorded_.forgotten, address, {address}, true);
    if (!forgotten) out_.push_back({.name = std::move(address), .is_record = true, .value = encode(record)});
  }

  void add_records() {
    const Records& records = recorded_.records;
    const HostRecord* self = records.host(recorded_.host);
    if (self != nullptr) add_record(RecordKind::host, self->name.text(), *self);
    for (const NetworkRecord& network : records.networks) {
      const bool here = std::ranges::any_of(records.endpoints, [&](const EndpointRecord& endpoint) {
        return endpoint.network == network.name && endpoint.host == recorded_.host;
      });
      if (here) add_record(RecordKind::network, network.name.text(), network);
    }
    for (const EndpointRecord& endpoint : records.endpoints) {
      if (endpoint.host != recorded_.host) continue;
      add_record(RecordKind::endpoint, endpoint.network.text() + "/" + endpoint.name.text(), endpoint);
    }
  }

  template <class K>
  void add_object(const NetnsName& space, const K& object) {
    out_.push_back({.name = name_of(space, &object), .is_record = false, .value = encode(object)});
  }

  void add_space(const NamespaceObjects& space) {
    if (space.netns) add_object(space.name, *space.netns);
    for_each_kind([&](auto member) {
      for (const auto& object : space.*member) add_object(space.name, object);
    });
  }

  const Recorded& recorded_;
  std::vector<RecordedItem> out_;
};

}  // namespace

namespace {

// The host's devices that forwarded nothing before ovl told them to.
std::vector<IfName> opened_by_us(const std::vector<Original>& originals) {
  constexpr std::string_view begin = "net/ipv4/conf/";
  constexpr std::string_view end = "/forwarding";
  std::vector<IfName> opened;
  for (const Original& item : originals) {
    const std::string& path = item.path;
    if (!item.netns.empty() || item.original != "0" || !path.starts_with(begin) || !path.ends_with(end))
      continue;
    opened.push_back(IfName::from_kernel(path.substr(begin.size(), path.size() - begin.size() - end.size())));
  }
  return opened;
}

}  // namespace

Result<Recorded> read_recorded(const State& state, const Label& cluster,
                               const std::vector<KeystoreAddress>& keystores) {
  Recorded out{.cluster = cluster};
  OVL_TRY(Remembered remembered, remember(state));
  out.lineage = std::move(remembered.lineage);
  out.serial = remembered.serial;
  out.records = std::move(remembered.records);
  OVL_TRY(const auto host, state.binding("host"));
  if (host) {
    OVL_TRY(out.host, HostName::parse(*host));
  }
  OVL_TRY(out.originals, state.originals());
  OVL_TRY(out.forgotten, read_forgotten(state));
  // A host that was emptied knows what it would hold again, and holds nothing.
  OVL_TRY(const std::vector<NetnsName> begun, state.namespaces());
  if (begun.empty()) return out;
  out.objects = project(ProjectInput{.cluster = cluster,
                                     .host = out.host,
                                     .records = out.records,
                                     .facts = remembered.facts,
                                     .keystores = keystores,
                                     .opened = opened_by_us(out.originals)})
                    .objects;
  if (!out.forgotten.empty()) Forgetter(out, out.objects).run();
  return out;
}

std::vector<RecordedItem> items_of(const Recorded& recorded) {
  return Lister(recorded).run();
}

Status remember_forgotten(State& state, std::span<const ChangeName> names) {
  OVL_TRY(const auto before, state.binding(kForgotten));
  if (names.empty() && (!before || before->empty())) return {};
  Value addresses = Value::array();
  for (const ChangeName& name : names) addresses.push(name.address());
  return state.bind(kForgotten, names.empty() ? std::string() : addresses.json());
}

}  // namespace ovl
