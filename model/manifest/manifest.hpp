// The manifest as values: what the user wrote, every value validated, each with its place.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/base/catalogue.hpp"
#include "model/plan/policy.hpp"
#include "model/records/records.hpp"

namespace ovl {

// A place in a source file. Lines and columns count from 1, columns in bytes; 0 is "no place".
struct Place {
  std::uint32_t file = 0;  // index into Sources
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t length = 1;  // bytes to underline

  auto operator<=>(const Place&) const = default;
};

struct SourceFile {
  std::string name;  // as shown: relative to where the user stands
  std::string text;
};

using Sources = std::vector<SourceFile>;

enum class Severity : std::uint8_t { error, warning };

// A finding about the manifest.
struct Diagnostic {
  Severity severity = Severity::error;
  FindingId id;
  std::string message;  // one sentence, no full stop
  Place place;
  std::string hint;  // the remedy

  struct Note {
    std::string message;
    Place place;
  };

  std::vector<Note> notes;  // other places: where the same name was defined first
};

using Diagnostics = std::vector<Diagnostic>;

template <class T>
struct Located {
  T value{};
  Place place;
};

// A secret by reference: "env:NAME" or "file:PATH". The secret itself is never held here.
struct SecretRef {
  enum class Where : std::uint8_t { env, file };
  Where where = Where::env;
  std::string name;
};

struct KeystoreBlock {
  Located<std::string> url;
  std::optional<SecretRef> token, user, password;
  std::optional<SecretRef> tls_ca, tls_cert, tls_key;
  bool allow_plaintext = false;
  Place place;
};

// Keys that say "auto", by the name that their value has in the record: what was given before gives way to
// one that ovl chooses. A key that is left out keeps what it has.
using AutoKeys = std::vector<std::string>;

struct HostBlock {
  HostName name;
  Place place;
  Located<std::variant<IpAddress, IfName>> advertise;
  std::optional<Located<IpAddress>> bind;
  std::optional<Located<IpPrefix>> gateway_pool;
  AutoKeys automatic;  // gateway_pool
  SourceCheck source_check = SourceCheck::strict;
  TtlCheck ttl_check = TtlCheck::automatic;
  Labels labels;
  bool protect = false;
};

struct NetworkBlock {
  Label name;
  Place place;
  std::vector<Located<IpPrefix>> subnets;  // empty: kept, or chosen
  std::vector<Located<IpAddress>> gateways;
  std::vector<Located<IpPrefix>> ip_range;
  std::vector<Located<IpAddress>> reserved;
  std::optional<Located<Vni>> vni;
  std::optional<Located<Mtu>> mtu;
  std::optional<Located<UdpPort>> port;
  AutoKeys automatic;  // subnets, gateways, vni
  bool internal = false;
  FrameTypes frames = FrameTypes::ip;
  AdoptMode adopt = AdoptMode::never;
  Labels labels;
  bool protect = false;
};

struct AttachmentBlock {
  Located<Label> network;
  std::vector<Located<IpAddress>> addresses;  // at most one per family
  std::optional<Located<MacAddress>> mac;
  AutoKeys automatic;  // addresses, mac
  std::vector<Located<Alias>> aliases;
};

struct EndpointBlock {
  Label name;
  Place place;
  Located<HostName> host;
  std::optional<Located<NetnsName>> netns;   // absent: named after the endpoint
  std::vector<AttachmentBlock> attachments;  // in the order of the manifest; at least one
  LinkLocal link_local = LinkLocal::eui64;
  AdoptMode adopt = AdoptMode::never;
  Labels labels;
  bool protect = false;
};

struct MovedBlock {
  Located<std::string> from;  // "network.my-net", "endpoint.web", "host.a"
  Located<std::string> to;
};

struct Manifest {
  Located<Label> cluster;
  KeystoreBlock keystore;
  std::optional<Policy> policy;
  std::vector<HostBlock> hosts;          // sorted by name
  std::vector<NetworkBlock> networks;    // sorted by name
  std::vector<EndpointBlock> endpoints;  // sorted by name
  std::vector<MovedBlock> moved;
  // For directories: the digest of all sources, in order.
  std::string digest;
};

}  // namespace ovl
