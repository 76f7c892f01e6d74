#include "drivers/keystore/etcd/etcd_watch.hpp"

#include <thread>
#include <utility>

#include "drivers/keystore/gathering.hpp"

namespace ovl {

namespace {

using etcdserverpb::WatchRequest;
using etcdserverpb::WatchResponse;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// etcd looks each 100 ms for watches that are behind (syncWatchersLoop in mvcc/watchable_store.go).
constexpr milliseconds kHistory{250};
// How long an empty answer is held back for changes that this client knows of.
constexpr milliseconds kSettle{250};
constexpr milliseconds kPause{100};
// The watch_id of an answer to a progress request.
constexpr std::int64_t kAllWatches = -1;

WatchRequest create_request(const std::string& prefix, Revision after) {
  const EtcdRange range = range_of_prefix(prefix);
  WatchRequest request;
  etcdserverpb::WatchCreateRequest& create = *request.mutable_create_request();
  create.set_key(range.first);
  create.set_range_end(range.end);
  create.set_start_revision(static_cast<std::int64_t>(after) + 1);
  create.set_progress_notify(true);
  create.set_fragment(true);
  return request;
}

bool is_permanent(const Error& error) {
  return error.code == Errc::privilege || error.code == Errc::unsupported;
}

}  // namespace

EtcdWatch::EtcdWatch(std::shared_ptr<EtcdClient> client, const EtcdKeys& keys, KeySelection what,
                     Revision after)
    : client_(std::move(client)),
      keys_(keys),
      what_(std::move(what)),
      prefix_(keys.full(what_.prefix)),
      last_(after),
      settled_(after) {}

Result<std::unique_ptr<Watch>> EtcdWatch::open(std::shared_ptr<EtcdClient> client, const EtcdKeys& keys,
                                               KeySelection what, Revision after) {
  std::unique_ptr<EtcdWatch> watch(new EtcdWatch(std::move(client), keys, std::move(what), after));
  OVL_CHECK(watch->wait_until_created());
  watch->wait_for_history();
  return std::unique_ptr<Watch>(std::move(watch));
}

Status EtcdWatch::wait_until_created() {
  const Deadline deadline = client_->deadline();
  while (!created_ && !reset_ && !early_) {
    OVL_TRY(early_, step(deadline));
    if (!created_ && !early_ && is_over(deadline)) {
      return error_of(no_connection(), Effect::repeatable, client_->name());
    }
  }
  return {};
}

// The server comes to what happened before the stream was there in a round of its own. Without this
// wait, a short first next() would miss changes that were there when it was called.
void EtcdWatch::wait_for_history() {
  if (early_ || reset_ || client_->seen() <= last_) return;
  const Deadline deadline = deadline_in(kHistory);
  while (!early_ && !reset_ && !is_over(deadline)) {
    auto batch = step(deadline);
    if (!batch.ok()) return;
    early_ = std::move(batch).value();
  }
}

Result<WatchBatch> EtcdWatch::next(milliseconds timeout) {
  if (early_) return *std::exchange(early_, std::nullopt);
  const Deadline deadline = deadline_in(timeout);
  do {
    if (reset_) return nothing();
    OVL_TRY(std::optional<WatchBatch> batch, step(deadline));
    if (batch) return *std::move(batch);
  } while (!is_over(deadline));
  return settle();
}

WatchBatch EtcdWatch::nothing() const {
  return WatchBatch{.reset = reset_, .events = {}, .revision = last_};
}

// Changes that this client has seen the effect of are not held back by an empty answer: etcd's events
// come a little later than the answer to the write. Servers before 3.4.25 may let the answer to a
// progress request overtake an event (etcd's CHANGELOG-3.4), so two are asked for, and neither moves
// the revision that the watch resumes at.
Result<WatchBatch> EtcdWatch::settle() {
  const Revision wanted = client_->seen();
  const Deadline deadline = deadline_in(kSettle);
  int asked = 0;
  answers_ = 0;
  while (created_ && settled_ < wanted && answers_ < 2 && !is_over(deadline)) {
    if (asked == answers_) {
      stream_->request_progress();
      ++asked;
    }
    OVL_TRY(std::optional<WatchBatch> batch, step(deadline));
    if (batch) return *std::move(batch);
  }
  settled_ = std::max(settled_, wanted);
  return nothing();
}

// One message, or one attempt to get a stream; nothing when neither brought changes.
Result<std::optional<WatchBatch>> EtcdWatch::step(Deadline deadline) {
  if (stream_ == nullptr) {
    OVL_CHECK(connect(deadline));
    if (stream_ == nullptr) return std::optional<WatchBatch>();
  }
  WatchResponse response;
  switch (stream_->receive(response, deadline)) {
    case EtcdWatchStream::Outcome::message: return take(response, deadline);
    case EtcdWatchStream::Outcome::timeout: break;
    case EtcdWatchStream::Outcome::broken: OVL_CHECK(lose(stream_->status(), deadline)); break;
  }
  return std::optional<WatchBatch>();
}

// A linearizable read goes first: it finds a member that is in the quorum, gets a token where one is
// needed, and says whether the store went back behind what was told.
Status EtcdWatch::connect(Deadline deadline) {
  const Deadline limit = std::max(std::min(deadline, client_->deadline()), deadline_in(kPause));
  const auto now = client_->revision(prefix_, limit);
  if (!now.ok())
    return is_permanent(now.error()) ? Status(now.error()) : wait_for_another(now.error(), deadline);
  if (last_ > now.value()) {
    reset_ = true;
    return {};
  }
  fragments_ = {};
  stream_ = std::make_unique<EtcdWatchStream>(*client_, client_->channel(), create_request(prefix_, last_));
  return {};
}

// The stream is of no more use. An error only when another one would fare no better.
Status EtcdWatch::lose(const grpc::Status& status, Deadline deadline) {
  Error why = error_of(status, Effect::repeatable, client_->name());
  stream_.reset();
  created_ = false;
  // One value that is more than a message may be: whoever reads anew passes it over.
  reset_ = is_too_large(why);
  if (reset_) return {};
  if (!is_permanent(why)) return wait_for_another(std::move(why), deadline);
  // etcd says "permission denied" to a token that it doesn't know any more (isWatchPermitted in
  // v3rpc/watch.go).
  if (std::exchange(renewed_, true) || !client_->renew_token()) return why;
  return {};
}

Status EtcdWatch::wait_for_another(Error why, Deadline deadline) {
  if (!lost_) lost_ = steady_clock::now();
  if (steady_clock::now() - *lost_ >= client_->timeout()) return why;
  std::this_thread::sleep_until(std::min(deadline, deadline_in(kPause)));
  return {};
}

Result<std::optional<WatchBatch>> EtcdWatch::take(WatchResponse& response, Deadline deadline) {
  std::optional<WatchBatch> batch;
  if (response.canceled()) {
    OVL_CHECK(take_end(response, deadline));
  } else if (response.created()) {
    take_created(response.header());
  } else if (response.watch_id() == kAllWatches) {
    ++answers_;
  } else if (response.events().empty()) {
    // A progress notification: the server has told all up to here (progress_notify in rpc.proto).
    last_ = std::max(last_, static_cast<Revision>(response.header().revision()));
  } else {
    gather(*response.mutable_events());
    if (!response.fragment()) batch = take_events();
  }
  return batch;
}

// Revisions of another cluster mean nothing here: the store was made anew.
void EtcdWatch::take_created(const etcdserverpb::ResponseHeader& header) {
  if (cluster_ != 0 && cluster_ != header.cluster_id()) reset_ = true;
  cluster_ = header.cluster_id();
  created_ = true;
  renewed_ = false;
  lost_.reset();
}

Status EtcdWatch::take_end(const WatchResponse& response, Deadline deadline) {
  if (response.compact_revision() != 0) {
    reset_ = true;
    return {};
  }
  const std::string& reason = response.cancel_reason();
  const bool denied = reason.find("permission denied") != std::string::npos;
  return lose({denied ? grpc::StatusCode::PERMISSION_DENIED : grpc::StatusCode::UNAVAILABLE, reason},
              deadline);
}

// A value that is too long is dropped here, so that no answer of many fragments grows with it.
void EtcdWatch::gather(google::protobuf::RepeatedPtrField<mvccpb::Event>& events) {
  for (mvccpb::Event& event : events) {
    mvccpb::KeyValue& item = *event.mutable_kv();
    const auto revision = static_cast<Revision>(item.mod_revision());
    if (revision <= last_) continue;
    fragments_.revision = std::max(fragments_.revision, revision);
    WatchEvent own{.key = keys_.own(item.key()), .value = std::nullopt, .revision = revision};
    if (!what_.knows(own.key)) continue;
    if (event.type() == mvccpb::Event::PUT) own.value = std::move(*item.mutable_value());
    leave_out(own, what_.limits.value_bytes);
    fragments_.events.push_back(std::move(own));
  }
}

// etcd keeps the changes of one revision together, if need be in fragments of one answer. The header's
// revision is no place to resume at: it may be ahead of a watch that is catching up.
std::optional<WatchBatch> EtcdWatch::take_events() {
  WatchBatch batch = std::exchange(fragments_, {});
  batch.revision = std::max(batch.revision, last_);
  last_ = batch.revision;
  settled_ = std::max(settled_, last_);
  if (batch.events.empty()) return std::nullopt;
  return batch;
}

}  // namespace ovl
