// What people read first of a page. A table of its own, as a test goes through it: each command of a group
// has two, and each of them is a line that the parser takes.
#include "cmd/help/command_examples.hpp"

#include <algorithm>
#include <array>

namespace ovl {

namespace {

struct Examples {
  std::string_view command;
  std::array<std::string_view, 2> lines;
};

// Two each: the plainest call, and one with what people look for.
constexpr Examples kExamples[] = {
    {"endpoint inspect", {"ovl endpoint inspect web", "ovl endpoint inspect --json web net"}},
    {"endpoint ls", {"ovl endpoint ls", "ovl endpoint ls -q -l tier=front"}},
    {"hook install",
     {"ovl hook install pre-commit",
      "ovl hook install --repo /srv/net.git --scope cluster pre-receive post-receive"}},
    {"hook run", {"ovl hook run pre-commit", "ovl hook run pre-push -- origin git@example.org:net.git"}},
    {"hook status", {"ovl hook status", "ovl hook status --repo /srv/net.git"}},
    {"hook uninstall", {"ovl hook uninstall", "ovl hook uninstall --repo /srv/net.git post-receive"}},
    {"host forget", {"ovl host forget n3", "ovl host forget n3 --lost"}},
    {"host inspect", {"ovl host inspect n1", "ovl host inspect --json n1"}},
    {"host ls", {"ovl host ls", "ovl host ls -q -l zone=a"}},
    {"keystore check",
     {"ovl keystore check", "ovl keystore check --keystore consul://10.0.0.10 --cluster demo"}},
    {"keystore copy",
     {"ovl keystore copy sqlite:///var/lib/ovl/keystore.db etcd://127.0.0.1 --cluster demo",
      "ovl keystore copy etcd://127.0.0.1 consul://127.0.0.1 --cluster demo"}},
    {"keystore export", {"ovl keystore export --out backup.json", "ovl keystore export --format toml"}},
    {"keystore import",
     {"ovl keystore import backup.json", "ovl keystore import --keystore zk://127.0.0.1 -"}},
    {"lab down", {"ovl lab down", "ovl lab down net"}},
    {"lab exec", {"ovl lab exec n1 -- ovl apply", "ovl lab exec outside -- ping -c 1 192.0.2.7"}},
    {"lab status", {"ovl lab status", "ovl -v lab status"}},
    {"lab up", {"ovl lab up", "ovl lab up examples/multi-host"}},
    {"lock break", {"ovl lock break 17", "ovl lock break 17 --keystore etcd://127.0.0.1 --cluster demo"}},
    {"lock ls", {"ovl lock ls", "ovl lock ls --json"}},
    {"network inspect", {"ovl network inspect my-net", "ovl network inspect --json my-net"}},
    {"network ls", {"ovl network ls", "ovl network ls -l team=web"}},
    {"state adopt", {"ovl state adopt", "ovl state adopt --cluster demo"}},
    {"state import", {"ovl state import network.my-net", "ovl state import 'link.web[eth0]'"}},
    {"state list", {"ovl state list", "ovl state list link."}},
    {"state mv", {"ovl state mv network.my-net network.front", "ovl state mv endpoint.web endpoint.www"}},
    {"state pull", {"ovl state pull", "ovl state pull --cluster demo"}},
    {"state recover", {"ovl state recover", "ovl state recover --cluster demo"}},
    {"state rm", {"ovl state rm endpoint.web", "ovl state rm 'link.host[ovl-gw]'"}},
    {"state show", {"ovl state show network.my-net", "ovl state show 'link.ovl-my-net[vxlan0]'"}},
};

}  // namespace

std::span<const std::string_view> command_examples(std::string_view command) {
  const auto* const at = std::ranges::find(kExamples, command, &Examples::command);
  if (at == std::end(kExamples)) return {};
  return at->lines;
}

}  // namespace ovl
