#include "drivers/keystore/zookeeper/zookeeper_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "drivers/keystore/zookeeper/zookeeper_handle.hpp"

namespace ovl::zk {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// So many requests are under way at once; more would only wait in memory.
constexpr std::size_t kInFlight = 2048;
constexpr milliseconds kPause{10};

Error refused(const std::string& name) {
  return Error{.code = Errc::privilege,
               .message = name + " refuses these credentials",
               .hint = "give the user and password that the nodes were made with (digest ACL)"};
}

Error session_over(const std::string& name) {
  return Error{.code = Errc::not_found,
               .message = name + ": the session has ended",
               .hint = "open a new session and write its keys again"};
}

Error strange(const std::string& name, int code) {
  return Error{.code = Errc::unreachable, .message = fmt::format("{}: {}", name, ::zerror(code))};
}

}  // namespace

Client::Client(ClientOptions options) : options_(std::move(options)), bell_(std::make_shared<Bell>()) {}

Client::~Client() = default;

Result<std::shared_ptr<Client>> Client::connect(ClientOptions options, Deadline deadline) {
  std::shared_ptr<Client> client(new Client(std::move(options)));
  OVL_TRY(client->handle_, Handle::open(client->options_, client->bell_, deadline));
  OVL_TRY(const auto handle, client->connected(deadline));
  (void)handle;
  return client;
}

Error Client::silent() const {
  options_.patience->ran_out();
  return unreachable();
}

Error Client::unreachable() const {
  return Error{.code = Errc::unreachable,
               .message = options_.name + " does not answer",
               .hint = "check that the servers run and have a quorum (zkServer.sh status)"};
}

// A handle whose session is over never comes back: a new one takes its place.
Result<std::shared_ptr<Handle>> Client::current(Deadline deadline) {
  std::shared_ptr<Handle> ended;  // closed after the lock is given back
  const std::lock_guard lock(mutex_);
  if (!handle_->is_expired()) return handle_;
  if (!options_.renews) return session_over(options_.name);
  ended = handle_;
  OVL_TRY(handle_, Handle::open(options_, bell_, deadline));
  bell_->ring();
  return handle_;
}

Result<std::shared_ptr<Handle>> Client::connected(Deadline deadline) {
  for (;;) {
    const auto rings = bell_->rings();
    auto opened = current(deadline);
    if (!opened.ok() && steady_clock::now() >= deadline) options_.patience->ran_out();
    OVL_TRY(auto handle, std::move(opened));
    if (handle->is_connected()) return handle;
    if (handle->is_refused()) return refused(options_.name);
    const auto now = steady_clock::now();
    if (now >= deadline) return silent();
    // The state changes a moment before the bell rings, or without it.
    (void)bell_->wait(rings, std::min(deadline, now + 2 * kPause));
  }
}

Result<std::vector<Reply>> Client::ask(const std::vector<Request>& requests, Deadline deadline) {
  std::vector<Reply> replies;
  replies.reserve(requests.size());
  for (std::size_t at = 0; at < requests.size(); at += kInFlight) {
    const auto first = requests.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = std::min(kInFlight, requests.size() - at);
    OVL_TRY(auto some, ask_some({first, first + static_cast<std::ptrdiff_t>(count)}, deadline));
    std::ranges::move(some, std::back_inserter(replies));
    // A store that has answered so far gets its time again for what comes next.
    deadline = std::max(deadline, steady_clock::now() + options_.patience->left());
  }
  return replies;
}

Result<std::vector<Reply>> Client::ask_some(const std::vector<Request>& requests, Deadline deadline) {
  for (;;) {
    OVL_TRY(const auto handle, connected(deadline));
    auto answers = send_requests(*handle, requests, deadline);
    if (!answers) return silent();
    switch (outcome_of(answers->code)) {
      case Outcome::ok: options_.patience->answered(); return std::move(answers->replies);
      case Outcome::refused: return refused(options_.name);
      case Outcome::lost:
      case Outcome::expired: break;
      default: return strange(options_.name, answers->code);
    }
    if (steady_clock::now() >= deadline) return silent();
    std::this_thread::sleep_for(kPause);
  }
}

Result<MultiResult> Client::multi(const std::vector<Operation>& operations, Deadline deadline) {
  OVL_TRY(const auto handle, connected(deadline));
  const auto answer = send_multi(*handle, operations, !options_.user.empty(), deadline);
  const Error in_doubt{.code = Errc::in_doubt,
                       .message = options_.name + " did not say whether it took the write",
                       .hint = "read again and compare"};
  if (!answer) {
    options_.patience->ran_out();
    return in_doubt;
  }
  switch (outcome_of(answer->code)) {
    case Outcome::ok: return MultiResult{.done = true, .revision = answer->revision};
    case Outcome::missing:
    case Outcome::conflict: return MultiResult{};
    case Outcome::refused: return refused(options_.name);
    // The library says so only of what it had not sent: what was under way ends with a lost connection.
    case Outcome::expired:
      return options_.renews ? Result<MultiResult>(MultiResult{}) : session_over(options_.name);
    case Outcome::lost: return answer->sent ? in_doubt : unreachable();
    case Outcome::other: break;
  }
  return strange(options_.name, answer->code);
}

std::uint64_t Client::rings() {
  return bell_->rings();
}

bool Client::wait_for_ring(std::uint64_t seen, Deadline deadline) {
  return bell_->wait(seen, deadline);
}

std::int64_t Client::session() {
  const std::lock_guard lock(mutex_);
  return ::zoo_client_id(handle_->get())->client_id;
}

}  // namespace ovl::zk
