#include "cmd/keystore_options.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace ovl {

namespace {

class SecretReader {
 public:
  // `beside`: the file whose folder relative paths start from; null when there is none.
  explicit SecretReader(const SourceFile* beside) : beside_(beside) {}

  [[nodiscard]] Result<std::string> read(const std::optional<SecretRef>& ref) const {
    if (!ref) return std::string();
    if (ref->where == SecretRef::Where::file) return read_file(path_of(ref));
    const char* value = std::getenv(ref->name.c_str());
    if (value != nullptr) return std::string(value);
    return Error{.code = Errc::usage, .message = fmt::format("the environment has no {}", ref->name)};
  }

  [[nodiscard]] std::string path_of(const std::optional<SecretRef>& ref) const {
    if (!ref) return {};
    return beside_ != nullptr ? path_beside(*beside_, ref->name) : ref->name;
  }

 private:
  static Result<std::string> read_file(const std::string& path) {
    struct stat info {};

    if (stat(path.c_str(), &info) != 0) {
      return Error{.code = Errc::io, .message = fmt::format("the secret file {} can't be read", path)};
    }
    if ((info.st_mode & 077) != 0 || (info.st_uid != geteuid() && info.st_uid != 0)) {
      return Error{.code = Errc::guard,
                   .message = fmt::format("the secret file {} is readable by others", path),
                   .hint = fmt::format("chmod 600 {}", path)};
    }
    std::ifstream file(path);
    std::string secret;
    std::getline(file, secret);
    return secret;
  }

  const SourceFile* beside_;
};

}  // namespace

Result<KeystoreOptions> keystore_options(const std::string& url, const Manifest* manifest,
                                         const Sources& sources) {
  KeystoreOptions options{.url = url};
  if (manifest == nullptr) return options;
  const KeystoreBlock& block = manifest->keystore;
  const SecretReader secrets(block.place.file < sources.size() ? &sources[block.place.file] : nullptr);
  OVL_TRY(options.token, secrets.read(block.token));
  OVL_TRY(options.user, secrets.read(block.user));
  OVL_TRY(options.password, secrets.read(block.password));
  options.ca_file = secrets.path_of(block.tls_ca);
  options.cert_file = secrets.path_of(block.tls_cert);
  options.key_file = secrets.path_of(block.tls_key);
  options.allow_plaintext = block.allow_plaintext;
  return options;
}

}  // namespace ovl
