#include "drivers/kernel/describe.hpp"

#include <fmt/format.h>

#include "drivers/kernel/space.hpp"

namespace ovl {

namespace {

struct Describer {
  const NetnsName& netns;

  [[nodiscard]] std::string on(std::string_view kind, const IfName& dev, std::string_view object) const {
    return fmt::format("{} {} {}", kind, place_name(netns, dev.view()), object);
  }

  std::string operator()(std::monostate) const { return "nothing"; }

  std::string operator()(const Netns* space) const { return "netns " + space->name.text(); }

  std::string operator()(const NftTable* table) const {
    return fmt::format("nft_table {} {}", name_of(table->family), place_name(netns, table->name));
  }

  std::string operator()(const Link* link) const { return "link " + place_name(netns, link->name.view()); }

  std::string operator()(const Sysctl* sysctl) const { return "sysctl " + place_name(netns, sysctl->path); }

  std::string operator()(const Address* a) const { return on("address", a->dev, a->address.text()); }

  std::string operator()(const Route* route) const {
    return fmt::format("route {} metric {}", place_name(netns, route->destination.text()), route->metric);
  }

  std::string operator()(const Neighbour* n) const { return on("neighbour", n->dev, n->address.text()); }

  std::string operator()(const Fdb* fdb) const {
    return on("fdb", fdb->dev, fmt::format("{} {}", name_of(fdb->table), fdb->mac.text()));
  }

  std::string operator()(const HostsFile* file) const {
    return fmt::format("hosts_file {}/{}", file->netns.text(), file->file);
  }
};

}  // namespace

std::string describe(const Operation& operation) {
  const bool has_after = !std::holds_alternative<std::monostate>(operation.after);
  return std::visit(Describer{*operation.netns}, has_after ? operation.after : operation.before);
}

}  // namespace ovl
