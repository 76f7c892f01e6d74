#include "reconcile/store/store_view.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "reconcile/base/fitness.hpp"
#include "reconcile/manifest/record_size.hpp"

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

Status check_head_values(const Head& head) {
  if (is_counter(head.serial) && head.serial > 0) return {};
  return Error{.code = Errc::corrupt, .message = fmt::format("serial: {} is no generation", head.serial)};
}

Status check_status_values(const HostStatus& status) {
  const bool counts = is_counter(status.serial) && is_counter(status.when) && is_counter(status.drift) &&
                      is_counter(status.since.value_or(0));
  if (counts) return {};
  return Error{.code = Errc::corrupt, .message = "serial, when, since or drift is out of range"};
}

Status check_facts_values(const HostFacts& facts) {
  if (facts.underlay_mtu < kLeastUnderlayMtu || facts.underlay_mtu > kMostUnderlayMtu) {
    return Error{.code = Errc::corrupt,
                 .message = fmt::format("underlay_mtu: {} is out of range", facts.underlay_mtu)};
  }
  const std::string_view why = facts.vtep ? unfit_for_vtep(*facts.vtep) : std::string_view();
  if (why.empty()) return {};
  return Error{.code = Errc::corrupt, .message = fmt::format("vtep: {} {}", facts.vtep->text(), why)};
}

// How a presence says that its host was told to stand back; empty: it was not.
std::string suspension_in(const std::string& presence) {
  const auto value = Value::parse_json(presence);
  const Value* words = value.ok() ? value.value().find(kSuspendedMember) : nullptr;
  return words != nullptr && words->as_string() != nullptr ? fit_message(*words->as_string()) : std::string();
}

class Reader {
 public:
  Reader(const StoreLayout& layout, StoreView& view) : layout_(layout), view_(view) {}

  // A snapshot is sorted, so what comes next belongs at the end.
  void take(const KeyValue& item) {
    view_.revisions.emplace_hint(view_.revisions.end(), item.key, item.modified);
    const std::string_view below = std::string_view(item.key).substr(layout_.root().size());
    const auto [kind, rest] = split_key(below);
    const Status status = item.left_out == 0 ? dispatch(kind, rest, item.value) : pass_over(item, kind, rest);
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
    if (kind == "presence") return take_presence(rest, text);
    if (kind == "generations") take_generation(rest, text);
    if (kind == "lock") view_.lock = text;
    if (kind == "put-back") return take_put_back(text);
    if (kind == "claims") view_.claims.emplace_hint(view_.claims.end(), rest, text);
    return {};
  }

  // A claim is taken all the same, by nobody that there is.
  Status pass_over(const KeyValue& item, std::string_view kind, std::string_view rest) {
    if (kind == "claims") view_.claims.emplace_hint(view_.claims.end(), rest, "");
    return too_long(item);
  }

  Status take_head(const std::string& text) {
    OVL_TRY(Head head, decode_text<Head>(text));
    OVL_CHECK(check_head_values(head));
    view_.head = std::move(head);
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
    OVL_CHECK(check_facts_values(facts));
    view_.facts.set(std::move(facts));
    return {};
  }

  Status take_status(std::string_view name, const std::string& text) {
    OVL_TRY(HostStatus status, decode_text<HostStatus>(text));
    OVL_CHECK(check_status_values(status));
    view_.status.emplace(name, std::move(status));
    return {};
  }

  // What it says beside its name decides nothing.
  Status take_presence(std::string_view name, const std::string& text) {
    OVL_TRY(HostName host, HostName::parse(name));
    std::string words = suspension_in(text);
    if (!words.empty()) view_.suspended.emplace(host, std::move(words));
    view_.present.push_back(std::move(host));
    return {};
  }

  // One that can't be read tells nothing, and stops nobody.
  void take_generation(std::string_view name, const std::string& text) {
    auto generation = decode_text<GenerationRecord>(text);
    if (!generation.ok()) {
      view_.unreadable.push_back(refusal(fmt::format("generations/{}", name), generation.error().message));
      return;
    }
    const std::int64_t serial = generation.value().serial;
    view_.generations.emplace(serial, std::move(generation).value());
  }

  Status take_put_back(const std::string& text) {
    OVL_TRY(PutBack put_back, decode_text<PutBack>(text));
    if (!is_counter(put_back.serial) || !is_counter(put_back.from)) {
      return Error{.code = Errc::corrupt, .message = "serial or from is out of range"};
    }
    view_.put_back = std::move(put_back);
    return {};
  }

  void refuse(std::string_view key, std::string_view kind, std::string_view rest, const Error& error) {
    refuse_record(view_, std::string(key), error.message);
    if (error.code == Errc::unsupported) view_.newer.emplace_back(key);
    if (kind == "networks" || kind == "endpoints") {
      auto name = Label::parse(split_key(rest).first);
      if (name.ok()) view_.frozen.push_back(std::move(name).value());
    } else if (kind == "hosts" || kind == "facts") {
      auto name = HostName::parse(rest);
      if (name.ok()) view_.frozen_hosts.push_back(std::move(name).value());
    }
  }

  const StoreLayout& layout_;
  StoreView& view_;
};

}  // namespace

std::string StoreLayout::generation(std::int64_t serial) const {
  return fmt::format("{}{:010}", generations(), serial);
}

std::string StoreLayout::past(std::int64_t serial) const {
  return fmt::format("{}{:010}/", past_, serial);
}

KeySelection StoreLayout::tree() const {
  return {.prefix = root_,
          .parts = {"claims/", "endpoints/", "facts/", "generations/", "head", "hosts/", "lock", "networks/",
                    "presence/", "put-back", "status/"}};
}

Result<StoreView> read_store(Keystore& store, const StoreLayout& layout) {
  OVL_TRY(const Snapshot snapshot, store.read(layout.tree()));
  return view_of(snapshot, layout);
}

StoreView view_of(const Snapshot& snapshot, const StoreLayout& layout) {
  StoreView view;
  view.revision = snapshot.revision;
  view.unknown = snapshot.unknown;
  Reader reader(layout, view);
  for (const KeyValue& item : snapshot.items) reader.take(item);
  view.records.sort();
  validate_set(view);
  return view;
}

Error too_long(const KeyValue& item) {
  return Error{.code = Errc::corrupt,
               .message = fmt::format("it has {} bytes and was not loaded, a record has at most {}",
                                      item.left_out, kMostValueBytes)};
}

std::optional<Finding> unknown_keys(const StoreView& view) {
  if (view.unknown.count == 0) return std::nullopt;
  return Finding{.code = Errc::corrupt,
                 .id = "unknown-keys",
                 .subject = "keystore",
                 .message = fmt::format("{} keys below the cluster's tree that this ovl does not know: {}{}",
                                        view.unknown.count, fmt::join(view.unknown.some, ", "),
                                        view.unknown.count > view.unknown.some.size() ? ", ..." : ""),
                 .hint =
                     "remove them with the store's own tools, or bring ovl here up to the version that "
                     "wrote them"};
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
  const std::string holder = "network/" + network.name.text();
  const auto claim = [](UdpPort port, Vni vni) {
    return fmt::format("vni/{}/{}", port.number(), vni.number());
  };
  Claims claims{{claim(network.port, network.vni), holder}};
  if (network.twin) claims.emplace_back(claim(network.twin->port, network.twin->vni), holder);
  return claims;
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

}  // namespace ovl
