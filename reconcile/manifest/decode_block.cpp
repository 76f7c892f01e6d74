#include "reconcile/manifest/decode_block.hpp"

#include "reconcile/words/suggest.hpp"

namespace ovl {

void report_unknown_key(Reporter& report, const BlockSpec& spec, std::string_view where,
                        const TomlMember& member) {
  const bool table = member.value.kind == TomlNode::Kind::table;
  std::string known = fmt::format("known keys: {}", fmt::join(key_names(spec), ", "));
  if (table && spec.name == "host") known = "a dotted name needs quotes: [host.\"a.example.org\"]";
  report.error("unknown-key", member.place,
               fmt::format("unknown key \"{}\" in {}", shortened(member.key), where),
               suggestion(member.key, key_names(spec), std::move(known)));
}

bool require_keys(Reporter& report, const BlockSpec& spec, std::string_view where, const TomlNode& table,
                  const Place& place) {
  bool complete = true;
  for (const KeySpec& key : spec.keys) {
    if (!key.required || table.find(key.key) != nullptr) continue;
    complete = false;
    report.error("missing-key", place, fmt::format("{} has no \"{}\"", where, key.key),
                 fmt::format("add {} = {}", key.key, key.example));
  }
  return complete;
}

}  // namespace ovl
