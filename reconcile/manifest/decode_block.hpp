// One block of a manifest against its table: keys that are unknown, missing or refused. For the decoders of
// blocks.
#pragma once

#include <algorithm>
#include <span>

#include "reconcile/manifest/decode_values.hpp"

namespace ovl {

template <class Block>
struct KeyReader {
  std::string_view key;
  void (*read)(Reading& in, const TomlMember& member, Block& block);
};

template <auto Member, class Block>
void field(Reading& in, const TomlMember& member, Block& block) {
  read_value(in, member.value, block.*Member);
}

void report_unknown_key(Reporter& report, const BlockSpec& spec, std::string_view where,
                        const TomlMember& member);

// False when a required key is missing.
bool require_keys(Reporter& report, const BlockSpec& spec, std::string_view where, const TomlNode& table,
                  const Place& place);

// Reads all keys of one block; `where` is how messages call it. False when a value was refused, a key
// is unknown or missing.
template <class Block>
bool read_block(Reporter& report, const BlockSpec& spec, std::string_view where,
                std::span<const KeyReader<Block>> readers, const TomlNode& table, const Place& place,
                Block& block) {
  bool good = true;
  for (const TomlMember& member : table.members) {
    const auto reader = std::ranges::find(readers, member.key, &KeyReader<Block>::key);
    const KeySpec* key = find_key(spec, member.key);
    if (reader == readers.end() || key == nullptr) {
      report_unknown_key(report, spec, where, member);
      good = false;
      continue;
    }
    Reading in{.report = report, .key = *key};
    reader->read(in, member, block);
    good = good && !in.failed;
  }
  return require_keys(report, spec, where, table, place) && good;
}

}  // namespace ovl
