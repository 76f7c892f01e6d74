#include "reconcile/cluster/execute_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "reconcile/base/selection.hpp"
#include "reconcile/cluster/past_records.hpp"

namespace ovl {

namespace {

// Who holds a record's claims: "endpoints/my-net/web" -> "endpoint/my-net/web".
std::string holder_of(std::string_view below_root) {
  const auto slash = below_root.find('/');
  return std::string(below_root.substr(0, slash - 1)) + std::string(below_root.substr(slash));
}

// Each unit is a record with the claims that it takes and gives up.
class RecordWriter {
 public:
  RecordWriter(const StoreLayout& layout, const StoreView& view, const Records& desired)
      : layout_(layout), view_(view), desired_(desired), want_(claims_of(desired)) {
    for (const auto& [claim, holder] : view.claims) held_.emplace_back(holder, claim);
    std::ranges::sort(held_);
  }

  // In an order in which every prefix is safe.
  std::vector<Unit> units() {
    find_wanted();
    find_moved();
    remove_records();
    for (const HostRecord& host : desired_.hosts)
      put(layout_.host(host.name), host, view_.records.host(host.name));
    for (const NetworkRecord& network : desired_.networks) {
      put(layout_.network(network.name), network, view_.records.network(network.name));
    }
    for (const EndpointRecord& endpoint : desired_.endpoints) {
      put(layout_.endpoint(endpoint.network, endpoint.name), endpoint,
          view_.records.endpoint(endpoint.network, endpoint.name));
    }
    remove_leftovers();
    return std::move(units_);
  }

 private:
  [[nodiscard]] Guard guard_for(const std::string& key) const {
    const auto at = view_.revisions.find(key);
    if (at == view_.revisions.end()) return Guard{.kind = Guard::Kind::absent, .key = key};
    return Guard{.kind = Guard::Kind::unmodified, .key = key, .revision = at->second};
  }

  void write(Unit& unit, const std::string& key, std::optional<std::string> value) const {
    unit.guards.push_back(guard_for(key));
    unit.writes.push_back(Write{.key = key, .value = std::move(value)});
  }

  // Keys that are given up by records which live on under another one, by id.
  void find_moved() {
    std::map<std::string_view, std::string> old;
    for (const HostRecord& host : view_.records.hosts) old.emplace(host.id, layout_.host(host.name));
    for (const NetworkRecord& network : view_.records.networks) {
      old.emplace(network.id, layout_.network(network.name));
    }
    for (const auto* endpoints : {&view_.records.endpoints, &view_.homeless}) {
      for (const EndpointRecord& endpoint : *endpoints) {
        old.emplace(endpoint.id, layout_.endpoint(endpoint.network, endpoint.name));
      }
    }
    const auto compare = [&](const std::string& id, const std::string& key) {
      const auto at = old.find(id);
      if (at != old.end() && !wanted_.contains(at->second)) moved_.emplace(key, at->second);
    };
    for (const HostRecord& host : desired_.hosts) compare(host.id, layout_.host(host.name));
    for (const NetworkRecord& network : desired_.networks) compare(network.id, layout_.network(network.name));
    for (const EndpointRecord& endpoint : desired_.endpoints) {
      compare(endpoint.id, layout_.endpoint(endpoint.network, endpoint.name));
    }
    for (const auto& [key, old_key] : moved_) given_up_.insert(old_key);
  }

  // A record that is renamed is never absent, and never there twice.
  void leave_old_key(Unit& unit, const std::string& key) {
    const auto at = moved_.find(key);
    if (at == moved_.end()) return;
    write(unit, at->second, std::nullopt);
    release_claims(unit, at->second);
  }

  // What a renamed host has said, until it speaks under its new name. Its guards would only fail when it
  // speaks now.
  void move_facts(Unit& unit, const HostRecord& host) {
    const auto at = moved_.find(layout_.host(host.name));
    if (at == moved_.end()) return;
    auto old_name = HostName::parse(at->second.substr(layout_.root().size() + std::string("hosts/").size()));
    if (!old_name.ok()) return;
    const HostName& from = old_name.value();
    if (const HostFacts* facts = view_.facts.host(host.name)) {
      unit.writes.push_back(Write{.key = layout_.facts(host.name), .value = encode(*facts).json()});
    }
    const auto claim = view_.claims.find(host_claim(from));
    if (claim != view_.claims.end()) {
      unit.writes.push_back(Write{.key = layout_.claim(host_claim(host.name)), .value = claim->second});
      unit.writes.push_back(Write{.key = layout_.claim(claim->first)});
      released_.insert(claim->first);
    }
    const auto status = view_.status.find(host.name.text());
    if (status != view_.status.end()) {
      unit.writes.push_back(Write{.key = layout_.status(host.name), .value = encode(status->second).json()});
    }
    for (const std::string& key : {layout_.facts(from), layout_.status(from)}) {
      if (view_.revisions.contains(key)) unit.writes.push_back(Write{.key = key});
    }
  }

