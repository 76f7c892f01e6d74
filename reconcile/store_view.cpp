#include "reconcile/store_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace ovl {

namespace {

// Splits "a/b/c" at the first '/': {"a", "b/c"}.
std::pair<std::string_view, std::string_view> split_key(std::string_view key) {
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) return {key, {}};
  return {key.substr(0, slash), key.substr(slash + 1)};
}

template <class Record>
Result<Record> decode_text(const std::string& text) {
  OVL_TRY(const Value value, Value::parse_json(text));
  return decode<Record>(value);
}

Error misplaced(std::string_view says) {
  return Error{.code = Errc::corrupt, .message = fmt::format("the record says it is {}", says)};
}

class Reader {
 public:
  Reader(const StoreLayout& layout, StoreView& view) : layout_(layout), view_(view) {}

  void take(const KeyValue& item) {
    view_.revisions.emplace(item.key, item.modified);
    const std::string_view below = std::string_view(item.key).substr(layout_.root().size());
    const auto [kind, rest] = split_key(below);
    const Status status = dispatch(kind, rest, item.value);
    if (!status.ok()) refuse(below, kind, rest, status.error());
  }

 private:
  Status dispatch(std::string_view kind, std::string_view rest, const std::string& text) {
    if (kind == "head") return take_head(text);
    if (kind == "hosts") return take_host(rest, text);
    if (kind == "networks") return take_network(rest, text);
    if (kind == "endpoints") return take_endpoint(rest, text);
    if (kind == "facts") return take_facts(rest, text);
    if (kind == "status") return take_status(rest, text);
    if (kind == "presence") return take_presence(rest);
    if (kind == "claims") view_.claims.emplace(rest, text);
    return {};
  }

  Status take_head(const std::string& text) {
    OVL_TRY(view_.head, decode_text<Head>(text));
    return {};
  }

  Status take_host(std::string_view name, const std::string& text) {
    OVL_TRY(HostRecord record, decode_text<HostRecord>(text));
    if (record.name.text() != name) return misplaced(record.name.text());
    view_.records.hosts.push_back(std::move(record));
    return {};
  }

  Status take_network(std::string_view name, const std::string& text) {
    OVL_TRY(NetworkRecord record, decode_text<NetworkRecord>(text));
    if (record.name.text() != name) return misplaced(record.name.text());
    view_.records.networks.push_back(std::move(record));
    return {};
  }

  Status take_endpoint(std::string_view name, const std::string& text) {
    OVL_TRY(EndpointRecord record, decode_text<EndpointRecord>(text));
    const std::string says = record.network.text() + "/" + record.name.text();
    if (says != name) return misplaced(says);
    view_.records.endpoints.push_back(std::move(record));
    return {};
  }

  Status take_facts(std::string_view name, const std::string& text) {
    OVL_TRY(HostFacts facts, decode_text<HostFacts>(text));
    if (facts.host.text() != name) return misplaced(facts.host.text());
    view_.facts.set(std::move(facts));
    return {};
  }

  Status take_status(std::string_view name, const std::string& text) {
    OVL_TRY(HostStatus status, decode_text<HostStatus>(text));
    view_.status.emplace(name, std::move(status));
    return {};
  }

  Status take_presence(std::string_view name) {
    OVL_TRY(HostName host, HostName::parse(name));
    view_.present.push_back(std::move(host));
    return {};
  }

  void refuse(std::string_view key, std::string_view kind, std::string_view rest, const Error& error) {
    view_.refused.push_back(
        Finding{.code = Errc::corrupt,
                .subject = std::string(key),
                .message = error.message,
                .hint = "apply the manifest again from a trusted place, or remove the key"});
    if (kind != "networks" && kind != "endpoints") return;
    auto name = Label::parse(split_key(rest).first);
    if (name.ok()) view_.frozen.push_back(std::move(name).value());
  }

  const StoreLayout& layout_;
  StoreView& view_;
};

