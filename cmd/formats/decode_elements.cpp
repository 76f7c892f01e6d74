#include "cmd/formats/decode_elements.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ovl {

namespace {

using Texts = std::vector<std::string>;

Error no_elements(std::string_view why) {
  return Error{.code = Errc::corrupt, .message = fmt::format("it holds no plan: {}", why)};
}

Result<std::string> text_at_member(const Value& item, std::string_view name) {
  const Value* found = item.find(name);
  return found != nullptr ? decode<std::string>(*found) : Result<std::string>(std::string());
}

Result<Texts> texts_at_member(const Value& item, std::string_view name) {
  const Value* found = item.find(name);
  return found != nullptr ? decode<Texts>(*found) : Result<Texts>(Texts());
}

// own: what only this side has. both: what the two sides call the same, and is another one on each.
Status put_texts(NftSet& set, const Texts& own, const Texts& both, std::string_view) {
  if (!both.empty() || own.size() > set.elements.size()) return no_elements("a set has not so many elements");
  for (std::size_t i = 0; i < own.size(); ++i) set.elements[i].assign(own[i].begin(), own[i].end());
  return {};
}

Status put_texts(NftChain& chain, const Texts& own, const Texts& both, std::string_view side) {
  if (own.size() + both.size() > chain.rules.size()) return no_elements("a chain has not so many rules");
  auto rule = chain.rules.begin();
  for (const std::string& text : own) (rule++)->comment = text;
  for (const std::string& text : both) {
    rule->comment = text;
    (rule++)->exprs.emplace_back(NftOther{.name = std::string(side)});
  }
  return {};
}

template <class Part>
Status put_into(const Value& item, std::string_view side, std::string_view own, std::vector<Part>& parts) {
  OVL_TRY(const std::string name, text_at_member(item, "part"));
  const auto at = std::ranges::find(parts, name, &Part::name);
  if (at == parts.end()) return {};
  OVL_TRY(at->other, text_at_member(item, side));
  OVL_TRY(const Texts texts, texts_at_member(item, own));
  OVL_TRY(const Texts both, texts_at_member(item, "changed"));
  return put_texts(*at, texts, both, side);
}

}  // namespace

Status put_elements(const Value& elements, std::string_view side, std::string_view own, NftTable& table) {
  if (elements.as_array() == nullptr) return no_elements("\"elements\" is no list");
  for (const Value& item : *elements.as_array()) {
    OVL_TRY(const std::string field, text_at_member(item, "field"));
    if (field == "sets") OVL_CHECK(put_into(item, side, own, table.sets));
    if (field == "chains") OVL_CHECK(put_into(item, side, own, table.chains));
  }
  return {};
}

}  // namespace ovl
