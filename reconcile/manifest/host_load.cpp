#include "reconcile/manifest/host_load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

namespace ovl {

namespace {

// What one endpoint costs its host for one network that it is in, or all of them together.
struct Load {
  std::uint64_t routes = 0;
  std::uint64_t names = 0;  // bytes

  Load& operator+=(const Load& other) {
    routes += other.routes;
    names += other.names;
    return *this;
  }
};

struct Limit {
  std::uint64_t Load::*load;
  std::uint64_t most;
};

constexpr Limit kRoutes{&Load::routes, kMostRoutesOfHost};
constexpr Limit kNames{&Load::names, kMostNamesOfHost};

bool is_passed(const Limit& limit, const Load& load) {
  return load.*limit.load > limit.most;
}

// "NAME NAME.NETWORK ALIAS...", with the end of the line and the space behind the address.
template <class Aliases, class TextOf>
std::uint64_t names_of_line(const Label& name, const Label& network, const Aliases& aliases,
                            const TextOf& text_of) {
  std::uint64_t out = 2 * name.text().size() + network.text().size() + 4;
  for (const auto& alias : aliases) out += text_of(alias).size() + 1;
  return out;
}

// ---- of a manifest -----------------------------------------------------------------------------------

constexpr std::uint64_t kLongestIpv4 = 15;
constexpr std::uint64_t kLongestIpv6 = 39;

class ManifestLoads {
 public:
  ManifestLoads(const ManifestIndex& index, Reporter& report) : index_(index), report_(report) {}

  void run() {
    of_networks_.resize(index_.manifest().networks.size());
    for (const NetworkBlock& network : index_.manifest().networks) {
      of(network).routes = network.subnets.size();
    }
    for (const EndpointBlock& endpoint : index_.manifest().endpoints) add_names(endpoint);
    for (const EndpointBlock* endpoint : by_place(index_.manifest().endpoints)) add_to_host(*endpoint);
  }

 private:
  Load& of(const NetworkBlock& network) {
    return of_networks_[static_cast<std::size_t>(&network - index_.manifest().networks.data())];
  }

  // Addresses that are not given are counted at their longest. A subnet that is chosen is of IPv4.
  static std::uint64_t bytes_of(std::uint64_t names, const NetworkBlock& network) {
    const auto has = [&](Family family) {
      return std::ranges::any_of(network.subnets,
                                 [&](const auto& subnet) { return subnet.value.family() == family; });
    };
    std::uint64_t out = has(Family::ipv4) || network.subnets.empty() ? names + kLongestIpv4 : 0;
    if (has(Family::ipv6)) out += names + kLongestIpv6;
    return out;
  }

  void add_names(const EndpointBlock& endpoint) {
    for (const AttachmentBlock& attachment : endpoint.attachments) {
      const NetworkBlock* network = index_.network(attachment.network.value);
      if (network == nullptr) continue;
      const std::uint64_t names = names_of_line(
          endpoint.name, network->name, attachment.aliases,
          [](const Located<Alias>& alias) -> const auto& { return alias.value.text(); });
      of(*network).names += bytes_of(names, *network);
    }
  }

  void add_to_host(const EndpointBlock& endpoint) {
    const HostName& host = endpoint.host.value;
    if (host.empty()) return;
    Load& load = of_hosts_[host];
    for (const AttachmentBlock& attachment : endpoint.attachments) {
      const NetworkBlock* network = index_.network(attachment.network.value);
      if (network == nullptr) continue;
      const Load before = load;
      load += of(*network);
      if (!is_passed(kRoutes, before) && is_passed(kRoutes, load)) tell_routes(host, attachment);
      if (!is_passed(kNames, before) && is_passed(kNames, load)) tell_names(host, attachment);
    }
  }

  void tell_routes(const HostName& host, const AttachmentBlock& attachment) {
    report_.error("too-many-routes", attachment.network.place,
                  fmt::format("host \"{}\" would have more than {} routes to the subnets of networks that "
                              "its endpoints are in",
                              host.text(), kMostRoutesOfHost),
                  "give the networks fewer, wider subnets, or spread the endpoints over more hosts");
  }

  void tell_names(const HostName& host, const AttachmentBlock& attachment) {
    report_.error(
        "too-many-names", attachment.network.place,
        fmt::format("the hosts files of host \"{}\" would have more than {} GiB together", host.text(),
                    kMostNamesOfHost >> 30),
        "give the endpoints fewer and shorter aliases, or spread them over more hosts and networks");
  }

  const ManifestIndex& index_;
  Reporter& report_;
  std::vector<Load> of_networks_;
  std::map<HostName, Load> of_hosts_;
};

// ---- of records --------------------------------------------------------------------------------------

class RecordLoads {
 public:
  explicit RecordLoads(const Records& records) : records_(records), of_networks_(records.networks.size()) {}

  std::vector<Overload> run() {
    for (std::size_t i = 0; i < of_networks_.size(); ++i) {
      of_networks_[i].routes = records_.networks[i].subnets.size();
    }
    for (const EndpointRecord& endpoint : records_.endpoints) add(endpoint);
    for (auto& [host, networks] : of_hosts_) {
      judge(host, networks, kRoutes);
      judge(host, networks, kNames);
    }
    return std::move(out_);
  }

 private:
  using Members = std::map<std::size_t, std::uint64_t>;  // how many endpoints, by the place of their network

  void add(const EndpointRecord& endpoint) {
    const NetworkRecord* network = records_.network(endpoint.network);
    if (network == nullptr) return;
    const auto at = static_cast<std::size_t>(network - records_.networks.data());
    const std::uint64_t names = names_of_line(
        endpoint.name, endpoint.network, endpoint.aliases,
        [](const Alias& alias) -> const auto& { return alias.text(); });
    for (const IpAddress& address : endpoint.addresses) {
      of_networks_[at].names += names + address.text().size();
    }
    ++of_hosts_[endpoint.host][at];
  }

  [[nodiscard]] std::uint64_t share(const Members::value_type& of, const Limit& limit) const {
    return refused_.contains(of.first) ? 0 : of.second * (of_networks_[of.first].*limit.load);
  }

  void judge(const HostName& host, const Members& networks, const Limit& limit) {
    std::uint64_t sum = 0;
    for (const auto& one : networks) sum += share(one, limit);
    if (sum <= limit.most) return;
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    for (const auto& one : networks) order.emplace_back(share(one, limit), one.first);
    std::ranges::sort(order, std::greater<>());
    for (auto at = order.begin(); sum > limit.most; ++at) {
      sum -= at->first;
      refused_.insert(at->second);
      out_.push_back({.network = at->second, .problem = words(host, limit)});
    }
  }

  static std::string words(const HostName& host, const Limit& limit) {
    return limit.load == &Load::routes
               ? fmt::format("host {} would have more than {} routes to subnets by it", host.text(),
                             limit.most)
               : fmt::format("the hosts files of host {} would have more than {} GiB by it", host.text(),
                             limit.most >> 30);
  }

  const Records& records_;
  std::vector<Load> of_networks_;
  std::map<HostName, Members> of_hosts_;
  std::set<std::size_t> refused_;
  std::vector<Overload> out_;
};

}  // namespace

void check_host_loads(const ManifestIndex& index, Reporter& report) {
  ManifestLoads(index, report).run();
}

std::vector<Overload> overloads_of(const Records& records) {
  return RecordLoads(records).run();
}

}  // namespace ovl
