#include "drivers/keystore/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "model/base/values.hpp"

namespace ovl {

namespace {

struct Scheme {
  StoreKind kind;
  std::string_view scheme;
  std::string_view name;
  std::uint16_t port;
  std::string_view example;
};

// The first of a kind is the one that its text() begins with.
constexpr std::array<Scheme, 5> kSchemes{
    Scheme{StoreKind::sqlite, "sqlite", "SQLite", 0, "sqlite:///var/lib/ovl/keystore.db"},
    Scheme{StoreKind::etcd, "etcd", "etcd", 2379, "etcd://10.0.0.1:2379,10.0.0.2:2379"},
    Scheme{StoreKind::consul, "consul", "Consul", 8500, "consul://10.0.0.1:8500"},
    Scheme{StoreKind::consul, "consul+unix", "Consul", 0, "consul+unix:///run/consul/http.sock?prefix=team"},
    Scheme{StoreKind::zookeeper, "zk", "ZooKeeper", 2181, "zk://10.0.0.1:2181,10.0.0.2:2181"}};

const Scheme& scheme_of(StoreKind kind) {
  return *std::ranges::find(kSchemes, kind, &Scheme::kind);
}

Error url_error(std::string message, std::string hint) {
  return Error{
      .code = Errc::usage, .message = "keystore URL: " + std::move(message), .hint = std::move(hint)};
}

Error bad_form(const Scheme& scheme, std::string message) {
  return url_error(std::move(message), fmt::format("write it as in {}", scheme.example));
}

bool is_prefix_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.';
}

Result<std::string> parse_prefix(const Scheme& scheme, std::string_view text) {
  while (!text.empty() && text.front() == '/') text.remove_prefix(1);
  while (!text.empty() && text.back() == '/') text.remove_suffix(1);
  const std::string prefix(text);
  for (std::size_t at = 0; !text.empty() && at <= text.size();) {
    const std::size_t end = std::min(text.find('/', at), text.size());
    const std::string_view segment = text.substr(at, end - at);
    const bool dots = segment == "." || segment == "..";
    if (segment.empty() || dots || !std::ranges::all_of(segment, is_prefix_byte)) {
      return bad_form(scheme,
                      fmt::format("\"{}\" is no prefix: letters, digits, '.', '_', '-' and '/'", prefix));
    }
    at = end + 1;
  }
  return prefix;
}

Result<std::uint16_t> parse_port(const Scheme& scheme, std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc() || end != text.data() + text.size() || port == 0) {
    return bad_form(scheme, fmt::format("\"{}\" is no port: a number from 1 to 65535", text));
  }
  return port;
}

Result<std::string> parse_host(const Scheme& scheme, std::string_view text, bool bracketed) {
  auto address = IpAddress::parse(text);
  if (address.ok() && address.value().is_ipv4() != bracketed) return address.value().text();
  auto name = HostName::parse(text);
  // All digits and dots can only be a mistyped address.
  const bool digits = text.find_first_not_of("0123456789.") == std::string_view::npos;
  if (!bracketed && name.ok() && !digits) return name.value().text();
  return bad_form(scheme, fmt::format("\"{}\" is neither an address nor a host name", text));
}

Result<StoreServer> parse_server(const Scheme& scheme, std::string_view text) {
  if (text.empty()) return bad_form(scheme, "a server's address is missing");
  std::string_view host = text;
  std::string_view rest;
  const bool bracketed = text.front() == '[';
  const std::size_t end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && end == std::string_view::npos) return bad_form(scheme, "a ']' is missing");
  if (end != std::string_view::npos) {
    host = bracketed ? text.substr(1, end - 1) : text.substr(0, end);
    rest = text.substr(end + (bracketed ? 1 : 0));
  }
  if (!bracketed && std::ranges::count(text, ':') > 1) {
    return url_error(fmt::format("\"{}\" looks like an IPv6 address", text),
                     "put it in brackets, as in [fd00::1]:" + std::to_string(scheme.port));
  }
  StoreServer server{.port = scheme.port};
  OVL_TRY(server.host, parse_host(scheme, host, bracketed));
  if (rest.empty()) return server;
  if (rest.front() != ':') return bad_form(scheme, fmt::format("\"{}\" follows the address", rest));
  OVL_TRY(server.port, parse_port(scheme, rest.substr(1)));
  return server;
}

Result<std::vector<StoreServer>> parse_servers(const Scheme& scheme, std::string_view text) {
  std::vector<StoreServer> servers;
  std::set<std::string> named;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    OVL_TRY(StoreServer server, parse_server(scheme, text.substr(at, end - at)));
    if (!named.insert(server.text()).second) {
      return bad_form(scheme, fmt::format("{} is named twice", server.text()));
    }
    servers.push_back(std::move(server));
    at = end + 1;
  }
  if (scheme.kind == StoreKind::consul && servers.size() > 1) {
    return url_error("Consul takes one address", "name the local agent, which knows the servers");
  }
  return servers;
}

Result<KeystoreUrl> parse_file(const Scheme& scheme, std::string_view path) {
  if (path.empty() || path.front() != '/') {
    return bad_form(scheme, "the file's path must be absolute, after three slashes");
  }
  if (path.back() == '/') return bad_form(scheme, fmt::format("\"{}\" names a directory", path));
  return KeystoreUrl{.kind = scheme.kind, .path = std::string(path)};
}

