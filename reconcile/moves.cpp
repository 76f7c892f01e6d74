#include "reconcile/moves.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/change_name.hpp"

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

template <class Name>
Status check_name(const std::string& text) {
  auto name = Name::parse(text);
  return name.ok() ? Status() : Status(std::move(name).error());
}

bool holds(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

class Mover {
 public:
  Mover(Records& known, const std::vector<EndpointRecord>& homeless) : known_(known), homeless_(homeless) {}

  void make(const Move& move) {
    if (move.kind == "host") move_host(HostName::parse(move.from), HostName::parse(move.to));
    if (move.kind == "network") move_network(Label::parse(move.from), Label::parse(move.to));
    if (move.kind == "endpoint") move_endpoint(Label::parse(move.from), Label::parse(move.to));
  }

 private:
  void move_host(const Result<HostName>& from, const Result<HostName>& to) {
    if (!from.ok() || !to.ok()) return;
    if (!rename(known_.hosts, &HostRecord::name, from.value(), to.value())) return;
    for (EndpointRecord& endpoint : known_.endpoints) {
      if (endpoint.host == from.value()) endpoint.host = to.value();
    }
    take_in(&EndpointRecord::host, from.value(), to.value());
  }

  void move_network(const Result<Label>& from, const Result<Label>& to) {
    if (!from.ok() || !to.ok()) return;
    if (!rename(known_.networks, &NetworkRecord::name, from.value(), to.value())) return;
    for (EndpointRecord& endpoint : known_.endpoints) {
      if (endpoint.network == from.value()) endpoint.network = to.value();
    }
    take_in(&EndpointRecord::network, from.value(), to.value());
  }

  // A namespace that was named after its endpoint keeps its name: processes live in it.
  void move_endpoint(const Result<Label>& from, const Result<Label>& to) {
    if (!from.ok() || !to.ok()) return;
    for (EndpointRecord& endpoint : known_.endpoints) {
      if (endpoint.name != from.value() || is_known(endpoint.network, to.value())) continue;
      const bool by_name = endpoint.netns.text() == endpoint.name.text();
      if (by_name && !holds(endpoint.chosen, "netns")) endpoint.chosen.emplace_back("netns");
      endpoint.name = to.value();
    }
  }

  [[nodiscard]] bool is_known(const Label& network, const Label& name) const {
    return std::ranges::any_of(known_.endpoints, [&](const EndpointRecord& endpoint) {
      return endpoint.network == network && endpoint.name == name;
    });
  }

  // Whether the move is made, now or by an apply that did not get to its end.
  template <class Record, class Name>
  static bool rename(std::vector<Record>& records, Name Record::*name, const Name& from, const Name& to) {
    if (std::ranges::find(records, to, name) != records.end()) return true;
    const auto at = std::ranges::find(records, from, name);
    if (at == records.end()) return false;
    (*at).*name = to;
    return true;
  }

  template <class Name>
  void take_in(Name EndpointRecord::*member, const Name& from, const Name& to) {
    for (EndpointRecord endpoint : homeless_) {
      if (endpoint.*member != from) continue;
      endpoint.*member = to;
      if (known_.endpoint(endpoint.network, endpoint.name) == nullptr) {
        known_.endpoints.push_back(std::move(endpoint));
        known_.sort();
      }
    }
  }

  Records& known_;
  const std::vector<EndpointRecord>& homeless_;
};

}  // namespace

std::vector<Move> moves_of(const Manifest& manifest) {
  std::vector<Move> out;
  for (const MovedBlock& block : manifest.moved) out.push_back(split(block.from.value, block.to.value));
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
  known.sort();
}

void move_facts(std::span<const Move> moves, const Records& known, Facts& facts) {
  for (const Move& move : moves) {
    if (move.kind != "host") continue;
    const auto from = HostName::parse(move.from);
    const auto to = HostName::parse(move.to);
    if (!from.ok() || !to.ok() || known.host(to.value()) == nullptr) continue;
    const HostFacts* old_facts = facts.host(from.value());
    if (old_facts == nullptr || facts.host(to.value()) != nullptr) continue;
    HostFacts renamed = *old_facts;
    renamed.host = to.value();
    facts.set(std::move(renamed));
  }
}

}  // namespace ovl
