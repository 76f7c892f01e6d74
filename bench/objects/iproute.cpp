#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "bench/objects/peers.hpp"

namespace ovl::bench {

namespace {

std::string on_off(const std::optional<bool>& value) {
  return value.value_or(false) ? "on" : "off";
}

std::string create_line(const Link& link, const NetnsName& where) {
  std::string line = fmt::format("link add name {} group {}", link.name.view(), link.group);
  if (link.mac) line += " address " + link.mac->text();
  if (link.mtu && link.type != LinkType::bridge) line += fmt::format(" mtu {}", *link.mtu);
  if (link.type == LinkType::bridge) {
    return line + fmt::format(" type bridge mcast_snooping {} stp_state {}\n",
                              link.mcast_snooping.value_or(true) ? 1 : 0, link.stp.value_or(false) ? 1 : 0);
  }
  return line + fmt::format(" netns {} type vxlan id {} dstport {} local {} {}learning {}proxy ttl {}\n",
                            where.text(), link.vni->number(), link.port->number(), link.local->text(),
                            *link.learning ? "" : "no", *link.proxy ? "" : "no", *link.ttl);
}

std::string pair_line(const Link& link, const Link& inner) {
  std::string line =
      fmt::format("link add name {} group {} address {} mtu {} type veth peer name {} netns {} group {}",
                  link.name.view(), link.group, link.mac->text(), *link.mtu, inner.name.view(),
                  link.peer->netns.text(), inner.group);
  if (inner.mac) line += " address " + inner.mac->text();
  if (inner.mtu) line += fmt::format(" mtu {}", *inner.mtu);
  return line + "\n";
}

std::string finish_lines(const Link& link) {
  std::string line = fmt::format("link set dev {} alias {}", link.name.view(), link.alias);
  if (link.mtu && link.type == LinkType::bridge) line += fmt::format(" mtu {}", *link.mtu);
  const bool is_port = link.master && !link.master->empty();
  if (is_port) line += fmt::format(" master {}", link.master->view());
  if (link.addrgen) line += *link.addrgen ? " addrgenmode eui64" : " addrgenmode none";
  line += fmt::format("\nlink set dev {} up", link.name.view());
  if (is_port) {
    line += fmt::format(" type bridge_slave learning {} flood {} isolated {}", on_off(link.port_learning),
                        on_off(link.port_flood), on_off(link.port_isolated));
  }
  return line + "\n";
}

std::string line_of(const Address& object) {
  return fmt::format("address add {} dev {}{}\n", object.address.text(), object.dev.view(),
                     object.nodad ? " nodad" : "");
}

std::string line_of(const Neighbour& object) {
  return fmt::format("neigh add {} lladdr {} dev {} nud permanent protocol {}\n", object.address.text(),
                     object.mac.text(), object.dev.view(), kRouteProtocol);
}

std::string line_of(const Route& object) {
  return fmt::format("route add {} {}dev {} proto {}\n", object.destination.text(),
                     object.via.empty() ? "" : "via " + object.via.text() + " ", object.dev.view(),
                     object.protocol);
}

std::string line_of(const Fdb& object) {
  return object.table == FdbTable::self
             ? fmt::format("fdb add {} dev {} dst {} self permanent\n", object.mac.text(), object.dev.view(),
                           object.vtep.text())
             : fmt::format("fdb add {} dev {} master static\n", object.mac.text(), object.dev.view());
}

template <class T>
std::string lines_of(const std::vector<T>& objects) {
  std::string lines;
  for (const T& object : objects) lines += line_of(object);
  return lines;
}

void run(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  int status = 0;
  if (::posix_spawnp(&child, words.front(), &actions, nullptr, words.data(), environ) != 0 ||
      ::waitpid(child, &status, 0) != child || status != 0) {
    fail(fmt::format("{} failed", fmt::join(command, " ")));
  }
  posix_spawn_file_actions_destroy(&actions);
}

}  // namespace

Iproute::Iproute(const HostObjects& wanted, const std::string& directory) : directory_(directory) {
  std::string names;
  std::string vxlans;
  for (const NamespaceObjects& space : wanted.namespaces) {
    if (space.netns) names += "netns add " + space.name.text() + "\n";
    for (const Link& link : space.links) {
      if (link.type == LinkType::vxlan) vxlans += create_line(link, space.name);
    }
  }
  add_batch("ip", NetnsName(), names);
  add_batch("ip", NetnsName(), vxlans);
  // Spaces with bridges hold the ends that the others' are born with, so they come first.
  for (const bool with_bridge : {true, false}) {
    for (const NamespaceObjects& space : wanted.namespaces) {
      const auto is_bridge = [](const Link& link) { return link.type == LinkType::bridge; };
      if (std::ranges::any_of(space.links, is_bridge) != with_bridge) continue;
      std::string lines;
      if (space.netns) lines += fmt::format("link set dev lo up alias {}\n", space.netns->owner);
      for (const Link& link : space.links) {
        if (is_bridge(link)) lines += create_line(link, space.name) + finish_lines(link);
      }
      for (const Link& link : space.links) {
        if (link.peer) {
          const auto& inside = wanted.find(link.peer->netns)->links;
          lines += pair_line(link, *std::ranges::find(inside, link.peer->name, &Link::name));
        }
        if (!is_bridge(link)) lines += finish_lines(link);
      }
      add_batch("ip", space.name,
                lines + lines_of(space.addresses) + lines_of(space.neighbours) + lines_of(space.routes));
      add_batch("bridge", space.name, lines_of(space.fdb));
    }
  }
  for (const NamespaceObjects& space : wanted.namespaces) {
    for (const char* what : {"link", "address", "route", "neigh"}) {
      Command command{"ip"};
      if (!space.name.empty()) command.insert(command.end(), {"-n", space.name.text()});
      command.insert(command.end(), {what, "show"});
      read_.push_back(command);
    }
    if (space.fdb.empty()) continue;
    Command command{"bridge"};
    if (!space.name.empty()) command.insert(command.end(), {"-n", space.name.text()});
    command.insert(command.end(), {"fdb", "show"});
    read_.push_back(command);
  }
}

void Iproute::add_batch(const std::string& tool, const NetnsName& where, const std::string& lines) {
  if (lines.empty()) return;
  const std::string path = fmt::format("{}/batch{}", directory_, make_.size());
  std::ofstream(path) << lines;
  Command command{tool};
  if (!where.empty()) command.insert(command.end(), {"-n", where.text()});
  command.insert(command.end(), {"-batch", path});
  make_.push_back(command);
}

void Iproute::make() const {
  for (const Command& command : make_) run(command);
}

void Iproute::read() const {
  for (const Command& command : read_) run(command);
}

}  // namespace ovl::bench
