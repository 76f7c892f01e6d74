// A session of Consul. https://developer.hashicorp.com/consul/api-docs/session
#pragma once

#include "drivers/keystore/consul/api.hpp"

namespace ovl {

// Its time to live is a lower bound: the server ends it within twice of it, and starts anew to count
// when its leader changes.
class ConsulSession final : public Session {
 public:
  static Result<std::unique_ptr<Session>> open(ConsulApi api, std::chrono::seconds ttl);
  ~ConsulSession() override;
  ConsulSession(const ConsulSession&) = delete;
  ConsulSession& operator=(const ConsulSession&) = delete;

  [[nodiscard]] const std::string& id() const override { return id_; }

  Status keep_alive() override;
  Status close() override;

 private:
  ConsulSession(ConsulApi api, std::string id) : api_(std::move(api)), id_(std::move(id)) {}

  ConsulApi api_;
  std::string id_;
  bool open_ = true;
};

}  // namespace ovl
