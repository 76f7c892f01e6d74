#include "reconcile/cluster/fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

#include "reconcile/cluster/guards.hpp"
#include "reconcile/cluster/recall.hpp"
#include "reconcile/store/store_lock.hpp"

namespace ovl {

namespace {

// Who holds the claims of the record at a key below the layout's root: "endpoints/my-net/web" ->
// "endpoint/my-net/web".
std::string claim_holder_of(std::string_view key) {
  const auto slash = key.find('/');
  if (slash == std::string_view::npos || slash == 0) return std::string(key);
  return std::string(key.substr(0, slash - 1)) + std::string(key.substr(slash));
}

std::set<std::string> holders_in(const Records& records) {
  std::set<std::string> out;
  for (const HostRecord& host : records.hosts) out.insert("host/" + host.name.text());
  for (const NetworkRecord& network : records.networks) out.insert("network/" + network.name.text());
  for (const EndpointRecord& endpoint : records.endpoints) {
    out.insert(fmt::format("endpoint/{}/{}", endpoint.network.text(), endpoint.name.text()));
  }
  return out;
}

// A host claims its name for itself, and a claim that was too long to be loaded is nobody's.
bool is_of_record(const std::pair<const std::string, std::string>& claim) {
  return !claim.first.starts_with("host/") && !claim.second.empty();
}

bool claims_have_records(const StoreView& view) {
  std::set<std::string> there = holders_in(view.records);
  for (const Finding& finding : view.refused) there.insert(claim_holder_of(finding.subject));
  return std::ranges::all_of(
      view.claims, [&](const auto& claim) { return !is_of_record(claim) || there.contains(claim.second); });
}

// Its own writes are under a lock too.
bool is_being_written(const World& world, const StoreView& view) {
  const auto value = Value::parse_json(view.lock);
  if (view.lock.empty() || !value.ok()) return false;
  const auto holder = decode<StoreLock::Holder>(value.value());
  if (!holder.ok()) return false;
  const StoreLock::Holder& theirs = holder.value();
  const StoreLock::Holder& ours = world.holder;
  const bool same = theirs.host == ours.host && theirs.boot == ours.boot && theirs.pid == ours.pid;
  return !same && !world.holder_is_dead(theirs);
}

// ---- what is remembered ----------------------------------------------------------------------------

struct Kept {
  Remembered remembered;
  const State* place = nullptr;
  bool is_exact = false;  // of the head that the store has
};

// Of this lineage; exactly of this head, where any place has that.
Result<Kept> kept_here(const World& world, const Head& head) {
  Kept out;
  const std::array<const State*, 2> places{world.state, world.memory};
  for (const State* state : places) {
    if (state == nullptr || out.is_exact) continue;
    OVL_TRY(Remembered found, remember(*state));
    if (found.lineage != head.lineage || found.serial < out.remembered.serial) continue;
    OVL_TRY(const Memory memory, memory_of(*state));
    out.is_exact = memory.head == head && digest_of(found.records) == head.digest;
    out.remembered = std::move(found);
    out.place = state;
  }
  return out;
}

// But for refused records, in whose place their last good ones stand. Only who remembers this very head
// knows.
bool is_whole(const Kept& kept, const StoreView& view) {
  if (!kept.is_exact) return fits_head(view);
  StoreView together = view;
  return restore_frozen(*kept.place, together).ok() && together.records == kept.remembered.records;
}

std::string misfit_words(const Head& head) {
  return fmt::format(
      "its records are not those of generation {}: some were lost or changed, or a write was "
      "cut short",
      head.serial);
}

std::string next_generation(const Head& head) {
  return fmt::format("generation {}, which is being written just now", head.serial + 1);
}

Error does_not_fit(const Task& task, const Cluster& cluster, bool busy) {
  const std::string name = task.cluster.text();
  const std::int64_t serial = cluster.view.head->serial;
  if (busy) {
    return Error{
        .code = Errc::locked,
        .message = fmt::format("cluster {}: generation {} is being written just now", name, serial + 1),
        .hint = "again when it is whole; nothing was done"};
  }
  return Error{
      .code = Errc::guard,
      .message = fmt::format("cluster {} in the keystore: {}", name, misfit_words(*cluster.view.head)),
      .hint = "apply the whole manifest first, where it is remembered if possible; nothing was done here"};
}

Finding warning(const Task& task, std::string message, std::string hint) {
  return Finding{.code = Errc::corrupt,
                 .id = "keystore-partial",
                 .subject = "cluster " + task.cluster.text(),
                 .message = std::move(message),
                 .hint = std::move(hint)};
}

// Facts are their hosts' own, and none of a generation.
void keep_to(Remembered&& remembered, Cluster& cluster) {
  const std::int64_t serial = remembered.serial;
  cluster.away = true;
  if (cluster.memory.head && cluster.memory.head->serial == serial) {
    cluster.view.head = cluster.memory.head;
  } else {
    cluster.view.head->serial = serial;
  }
  cluster.view.records = remembered.records;
  recall_facts(remembered.facts, cluster.view.facts);
  cluster.remembered = std::move(remembered);
}

Status keep_to_last_good(const Task& task, Kept&& kept, bool busy, Cluster& cluster) {
  if (kept.remembered.lineage.empty()) return does_not_fit(task, cluster, busy);
  const Head head = *cluster.view.head;
  keep_to(std::move(kept.remembered), cluster);
  const std::int64_t stands_at = cluster.remembered.serial;
  if (busy) {
    cluster.waiting.push_back(next_generation(head));
    return {};
  }
  cluster.warnings.push_back(
      warning(task,
              fmt::format("{}; this host keeps to generation {}, which it realised last, and removes nothing",
                          misfit_words(head), stands_at),
              "apply the manifest: it writes what is missing; this host follows then"));
  return {};
}

Status fill_again(const Task& task, const Want& want, Kept&& kept, bool busy, Cluster& cluster) {
  if (!is_whole(want) || !task.selection.all()) return does_not_fit(task, cluster, busy);
  Records& known = cluster.known;
  cluster.lost_counts = kept.is_exact;
  known = kept.is_exact ? put_back(kept.remembered.records, known) : put_back(known, kept.remembered.records);
  recall_facts(kept.remembered.facts, cluster.view.facts);
  if (busy) return {};
  const std::string_view what =
      kept.is_exact
          ? "ids, VNIs and addresses are put back as this place knew them"
          : "ids, VNIs and addresses are kept as far as claims and what is remembered here tell them";
  const std::string_view hint = kept.is_exact ? "look who changes the store: ovl keystore check"
                                              : "rather apply on a host that stands at that generation";
  cluster.warnings.push_back(
      warning(task, fmt::format("{}; {}", misfit_words(*cluster.view.head), what), std::string(hint)));
  return {};
}

// ---- claims ------------------------------------------------------------------------------------------

std::pair<std::string_view, std::string_view> parted(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return {text, {}};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

template <class Bound>
std::optional<Bound> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  const auto bound = Bound::from(number);
  return bound.ok() ? std::optional(bound.value()) : std::nullopt;
}

// What records that are gone have left of themselves.
class Claimed {
 public:
  explicit Claimed(Records& known) : known_(known) {}

