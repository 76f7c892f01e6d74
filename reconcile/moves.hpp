// Names that changed: what was known under the old one is known under the new one, so that ids, and
// what ovl chose, stay.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/manifest.hpp"
#include "model/records.hpp"

namespace ovl {

struct Move {
  std::string kind;  // host, network, endpoint
  std::string from;
  std::string to;
};

// From [[moved]] blocks, which have passed their validation.
std::vector<Move> moves_of(const Manifest& manifest);

// "network.my-net", "network.front". Errors: usage.
Result<Move> parse_move(const std::string& from, const std::string& to);

// Moves whose old name is known and whose new one is not are made; the others are over, and without effect.
// homeless: endpoints whose network or host is missing, as a rename that was cut short leaves them;
// those that a move brings home are known again.
void move_records(std::span<const Move> moves, Records& known, const std::vector<EndpointRecord>& homeless);

// What the other hosts know of a renamed one, until it speaks for itself.
void move_facts(std::span<const Move> moves, const Records& known, Facts& facts);

}  // namespace ovl
