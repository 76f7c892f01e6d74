#include "model/manifest/lab.hpp"

#include <algorithm>

namespace ovl {

std::vector<LabNode> lab_nodes(const LabPlan& plan) {
  std::vector<LabNode> nodes;
  const auto add = [&nodes](std::string_view netns, std::string_view name) {
    auto parsed = NetnsName::parse(netns);
    if (parsed.ok()) nodes.push_back(LabNode{std::move(parsed).value(), std::string(name)});
  };
  for (const LabHost& host : plan.hosts) add(host.name.text(), host.name.text());
  for (const std::string_view infrastructure : {kLabRouter, kLabOutside, kLabSwitch}) {
    add(infrastructure, infrastructure.substr(kSandboxPrefix.size()));
  }
  if (plan.server && plan.server->machine.text() == kLabKeystore)
    add(kLabKeystore, kLabKeystore.substr(kSandboxPrefix.size()));
  return nodes;
}

}  // namespace ovl