constexpr std::string_view kSocketScheme = "consul+unix";

Result<std::string> parse_datacenter(const Scheme& scheme, std::string_view text) {
  const auto is_name = [](char c) { return c != '.' && is_prefix_byte(c); };
  if (!text.empty() && std::ranges::all_of(text, is_name)) return std::string(text);
  return bad_form(scheme, fmt::format("\"{}\" is no datacenter: letters, digits, '_' and '-'", text));
}

Status take_parameter(const Scheme& scheme, std::string_view parameter, KeystoreUrl& url) {
  const std::size_t equals = std::min(parameter.find('='), parameter.size());
  const std::string_view name = parameter.substr(0, equals);
  const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
  const bool is_dc = name == "dc";
  if (!is_dc && (name != "prefix" || scheme.scheme != kSocketScheme)) {
    return bad_form(scheme, fmt::format("\"{}\" is no parameter of it", name));
  }
  std::string& field = is_dc ? url.datacenter : url.prefix;
  if (!field.empty()) return bad_form(scheme, fmt::format("\"{}\" is given twice", name));
  OVL_TRY(field, is_dc ? parse_datacenter(scheme, value) : parse_prefix(scheme, value));
  return {};
}

Status take_parameters(const Scheme& scheme, std::string_view query, KeystoreUrl& url) {
  for (std::size_t at = 0; at <= query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    OVL_CHECK(take_parameter(scheme, query.substr(at, end - at), url));
    at = end + 1;
  }
  return {};
}

Result<KeystoreUrl> parse_socket(const Scheme& scheme, std::string_view path) {
  OVL_TRY(KeystoreUrl url, parse_file(scheme, path));
  // sockaddr_un's path, with its end.
  constexpr std::size_t kMaxSocketPath = 107;
  if (path.size() > kMaxSocketPath) {
    return bad_form(scheme, fmt::format("the socket's path is longer than {} bytes", kMaxSocketPath));
  }
  url.socket = std::move(url.path);
  url.path.clear();
  return url;
}

Result<KeystoreUrl> parse_servers_and_prefix(const Scheme& scheme, std::string_view rest) {
  if (rest.find('@') != std::string_view::npos) {
    return url_error("a user or a secret does not belong in the URL",
                     "use the keys token, user and password with \"env:NAME\" or \"file:PATH\"");
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  KeystoreUrl url{.kind = scheme.kind};
  OVL_TRY(url.servers, parse_servers(scheme, rest.substr(0, slash)));
  OVL_TRY(url.prefix, parse_prefix(scheme, rest.substr(slash)));
  return url;
}

Result<KeystoreUrl> parse_place(const Scheme& scheme, std::string_view place) {
  if (scheme.scheme == kSocketScheme) return parse_socket(scheme, place);
  return scheme.kind == StoreKind::sqlite ? parse_file(scheme, place)
                                          : parse_servers_and_prefix(scheme, place);
}

bool is_local_server(const StoreServer& server) {
  const auto address = IpAddress::parse(server.host);
  if (address.ok()) return address.value().is_loopback();
  return server.host == "localhost";
}

}  // namespace

std::string StoreServer::text() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

bool KeystoreUrl::is_local() const {
  return std::ranges::all_of(servers, is_local_server);
}

std::string KeystoreUrl::text() const {
  if (!socket.empty()) {
    const std::string_view separator = datacenter.empty() || prefix.empty() ? "" : "&";
    return fmt::format(
        "{}://{}{}{}{}{}", kSocketScheme, socket, datacenter.empty() && prefix.empty() ? "" : "?",
        datacenter.empty() ? "" : "dc=" + datacenter, separator, prefix.empty() ? "" : "prefix=" + prefix);
  }
  std::string out = fmt::format("{}://{}", scheme_of(kind).scheme, path);
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (i > 0) out += ',';
    out += servers[i].text();
  }
  if (!prefix.empty()) out += "/" + prefix;
  if (!datacenter.empty()) out += "?dc=" + datacenter;
  return out;
}

std::string_view store_name(StoreKind kind) {
  return scheme_of(kind).name;
}

Result<KeystoreUrl> parse_keystore_url(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    return url_error("there is no \"://\" in it",
                     "write sqlite:///path, etcd://, consul:// or zk://host:port");
  }
  const std::string_view name = text.substr(0, colon);
  const auto scheme = std::ranges::find(kSchemes, name, &Scheme::scheme);
  if (scheme == kSchemes.end()) {
    return url_error(fmt::format("unknown kind of store \"{}\"", name), "use sqlite, etcd, consul or zk");
  }
  const std::string_view rest = text.substr(colon + 3);
  const auto is_bad = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; };
  if (std::ranges::any_of(rest, is_bad)) return bad_form(*scheme, "there is a blank or a control byte in it");
  const bool has_parameters = scheme->kind == StoreKind::consul;
  if (rest.find_first_of(has_parameters ? "#" : "?#") != std::string_view::npos) {
    return bad_form(*scheme,
                    has_parameters ? "'#' has no meaning in it" : "'?' and '#' have no meaning in it");
  }
  const std::size_t question = std::min(rest.find('?'), rest.size());
  OVL_TRY(KeystoreUrl url, parse_place(*scheme, rest.substr(0, question)));
  if (question < rest.size()) OVL_CHECK(take_parameters(*scheme, rest.substr(question + 1), url));
  return url;
}

}  // namespace ovl
