#include "drivers/keystore/etcd/etcd_errors.hpp"

#include <fmt/format.h>

#include <string_view>

namespace ovl {

namespace {

using grpc::StatusCode;

constexpr std::string_view kNoConnection = "no connection in time";
constexpr std::string_view kTooLarge = "message larger than max";
constexpr std::string_view kBuffersFull = "Buffers full";
constexpr std::string_view kNotNow = "it can't answer now: ";

bool says(const grpc::Status& status, std::string_view text) {
  return status.error_message().find(text) != std::string::npos;
}

struct Meaning {
  std::string_view text;  // part of the status's message
  Errc code;
  std::string_view hint;
};

// The first that fits.
constexpr Meaning kMeanings[] = {
    {"authentication failed", Errc::privilege, "check user and password in [keystore]"},
    {"user name is empty", Errc::privilege, "this etcd wants a user: give user and password in [keystore]"},
    {"invalid auth token", Errc::privilege, "check the token, or give user and password, in [keystore]"},
    {"permission denied", Errc::privilege,
     "give the user's role this prefix: etcdctl role grant-permission ROLE --prefix=true readwrite PREFIX"},
    {"database space exceeded", Errc::unreachable,
     "free space: etcdctl compact, etcdctl defrag, then etcdctl alarm disarm"},
    {"required revision has been compacted", Errc::stale, ""},
    {"request is too large", Errc::usage, "raise etcd's --max-request-bytes, or store less at once"},
    {kBuffersFull, Errc::usage, "raise etcd's --max-request-bytes, or store less at once"},
    {kTooLarge, Errc::usage, "raise etcd's --max-request-bytes, or store less at once"},
    {"too many operations", Errc::usage, "raise etcd's --max-txn-ops to 128, its default"},
    {"http1", Errc::unreachable,
     "an HTTP/1.1 server answers there, a proxy or a gateway; ovl speaks gRPC: give etcd's client address"},
    {"requires http2", Errc::unreachable, "something between here and etcd does not let HTTP/2 through"},
    {"certificate verify failed", Errc::unreachable,
     "tls.ca must be the authority of etcd's certificate, and the certificate must be valid today"},
    {"Hostname Verification", Errc::unreachable, "etcd's certificate is for another name than the URL's"},
    {"Peer name", Errc::unreachable, "etcd's certificate is for another name than the URL's"},
    {"WRONG_VERSION_NUMBER", Errc::unreachable,
     "the server speaks no TLS there: leave tls out of [keystore]"},
    {"wrong version number", Errc::unreachable,
     "the server speaks no TLS there: leave tls out of [keystore]"},
    {"Connection refused", Errc::unreachable, "is etcd running, and is this its client port?"},
    {"Network is unreachable", Errc::unreachable,
     "no route leads there: check the address and this host's routes"},
    {"No route to host", Errc::unreachable,
     "nobody answers at that address: check it, and whether the host is up"},
    {"Failed parsing HTTP/2", Errc::unreachable,
     "something that is not etcd answers there: check host and port"},
    {"DNS resolution failed", Errc::unreachable, "check the host's name"},
    {"no leader", Errc::unreachable, "most members must be up: etcdctl endpoint status --cluster"},
};

Errc code_of(StatusCode code) {
  switch (code) {
    case StatusCode::PERMISSION_DENIED:
    case StatusCode::UNAUTHENTICATED: return Errc::privilege;
    case StatusCode::NOT_FOUND: return Errc::not_found;
    case StatusCode::UNIMPLEMENTED: return Errc::unsupported;
    case StatusCode::INVALID_ARGUMENT: return Errc::usage;
    default: return Errc::unreachable;
  }
}

bool was_not_sent(const grpc::Status& status) {
  return says(status, kNoConnection) || says(status, "failed to connect to all addresses") ||
         says(status, "DNS resolution failed") || says(status, "lame client channel");
}

// What a server does that wants TLS and gets none, or the other way, or wants a client's certificate: TLS
// 1.3 lets it refuse one after the handshake.
bool hangs_up(const grpc::Status& status) {
  return was_not_sent(status) && (says(status, "Socket closed") || says(status, "Endpoint read failed") ||
                                  says(status, "Connection reset") || says(status, "Broken pipe"));
}

Meaning meaning_of(const grpc::Status& status) {
  for (const Meaning& meaning : kMeanings) {
    if (says(status, meaning.text)) return meaning;
  }
  if (hangs_up(status)) {
    return {"", Errc::unreachable,
            "it hangs up: does it want TLS, or none, or a client's certificate (tls.cert and tls.key)?"};
  }
  if (status.error_code() == StatusCode::UNIMPLEMENTED) {
    return {"", Errc::unsupported,
            "an HTTP server or a proxy answers there, not etcd's gRPC: check the address"};
  }
  if (status.error_code() == StatusCode::DEADLINE_EXCEEDED || says(status, kNoConnection)) {
    return {"", Errc::unreachable,
            "is etcd well, and does anything hold back its traffic? A longer timeout may help"};
  }
  return {"", code_of(status.error_code()), "look into etcd's log"};
}

// The reason proper is at the end of gRPC's chain of causes.
std::string reason_of(const grpc::Status& status) {
  if (status.error_code() == StatusCode::DEADLINE_EXCEEDED) return "no answer in time";
  const std::string message = status.error_message();
  std::string_view text = message;
  constexpr std::string_view kLast = "last error: ";
  if (const auto at = text.rfind(kLast); at != std::string_view::npos) text.remove_prefix(at + kLast.size());
  constexpr std::string_view kOwn = "etcdserver: ";
  if (text.starts_with(kOwn)) text.remove_prefix(kOwn.size());
  return text.empty() ? fmt::format("gRPC status {}", static_cast<int>(status.error_code()))
                      : std::string(text);
}

bool wants_token(const grpc::Status& status) {
  return status.error_code() == StatusCode::UNAUTHENTICATED || says(status, "invalid auth token") ||
         says(status, "user name is empty") || says(status, "revision of auth store is old");
}

bool is_not_now(const grpc::Status& status) {
  return says(status, "no leader") || status.error_message().starts_with(kNotNow);
}

// The server's quota is tested again after a transaction was applied (etcd's quotaApplierV3.Txn): this
// error alone does not tell whether the write is in.
bool is_full(const grpc::Status& status) {
  return says(status, "database space exceeded");
}

}  // namespace

Answer answer_of(const grpc::Status& status) {
  if (status.ok()) return Answer::yes;
  if (wants_token(status)) return Answer::token;
  if (was_not_sent(status)) return Answer::not_sent;
  switch (status.error_code()) {
    case StatusCode::UNAVAILABLE: return is_not_now(status) ? Answer::not_now : Answer::lost;
    case StatusCode::DEADLINE_EXCEEDED:
    case StatusCode::CANCELLED:
    case StatusCode::ABORTED:
    case StatusCode::INTERNAL:
    case StatusCode::UNKNOWN:
    case StatusCode::DATA_LOSS: return Answer::lost;
    default: return Answer::refused;
  }
}

Error error_of(const grpc::Status& status, Effect effect, std::string_view server) {
  const Meaning meaning = meaning_of(status);
  const bool in_doubt = effect == Effect::once && (answer_of(status) == Answer::lost || is_full(status));
  const std::string_view what = in_doubt ? "did not say whether it took the write" : "can't be used";
  return Error{.code = in_doubt ? Errc::in_doubt : meaning.code,
               .message = fmt::format("{} {}: {}", server, what, reason_of(status)),
               .hint = std::string(meaning.hint)};
}

grpc::Status no_connection() {
  return {StatusCode::UNAVAILABLE, std::string(kNoConnection)};
}

grpc::Status not_taken(const grpc::Status& status) {
  if (answer_of(status) != Answer::lost) return status;
  return {StatusCode::UNAVAILABLE, std::string(kNotNow) + reason_of(status)};
}

bool is_too_large(const Error& error) {
  return error.message.find(kTooLarge) != std::string::npos ||
         error.message.find(kBuffersFull) != std::string::npos;
}

bool is_compacted(const Error& error) {
  return error.code == Errc::stale;
}

}  // namespace ovl
