#include "reconcile/objects/netns_list.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/objects/freeze.hpp"
#include "reconcile/objects/made_here.hpp"
#include "reconcile/objects/project.hpp"
#include "reconcile/toml/toml_node.hpp"

namespace ovl {

namespace {

// '*' takes as much as it has to: the last one is tried again, one character further.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t begun = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      begun = i;
    } else if (at < pattern.size() && pattern[at] == text[i]) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++begun;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

Error invalid(const SourceFile& file, const Place& place) {
  return Error{.code = Errc::manifest,
               .message = fmt::format("{}:{}:{}: only a list of names belongs into this file", file.name,
                                      place.line, place.column),
               .hint = "write it like netns = [\"web\", \"app-*\"]"};
}

// Exists, is nobody's that this ovl knows of, and is to be an endpoint's.
bool is_strangers(const Plan& plan, const NamespaceObjects& wanted) {
  const NamespaceObjects* there = plan.observed.find(wanted.name);
  if (!wanted.netns || wanted.name.text().starts_with(kSandboxPrefix)) return false;
  const bool exists = there != nullptr && there->netns && !there->netns->unfinished;
  return exists && !there->netns->made_here && !is_owner_mark(plan.cluster, there->netns->owner);
}

}  // namespace

bool NetnsList::allows(const NetnsName& name) const {
  return std::ranges::any_of(patterns,
                             [&](const std::string& pattern) { return matches(pattern, name.text()); });
}

std::string NetnsList::line_with(const NetnsName& name) const {
  std::string out = "netns = [";
  for (const std::string& pattern : patterns) out += fmt::format("\"{}\", ", pattern);
  return out + fmt::format("\"{}\"]", name.text());
}

Result<NetnsList> parse_netns_list(const SourceFile& file) {
  NetnsList out{.file = file.name};
  Diagnostics diagnostics;
  const auto tree = read_toml(file, 0, diagnostics);
  if (!tree) {
    const Diagnostic& first = diagnostics.front();
    return Error{.code = Errc::manifest,
                 .message = fmt::format("{}:{}:{}: {}", file.name, first.place.line, first.place.column,
                                        first.message),
                 .hint = first.hint};
  }
  for (const TomlMember& member : tree->members) {
    if (member.key != "netns" || member.value.kind != TomlNode::Kind::array)
      return invalid(file, member.place);
    for (const TomlNode& item : member.value.items) {
      if (item.kind != TomlNode::Kind::string) return invalid(file, item.place);
      out.patterns.push_back(item.text);
    }
  }
  return out;
}

Status refuse_strangers(Plan& plan, const NetnsList& list, const Adoption& adoption, const State& state) {
  OVL_TRY(const std::vector<NetnsName> taken, taken_before(state));
  for (const NamespaceObjects& wanted : plan.desired.namespaces) {
    if (!is_strangers(plan, wanted) || list.allows(wanted.name)) continue;
    if (std::ranges::binary_search(taken, wanted.name) || adoption.allows(wanted.name, &*wanted.netns))
      continue;
    plan.conflicts.push_back(
        Finding{.code = Errc::guard,
                .id = "netns-not-listed",
                .subject = "netns " + wanted.name.text(),
                .message = "it exists, ovl did not make it, and this host does not list it for endpoints",
                .hint = fmt::format("if it is meant, let {} say: {}", list.file, list.line_with(wanted.name)),
                .part = part_name(plan, wanted.name)});
  }
  return {};
}

}  // namespace ovl
