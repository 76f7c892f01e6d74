#include "reconcile/records/moves.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "reconcile/words/change_name.hpp"

namespace ovl {

namespace {

// "network.my-net"; the manifest's validation, or parse_move(), has seen to its form.
Move split(const std::string& from, const std::string& to) {
  return Move{.kind = from.substr(0, from.find('.')),
              .from = from.substr(from.find('.') + 1),
              .to = to.substr(to.find('.') + 1)};
}

Error no_move(const std::string& from, const std::string& to, std::string hint) {
  return Error{
      .code = Errc::usage, .message = fmt::format("{} can't become {}", from, to), .hint = std::move(hint)};
}

// Where names end: with "a -> b" and "b -> c" it is c for both, so that it doesn't matter which of the two
// has been applied. Each name is walked over once.
class Chains {
 public:
  struct End {
    std::string name;
    std::size_t steps = 0;  // renames on the way to it
  };

  explicit Chains(const std::vector<MovedBlock>& blocks) {
    for (const MovedBlock& block : blocks) next_.emplace(block.from.value, block.to.value);
  }

  // Precondition: no renames in a circle.
  const End& end_of(const std::string& name) {
    std::vector<const std::string*> way;
    const std::string* at = &name;
    while (!ends_.contains(*at)) {
      const auto next = next_.find(*at);
      if (next == next_.end() || way.size() > next_.size()) {
        ends_.emplace(*at, End{.name = *at});
        break;
      }
      way.push_back(at);
      at = &next->second;
    }
    End end = ends_.at(*at);
    for (; !way.empty(); way.pop_back()) {
      ++end.steps;
      ends_[*way.back()] = end;
    }
    return ends_.at(name);
  }

