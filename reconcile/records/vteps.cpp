#include "reconcile/records/vteps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "reconcile/base/prefix_index.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

namespace {

class Vteps {
 public:
  Vteps(const HeldVteps& held, const HostName& here, Records& desired)
      : held_(held), here_(here), desired_(desired) {}

  std::vector<Finding> run() {
    for (std::size_t i = 0; i < desired_.hosts.size(); ++i) {
      if (desired_.hosts[i].gateway_pool) pools_.add(*desired_.hosts[i].gateway_pool, i);
    }
    std::vector<HostRecord*> order;
    for (HostRecord& host : desired_.hosts) {
      if (host.advertise) order.push_back(&host);
    }
    std::ranges::sort(order, {}, [this](const HostRecord* host) { return rank(*host); });
    for (HostRecord* host : order) {
      if (!give(*host)) losers_.push_back(host);
    }
    for (HostRecord* host : losers_) fall_back(*host);
    return std::move(findings_);
  }

 private:
  // Lower ranks choose first. A name that is unique ends it.
  [[nodiscard]] std::tuple<bool, bool, bool, bool, HostName> rank(const HostRecord& host) const {
    return {!holds(host), host.interface.has_value(), !is_known(host), host.name == here_, host.name};
  }

  [[nodiscard]] bool holds(const HostRecord& host) const {
    for (const auto& [claim, holder] : claims_of(host)) {
      const auto at = held_.claims.find(claim);
      if (at != held_.claims.end()) return at->second == holder;
    }
    const HostRecord* before = held_.known.host(host.name);
    return before != nullptr && before->advertise == host.advertise && is_known(host);
  }

  // Of one that was forgotten (ovl host forget) the store has neither.
  [[nodiscard]] bool is_known(const HostRecord& host) const {
    return held_.facts.host(host.name) != nullptr || held_.claims.contains(host_claim(host.name));
  }

  bool give(const HostRecord& host) {
    return pool_around(host) == nullptr && taken_.emplace(*host.advertise, &host).second;
  }

  // Whose gateway pool an interface's new address is in: that host would keep for itself what it sends there.
  [[nodiscard]] const HostRecord* pool_around(const HostRecord& host) const {
    if (!host.interface || holds(host)) return nullptr;
    const PrefixIndex::Entry* pool = pools_.holding(*host.advertise);
    return pool != nullptr ? &desired_.hosts[pool->index] : nullptr;
  }

  // To what it had, when that is still nobody else's.
  void fall_back(HostRecord& host) {
    const HostRecord* around = pool_around(host);
    const IpAddress wanted = *host.advertise;
    const HostRecord* before = held_.known.host(host.name);
    host.advertise = before != nullptr ? before->advertise : std::nullopt;
    if (host.advertise && !give(host)) host.advertise.reset();
    around != nullptr ? tell_pool(host, wanted, *around) : tell_taken(host, wanted);
  }

  void tell_pool(const HostRecord& host, const IpAddress& wanted, const HostRecord& around) {
    findings_.push_back(Finding{
        .code = Errc::guard,
        .id = "pool-in-use",
        .subject = "host." + host.name.text(),
        .message = fmt::format("its address {} is in the gateway pool {} of host {}", wanted.text(),
                               around.gateway_pool->text(), around.name.text()),
        .hint =
            "give its interface another address, or host " + around.name.text() + " another gateway_pool"});
  }

  void tell_taken(const HostRecord& host, const IpAddress& wanted) {
    const HostName& other = taken_.at(wanted)->name;
    findings_.push_back(Finding{
        .code = Errc::guard,
        .id = "vtep-taken",
        .subject = "host." + host.name.text(),
        .message = fmt::format("its address {} is the VTEP of host {}", wanted.text(), other.text()),
        .hint = fmt::format("give it an address of its own, or the interface that has one; if {0} no "
                            "longer has it, apply there, and then here again; if that machine is gone: "
                            "ovl host forget {0}",
                            other.text())});
  }

  const HeldVteps& held_;
  const HostName& here_;
  Records& desired_;
  PrefixIndex pools_;  // by the place of their host
  std::map<IpAddress, const HostRecord*> taken_;
  std::vector<HostRecord*> losers_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> keep_vteps_apart(const HeldVteps& held, const HostName& here, Records& desired) {
  return Vteps(held, here, desired).run();
}

}  // namespace ovl
