#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "reconcile/base/closure.hpp"
#include "reconcile/base/selection.hpp"
#include "reconcile/records/diff_records.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

namespace {

// Which changes can't be made without which others.
class Needs {
 public:
  explicit Needs(const std::vector<RecordChange>& changes) : changes_(changes), edges_(changes.size()) {
    for (std::size_t i = 0; i < changes.size(); ++i) index(i);
    for (std::size_t i = 0; i < changes.size(); ++i) connect(i);
  }

  [[nodiscard]] std::vector<std::vector<std::size_t>> take() { return std::move(edges_); }

 private:
  using Many = std::multimap<std::string, std::size_t, std::less<>>;

  void index(std::size_t i) {
    const RecordChange& change = changes_[i];
    const ChangeName name = name_of(change);
    if (change.kind == RecordKind::host) hosts_.emplace(name.name, i);
    if (change.kind == RecordKind::network) networks_.emplace(name.name, i);
    if (change.kind != RecordKind::endpoint) return;
    by_name_.emplace(name.name, i);
    by_network_.emplace(name.index, i);
    for (const Value* side : {&change.before, &change.after}) by_host_.emplace(text_in(*side, "host"), i);
  }

  void need_all(std::size_t i, const Many& many, const std::string& key) {
    const auto [begin, end] = many.equal_range(key);
    for (auto at = begin; at != end; ++at) {
      if (at->second != i) edges_[i].push_back(at->second);
    }
  }

  void connect(std::size_t i) {
    switch (changes_[i].kind) {
      case RecordKind::host: return connect_host(i);
      case RecordKind::network: return connect_network(i);
      case RecordKind::endpoint: return connect_endpoint(i);
    }
  }

  void connect_host(std::size_t i) {
    const RecordChange& change = changes_[i];
    const bool concerns_endpoints =
        change.action == Action::remove || touches(change, {"gateway_pool", "name"});
    if (!concerns_endpoints) return;
    need_all(i, by_host_, change.name);
    if (!change.previous.empty()) need_all(i, by_host_, change.previous);
  }

  void connect_network(std::size_t i) {
    const RecordChange& change = changes_[i];
    const bool concerns_endpoints =
        change.action == Action::remove ||
        touches(change, {"subnets", "gateways", "ip_range", "reserved", "internal", "name"});
    if (concerns_endpoints) need_all(i, by_network_, change.name);
  }

  static bool changes_shape(const RecordChange& change) {
    return touches(change, {"host", "netns", "gateway_interface", "gateway_address", "name"});
  }

  void connect_endpoint(std::size_t i) {
    const RecordChange& change = changes_[i];
    const ChangeName name = name_of(change);
    if (change.action != Action::remove) {
      need_all(i, networks_, name.index);
      need_all(i, hosts_, text_in(change.after, "host"));
    }
    // An endpoint's host, namespace and way out are the same on all its networks.
    const auto [begin, end] = by_name_.equal_range(name.name);
    for (auto at = begin; at != end; ++at) {
      const bool tied = changes_shape(change) || changes_shape(changes_[at->second]);
      if (at->second != i && tied) edges_[i].push_back(at->second);
    }
  }

  const std::vector<RecordChange>& changes_;
  std::vector<std::vector<std::size_t>> edges_;
  Many hosts_, networks_, by_name_, by_network_, by_host_;
};

ChangeName name_of_record(const HostRecord& record) {
  return name_of(RecordKind::host, record.name.text());
}

ChangeName name_of_record(const NetworkRecord& record) {
  return name_of(RecordKind::network, record.name.text());
}

ChangeName name_of_record(const EndpointRecord& record) {
  return name_of(RecordKind::endpoint, record.network.text() + "/" + record.name.text());
}

// The records of one kind: those that change come from `desired`, the others from `current`.
template <class Record>
std::vector<Record> overlaid(const std::vector<Record>& current, const std::vector<Record>& desired,
                             const std::set<std::string>& changing) {
  std::vector<Record> out;
  const auto changes = [&](const Record& record) {
    return changing.contains(name_of_record(record).address());
  };
  std::ranges::copy_if(current, std::back_inserter(out),
                       [&](const Record& record) { return !changes(record); });
  std::ranges::copy_if(desired, std::back_inserter(out), changes);
  return out;
}

template <class Record>
Status check_holders(const std::vector<Record>& records, std::map<std::string, std::string>& holders) {
  for (const Record& record : records) {
    for (const auto& [claim, holder] : claims_of(record)) {
      const auto [at, is_new] = holders.emplace(claim, holder);
      if (is_new || at->second == holder) continue;
      return Error{.code = Errc::guard,
                   .message = fmt::format("with these changes alone {} would have two holders, {} and {}",
                                          claim, at->second, holder),
                   .hint = "let the changes of both come along"};
    }
  }
  return {};
}

}  // namespace

std::vector<RecordChange> select(const std::vector<RecordChange>& changes, const Selection& selection) {
  if (selection.all()) return changes;
  Closure closure(Needs(changes).take());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (selection.targets.empty() || is_covered(selection.targets, name_of(changes[i]))) closure.keep(i);
  }
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (is_covered(selection.excludes, name_of(changes[i]))) closure.drop(i);
  }
  closure.settle();
  std::vector<RecordChange> out;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (closure.keeps(i)) out.push_back(changes[i]);
  }
  return out;
}

Records with_changes(const Records& current, const Records& desired,
                     const std::vector<RecordChange>& changes) {
  std::set<std::string> changing;
  for (const RecordChange& change : changes) {
    changing.insert(name_of(change).address());
    if (!change.previous.empty()) changing.insert(name_of(change.kind, change.previous).address());
  }
  Records out{.hosts = overlaid(current.hosts, desired.hosts, changing),
              .networks = overlaid(current.networks, desired.networks, changing),
              .endpoints = overlaid(current.endpoints, desired.endpoints, changing)};
  out.sort();
  return out;
}

Status check_whole(const Records& records) {
  std::map<std::string, std::string> holders;
  OVL_CHECK(check_holders(records.hosts, holders));
  OVL_CHECK(check_holders(records.networks, holders));
  return check_holders(records.endpoints, holders);
}

Records without(const Records& records, const std::vector<ChangeName>& names) {
  Records out = records;
  const auto covered = [&](const auto& record) { return is_covered(names, name_of_record(record)); };
  std::erase_if(out.hosts, covered);
  std::erase_if(out.networks, covered);
  std::erase_if(out.endpoints, [&](const EndpointRecord& record) {
    return covered(record) || out.network(record.network) == nullptr || out.host(record.host) == nullptr;
  });
  return out;
}

bool has_record(const Records& records, const ChangeName& name) {
  const auto covers = [&](const auto& record) { return name.covers(name_of_record(record)); };
  return std::ranges::any_of(records.hosts, covers) || std::ranges::any_of(records.networks, covers) ||
         std::ranges::any_of(records.endpoints, covers);
}

}  // namespace ovl