  void put(const std::string& key, const HostRecord& host, const HostRecord* before) {
    Unit unit;
    move_facts(unit, host);
    put_record(std::move(unit), key, host, before);
  }

  template <class Record>
  void put(const std::string& key, const Record& record, const Record* before) {
    put_record(Unit(), key, record, before);
  }

  template <class Record>
  void put_record(Unit unit, const std::string& key, const Record& record, const Record* before) {
    leave_old_key(unit, key);
    if (before == nullptr || !(*before == record)) write(unit, key, encode(record).json());
    for (const auto& [claim, holder] : claims_of(record)) {
      const auto have = view_.claims.find(claim);
      if (have == view_.claims.end() || have->second != holder) write(unit, layout_.claim(claim), holder);
    }
    add(std::move(unit), key);
  }

  void remove(const std::string& key) {
    Unit unit;
    write(unit, key, std::nullopt);
    add(std::move(unit), key);
  }

  // With what the record's holder gives up and nobody else takes.
  void add(Unit unit, const std::string& key) {
    release_claims(unit, key);
    if (!unit.writes.empty()) units_.push_back(std::move(unit));
  }

  void release_claims(Unit& unit, const std::string& key) {
    const std::string holder = holder_of(std::string_view(key).substr(layout_.root().size()));
    auto at = std::ranges::lower_bound(held_, std::pair<std::string_view, std::string_view>(holder, ""));
    for (; at != held_.end() && at->first == holder; ++at) {
      const std::string claim(at->second);
      if (want_.contains(claim)) continue;
      write(unit, layout_.claim(claim), std::nullopt);
      released_.insert(at->second);
    }
  }

  void find_wanted() {
    for (const HostRecord& host : desired_.hosts) wanted_.insert(layout_.host(host.name));
    for (const NetworkRecord& network : desired_.networks) wanted_.insert(layout_.network(network.name));
    for (const EndpointRecord& endpoint : desired_.endpoints) {
      wanted_.insert(layout_.endpoint(endpoint.network, endpoint.name));
    }
  }

  // Every key below the three record folders that nobody desires, also those that failed validation.
  void remove_records() {
    for (const std::string_view folder : {"endpoints/", "networks/", "hosts/"}) {
      const std::string prefix = layout_.root() + std::string(folder);
      for (auto at = view_.revisions.lower_bound(prefix);
           at != view_.revisions.end() && at->first.starts_with(prefix); ++at) {
        if (!wanted_.contains(at->first) && !given_up_.contains(at->first)) remove(at->first);
      }
    }
  }

  // Claims whose holder has no record.
  void remove_leftovers() {
    for (const auto& [claim, holder] : view_.claims) {
      if (want_.contains(claim) || released_.contains(claim) || is_of_host(claim)) continue;
      Unit unit;
      write(unit, layout_.claim(claim), std::nullopt);
      units_.push_back(std::move(unit));
    }
  }

  // A declared host's claim to its name is the host's own affair.
  [[nodiscard]] bool is_of_host(const std::string& claim) const {
    return std::ranges::any_of(desired_.hosts,
                               [&](const HostRecord& host) { return claim == host_claim(host.name); });
  }

  const StoreLayout& layout_;
  const StoreView& view_;
  const Records& desired_;
  std::map<std::string, std::string> want_;
  std::vector<std::pair<std::string_view, std::string_view>> held_;  // holder, claim; sorted
  std::set<std::string_view> released_;
  std::set<std::string> wanted_;              // keys of the desired records
  std::map<std::string, std::string> moved_;  // new key -> old key
  std::set<std::string> given_up_;            // the old ones
  std::vector<Unit> units_;
};

GenerationRecord generation_of(const Head& head, const StoreLock::Holder& holder) {
  return GenerationRecord{.serial = head.serial,
                          .source = head.source,
                          .commit = head.commit,
                          .digest = head.digest,
                          .apply_id = head.apply_id,
                          .who = holder.who,
                          .when = holder.since};
}

Unit head_unit(const StoreLayout& layout, const StoreView& view, const Head& head,
               const StoreLock::Holder& holder) {
  Unit unit;
  const auto at = view.revisions.find(layout.head());
  unit.guards.push_back(
      at == view.revisions.end()
          ? Guard{.kind = Guard::Kind::absent, .key = layout.head()}
          : Guard{.kind = Guard::Kind::unmodified, .key = layout.head(), .revision = at->second});
  unit.writes.push_back(Write{.key = layout.head(), .value = encode(head).json()});
  unit.writes.push_back(
      Write{.key = layout.generation(head.serial), .value = encode(generation_of(head, holder)).json()});
  const std::string old = layout.generation(head.serial - kKeptGenerations);
  if (view.revisions.contains(old)) unit.writes.push_back(Write{.key = old});
  return unit;
}

std::size_t bytes_of(const Unit& unit) {
  std::size_t bytes = 0;
  for (const Write& write : unit.writes) bytes += write.key.size() + (write.value ? write.value->size() : 0);
  return bytes;
}

constexpr std::string_view kRecordsStep = "write records";

// Units on their way into one transaction.
class UnitPacker {
 public:
  // units: how many there will be, for the room they take.
  UnitPacker(Keystore& store, StoreLock& lock, std::size_t units, const Progress& progress)
      : store_(store), lock_(lock), progress_(progress), units_(units) {
    const std::size_t room = std::min(units, store.max_operations()) + kFence;
    transaction_.guards.reserve(room);
    transaction_.writes.reserve(room);
  }

