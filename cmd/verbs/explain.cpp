// ovl explain: what a block of the manifest, or a key of it, means. From the parser's own tables.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>

#include "cmd/base/exit.hpp"
#include "cmd/base/plain_text.hpp"
#include "cmd/session/context.hpp"
#include "cmd/verbs/verbs.hpp"
#include "model/manifest/manifest_schema.hpp"
#include "reconcile/words/suggest.hpp"

namespace ovl {

namespace {

constexpr std::size_t kValueColumn = 11;  // where the values of a key begin

// Blocks inside of others, as a manifest spells them, and what they are called here.
constexpr std::pair<std::string_view, std::string_view> kInside[] = {{"keystore.tls", "tls"},
                                                                     {"endpoint.networks", "attachment"},
                                                                     {"policy.vni", "vni-range"},
                                                                     {"policy.windows", "window"}};

// "tls.ca" of "keystore.tls.ca".
std::string called_here(const std::string& what) {
  for (const auto& [path, name] : kInside) {
    // Only with a key behind it. The path alone is a key itself, "tls" in [keystore], and is explained as
    // such.
    const bool is_key = what.starts_with(path) && what.substr(path.size()).starts_with('.');
    if (is_key) return std::string(name) + what.substr(path.size());
  }
  return what;
}

// "network.vni" of "vni": every block that has the key.
std::string with_blocks(const std::string& key) {
  std::vector<std::string> out;
  for (const BlockSpec& block : manifest_blocks()) {
    if (find_key(block, key) != nullptr) out.push_back(fmt::format("{}.{}", block.name, key));
  }
  return fmt::format("{}", fmt::join(out, ", "));
}

// In the words of the docs, from the same table.
std::string type_words(const KeySpec& key) {
  const ValueType& type = *key.type;
  if (type.shape != Shape::integer) return std::string(type.text);
  return fmt::format("{}, {} to {}", type.text, type.min, type.max);
}

// From the table that the parser reads by: a key that it takes and nobody explains can't be, nor one that is
// explained and refused.
std::string key_text(const BlockSpec& block, const KeySpec& key) {
  std::string out = fmt::format("{} in {}\n\n  value    {}\n", key.key, block.header, type_words(key));
  if (key.required) out += "  default  none: it is required\n";
  if (!key.required && !key.default_text.empty())
    out += fmt::format("  default  {}\n", wrapped(plain_text(key.default_text), kValueColumn));
  // As it is written in a file, so that it can be copied.
  out += fmt::format("  example  {} = {}\n", key.key, key.example);
  return out + fmt::format("\n{}\n", wrapped(plain_text(key.doc), 0));
}

// Without the keys' explanations, which would not fit a screen: the last line says how to get them.
std::string block_text(const BlockSpec& block) {
  std::size_t width = 0;
  for (const KeySpec& key : block.keys) width = std::max(width, key.key.size());
  std::string out = fmt::format("{}\n\n{}\n\n", block.header, wrapped(plain_text(block.doc), 0));
  for (const KeySpec& key : block.keys) {
    out += fmt::format("  {:{}}  {}{}\n", key.key, width, type_words(key), key.required ? " (required)" : "");
  }
  return out + fmt::format("\nMore: ovl explain {}.KEY\n", block.name);
}

std::string all_blocks_text() {
  std::string out;
  for (const BlockSpec& block : manifest_blocks())
    out += fmt::format("  {:12}  {}\n", block.name, block.header);
  return "The manifest's blocks:\n" + out + "\nMore: ovl explain BLOCK, ovl explain BLOCK.KEY\n";
}

std::vector<std::string> block_names() {
  std::vector<std::string> out;
  for (const BlockSpec& block : manifest_blocks()) out.emplace_back(block.name);
  return out;
}

Result<std::string> explained(const std::string& asked) {
  if (asked.empty()) return all_blocks_text();
  const std::string what = called_here(asked);
  // A block's own name may have a dot: what matches whole is meant whole.
  for (const BlockSpec& block : manifest_blocks()) {
    if (block.name == what) return block_text(block);
  }
  // The last dot: what stands before it may be a block's name with a dot of its own.
  const auto dot = what.rfind('.');
  const std::string name = what.substr(0, dot);
  for (const BlockSpec& block : manifest_blocks()) {
    if (block.name != name || dot == std::string::npos) continue;
    const std::string key = what.substr(dot + 1);
    const KeySpec* found = find_key(block, key);
    if (found != nullptr) return key_text(block, *found);
    return Error{.code = Errc::usage,
                 .message = fmt::format("{} has no key \"{}\"", block.header, key),
                 .hint = suggestion(key, key_names(block), "see them with: ovl explain " + name)};
  }
  // Whoever knows a key and not its block is led there.
  const std::string keys = with_blocks(what);
  return Error{.code = Errc::usage,
               .message = fmt::format("a manifest has no block \"{}\"", name),
               .hint = keys.empty() ? suggestion(name, block_names(), "see them with: ovl explain")
                                    : fmt::format("as a key: ovl explain {}", keys)};
}

}  // namespace

int run_explain(const std::string& what) {
  const auto text = explained(what);
  if (!text.ok()) return report_error(text.error());
  std::cout << text.value();
  return kExitDone;
}

}  // namespace ovl
