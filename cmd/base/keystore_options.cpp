// Secrets are references (env:NAME, file:PATH) wherever they are written down: in manifests, saved plans,
// states, scripts of hooks and arguments, all of which are copied, committed and shown. They become values
// here, as late as possible, and go into the driver's options and nowhere else.
#include "cmd/base/keystore_options.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "drivers/keystore/url.hpp"
#include "files/read.hpp"
#include "files/trusted_file.hpp"
#include "reconcile/base/ids.hpp"
#include "reconcile/manifest/decode_values.hpp"

namespace ovl {

namespace {

// The text itself is not repeated: it may be the secret that somebody wrote in its place.
Error no_reference(std::string_view what) {
  return Error{.code = Errc::usage,
               .message = fmt::format("the keystore's {} is no reference", what),
               .hint = "name where it is: env:NAME or file:PATH"};
}

// Bytes of a file of which the first line counts.
constexpr std::size_t kMostSecret = 65'536;

Status check_secret(const std::string& path, const UniqueFd& file) {
  struct stat about {};

  if (::fstat(file.get(), &about) != 0) {
    return Error{.code = Errc::io,
                 .message = fmt::format("the secret file {} can't be read", path),
                 .os_errno = errno};
  }
  // As ssh does with private keys: a secret that others can read is not one, and the time to say so is before
  // it is used.
  if ((about.st_mode & 077) == 0 && (about.st_uid == ::geteuid() || about.st_uid == 0)) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("the secret file {} is readable by others", path),
               .hint = fmt::format("chmod 600 {}", path)};
}

Result<std::string> read_file(const std::string& path) {
  const auto file = open_regular(AT_FDCWD, path, path, Links::follow);
  if (!file.ok()) {
    return Error{.code = Errc::io,
                 .message = fmt::format("the secret file {} can't be read", path),
                 .hint = file.error().message};
  }
  // Of the descriptor that is read, so that the file can't be exchanged after it was judged.
  OVL_CHECK(check_secret(path, file.value()));
  OVL_TRY(const std::string text, read_open(file.value().get(), path, kMostSecret));
  // Editors and echo end a file with a line break, which no token has.
  return text.substr(0, text.find('\n'));
}

Result<std::string> read_secret(std::string_view what, const std::string& text) {
  if (text.empty()) return std::string();
  const auto ref = parse_secret(text);
  if (!ref) return no_reference(what);
  if (ref->where == SecretRef::Where::file) return read_file(ref->name);
  const char* value = std::getenv(ref->name.c_str());
  if (value != nullptr) return std::string(value);
  return Error{.code = Errc::usage, .message = fmt::format("the environment has no {}", ref->name)};
}

// Who writes a CA file decides whom this host takes for its keystore; who writes a certificate, as whom it
// comes.
Status check_authority(const std::string& path, const UniqueFd&) {
  // Its folders too: who may write one of them can put another file there.
  return check_trusted(path);
}

// The drivers' libraries read it, and would wait for a pipe; of what is not there they tell themselves.
Result<std::string> file_of(std::string_view what, const std::string& text,
                            Status (*check)(const std::string& path, const UniqueFd& file)) {
  if (text.empty()) return std::string();
  const auto ref = parse_secret(text);
  if (!ref || ref->where != SecretRef::Where::file) return no_reference(what);
  const auto file = open_regular(AT_FDCWD, ref->name, ref->name, Links::follow);
  if (file.ok()) {
    Status checked = check(ref->name, file.value());
    if (!checked.ok()) return std::move(checked).error().within(fmt::format("the keystore's {}", what));
    return ref->name;
  }
  const bool special = file.error().os_errno == ENXIO || file.error().os_errno == EISDIR;
  return special ? Result<std::string>(file.error()) : Result<std::string>(ref->name);
}

std::string text_of(const std::optional<SecretRef>& ref, const SourceFile* beside) {
  if (!ref) return {};
  if (ref->where == SecretRef::Where::env) return "env:" + ref->name;
  std::error_code error;
  const std::string path = beside != nullptr ? path_beside(*beside, ref->name) : ref->name;
  const std::string absolute = std::filesystem::absolute(path, error).lexically_normal();
  // Absolute from now on: references are kept in the state and read from another folder.
  return "file:" + (error ? path : absolute);
}

// Another one for a file that was written or put in place meanwhile.
std::string file_stamp(const std::string& path) {
  struct stat info {};

  // A file that is gone is a change as well.
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return "-\n";
  // Inode and times, not the content: certificates are renewed by rename, and a digest of a key is not needed
  // for that.
  return fmt::format("{} {} {} {}\n", info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

}  // namespace

KeystoreAccess access_of(const KeystoreBlock& block, const Sources& sources) {
  const SourceFile* beside = block.place.file < sources.size() ? &sources[block.place.file] : nullptr;
  return KeystoreAccess{.url = block.url.value,
                        .token = text_of(block.token, beside),
                        .user = text_of(block.user, beside),
                        .password = text_of(block.password, beside),
                        .ca = text_of(block.tls_ca, beside),
                        .cert = text_of(block.tls_cert, beside),
                        .key = text_of(block.tls_key, beside),
                        .allow_plaintext = block.allow_plaintext};
}

bool has_references(const KeystoreAccess& access) {
  return has_other_references(access, KeystoreAccess());
}

bool has_other_references(const KeystoreAccess& stated, const KeystoreAccess& known) {
  // Compared as text: another spelling of the same file is a stranger, which is the safe mistake.
  return std::ranges::any_of(kKeystoreReferences, [&](const auto member) {
    return !(stated.*member).empty() && stated.*member != known.*member;
  });
}

KeystoreAccess with_absolute_files(KeystoreAccess access) {
  constexpr std::string_view lead = "file:";
  std::error_code error;
  for (const auto member : kKeystoreReferences) {
    std::string& text = access.*member;
    if (!text.starts_with(lead) || text.size() == lead.size()) continue;
    // Before anything changes the folder or keeps them: a hook, a service and the next apply read them from
    // elsewhere.
    const auto path = std::filesystem::absolute(text.substr(lead.size()), error).lexically_normal();
    if (!error) text = std::string(lead) + path.string();
  }
  return access;
}

KeystoreAccess overlay(KeystoreAccess base, const KeystoreAccess& over) {
  for (const auto member : kKeystoreReferences) {
    // Members one by one, so that a token of the command line goes with the host's CA.
    if (!(over.*member).empty()) base.*member = over.*member;
  }
  // Whether to speak in the clear can't be taken back by a side that says nothing about it.
  base.allow_plaintext = base.allow_plaintext || over.allow_plaintext;
  return base;
}

namespace {

// By which a store's servers speak to each other, and to clients of another protocol: as the programs
// have them by default. Endpoints are kept off the store, as who reaches it can write records. Its servers'
// other ports lead to the same data, and are mostly less guarded than the one for clients.
std::vector<std::uint32_t> ports_of_peers(StoreKind kind) {
  switch (kind) {
    case StoreKind::sqlite: return {};
    case StoreKind::etcd: return {2379, 2380};
    case StoreKind::consul: return {8300, 8301, 8302, 8500, 8501, 8502, 8503, 8600};
    case StoreKind::zookeeper: return {2181, 2281, 2888, 3888};
  }
  return {};
}

}  // namespace

Result<std::vector<KeystoreAddress>> server_addresses(const std::string& url) {
  OVL_TRY(const KeystoreUrl parsed, parse_keystore_url(url));
  std::vector<KeystoreAddress> out;
  for (const StoreServer& server : parsed.servers) {
    auto parsed_address = IpAddress::parse(server.host);
    // A name: it may mean another address tomorrow, so its ports are shut wherever they are.
    const IpAddress address = parsed_address.ok() ? parsed_address.value() : IpAddress();
    std::vector<std::uint32_t> ports = ports_of_peers(parsed.kind);
    ports.push_back(server.port);
    for (const std::uint32_t number : ports) {
      auto port = UdpPort::from(number);
      if (port.ok()) out.push_back({address, std::move(port).value()});
    }
  }
  return out;
}

Result<KeystoreOptions> keystore_options(const KeystoreAccess& access) {
  KeystoreOptions options{.url = access.url};
  OVL_TRY(options.token, read_secret("token", access.token));
  OVL_TRY(options.user, read_secret("user", access.user));
  OVL_TRY(options.password, read_secret("password", access.password));
  OVL_TRY(options.ca_file, file_of("CA file", access.ca, check_authority));
  OVL_TRY(options.cert_file, file_of("certificate", access.cert, check_authority));
  OVL_TRY(options.key_file, file_of("key", access.key, check_secret));
  options.allow_plaintext = access.allow_plaintext;
  // From here on there is something that no core file and no debugger of the same user may show.
  const bool has_secret = !options.token.empty() || !options.user.empty() || !options.password.empty();
  // execve(2) sets it again for a program that takes our place, which has none of the secrets.
  if (has_secret || !options.key_file.empty()) ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return options;
}

std::string digest_of_access(const KeystoreOptions& options) {
  std::string all;
  for (const std::string* text : {&options.url, &options.token, &options.user, &options.password,
                                  &options.ca_file, &options.cert_file, &options.key_file}) {
    // With their lengths, so that no two sets of values make one text.
    all += fmt::format("{} {}\n", text->size(), *text);
  }
  for (const std::string* file : {&options.ca_file, &options.cert_file, &options.key_file}) {
    all += file_stamp(*file);
  }
  // Kept for the life of a service: a digest, and not the secrets a second time.
  return sha256_hex(all + (options.allow_plaintext ? "plain" : ""));
}

void forget_secret_variables(const KeystoreAccess& access) {
  for (const std::string* text : {&access.token, &access.user, &access.password}) {
    const auto ref = parse_secret(*text);
    // /proc/PID/environ of what runs in an endpoint is read by root of that endpoint, which is a tenant.
    if (ref && ref->where == SecretRef::Where::env) ::unsetenv(ref->name.c_str());
  }
}

void forget_variables_in(std::string_view manifest) {
  constexpr std::string_view reference = "env:";
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  for (std::size_t at = manifest.find(reference); at != std::string_view::npos;
       at = manifest.find(reference, at + 1)) {
    const std::string_view rest = manifest.substr(at + reference.size());
    const std::string name(rest.substr(0, std::min(rest.find_first_not_of(letters), rest.size())));
    if (!name.empty()) ::unsetenv(name.c_str());
  }
}

}  // namespace ovl
