#include "drivers/keystore/etcd/etcd_watch_stream.hpp"

namespace ovl {

using etcdserverpb::WatchRequest;
using etcdserverpb::WatchResponse;

EtcdWatchStream::EtcdWatchStream(const EtcdClient& client, const std::shared_ptr<grpc::Channel>& channel,
                                 WatchRequest create)
    : stub_(etcdserverpb::Watch::NewStub(channel)), request_(std::move(create)) {
  client.prepare(context_);
  stream_ = stub_->PrepareAsyncWatch(&context_, &queue_);
  stream_->StartCall(&start_);
}

// A queue must be empty before it goes (CompletionQueue::Shutdown); what was cancelled completes at once.
EtcdWatchStream::~EtcdWatchStream() {
  context_.TryCancel();
  queue_.Shutdown();
  void* tag = nullptr;
  bool succeeded = false;
  while (queue_.Next(&tag, &succeeded)) {
  }
}

EtcdWatchStream::Outcome EtcdWatchStream::receive(WatchResponse& message, Deadline deadline) {
  while (!finished_) {
    void* tag = nullptr;
    bool succeeded = false;
    const auto next = queue_.AsyncNext(&tag, &succeeded, to_grpc(deadline));
    if (next != grpc::CompletionQueue::GOT_EVENT) return Outcome::timeout;
    if (advance(tag, succeeded, message)) return Outcome::message;
  }
  return Outcome::broken;
}

// True: a message has come.
bool EtcdWatchStream::advance(const void* tag, bool succeeded, WatchResponse& message) {
  if (tag == &finish_) {
    finished_ = true;
    return false;
  }
  if (tag == &write_) writing_ = false;
  if (!succeeded) {
    finish();
    return false;
  }
  if (tag == &start_) {
    stream_->Write(request_, &write_);
    stream_->Read(&response_, &read_);
  }
  if (tag == &write_ && wants_progress_) write_progress();
  if (tag != &read_) return false;
  message.Swap(&response_);
  stream_->Read(&response_, &read_);
  return true;
}

// The server's last words: a read that fails, or a write, means that there are some.
void EtcdWatchStream::finish() {
  if (finishing_) return;
  finishing_ = true;
  stream_->Finish(&status_, &finish_);
}

void EtcdWatchStream::request_progress() {
  wants_progress_ = true;
  if (!writing_ && !finishing_) write_progress();
}

void EtcdWatchStream::write_progress() {
  wants_progress_ = false;
  writing_ = true;
  request_.mutable_progress_request();
  stream_->Write(request_, &write_);
}

}  // namespace ovl