  void take(std::string_view claim, std::string_view holder) {
    const auto [kind, rest] = parted(claim);
    const auto [of, name] = parted(holder);
    if (kind == "vni" && of == "network") take_vni(rest, name);
    if (kind == "address" && of == "endpoint") take_address(rest, name);
  }

  void finish() {
    for (auto& [name, network] : networks_) {
      // Of two tunnels it can't be told which one it is on its way to.
      if (tunnels_[name] == 1) known_.networks.push_back(std::move(network));
    }
    for (auto& [name, endpoint] : endpoints_) {
      std::ranges::sort(endpoint.addresses);
      known_.endpoints.push_back(std::move(endpoint));
    }
    known_.sort();
  }

 private:
  void take_vni(std::string_view tunnel, std::string_view holder) {
    const auto name = Label::parse(holder);
    const auto [port_text, vni_text] = parted(tunnel);
    const auto port = number_of<UdpPort>(port_text);
    const auto vni = number_of<Vni>(vni_text);
    if (!name.ok() || !port || !vni || known_.network(name.value()) != nullptr) return;
    NetworkRecord& network = networks_[name.value()];
    network.name = name.value();
    network.port = *port;
    network.vni = *vni;
    network.chosen.emplace_back("vni");
    ++tunnels_[name.value()];
  }

