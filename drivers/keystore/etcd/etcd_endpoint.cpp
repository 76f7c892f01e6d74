#include "drivers/keystore/etcd/etcd_endpoint.hpp"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include "drivers/keystore/etcd/etcd_errors.hpp"

namespace ovl {

namespace {

grpc::ChannelArguments arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMostEtcdAnswer);
  arguments.SetMaxSendMessageSize(-1);
  // The environment's http_proxy is not for the store, and neither are DNS records with settings.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // Else a new channel to an address whose back-off runs would wait for its end.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // Finds a watch's server that is gone without a word. etcd answers pings that come faster than each
  // 5 s (--grpc-keepalive-min-time) with a hang-up.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  return arguments;
}

}  // namespace

std::shared_ptr<grpc::Channel> EtcdEndpoint::channel() {
  const std::lock_guard lock(mutex_);
  if (channel_ != nullptr) {
    const grpc_connectivity_state state = channel_->GetState(false);
    if (state != GRPC_CHANNEL_TRANSIENT_FAILURE && state != GRPC_CHANNEL_SHUTDOWN) return channel_;
  }
  channel_ = grpc::CreateCustomChannel(target_, credentials_, arguments());
  return channel_;
}

bool EtcdEndpoint::is_settled(grpc::Channel& channel, Deadline deadline) {
  for (;;) {
    const grpc_connectivity_state state = channel.GetState(true);
    if (state != GRPC_CHANNEL_IDLE && state != GRPC_CHANNEL_CONNECTING) return true;
    if (!channel.WaitForStateChange(state, to_grpc(deadline))) return false;
  }
}

// A connection that the server has closed is noticed by whoever looks at its socket: gRPC looks only
// while somebody waits.
bool EtcdEndpoint::stands(grpc::Channel& channel) {
  if (channel.GetState(false) != GRPC_CHANNEL_READY) return false;
  return !channel.WaitForStateChange(GRPC_CHANNEL_READY, to_grpc(deadline_in(std::chrono::milliseconds{0})));
}

}  // namespace ovl
