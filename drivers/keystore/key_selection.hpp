// What a read takes of the keys below a prefix, and what it leaves out. Pure; used by every driver.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/keystore/limits.hpp"

namespace ovl {

struct ReadLimits {
  std::size_t value_bytes = kMostValueBytes;  // of a longer value nothing is loaded; it is there as left out
  std::size_t key_bytes = kMostKeyBytes;      // a longer key is nobody's
  std::size_t keys = kMostKeys;               // more end the read
  std::size_t bytes = kMostTreeBytes;         // of keys and values; more end the read
};

// Known are the keys of these parts; the others below the prefix are counted and not loaded.
struct KeySelection {
  std::string prefix = {};
  // Below the prefix, sorted, none a beginning of another: a key by its whole name ("head", or "" for the
  // prefix itself), or all keys of a folder ("hosts/"). None: every key is known.
  std::vector<std::string> parts = {};
  ReadLimits limits = {};

  // The one key of this name.
  static KeySelection only(std::string key) { return {.prefix = std::move(key), .parts = {""}}; }

  // False also for what does not begin with the prefix.
  [[nodiscard]] bool knows(std::string_view key) const;
  // Whether it is known, or a known one may be below it as below a folder: "hosts", for "hosts/".
  [[nodiscard]] bool leads_to(std::string_view key) const;
};

// Keys from `first` up to, and without, `end`; no end: all that follow.
struct KeyRange {
  std::string first;
  std::optional<std::string> end = std::nullopt;

  bool operator==(const KeyRange&) const = default;
};

// The first key that is behind all that begin with prefix; none: there is no such key.
std::optional<std::string> end_of_prefix(std::string_view prefix);

// Where the known keys are, and where the others below the prefix: one more range, each before the known one
// of the same place. Both in order; a range of the others may be empty.
std::vector<KeyRange> known_ranges(const KeySelection& what);
std::vector<KeyRange> other_ranges(const KeySelection& what);

// The keys that a read left aside, as nobody knows them.
struct UnknownKeys {
  std::size_t count = 0;          // in ZooKeeper a folder that nobody knows is one
  std::vector<std::string> some;  // the first of them, cut where they are long
};

}  // namespace ovl