  void take_address(std::string_view where, std::string_view holder) {
    const auto [network_text, name_text] = parted(holder);
    const auto network = Label::parse(network_text);
    const auto name = Label::parse(name_text);
    const auto address = IpAddress::parse(parted(where).second);
    if (!network.ok() || !name.ok() || !address.ok()) return;
    keep_subnet(network.value(), address.value());
    if (known_.endpoint(network.value(), name.value()) != nullptr) return;
    EndpointRecord& endpoint = endpoints_[{network.value(), name.value()}];
    endpoint.network = network.value();
    endpoint.name = name.value();
    endpoint.addresses.push_back(address.value());
    if (endpoint.chosen.empty()) endpoint.chosen.emplace_back("addresses");
  }

  // A chosen subnet is a /24 of 10.0.0.0/8; see choose_subnet(). A declared one does without this.
  void keep_subnet(const Label& name, const IpAddress& address) {
    const auto at = networks_.find(name);
    if (at == networks_.end() || !at->second.subnets.empty() || !address.is_ipv4()) return;
    const IpPrefix subnet = IpPrefix::masked(address, 24);
    if (IpPrefix::masked(address, 8).text() != "10.0.0.0/8") return;
    at->second.subnets.push_back(subnet);
    at->second.chosen.emplace_back("subnets");
  }

  Records& known_;
  std::map<Label, NetworkRecord> networks_;
  std::map<Label, std::size_t> tunnels_;
  std::map<std::pair<Label, Label>, EndpointRecord> endpoints_;
};

struct Misfit {
  Kept kept;
  bool busy = false;  // somebody writes just now
};

Result<std::optional<Misfit>> find_misfit(const Task& task, const World& world, Cluster& cluster) {
  // A tree that is refused as a whole, or put back, is told of already.
  const bool counts = cluster.tree == Tree::goes_on || task.allow_rollback;
  const StoreView& view = cluster.view;
  const bool refused = has_refused_records(view);
  if (!view.head || cluster.puts_back || !counts || (!refused && fits_head(view)))
    return std::optional<Misfit>();
  Misfit out;
  OVL_TRY(out.kept, kept_here(world, *view.head));
  out.busy = is_being_written(world, view);
  if (refused && is_whole(out.kept, view)) {
    if (out.busy) cluster.waiting.push_back(next_generation(*view.head));
    return std::optional<Misfit>();
  }
  cluster.misfit = true;
  return std::optional(std::move(out));
}

}  // namespace

bool has_refused_records(const StoreView& view) {
  return std::ranges::any_of(view.refused, [](const Finding& finding) {
    const std::string& key = finding.subject;
    return key == "head" || key.starts_with("hosts/") || key.starts_with("networks/") ||
           key.starts_with("endpoints/");
  });
}

bool fits_head(const StoreView& view) {
  if (!view.head) return true;
  return has_refused_records(view) ? claims_have_records(view) : view.head->digest == digest_of(view.records);
}

Status keep_to_what_fits(const Task& task, const World& world, Cluster& cluster) {
  OVL_TRY(auto misfit, find_misfit(task, world, cluster));
  if (!misfit) return {};
  return keep_to_last_good(task, std::move(misfit->kept), misfit->busy, cluster);
}

Status fill_what_is_missing(const Task& task, const Want& want, const World& world, Cluster& cluster) {
  OVL_TRY(auto misfit, find_misfit(task, world, cluster));
  if (!misfit) return {};
  return fill_again(task, want, std::move(misfit->kept), misfit->busy, cluster);
}

void keep_claimed(const StoreView& view, Records& known) {
  std::set<std::string> ids;
  for (const EndpointRecord& endpoint : known.endpoints) ids.insert(endpoint.id);
  for (const EndpointRecord& endpoint : view.homeless) {
    const bool is_new =
        known.endpoint(endpoint.network, endpoint.name) == nullptr && !ids.contains(endpoint.id);
    if (is_new) known.endpoints.push_back(endpoint);
  }
  known.sort();
  Claimed claimed(known);
  // VNIs first: subnets are kept beside them.
  for (const bool vnis : {true, false}) {
    for (const auto& [claim, holder] : view.claims) {
      if (claim.starts_with("vni/") == vnis) claimed.take(claim, holder);
    }
  }
  claimed.finish();
}

}  // namespace ovl
