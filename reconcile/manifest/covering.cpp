#include "reconcile/manifest/covering.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "drivers/keystore/url.hpp"

namespace ovl {

namespace {

// Somebody's address that the manifest says.
struct Said {
  std::string whose;
  Place place;
};

class Covering {
 public:
  explicit Covering(const Manifest& manifest) : manifest_(manifest) {
    for (const HostBlock& host : manifest.hosts) {
      const std::string whose = fmt::format("host \"{}\"", host.name.text());
      const auto* advertised = std::get_if<IpAddress>(&host.advertise.value);
      if (advertised != nullptr) said_.try_emplace(*advertised, Said{whose, host.advertise.place});
      if (host.bind) said_.try_emplace(host.bind->value, Said{whose, host.bind->place});
    }
    add_keystore();
  }

  Diagnostics run() {
    for (const NetworkBlock& network : manifest_.networks) {
      const std::string who = fmt::format("no endpoint of network \"{}\" reaches then", network.name.text());
      for (const auto& subnet : network.subnets) {
        check(who, subnet, "give the network a subnet that nothing else uses");
      }
    }
    for (const HostBlock& host : manifest_.hosts) {
      if (!host.gateway_pool) continue;
      check(fmt::format("no endpoint on host \"{}\" reaches then", host.name.text()), *host.gateway_pool,
            "give the host a gateway_pool that nothing else uses, or none");
    }
    std::ranges::stable_sort(out_, {}, &Diagnostic::place);
    return std::move(out_);
  }

 private:
  void add_keystore() {
    const auto url = parse_keystore_url(manifest_.keystore.url.value);
    if (!url.ok()) return;
    for (const StoreServer& server : url.value().servers) {
      const auto address = IpAddress::parse(server.host);
      if (address.ok())
        said_.try_emplace(address.value(), Said{"the keystore", manifest_.keystore.url.place});
    }
  }

  // The first that it holds is enough to tell.
  void check(const std::string& who, const Located<IpPrefix>& subnet, std::string hint) {
    const auto first = said_.lower_bound(subnet.value.address());
    if (first == said_.end() || !subnet.value.contains(first->first)) return;
    const auto& [address, said] = *first;
    out_.push_back(Diagnostic{.severity = Severity::warning,
                              .id = "subnet-covers",
                              .message = fmt::format("{} holds the address {} of {}, which {}",
                                                     subnet.value.text(), address.text(), said.whose, who),
                              .place = subnet.place,
                              .hint = std::move(hint),
                              .notes = {{.message = "that address", .place = said.place}}});
  }

  const Manifest& manifest_;
  std::map<IpAddress, Said> said_;
  Diagnostics out_;
};

}  // namespace

Diagnostics covering_subnets(const Manifest& manifest) {
  return Covering(manifest).run();
}

}  // namespace ovl
