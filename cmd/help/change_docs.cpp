// docs/changes.md: the promises of a plan about its interruptions, for who plans a change and not yet the
// plan.
#include "cmd/help/change_docs.hpp"

#include <fmt/format.h>

#include "model/plan/objects.hpp"

namespace ovl {

namespace {

// What concerns several objects at once is written by hand here, and held by the test that it names: no table
// of one object's fields knows that a VNI is changed in three generations. The rest of the page can't go out
// of date.
constexpr std::string_view kChangesPreface = R"(# What a change does

A plan says it before it happens: `~` is in place, `-/+` is made anew, and `Interruptions:` names the traffic that is cut
off. What it does not name goes on without losing a packet; `tests/cluster/changes_test.cpp` sends a packet every 10 ms
through each of these changes and counts.

| change | how | who notices |
|---|---|---|
| endpoint added, other aliases, on one more network | its own objects | nobody else |
| endpoint removed | its own objects | itself, for good |
| endpoint in another namespace | its own objects | what runs in the old one, for good |
| endpoint on another host | its own objects; peers' entries in place | the endpoint, until its peers' hosts have applied; what runs in its old namespace, for good |
| endpoint's address or MAC | its own objects; peers' entries in place | the endpoint, until its peers' hosts have applied |
| network `mtu`, one more subnet or a larger one | in place | nobody |
| network `internal` | in place | its endpoints' way out, for good |
| network with a subnet less | in place | its endpoints' traffic of that family, for good |
| host `gateway_pool` | in place | connections by the way out of its endpoints, for good |
| `subnet`, `gateway`, `vni`, `port`, `gateway_pool`, `address` or `mac` left out again | kept as it is | nobody |
| network `vni`, `port` | a second device, the switch, the end of the first: three generations | nobody |
| network renamed with `[[moved]]` | ids, VNI and addresses stay; its sandbox is made anew | its traffic on each host, while that host applies |
| network removed | with its endpoints | its endpoints, for good |
| host added, removed | its own objects; the others' entries in place | nobody else |
| host renamed with `[[moved]]` | the record alone | nobody |
| host `advertise`, `bind` | tunnels made anew; the others' entries in place | traffic with other hosts, until all have applied |
| keystore URL | `ovl keystore copy`, then the manifest | nobody |

What follows is the same for one object. It is generated from the tables in the code (`gen-docs`), and each field is tried
on a kernel by `tests/kernel/kinds_test.cpp`.
)";

// Without a default: a role that is added later is a warning here, and warnings are errors.
constexpr std::string_view words_for(Role role) {
  switch (role) {
    case Role::key: return "another object";
    case Role::setting: return "in place";
    case Role::mark: return "in place; says whose it is";
    case Role::fixed: return "made anew";
    case Role::computed: return "not compared";
  }
  return {};
}

template <class K>
std::string table_of() {
  std::string out = fmt::format("\n## {}\n\n| field | changed |\n|---|---|\n", K::kind);
  for_each_field<K>(
      [&](const auto& field) { out += fmt::format("| `{}` | {} |\n", field.name, words_for(field.role)); });
  return out;
}

}  // namespace

std::string changes_markdown() {
  std::string out(kChangesPreface);
  // Apart, as a namespace is no member of what is inside of one.
  out += table_of<Netns>();
  for_each_kind([&](auto member) {
    out += table_of<typename std::decay_t<decltype(std::declval<NamespaceObjects>().*member)>::value_type>();
  });
  return out;
}

}  // namespace ovl
