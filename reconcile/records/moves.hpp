// Names that changed: what was known under the old one is known under the new one, so that ids, and
// what ovl chose, stay.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/manifest/manifest.hpp"
#include "model/plan/plan.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

struct Move {
  std::string kind;  // host, network, endpoint
  std::string from;
  std::string to;
};

// From [[moved]] blocks, which have passed their validation: each from its old name to the one in which its
// chain ends, the later names of a chain first.
std::vector<Move> moves_of(const Manifest& manifest);

// "network.my-net", "network.front". Errors: usage.
Result<Move> parse_move(const std::string& from, const std::string& to);

// Moves whose old name is known and whose new one is not are made; the others are over, and without effect.
// homeless: endpoints whose network or host is missing, as a rename that was cut short leaves them;
// those that a move brings home are known again.
void move_records(std::span<const Move> moves, Records& known, const std::vector<EndpointRecord>& homeless);

// Warnings of moves that could not be made: their old name is known still, as another record had the new one
// already, or came to it from another old name.
std::vector<Finding> blocked_moves(std::span<const Move> moves, const Records& known);

// What the other hosts know of a renamed one, until it speaks for itself. statuses: by name.
void move_facts(std::span<const Move> moves, const Records& known, Facts& facts,
                std::map<std::string, HostStatus>& statuses);

}  // namespace ovl
