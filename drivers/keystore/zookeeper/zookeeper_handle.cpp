#include "drivers/keystore/zookeeper/zookeeper_handle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

namespace ovl::zk {

namespace {

// The library would ask for the servers' addresses again with every turn of its loop; glibc's lock in
// there would also stop a child that was forked meanwhile.
constexpr int kResolveAgainMilliseconds = 30'000;
constexpr std::chrono::milliseconds kBetweenServers{2};

// The library would write to stderr.
void swallow(const char*) {}

void on_event(zhandle_t*, int, int, const char*, void* bell) {
  static_cast<Bell*>(bell)->ring();
}

// Between two servers, when one has refused the connection, the library calls its own handle closed and
// takes no credentials (zoo_add_auth() in zookeeper.c). The next server may be well.
int add_auth(zhandle_t* handle, const std::string& secret, Deadline deadline) {
  for (;;) {
    const int code =
        ::zoo_add_auth(handle, "digest", secret.data(), static_cast<int>(secret.size()), nullptr, nullptr);
    if (code != ZINVALIDSTATE || std::chrono::steady_clock::now() >= deadline) return code;
    std::this_thread::sleep_for(kBetweenServers);
  }
}

}  // namespace

void Bell::ring() {
  const std::lock_guard lock(mutex_);
  ++rings_;
  changed_.notify_all();
}

std::uint64_t Bell::rings() {
  const std::lock_guard lock(mutex_);
  return rings_;
}

bool Bell::wait(std::uint64_t seen, Deadline deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [&] { return rings_ != seen; });
}

// Who makes the nodes where the user names nobody. No secret: see zookeeper_keystore.hpp.
constexpr const char* kSharedUser = "ovl:ovl";

Handle::Handle(std::shared_ptr<Bell> bell) : bell_(std::move(bell)) {}

// zookeeper_close() joins the library's threads and waits at most 3 s until the server was told.
Handle::~Handle() {
  if (handle_ != nullptr) ::zookeeper_close(handle_);
}

Result<std::shared_ptr<Handle>> Handle::open(const ClientOptions& options, std::shared_ptr<Bell> bell,
                                             Deadline deadline) {
  std::shared_ptr<Handle> handle(new Handle(std::move(bell)));
  ::zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
  handle->handle_ =
      ::zookeeper_init2(options.servers.c_str(), on_event, static_cast<int>(options.session_timeout.count()),
                        nullptr, handle->bell_.get(), ZOO_NO_LOG_CLIENTENV, swallow);
  if (handle->handle_ == nullptr) {
    const int error = errno;
    return Error{.code = Errc::unreachable,
                 .message = fmt::format("{}: {}", options.name, std::strerror(error)),
                 .hint = "check the servers' names in the keystore's url",
                 .os_errno = error};
  }
  ::zoo_set_servers_resolution_delay(handle->get(), kResolveAgainMilliseconds);
  const std::string secret = options.user.empty() ? kSharedUser : options.user + ":" + options.password;
  const int code = add_auth(handle->get(), secret, deadline);
  if (code == ZOK) return handle;
  if (code == ZINVALIDSTATE) {  // the connection was lost before it stood
    return Error{.code = Errc::unreachable,
                 .message = fmt::format("{}: {}", options.name, ::zerror(code)),
                 .hint = "check that the servers are up"};
  }
  return Error{.code = Errc::privilege,
               .message = fmt::format("{}: the credentials can't be used: {}", options.name, ::zerror(code)),
               .hint = "check user and password of the keystore"};
}

bool Handle::is_connected() const {
  return ::zoo_state(handle_) == ZOO_CONNECTED_STATE;
}

bool Handle::is_expired() const {
  return ::zoo_state(handle_) == ZOO_EXPIRED_SESSION_STATE;
}

bool Handle::is_refused() const {
  return ::zoo_state(handle_) == ZOO_AUTH_FAILED_STATE;
}

Outcome outcome_of(int code) {
  switch (code) {
    case ZOK: return Outcome::ok;
    case ZNONODE: return Outcome::missing;
    case ZBADVERSION:
    case ZNODEEXISTS:
    case ZNOTEMPTY:
    case ZNOCHILDRENFOREPHEMERALS: return Outcome::conflict;
    case ZNOAUTH:
    case ZAUTHFAILED:
    case ZSESSIONCLOSEDREQUIRESASLAUTH: return Outcome::refused;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZCLOSING:
    case ZSESSIONMOVED:
    case ZTHROTTLEDOP: return Outcome::lost;
    case ZSESSIONEXPIRED:
    case ZINVALIDSTATE: return Outcome::expired;
    default: return Outcome::other;
  }
}

}  // namespace ovl::zk
