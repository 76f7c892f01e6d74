// What a gRPC status of an etcd server means: was the request taken, may it be sent again, and what a
// person is told. The texts are those of etcd's api/v3rpc/rpctypes/error.go.
#pragma once

#include <grpcpp/support/status.h>

#include <cstdint>

#include "drivers/keystore/etcd/etcd_time.hpp"
#include "model/base/result.hpp"

namespace ovl {

// Bytes of one message from the server, which is gRPC's own default; a longer one is refused before it is
// loaded. A page of a read asks for half of it. A watch gets its changes in parts of etcd's
// --max-request-bytes (1.5 MiB) and 512 KiB.
inline constexpr int kMostEtcdAnswer = 4 << 20;

enum class Answer : std::uint8_t {
  yes,
  token,     // the token is missing, unknown or too old: authenticate and ask again
  not_now,   // this member can't serve now, its cluster is electing; it took nothing
  not_sent,  // no connection: it took nothing
  refused,   // it answered no
  lost       // sent, and no answer: it may have been taken
};

// Whether asking twice does harm.
enum class Effect : std::uint8_t { repeatable, once };

Answer answer_of(const grpc::Status& status);

// The error for a status that isn't `yes`. `server` is the store's name without secrets.
Error error_of(const grpc::Status& status, Effect effect, std::string_view server);

// A stand-in for the server's status when a connection does not come about in time.
grpc::Status no_connection();

// The status of a request that went ahead of another: whatever became of it, the other was not sent.
grpc::Status not_taken(const grpc::Status& status);

// True: an answer was longer than kMostEtcdAnswer, or than the server sends.
bool is_too_large(const Error& error);

// True: a page at a fixed revision that the server has meanwhile forgotten.
bool is_compacted(const Error& error);

}  // namespace ovl