void sort_unique(std::vector<Label>& names) {
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

bool in_subnets(const NetworkRecord& network, const IpAddress& address) {
  return std::ranges::any_of(network.subnets,
                             [&](const IpPrefix& subnet) { return subnet.contains(address); });
}

// What is wrong with one network's own values; empty when nothing is.
std::string network_problem(const NetworkRecord& network) {
  if (network.subnets.empty()) return "it has no subnet";
  if (network.gateways.size() != network.subnets.size()) return "it has not one gateway per subnet";
  for (std::size_t i = 0; i < network.subnets.size(); ++i) {
    if (!network.subnets[i].contains(network.gateways[i])) {
      return fmt::format("gateway {} is outside {}", network.gateways[i].text(), network.subnets[i].text());
    }
  }
  return {};
}

std::string endpoint_problem(const Records& records, const EndpointRecord& endpoint) {
  const NetworkRecord* network = records.network(endpoint.network);
  if (network == nullptr) return fmt::format("there is no network {}", endpoint.network.text());
  if (records.host(endpoint.host) == nullptr) return fmt::format("there is no host {}", endpoint.host.text());
  if (!endpoint.mac.is_unicast()) return fmt::format("MAC {} is not unicast", endpoint.mac.text());
  if (endpoint.addresses.empty()) return "it has no address";
  if (endpoint.netns.text().starts_with(kSandboxPrefix)) return "its namespace has a reserved name";
  for (const IpAddress& address : endpoint.addresses) {
    if (!in_subnets(*network, address)) return fmt::format("{} is outside its network", address.text());
    if (std::ranges::find(network->gateways, address) != network->gateways.end()) {
      return fmt::format("{} is its network's gateway", address.text());
    }
  }
  return {};
}

std::string host_problem(const HostRecord& host) {
  const bool bad = host.advertise && (host.advertise->is_multicast() || host.advertise->is_loopback() ||
                                      host.advertise->is_unspecified());
  return bad ? fmt::format("{} cannot be a VTEP", host.advertise->text()) : std::string();
}

// Drops the items for which problem(item) says something, as findings.
template <class T, class Problem, class Refused>
void drop_bad(std::vector<T>& items, const Problem& problem, const Refused& refused) {
  std::erase_if(items, [&](const T& item) {
    const std::string text = problem(item);
    if (text.empty()) return false;
    refused(item, text);
    return true;
  });
}

void refuse_record(StoreView& view, std::string subject, const std::string& problem) {
  view.refused.push_back(Finding{.code = Errc::corrupt,
                                 .subject = std::move(subject),
                                 .message = problem,
                                 .hint = "apply the manifest again from a trusted place, or remove the key"});
}

}  // namespace

std::string StoreLayout::generation(std::int64_t serial) const {
  return fmt::format("{}generations/{:010}", root_, serial);
}

Result<StoreView> read_store(Keystore& store, const StoreLayout& layout) {
  OVL_TRY(const Snapshot snapshot, store.read(layout.root()));
  return view_of(snapshot, layout);
}

StoreView view_of(const Snapshot& snapshot, const StoreLayout& layout) {
  StoreView view;
  view.revision = snapshot.revision;
  Reader reader(layout, view);
  for (const KeyValue& item : snapshot.items) reader.take(item);
  view.records.sort();
  validate_set(view);
  sort_unique(view.frozen);
  return view;
}

std::string host_claim(const HostName& name) {
  return "host/" + name.text();
}

bool claims_fit(const std::map<std::string, std::string>& have,
                const std::map<std::string, std::string>& wanted) {
  std::size_t found = 0;
  for (const auto& [claim, holder] : have) {
    if (claim.starts_with("host/")) continue;
    const auto at = wanted.find(claim);
    if (at == wanted.end() || at->second != holder) return false;
    ++found;
  }
  return found == wanted.size();
}

Claims claims_of(const HostRecord& host) {
  Claims claims;
  if (host.advertise) claims.emplace_back("advertise/" + host.advertise->text(), "host/" + host.name.text());
  return claims;
}

Claims claims_of(const NetworkRecord& network) {
  return {{fmt::format("vni/{}/{}", network.port.number(), network.vni.number()),
           "network/" + network.name.text()}};
}

Claims claims_of(const EndpointRecord& endpoint) {
  Claims claims;
  const std::string network = endpoint.network.text();
  const std::string holder = "endpoint/" + network + "/" + endpoint.name.text();
  for (const IpAddress& address : endpoint.addresses) {
    claims.emplace_back("address/" + network + "/" + address.text(), holder);
  }
  claims.emplace_back("mac/" + network + "/" + endpoint.mac.text(), holder);
  return claims;
}

std::map<std::string, std::string> claims_of(const Records& records) {
  std::map<std::string, std::string> claims;
  const auto add = [&](const auto& all) {
    for (const auto& record : all) {
      for (auto& [claim, holder] : claims_of(record)) claims.emplace(std::move(claim), std::move(holder));
    }
  };
  add(records.hosts);
  add(records.networks);
  add(records.endpoints);
  return claims;
}

void validate_set(StoreView& view) {
  Records& records = view.records;
  drop_bad(records.hosts, host_problem, [&](const HostRecord& host, const std::string& problem) {
    refuse_record(view, "hosts/" + host.name.text(), problem);
  });
  drop_bad(records.networks, network_problem, [&](const NetworkRecord& network, const std::string& problem) {
    refuse_record(view, "networks/" + network.name.text(), problem);
    view.frozen.push_back(network.name);
  });
  std::set<std::pair<Label, IpAddress>> addresses;
  std::set<std::pair<Label, MacAddress>> macs;
  const auto problem = [&](const EndpointRecord& endpoint) {
    std::string text = endpoint_problem(records, endpoint);
    if (!text.empty()) return text;
    for (const IpAddress& address : endpoint.addresses) {
      if (!addresses.emplace(endpoint.network, address).second) return address.text() + " has two holders";
    }
    if (!macs.emplace(endpoint.network, endpoint.mac).second) return endpoint.mac.text() + " has two holders";
    return std::string();
  };
  drop_bad(records.endpoints, problem, [&](const EndpointRecord& endpoint, const std::string& text) {
    refuse_record(view, "endpoints/" + endpoint.network.text() + "/" + endpoint.name.text(), text);
    view.frozen.push_back(endpoint.network);
  });
  sort_unique(view.frozen);
}

}  // namespace ovl
