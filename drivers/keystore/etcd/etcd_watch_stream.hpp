// One stream of etcd's Watch service. Whoever receives drives it: there is no thread, and no wait is
// longer than its deadline.
#pragma once

#include <etcd_rpc.grpc.pb.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>

#include <memory>

#include "drivers/keystore/etcd/etcd_client.hpp"

namespace ovl {

class EtcdWatchStream {
 public:
  enum class Outcome : std::uint8_t { message, timeout, broken };

  // Sends the request as soon as the stream stands.
  EtcdWatchStream(const EtcdClient& client, const std::shared_ptr<grpc::Channel>& channel,
                  etcdserverpb::WatchRequest create);
  EtcdWatchStream(const EtcdWatchStream&) = delete;
  EtcdWatchStream& operator=(const EtcdWatchStream&) = delete;
  // Cancels, which needs no answer.
  ~EtcdWatchStream();

  Outcome receive(etcdserverpb::WatchResponse& message, Deadline deadline);
  // Asks for a message that says how far the server is; it goes out when the last one has.
  void request_progress();

  // Why it broke.
  [[nodiscard]] const grpc::Status& status() const { return status_; }

 private:
  // What a completion belongs to; the queue hands the address back.
  struct Step {
    char unused = 0;
  };

  bool advance(const void* tag, bool succeeded, etcdserverpb::WatchResponse& message);
  void write_progress();
  void finish();

  Step start_;
  Step write_;
  Step read_;
  Step finish_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<etcdserverpb::Watch::Stub> stub_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<etcdserverpb::WatchRequest, etcdserverpb::WatchResponse>>
      stream_;
  etcdserverpb::WatchRequest request_;
  etcdserverpb::WatchResponse response_;
  grpc::Status status_;
  bool writing_ = true;
  bool wants_progress_ = false;
  bool finishing_ = false;
  bool finished_ = false;
};

}  // namespace ovl
