#include "reconcile/words/change_name.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/words/suggest.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

struct KeyText {
  std::string operator()(std::monostate) const { return {}; }

  std::string operator()(const Netns*) const { return {}; }

  std::string operator()(const NftTable* table) const {
    return fmt::format("{} {}", ovl::name_of(table->family), table->name);
  }

  std::string operator()(const Link* link) const { return link->name.text(); }

  std::string operator()(const Sysctl* sysctl) const { return sysctl->path; }

  std::string operator()(const Address* address) const {
    return fmt::format("{} {}", address->dev.view(), address->address.text());
  }

  std::string operator()(const Route* route) const {
    return route->destination.length() == 0 ? "default" : route->destination.text();
  }

  std::string operator()(const Neighbour* neighbour) const {
    return fmt::format("{} {}", neighbour->dev.view(), neighbour->address.text());
  }

  std::string operator()(const Fdb* fdb) const {
    return fmt::format("{} {}", fdb->dev.view(), fdb->mac.text());
  }

  std::string operator()(const HostsFile* file) const { return file->file; }
};

struct KindText {
  std::string operator()(std::monostate) const { return {}; }

  template <class K>
  std::string operator()(const K*) const {
    return std::string(K::kind);
  }
};

const std::vector<std::string>& record_types() {
  static const std::vector<std::string> types(EnumNames<RecordKind>::names.begin(),
                                              EnumNames<RecordKind>::names.end());
  return types;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (true) {
    const auto at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string> all_types() {
  std::vector<std::string> out = record_types();
  out.emplace_back(Netns::kind);
  for_each_kind([&](auto member) {
    using Kind = typename std::decay_t<decltype(NamespaceObjects().*member)>::value_type;
    out.emplace_back(Kind::kind);
  });
  return out;
}

Error no_address(std::string_view text, std::string hint) {
  return Error{.code = Errc::usage,
               .message = fmt::format("\"{}\" is no address of a record or object", safe_text(text)),
               .hint = std::move(hint)};
}

// `["vxlan0"]` or `[vxlan0]`.
std::optional<std::string> index_in(std::string_view brackets) {
  if (brackets.size() < 3 || !brackets.starts_with('[') || !brackets.ends_with(']')) return std::nullopt;
  std::string_view inside = brackets.substr(1, brackets.size() - 2);
  if (inside.size() >= 2 && inside.starts_with('"') && inside.ends_with('"')) {
    inside = inside.substr(1, inside.size() - 2);
  }
  if (inside.empty()) return std::nullopt;
  return std::string(inside);
}

}  // namespace

std::string ChangeName::address() const {
  return index.empty() ? fmt::format("{}.{}", type, name) : fmt::format("{}.{}[\"{}\"]", type, name, index);
}

Result<ChangeName> ChangeName::parse(std::string_view text) {
  constexpr std::string_view kForm =
      R"(write it as a plan shows it: endpoint.web or link.ovl-my-net["vxlan0"])";
  const auto dot = text.find('.');
  const auto bracket = std::min(text.find('['), text.size());
  if (dot == std::string_view::npos || dot + 1 >= bracket) return no_address(text, std::string(kForm));
  ChangeName out{.type = std::string(text.substr(0, dot)),
                 .name = std::string(text.substr(dot + 1, bracket - dot - 1))};
  const std::vector<std::string> types = all_types();
  if (std::ranges::find(types, out.type) == types.end()) {
    return no_address(text, suggestion(out.type, types, std::string(kForm)));
  }
  if (bracket == text.size()) return out;
  const auto index = index_in(text.substr(bracket));
  if (!index) return no_address(text, std::string(kForm));
  out.index = *index;
  return out;
}

bool ChangeName::covers(const ChangeName& other) const {
  return type == other.type && name == other.name && (index.empty() || index == other.index);
}

bool ChangeName::is_record() const {
  return std::ranges::find(record_types(), type) != record_types().end();
}

bool is_covered(const std::vector<ChangeName>& names, const ChangeName& name) {
  return std::ranges::any_of(names, [&](const ChangeName& pattern) { return pattern.covers(name); });
}

bool is_marked(std::string_view mark, const ChangeName& record) {
  // ovl:<cluster> / network / <network> / ..., / endpoint / <endpoint>, / endpoint / <endpoint> / gateway /
  // ... or / endpoint / <network> / <endpoint> / ...
  const std::vector<std::string_view> parts = split(mark, '/');
  if (parts.size() < 3 || parts[1] != record.type) return false;
  if (record.type == "network") return parts[2] == record.name;
  const bool of_all = parts.size() == 3 || parts[3] == "gateway";
  if (record.index.empty() && of_all && parts[2] == record.name) return true;
  if (parts.size() == 3 || parts[3] != record.name) return false;
  return record.index.empty() || record.index == parts[2];
}

ChangeName name_of(const NetnsName& space, const ObjectRef& object) {
  return ChangeName{.type = std::visit(KindText{}, object),
                    .name = space.empty() ? "host" : space.text(),
                    .index = safe_text(std::visit(KeyText{}, object))};
}

ChangeName name_of(const Plan& plan, const ObjectChange& change) {
  const bool made = !std::holds_alternative<std::monostate>(change.after);
  return name_of(plan.spaces[change.space], made ? change.after : change.before);
}

ChangeName name_of(const RecordChange& change) {
  return name_of(change.kind, change.name);
}

ChangeName name_of(RecordKind kind, const std::string& name) {
  ChangeName out{.type = std::string(name_of(kind)), .name = name};
  const auto slash = name.find('/');
  if (slash != std::string::npos) {
    out.name = name.substr(slash + 1);
    out.index = name.substr(0, slash);
  }
  return out;
}

}  // namespace ovl
