// How the store is spoken to: in plain text, or over TLS with the files that the options name.
#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>

#include "drivers/keystore/keystore.hpp"

namespace ovl {

// Error: io (a file can't be read, or is no PEM file).
Result<std::shared_ptr<grpc::ChannelCredentials>> etcd_credentials(const KeystoreOptions& options);

}  // namespace ovl
