// Watches of etcd: a stream of changes that is opened again wherever it broke.
#pragma once

#include <memory>
#include <optional>

#include "drivers/keystore/etcd/etcd_client.hpp"
#include "drivers/keystore/etcd/etcd_messages.hpp"
#include "drivers/keystore/etcd/etcd_watch_stream.hpp"

namespace ovl {

class EtcdWatch final : public Watch {
 public:
  static Result<std::unique_ptr<Watch>> open(std::shared_ptr<EtcdClient> client, const EtcdKeys& keys,
                                             KeySelection what, Revision after);

  // Errors: privilege; unreachable, when for longer than the timeout of a call no member served the
  // stream. The next call goes on where this one was.
  Result<WatchBatch> next(std::chrono::milliseconds timeout) override;

 private:
  EtcdWatch(std::shared_ptr<EtcdClient> client, const EtcdKeys& keys, KeySelection what, Revision after);

  Status wait_until_created();
  void wait_for_history();
  Result<std::optional<WatchBatch>> step(Deadline deadline);
  Status connect(Deadline deadline);
  Status lose(const grpc::Status& status, Deadline deadline);
  Status wait_for_another(Error why, Deadline deadline);
  Result<std::optional<WatchBatch>> take(etcdserverpb::WatchResponse& response, Deadline deadline);
  void take_created(const etcdserverpb::ResponseHeader& header);
  Status take_end(const etcdserverpb::WatchResponse& response, Deadline deadline);
  void gather(google::protobuf::RepeatedPtrField<mvccpb::Event>& events);
  std::optional<WatchBatch> take_events();
  Result<WatchBatch> settle();
  [[nodiscard]] WatchBatch nothing() const;

  std::shared_ptr<EtcdClient> client_;
  EtcdKeys keys_;
  KeySelection what_;
  std::string prefix_;  // in full
  Revision last_;       // everything up to and with this was told
  Revision settled_;    // the server said that it had nothing more up to this
  bool reset_ = false;  // changes were missed; this watch can only say so
  std::uint64_t cluster_ = 0;
  std::unique_ptr<EtcdWatchStream> stream_;  // null: to be opened again
  bool created_ = false;                     // the server has taken the stream's request
  bool renewed_ = false;                     // a new token was asked for since the stream was last served
  std::optional<Deadline> lost_;             // since when no member serves the stream
  int answers_ = 0;                          // to progress requests
  std::optional<WatchBatch> early_;          // what open() came upon
  WatchBatch fragments_;                     // of an answer that has not all come yet
};

}  // namespace ovl
