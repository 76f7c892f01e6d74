#include "drivers/keystore/consul/consul_session.hpp"

#include <fmt/format.h>

#include "model/base/value.hpp"

namespace ovl {

namespace {

// - Behavior: the keys go with the session.
// - LockDelay 0: by default nobody gets a key for 15 s after its session was ended for it, to protect
//   what its late holder still writes. Here such writes fail by the fence in their transaction, so
//   the next one need not wait.
// - No checks: with the default, serfHealth, the session would end with the agent's, not with its
//   owner's life. NodeChecks is what newer servers read, Checks the older ones.
std::string request_of(std::chrono::seconds ttl) {
  Value body = Value::object();
  body.set("Name", "ovl");
  body.set("TTL", fmt::format("{}s", ttl.count()));
  body.set("Behavior", "delete");
  body.set("LockDelay", "0s");
  body.set("Checks", Value::array());
  body.set("NodeChecks", Value::array());
  return body.json();
}

}  // namespace

Result<std::unique_ptr<Session>> ConsulSession::open(ConsulApi api, std::chrono::seconds ttl) {
  auto response = api.put("/v1/session/create", request_of(ttl));
  if (!response.ok()) {
    Error error = std::move(response).error();
    // A wrong time is answered with 400 or, before 1.9, with 500.
    if (error.message.find("Session TTL") != std::string::npos) {
      error.code = Errc::usage;
      error.hint = "a session of Consul lives from 10 s (session_ttl_min) to 24 hours";
    }
    return error;
  }
  auto answer = Value::parse_json(response.value().body);
  const Value* id = answer.ok() ? answer.value().find("ID") : nullptr;
  if (id == nullptr || id->as_string() == nullptr || !check_key(*id->as_string()).ok()) {
    return api.error(Errc::corrupt, "the answer names no session",
                     "check that the address is a Consul agent's");
  }
  return std::unique_ptr<Session>(new ConsulSession(std::move(api), *id->as_string()));
}

ConsulSession::~ConsulSession() {
  if (open_) (void)close();
}

Status ConsulSession::keep_alive() {
  OVL_TRY(const HttpResponse response, api_.put("/v1/session/renew/" + escape_path(id_), ""));
  if (response.status == 200) return {};
  open_ = false;
  return api_.error(Errc::not_found, "the session has ended", "open a new session and write its keys again");
}

Status ConsulSession::close() {
  if (!open_) return {};
  OVL_TRY(const HttpResponse response, api_.put("/v1/session/destroy/" + escape_path(id_), ""));
  open_ = false;
  return {};
}

}  // namespace ovl
