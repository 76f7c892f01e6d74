#include "reconcile/manifest/record_size.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "drivers/keystore/limits.hpp"

namespace ovl {

namespace {

// Names, ids, numbers and the members' own names; and what an element of a list takes beside its text.
constexpr std::size_t kRest = 4096;
constexpr std::size_t kQuotes = 3;
// Of a host's facts, so that all together fit into a record: a route has up to 110 bytes
// ({"destination":"<43>","dev":"<15>"}), an address 42, a VNI 9, a chain 520 (NFT_NAME_MAXLEN, twice).
constexpr std::size_t kMostRoutes = 800;
constexpr std::size_t kMostAddresses = 1000;
constexpr std::size_t kMostVnis = 4000;
constexpr std::size_t kMostOthers = 100;
// Of a report: a line of a table shows the beginning.
constexpr std::size_t kLongestMessage = 4096;

template <class T>
std::size_t bytes_of(const std::vector<Located<T>>& items) {
  std::size_t out = 0;
  for (const auto& item : items) out += item.value.text().size() + kQuotes;
  return out;
}

std::size_t bytes_of(const Labels& labels) {
  std::size_t out = 0;
  for (const auto& [key, value] : labels) out += Value(key).json().size() + Value(value).json().size() + 2;
  return out;
}

// A gateway that is not given is an address of its subnet, at most as long.
std::size_t bytes_of(const NetworkBlock& network) {
  return bytes_of(network.subnets) + std::max(bytes_of(network.subnets), bytes_of(network.gateways)) +
         bytes_of(network.ip_range) + bytes_of(network.reserved) + bytes_of(network.labels);
}

class SizeCheck {
 public:
  explicit SizeCheck(Reporter& report) : report_(report) {}

  void check(std::string_view what, std::string_view name, const Place& place, std::size_t bytes,
             std::string_view remedy) {
    if (bytes + kRest <= kMostValueBytes) return;
    report_.error("record-too-long", place,
                  fmt::format("the record of {} \"{}\" would have {} bytes, a record has at most {}", what,
                              name, bytes + kRest, kMostValueBytes),
                  std::string(remedy));
  }

 private:
  Reporter& report_;
};

// Each network of an endpoint has a record of it, with all of its labels.
class RepeatedLabels {
 public:
  explicit RepeatedLabels(Reporter& report) : report_(report) {}

  void add(const EndpointBlock& endpoint, std::size_t labels) {
    const bool was_within = bytes_ <= kMostLabelBytes;
    bytes_ += labels * endpoint.attachments.size();
    if (bytes_ <= kMostLabelBytes || !was_within) return;
    report_.error("too-many-labels", endpoint.place,
                  fmt::format("the labels of endpoints, once for each network that one is in, have more "
                              "than {} MiB",
                              kMostLabelBytes >> 20),
                  "give endpoints that are in many networks fewer or shorter labels");
  }

 private:
  Reporter& report_;
  std::size_t bytes_ = 0;
};

// What is told to nobody still counts on its own host.
void hold(HostFacts& facts, const IpPrefix& prefix) {
  if (prefix.address().is_ipv4()) facts.held.push_back(HeldRoute{.destination = prefix});
}

void hold_addresses(HostFacts& facts, const std::vector<IpAddress>& all, std::size_t told) {
  for (std::size_t i = told; i < all.size(); ++i) hold(facts, IpPrefix::masked(all[i], all[i].bits()));
}

template <class T>
bool cut(std::vector<T>& items, std::size_t most) {
  if (items.size() <= most) return false;
  items.resize(most);
  return true;
}

bool cut_routes(HostFacts& facts) {
  std::vector<FactRoute>& routes = facts.routes;
  if (routes.size() <= kMostRoutes) return false;
  const auto is_wider = [](const FactRoute& a, const FactRoute& b) {
    return a.destination.length() < b.destination.length();
  };
  std::ranges::stable_sort(routes, is_wider);
  for (std::size_t i = kMostRoutes; i < routes.size(); ++i) hold(facts, routes[i].destination);
  routes.resize(kMostRoutes);
  std::ranges::sort(routes, {},
                    [](const FactRoute& route) { return std::tie(route.destination, route.dev); });
  return true;
}

}  // namespace

void check_record_sizes(const ManifestIndex& index, Reporter& report) {
  SizeCheck sizes(report);
  const auto is_whole = [&](std::string_view kind, const auto& block) {
    return !index.is_damaged(fmt::format("{}.{}", kind, block.name.text()));
  };
  for (const NetworkBlock& network : index.manifest().networks) {
    if (!is_whole("network", network)) continue;
    sizes.check("network", network.name.text(), network.place, bytes_of(network),
                "divide it into several networks, or give it wider subnets and shorter lists");
  }
  for (const HostBlock& host : index.manifest().hosts) {
    if (!is_whole("host", host)) continue;
    sizes.check("host", host.name.text(), host.place, bytes_of(host.labels),
                "give it fewer or shorter labels");
  }
  RepeatedLabels repeated(report);
  for (const EndpointBlock& endpoint : index.manifest().endpoints) {
    if (!is_whole("endpoint", endpoint)) continue;
    const std::size_t labels = bytes_of(endpoint.labels);
    repeated.add(endpoint, labels);
    for (const AttachmentBlock& attachment : endpoint.attachments) {
      sizes.check("endpoint", endpoint.name.text(), endpoint.place, labels + bytes_of(attachment.aliases),
                  "give it fewer aliases, and fewer or shorter labels");
    }
  }
}

bool fit_facts(HostFacts& facts) {
  bool out = cut_routes(facts);
  hold_addresses(facts, facts.addresses, kMostAddresses);
  hold_addresses(facts, facts.nameservers, kMostOthers);
  out = cut(facts.addresses, kMostAddresses) || out;
  out = cut(facts.vnis, kMostVnis) || out;
  out = cut(facts.uplinks, kMostOthers) || out;
  out = cut(facts.nameservers, kMostOthers) || out;
  return cut(facts.forward_drops, kMostOthers) || out;
}

Finding facts_cut(const HostName& host) {
  return Finding{.code = Errc::guard,
                 .id = "facts-cut",
                 .subject = "host." + host.text(),
                 .message =
                     "it has more routes, addresses or VXLANs than its facts may hold: the narrowest "
                     "routes, and what is behind, are not told to the others",
                 .hint =
                     "give networks their subnets, VNIs and pools, so that none is chosen that is in use "
                     "there"};
}

std::string fit_message(std::string text) {
  if (text.size() <= kLongestMessage) return text;
  std::size_t end = kLongestMessage;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  text.resize(end);
  return text + "...";
}

}  // namespace ovl
