// One member of an etcd cluster: its channel, and whether it has proved to be in the quorum.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "drivers/keystore/etcd/etcd_time.hpp"

namespace ovl {

// Thread-safe, as gRPC's channels are.
class EtcdEndpoint {
 public:
  EtcdEndpoint(std::string target, std::shared_ptr<grpc::ChannelCredentials> credentials)
      : target_(std::move(target)), credentials_(std::move(credentials)) {}

  // The channel; another one when the last attempt to connect failed, so that no call waits for the end
  // of a back-off.
  std::shared_ptr<grpc::Channel> channel();

  // Waits until the channel is ready or has failed. A server that accepts and says nothing is neither:
  // gRPC calls a connection ready when the server's HTTP/2 settings are in.
  static bool is_settled(grpc::Channel& channel, Deadline deadline);
  // False: the connection is gone, or was never there.
  static bool stands(grpc::Channel& channel);

  // Whether it answered just now, and has not failed since. An answer to a request that needs the
  // quorum tells of an election only as long as none can have begun since.
  [[nodiscard]] bool is_proven() const { return !is_over(proven_until_); }

  // Whether it answered in this moment. To ask whether the connection stands takes gRPC a millisecond, so
  // that its answer is no newer than this.
  [[nodiscard]] bool has_just_answered() const { return !is_over(proven_until_.load() - kProof + kMoment); }

  void set_proven() { proven_until_ = deadline_in(kProof); }

  void set_unproven() { proven_until_ = Deadline(); }

 private:
  // Under etcd's shortest usual --election-timeout.
  static constexpr std::chrono::milliseconds kProof{500};
  static constexpr std::chrono::milliseconds kMoment{1};

  std::string target_;
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
  std::mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_;
  std::atomic<Deadline> proven_until_ = Deadline();
};

}  // namespace ovl
