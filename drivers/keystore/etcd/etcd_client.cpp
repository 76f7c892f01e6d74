#include "drivers/keystore/etcd/etcd_client.hpp"

#include <thread>

#include "drivers/keystore/etcd/etcd_credentials.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;

// How long a cluster without a leader is left alone.
constexpr milliseconds kElection{100};

void pause_until(Deadline deadline) {
  std::this_thread::sleep_until(std::min(deadline, deadline_in(kElection)));
}

// An equal share of the time that is left for each member that this round has not asked yet.
Deadline share(Deadline deadline, std::size_t members) {
  const auto now = std::chrono::steady_clock::now();
  return now + (deadline - now) / static_cast<int>(members);
}

}  // namespace

Result<std::shared_ptr<EtcdClient>> EtcdClient::open(const KeystoreUrl& url, const KeystoreOptions& options) {
  OVL_TRY(const auto credentials, etcd_credentials(options));
  std::shared_ptr<EtcdClient> client(new EtcdClient(url, options));
  for (const StoreServer& server : url.servers) {
    client->endpoints_.push_back(std::make_unique<EtcdEndpoint>("dns:///" + server.text(), credentials));
  }
  return client;
}

EtcdClient::EtcdClient(const KeystoreUrl& url, const KeystoreOptions& options)
    : name_(url.text()),
      timeout_(options.timeout),
      patience_(options.timeout),
      user_(options.user),
      password_(options.password),
      token_(options.token),
      needs_token_(options.token.empty() && !options.user.empty()) {}

EtcdEndpoint& EtcdClient::active() {
  const std::lock_guard lock(mutex_);
  return *endpoints_[active_];
}

void EtcdClient::leave_active() {
  const std::lock_guard lock(mutex_);
  endpoints_[active_]->set_unproven();
  active_ = (active_ + 1) % endpoints_.size();
}

// "hasleader" lets a member that is cut off from its cluster say so at once (etcd's v3rpc/interceptor.go).
void EtcdClient::prepare(grpc::ClientContext& context) const {
  context.AddMetadata("hasleader", "true");
  const std::lock_guard lock(mutex_);
  if (!token_.empty()) context.AddMetadata("token", token_);
}

// A watch asks for less than a call's time, over and over: what it does not get in that is no silence.
Status EtcdClient::call(Effect effect, Deadline deadline, const Attempt& attempt) {
  const auto begin = std::chrono::steady_clock::now();
  Status status = try_all(effect, deadline, attempt);
  const bool waited = std::chrono::steady_clock::now() - begin >= Patience::kOnceMore;
  if (status.ok()) {
    patience_.answered();
  } else if (is_over(deadline) && waited) {
    patience_.ran_out();
  }
  return status;
}

// Each member gets its share of the time, as long as asking again does no harm. The call ends when no
// member takes a connection, or the time is over.
Status EtcdClient::try_all(Effect effect, Deadline deadline, const Attempt& attempt) {
  const std::size_t members = endpoints_.size();
  std::size_t unconnected = 0;
  bool renewed = false;
  for (std::size_t tries = 0;; ++tries) {
    const grpc::Status status =
        try_active(effect, share(deadline, members - tries % members), deadline, attempt);
    const Answer answer = answer_of(status);
    if (answer == Answer::yes) return {};
    if (answer == Answer::token && !renewed && renew_token()) {
      renewed = true;
      continue;
    }
    if (answer == Answer::refused || answer == Answer::token) return error_of(status, effect, name_);
    leave_active();
    unconnected = answer == Answer::not_sent ? unconnected + 1 : 0;
    const bool asked_all = unconnected >= members;
    if ((answer == Answer::lost && effect == Effect::once) || asked_all || is_over(deadline)) {
      return error_of(status, effect, name_);
    }
    if (answer != Answer::not_sent && (tries + 1) % members == 0) pause_until(deadline);
  }
}

// What is to be done once is sent only over a connection that stands, to a member that has proved just
// now to be in the quorum: one that still believes in a dead leader would lose it, in doubt.
grpc::Status EtcdClient::try_active(Effect effect, Deadline slice, Deadline deadline,
                                    const Attempt& attempt) {
  EtcdEndpoint& endpoint = active();
  const auto channel = endpoint.channel();
  if (!EtcdEndpoint::is_settled(*channel, slice)) return no_connection();
  if (grpc::Status status = authenticate(channel, slice); !status.ok()) return not_taken(status);
  const bool is_fit =
      endpoint.has_just_answered() || (endpoint.is_proven() && EtcdEndpoint::stands(*channel));
  if (effect == Effect::once && !is_fit) {
    if (grpc::Status status = prove(channel, slice); !status.ok()) return not_taken(status);
  }
  grpc::Status status = send(channel, effect == Effect::once ? deadline : slice, attempt);
  if (status.ok()) endpoint.set_proven();
  return status;
}

grpc::Status EtcdClient::send(const std::shared_ptr<grpc::Channel>& channel, Deadline deadline,
                              const Attempt& attempt) {
  grpc::ClientContext context;
  context.set_deadline(to_grpc(deadline));
  prepare(context);
  return attempt(channel, context);
}

// Whoever may not read that key has been answered by the quorum all the same: etcd's EtcdServer.Range
// asks the leader first and then for the permission.
grpc::Status EtcdClient::prove(const std::shared_ptr<grpc::Channel>& channel, Deadline deadline) {
  const grpc::Status status = send(channel, deadline, [](const auto& to, grpc::ClientContext& context) {
    etcdserverpb::RangeRequest request;
    request.set_key(std::string(1, '\0'));
    etcdserverpb::RangeResponse response;
    return etcdserverpb::KV::NewStub(to)->Range(&context, request, &response);
  });
  return status.error_code() == grpc::StatusCode::PERMISSION_DENIED ? grpc::Status() : status;
}

// Gets a token when one is needed. Where nobody has switched authentication on, none is.
grpc::Status EtcdClient::authenticate(const std::shared_ptr<grpc::Channel>& channel, Deadline deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (!needs_token_) return {};
  }
  etcdserverpb::AuthenticateRequest request;
  request.set_name(user_);
  request.set_password(password_);
  etcdserverpb::AuthenticateResponse response;
  grpc::ClientContext context;
  context.set_deadline(to_grpc(deadline));
  grpc::Status status = etcdserverpb::Auth::NewStub(channel)->Authenticate(&context, request, &response);
  const bool is_off = status.error_code() == grpc::StatusCode::FAILED_PRECONDITION;
  if (!status.ok() && !is_off) return status;
  const std::lock_guard lock(mutex_);
  token_ = response.token();
  needs_token_ = false;
  return {};
}

bool EtcdClient::renew_token() {
  if (user_.empty()) return false;
  const std::lock_guard lock(mutex_);
  token_.clear();
  needs_token_ = true;
  return true;
}

}  // namespace ovl
