// ovl init: a first manifest that is valid, formatted and of this machine, so that validate and plan say
// something before anything was edited.
#include "cmd/verbs/init.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <ostream>

#include "cmd/base/error_text.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/session/machine.hpp"
#include "model/base/handle.hpp"
#include "model/base/values.hpp"
#include "reconcile/manifest/decode_values.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

// As `ovl fmt` writes it, with these two words for what is known of this machine.
constexpr std::string_view kName = "HOST";
constexpr std::string_view kAddress = "ADDRESS";
// What is left out is chosen, and what is commented out is what most clusters say next.
constexpr std::string_view kStarter =
    R"(# What this cluster's overlay networks shall be. `ovl validate` checks this file, `ovl plan` shows what
# would change, `ovl apply` changes it. All keys: docs/manifest.md

[cluster]
name = "demo" # names the cluster's tree in the keystore

[keystore]
# A file serves one machine. Several hosts share a store:
#   url = "etcd://10.0.0.1:2379,10.0.0.2:2379"
#   url = "consul://10.0.0.1:8500"
#   url = "zk://10.0.0.1:2181"
url = "sqlite:///var/lib/ovl/keystore.db"
# token = "env:CONSUL_HTTP_TOKEN"            # secrets are references: env:NAME or file:PATH
# tls = { ca = "file:/etc/ovl/ca.pem" }
# allow_plaintext = true                     # off this machine, without tls

[host.HOST]
advertise = "ADDRESS" # how the other hosts reach this one: an address, or an interface like "eth0"

# [host.node-b]
# advertise = "192.168.50.11"

[network.front]
subnet = "10.0.9.0/24" # left out: chosen
# internal = true       # no way out of the network

[endpoint.web]
host = "HOST"
network = "front"
# address = "10.0.9.10"  # left out: chosen, and kept
aliases = ["www"] # further names by which the others find it

[endpoint.db]
host = "HOST"
network = "front"
)";

// To the descriptor that O_EXCL has opened: by path it could be another file by now.
bool write_text(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void replace_all(std::string& text, std::string_view word, const std::string& by) {
  // Goes on behind what was put in, which may have the word itself.
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += by.size()) {
    text.replace(at, word.size(), by);
  }
}

// As `ovl plan` finds it among the declared hosts.
StarterHost this_host() {
  StarterHost out;
  const std::string full = host_name();
  // A machine may be called by its full name; a host's name has no dots.
  const auto name = HostName::parse(full.substr(0, full.find('.')));
  // What validate refuses must not stand in the first manifest that somebody sees: a machine called localhost
  // keeps the placeholder, and is told so.
  if (name.ok() && !is_reserved_name(name.value().text())) out.name = name.value().text();
  if (const std::string address = reachable_address(); !address.empty()) out.address = address;
  return out;
}

// What is not known of it has to be said by somebody. On stderr, so that a script that reads the result is
// not fed with advice.
std::string what_to_say(const StarterHost& host) {
  std::string out;
  const std::string full = host_name();
  const auto name = HostName::parse(full.substr(0, full.find('.')));
  if (!name.ok() || name.value().text() != host.name)
    out += fmt::format("note: this machine's name, {}, can't be a host's: say --host {}\n", printable(full),
                       host.name);
  if (reachable_address().empty())
    out += fmt::format("note: this machine has no address yet that others reach: {} stands for it\n",
                       host.address);
  return out;
}

int refuse(const std::string& path, std::ostream& err) {
  // First of all: whatever comes between may change it.
  const int number = errno;
  Error error{.code = Errc::io, .message = "writing " + path + ": " + std::strerror(number)};
  if (number == EEXIST) {
    error.message = path + " is there already; nothing was written";
    error.hint = "ovl validate checks it";
  }
  err << error_text(error, Style(false));
  return kExitError;
}

}  // namespace

std::string starter_manifest(const StarterHost& host) {
  std::string text(kStarter);
  replace_all(text, kName, host.name);
  replace_all(text, kAddress, host.address);
  return text;
}

int init(const InitOptions& options, std::ostream& out, std::ostream& err) {
  // "ovl init $DIR" with an empty variable would write /ovl.toml.
  if (options.directory.empty()) {
    err << error_text(Error{.code = Errc::usage,
                            .message = "the directory has no name",
                            .hint = "name one, or leave it out for the one you stand in"},
                      Style(false));
    return kExitError;
  }
  const std::string path = options.directory == "." ? "ovl.toml" : options.directory + "/ovl.toml";
  std::error_code failed;  // then opening says what is in the way
  std::filesystem::create_directories(options.directory, failed);
  // O_EXCL: what is there stays, also when two start at once, and no link leads elsewhere: O_EXCL does not
  // follow one at the end of the path (open(2)).
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.valid()) return refuse(path, err);
  const StarterHost host = this_host();
  if (!write_text(file.get(), starter_manifest(host))) {
    const int status = refuse(path, err);
    // It is ours, as O_EXCL made it. Half a manifest would stand in the way of the next try.
    ::unlink(path.c_str());
    return status;
  }
  out << "wrote " << safe_text(path) << "\n";
  err << what_to_say(host);
  // Advice is for people.
  if (!in_automation()) out << "next: edit it, then ovl validate and ovl plan\n";
  return kExitDone;
}

}  // namespace ovl
