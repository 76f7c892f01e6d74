#include "drivers/keystore/etcd/etcd_credentials.hpp"

#include <fmt/format.h>

#include "files/read.hpp"

namespace ovl {

namespace {

Result<std::string> read_pem(const std::string& path) {
  if (path.empty()) return std::string();
  auto text = read_regular(path, {});
  if (!text.ok()) {
    return Error{.code = Errc::io,
                 .message = fmt::format("the TLS file {} can't be read", path),
                 .hint = text.error().message,
                 .os_errno = text.error().os_errno};
  }
  if (text.value().find("-----BEGIN ") != std::string::npos) return text;
  return Error{.code = Errc::io,
               .message = fmt::format("the TLS file {} is no PEM file", path),
               .hint = "convert it with: openssl x509 (or pkey) -inform DER -in FILE -out FILE.pem"};
}

Status check_pair(const KeystoreOptions& options) {
  if (options.cert_file.empty() == options.key_file.empty()) return {};
  return Error{.code = Errc::usage,
               .message = "a client's certificate needs its key, and a key its certificate",
               .hint = "give cert and key in tls of [keystore]"};
}

}  // namespace

Result<std::shared_ptr<grpc::ChannelCredentials>> etcd_credentials(const KeystoreOptions& options) {
  if (!options.has_tls()) return grpc::InsecureChannelCredentials();
  OVL_CHECK(check_pair(options));
  grpc::SslCredentialsOptions tls;
  OVL_TRY(tls.pem_root_certs, read_pem(options.ca_file));
  OVL_TRY(tls.pem_cert_chain, read_pem(options.cert_file));
  OVL_TRY(tls.pem_private_key, read_pem(options.key_file));
  return grpc::SslCredentials(tls);
}

}  // namespace ovl
