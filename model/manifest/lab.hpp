// The lab as values: one machine as a manifest's cluster. Computed in reconcile/run/lab_plan, made in
// drivers/lab, and kept beside a running lab so that status and down need no manifest.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "model/base/fields.hpp"

namespace ovl {

// One subnet of the underlay: a switch of its own and an interface of the router.
struct LabSegment {
  IpPrefix subnet;
  IpAddress router;  // the default gateway of the segment's hosts

  static constexpr auto fields() {
    return std::tuple{ovl::setting("subnet", &LabSegment::subnet),
                      ovl::setting("router", &LabSegment::router)};
  }

  bool operator==(const LabSegment&) const = default;
};

struct LabHost {
  HostName name;
  IfName interface;     // of the underlay
  IpInterface address;  // what the other hosts reach it by

  static constexpr auto fields() {
    return std::tuple{ovl::setting("name", &LabHost::name), ovl::setting("interface", &LabHost::interface),
                      ovl::setting("address", &LabHost::address)};
  }

  bool operator==(const LabHost&) const = default;
};

// The keystore's server, in a machine of its own or on the host that has its address.
struct LabServer {
  std::string store;  // "etcd", "consul", "zookeeper"
  HostName machine;   // kLabKeystore, or a host
  IpInterface address;
  std::uint32_t port = 0;

  static constexpr auto fields() {
    return std::tuple{ovl::setting("store", &LabServer::store), ovl::setting("machine", &LabServer::machine),
                      ovl::setting("address", &LabServer::address), ovl::setting("port", &LabServer::port)};
  }

  bool operator==(const LabServer&) const = default;
};

struct LabPlan {
  Label cluster;
  std::string keystore;                   // its URL
  std::vector<std::string> shared_files;  // absolute; one file each for all hosts, all else is a host's own
  std::vector<LabSegment> segments;       // sorted by subnet
  std::vector<LabHost> hosts;             // sorted by name
  std::optional<LabServer> server;        // absent: the keystore is a file

  static constexpr auto fields() {
    return std::tuple{ovl::setting("cluster", &LabPlan::cluster),
                      ovl::setting("keystore", &LabPlan::keystore),
                      ovl::setting("shared_files", &LabPlan::shared_files),
                      ovl::setting("segments", &LabPlan::segments),
                      ovl::setting("hosts", &LabPlan::hosts),
                      ovl::setting("server", &LabPlan::server)};
  }

  bool operator==(const LabPlan&) const = default;
};

// A machine of the lab: a host, the router, the outside, the switches' place.
struct LabNode {
  NetnsName netns;   // names its namespaces in the lab's directory
  std::string name;  // its hostname; `ovl lab exec` knows it by this

  bool operator==(const LabNode&) const = default;
};

// The names of what is no host; no manifest can use them, so that a host may still be called "router".
inline constexpr std::string_view kLabSwitch = "ovl-switch";
inline constexpr std::string_view kLabRouter = "ovl-router";
inline constexpr std::string_view kLabOutside = "ovl-outside";
inline constexpr std::string_view kLabKeystore = "ovl-keystore";

// All nodes of a lab, hosts first.
std::vector<LabNode> lab_nodes(const LabPlan& plan);

}  // namespace ovl