 private:
  std::map<std::string, std::string> next_;
  std::map<std::string, End> ends_;
};

Finding blocked(const Move& move) {
  return Finding{.code = Errc::conflict,
                 .id = "moved-blocked",
                 .subject = fmt::format("{}.{}", move.kind, move.from),
                 .message = fmt::format("{}.{} is there already, so this one is not renamed but removed",
                                        move.kind, move.to),
                 .hint = "to keep both, give this one a block again, and leave its [[moved]] out"};
}

template <class Name>
Status check_name(const std::string& text) {
  auto name = Name::parse(text);
  return name.ok() ? Status() : Status(std::move(name).error());
}

bool holds(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// The records of one name, by their place. A rename takes them along, so that no move looks at all records.
template <class Name>
class ByName {
 public:
  template <class Record>
  ByName(const std::vector<Record>& records, Name Record::*name) {
    for (std::size_t i = 0; i < records.size(); ++i) at_[records[i].*name].push_back(i);
  }

  [[nodiscard]] bool has(const Name& name) const { return at_.contains(name); }

  // Those of `from` are those of `to` from now on; which ones that were.
  std::vector<std::size_t> rename(const Name& from, const Name& to) {
    const auto node = at_.extract(from);
    if (node.empty()) return {};
    std::vector<std::size_t>& all = at_[to];
    all.insert(all.end(), node.mapped().begin(), node.mapped().end());
    return node.mapped();
  }

  void add(const Name& name, std::size_t place) { at_[name].push_back(place); }

 private:
  std::map<Name, std::vector<std::size_t>> at_;
};

class Mover {
 public:
  Mover(Records& known, const std::vector<EndpointRecord>& homeless)
      : known_(known),
        homeless_(homeless),
        hosts_(known.hosts, &HostRecord::name),
        networks_(known.networks, &NetworkRecord::name),
        by_host_(known.endpoints, &EndpointRecord::host),
        by_network_(known.endpoints, &EndpointRecord::network),
        by_name_(known.endpoints, &EndpointRecord::name),
        homeless_by_host_(homeless, &EndpointRecord::host),
        homeless_by_network_(homeless, &EndpointRecord::network) {
    for (const EndpointRecord& endpoint : known.endpoints) names_.emplace(endpoint.network, endpoint.name);
  }

  void make(const Move& move) {
    if (move.kind == "host") move_host(HostName::parse(move.from), HostName::parse(move.to));
    if (move.kind == "network") move_network(Label::parse(move.from), Label::parse(move.to));
    if (move.kind == "endpoint") move_endpoint(Label::parse(move.from), Label::parse(move.to));
  }

 private:
  void move_host(const Result<HostName>& from, const Result<HostName>& to) {
    if (!from.ok() || !to.ok()) return;
    if (!rename(known_.hosts, hosts_, &HostRecord::name, from.value(), to.value())) return;
    for (const std::size_t at : by_host_.rename(from.value(), to.value())) {
      known_.endpoints[at].host = to.value();
    }
    take_in(homeless_by_host_, &EndpointRecord::host, from.value(), to.value());
  }

  void move_network(const Result<Label>& from, const Result<Label>& to) {
    if (!from.ok() || !to.ok()) return;
    if (!rename(known_.networks, networks_, &NetworkRecord::name, from.value(), to.value())) return;
    for (const std::size_t at : by_network_.rename(from.value(), to.value())) {
      EndpointRecord& endpoint = known_.endpoints[at];
      names_.erase({endpoint.network, endpoint.name});
      endpoint.network = to.value();
      names_.emplace(endpoint.network, endpoint.name);
    }
    take_in(homeless_by_network_, &EndpointRecord::network, from.value(), to.value());
  }

  // A namespace that was named after its endpoint keeps its name: processes live in it.
  void move_endpoint(const Result<Label>& from, const Result<Label>& to) {
    if (!from.ok() || !to.ok()) return;
    for (const std::size_t at : by_name_.rename(from.value(), to.value())) {
      EndpointRecord& endpoint = known_.endpoints[at];
      if (endpoint.name != from.value()) continue;
      if (!names_.emplace(endpoint.network, to.value()).second) {
        by_name_.add(from.value(), at);
        continue;
      }
      names_.erase({endpoint.network, endpoint.name});
      const bool by_name = endpoint.netns.text() == endpoint.name.text();
      if (by_name && !holds(endpoint.chosen, "netns")) endpoint.chosen.emplace_back("netns");
      endpoint.name = to.value();
    }
  }

  // Whether the move is made, now or by an apply that did not get to its end.
  template <class Record, class Name>
  static bool rename(std::vector<Record>& records, ByName<Name>& places, Name Record::*name, const Name& from,
                     const Name& to) {
    if (places.has(to)) return true;
    const std::vector<std::size_t> moved = places.rename(from, to);
    for (const std::size_t at : moved) records[at].*name = to;
    return !moved.empty();
  }

  template <class Name>
  void take_in(ByName<Name>& places, Name EndpointRecord::*member, const Name& from, const Name& to) {
    for (const std::size_t at : places.rename(from, to)) {
      EndpointRecord endpoint = homeless_[at];
      endpoint.*member = to;
      if (!names_.emplace(endpoint.network, endpoint.name).second) continue;
      const std::size_t place = known_.endpoints.size();
      by_host_.add(endpoint.host, place);
      by_network_.add(endpoint.network, place);
      by_name_.add(endpoint.name, place);
      known_.endpoints.push_back(std::move(endpoint));
    }
  }

  Records& known_;
  const std::vector<EndpointRecord>& homeless_;
  ByName<HostName> hosts_;
  ByName<Label> networks_;
  // Of known_.endpoints and of homeless_.
  ByName<HostName> by_host_;
  ByName<Label> by_network_, by_name_;
  ByName<HostName> homeless_by_host_;
  ByName<Label> homeless_by_network_;
  std::set<std::pair<Label, Label>> names_;  // network and name of each known endpoint
};

}  // namespace

std::vector<Move> moves_of(const Manifest& manifest) {
  Chains chains(manifest.moved);
  std::vector<std::pair<std::size_t, Move>> found;
  for (const MovedBlock& block : manifest.moved) {
    const Chains::End& end = chains.end_of(block.from.value);
    found.emplace_back(end.steps, split(block.from.value, end.name));
  }
  // The latest names first: who is renamed in between has begun at an older one.
  std::ranges::stable_sort(found, {}, &std::pair<std::size_t, Move>::first);
  std::vector<Move> out;
  out.reserve(found.size());
  for (auto& [steps, move] : found) out.push_back(std::move(move));
  return out;
}

Result<Move> parse_move(const std::string& from, const std::string& to) {
  OVL_TRY(const ChangeName old_name, ChangeName::parse(from));
  OVL_TRY(const ChangeName new_name, ChangeName::parse(to));
  const bool whole = old_name.is_record() && old_name.index.empty() && new_name.index.empty();
  if (!whole || old_name.type != new_name.type) {
    return no_move(from, to, "write both as host.NAME, network.NAME or endpoint.NAME, of one kind");
  }
  OVL_CHECK(old_name.type == "host" ? check_name<HostName>(new_name.name) : check_name<Label>(new_name.name));
  return split(from, to);
}

void move_records(std::span<const Move> moves, Records& known, const std::vector<EndpointRecord>& homeless) {
  if (moves.empty()) return;
  Mover mover(known, homeless);
  for (const Move& move : moves) mover.make(move);
  // What another old name's rename has left behind comes home once the new name is known.
  for (const Move& move : moves) mover.make(move);
  known.sort();
}

std::vector<Finding> blocked_moves(std::span<const Move> moves, const Records& known) {
  if (moves.empty()) return {};
  std::set<std::string> names;                              // "host.a", "network.my-net"
  std::multimap<std::string, std::string> networks;         // of each endpoint's name
  std::set<std::pair<std::string, std::string>> endpoints;  // network and name
  for (const HostRecord& host : known.hosts) names.insert("host." + host.name.text());
  for (const NetworkRecord& network : known.networks) names.insert("network." + network.name.text());
  for (const EndpointRecord& endpoint : known.endpoints) {
    networks.emplace(endpoint.name.text(), endpoint.network.text());
    endpoints.emplace(endpoint.network.text(), endpoint.name.text());
  }
  const auto is_blocked = [&](const Move& move) {
    if (move.kind != "endpoint") return names.contains(fmt::format("{}.{}", move.kind, move.from));
    const auto [begin, end] = networks.equal_range(move.from);
    return std::any_of(begin, end, [&](const auto& at) { return endpoints.contains({at.second, move.to}); });
  };
  std::vector<Finding> out;
  for (const Move& move : moves) {
    if (is_blocked(move)) out.push_back(blocked(move));
  }
  return out;
}

void move_facts(std::span<const Move> moves, const Records& known, Facts& facts,
                std::map<std::string, HostStatus>& statuses) {
  for (const Move& move : moves) {
    if (move.kind != "host") continue;
    const auto from = HostName::parse(move.from);
    const auto to = HostName::parse(move.to);
    if (!from.ok() || !to.ok() || known.host(to.value()) == nullptr) continue;
    // A host of another id may have the old name by now.
    const bool says_nothing = known.host(from.value()) == nullptr && !statuses.contains(to.value().text());
    auto status = says_nothing ? statuses.extract(from.value().text()) : decltype(statuses.extract(""))();
    if (!status.empty()) statuses.emplace(to.value().text(), std::move(status.mapped()));
    const HostFacts* old_facts = facts.host(from.value());
    if (old_facts == nullptr || facts.host(to.value()) != nullptr) continue;
    HostFacts renamed = *old_facts;
    renamed.host = to.value();
    facts.set(std::move(renamed));
  }
}

}  // namespace ovl
