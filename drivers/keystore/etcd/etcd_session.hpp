// Sessions of etcd: leases. Nothing but keep_alive() renews one.
#pragma once

#include <memory>

#include "drivers/keystore/etcd/etcd_client.hpp"

namespace ovl {

class EtcdSession final : public Session {
 public:
  static Result<std::unique_ptr<Session>> open(std::shared_ptr<EtcdClient> client, std::chrono::seconds ttl);
  EtcdSession(const EtcdSession&) = delete;
  EtcdSession& operator=(const EtcdSession&) = delete;
  ~EtcdSession() override;

  [[nodiscard]] const std::string& id() const override { return id_; }

  Status keep_alive() override;
  Status close() override;

 private:
  EtcdSession(std::shared_ptr<EtcdClient> client, std::int64_t lease);
  Status revoke(Deadline deadline);

  std::shared_ptr<EtcdClient> client_;
  std::int64_t lease_;
  std::string id_;
  bool open_ = true;
};

}  // namespace ovl