  Status add(Unit&& unit) {
    const std::size_t operations = store_.operations(unit);
    const std::size_t bytes = bytes_of(unit);
    const bool fits =
        operations_ + operations <= store_.max_operations() && bytes_ + bytes <= store_.max_bytes();
    if (!fits) {
      OVL_CHECK(flush());
      progress_.progress(kRecordsStep, added_, units_);
    }
    ++added_;
    operations_ += operations;
    bytes_ += bytes;
    std::ranges::move(unit.guards, std::back_inserter(transaction_.guards));
    std::ranges::move(unit.writes, std::back_inserter(transaction_.writes));
    return {};
  }

  Status flush() {
    if (transaction_.writes.empty()) return {};
    OVL_CHECK(progress_.go_on(kRecordsStep, words()));
    OVL_CHECK(lock_.keep_alive());
    transaction_.guards.push_back(lock_.fence());
    OVL_CHECK(commit(store_, transaction_));
    transaction_.guards.clear();
    transaction_.writes.clear();
    operations_ = kFence;
    bytes_ = 0;
    written_ = added_;
    return {};
  }

 private:
  static constexpr std::size_t kFence = 1;

  // The last one says that all are there.
  [[nodiscard]] std::string words() const {
    if (written_ == 0) return "nothing was changed";
    return fmt::format("{} of {} units are written and hold, the generation is not; apply again to go on",
                       written_, units_);
  }

  Keystore& store_;
  StoreLock& lock_;
  const Progress& progress_;
  std::size_t units_;
  std::size_t added_ = 0;
  std::size_t written_ = 0;
  Transaction transaction_;
  std::size_t operations_ = kFence;
  std::size_t bytes_ = 0;
};

}  // namespace

Status commit_units(Keystore& store, std::vector<Unit> units, StoreLock& lock, const Progress& progress) {
  progress.start(kRecordsStep, units.size());
  UnitPacker packer(store, lock, units.size(), progress);
  for (Unit& unit : units) OVL_CHECK(packer.add(std::move(unit)));
  OVL_CHECK(packer.flush());
  progress.complete(kRecordsStep, units.size());
  return {};
}

Status execute_records(Keystore& store, const StoreLayout& layout, const StoreView& view,
                       const Records& desired, const Head& head, StoreLock& lock, const Progress& progress,
                       const std::optional<PutBack>& put_back) {
  OVL_CHECK(check_whole(desired));
  OVL_TRY(std::vector<Unit> units, past_units(store, layout, view, desired, head.serial));
  std::ranges::move(RecordWriter(layout, view, desired).units(), std::back_inserter(units));
  units.push_back(head_unit(layout, view, head, lock.holder()));
  if (put_back) {
    units.back().writes.push_back(Write{.key = layout.put_back(), .value = encode(*put_back).json()});
  }
  return commit_units(store, std::move(units), lock, progress);
}

Status publish(Keystore& store, const std::string& key, const Value& value) {
  return commit(store, Transaction{.writes = {{.key = key, .value = value.json()}}});
}

Status publish_facts(Keystore& store, const StoreLayout& layout, const StoreView& view,
                     const HostFacts& facts) {
  const std::string key = layout.claim(host_claim(facts.host));
  const auto at = view.revisions.find(key);
  const Guard guard = at == view.revisions.end()
                          ? Guard{.kind = Guard::Kind::absent, .key = key}
                          : Guard{.kind = Guard::Kind::unmodified, .key = key, .revision = at->second};
  const Transaction claimed{.guards = {guard},
                            .writes = {{.key = key, .value = facts.machine},
                                       {.key = layout.facts(facts.host), .value = encode(facts).json()}}};
  return commit(store, claimed);
}

}  // namespace ovl
