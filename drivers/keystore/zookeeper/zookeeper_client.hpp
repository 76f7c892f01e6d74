// A client of ZooKeeper whose calls are all bounded: many reads at once, and one transaction at a time.
// The C library's header stays behind it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "drivers/keystore/keystore.hpp"
#include "drivers/keystore/patience.hpp"

namespace ovl::zk {

class Bell;
class Handle;

using Deadline = std::chrono::steady_clock::time_point;

struct Request {
  // sync: what is read after it is at least as new as all that was acknowledged before it.
  enum class Kind { sync, get, exists, children };
  Kind kind = Kind::get;
  std::string path;
  bool watch = false;                  // a change of what was asked for rings Client::rings()
  std::size_t most = kMostValueBytes;  // of a node's data: longer ones are dropped as they come
};

struct Reply {
  bool found = false;
  std::optional<std::string> data;  // nothing: the node has none, which is not the same as empty data
  bool left_out = false;            // it is longer than `most`: `data` is empty
  Revision created = 0;             // czxid
  Revision modified = 0;            // mzxid
  std::int32_t version = 0;
  std::int32_t children = 0;
  std::int64_t owner = 0;          // the session that a node lives with; 0: none
  std::int64_t size = 0;           // of the data
  std::vector<std::string> names;  // of the children
};

struct Operation {
  enum class Kind { check, create, set, remove };
  static constexpr std::int32_t kAnyVersion = -1;

  Kind kind = Kind::check;
  std::string path;
  std::optional<std::string> data = {};
  std::int32_t version = kAnyVersion;
  bool ephemeral = false;
};

struct MultiResult {
  bool done = false;      // false: an operation did not fit what is there; nothing was done
  Revision revision = 0;  // when the last operation is a `set`
};

struct ClientOptions {
  std::string servers;  // "10.0.0.1:2181,fd00::1:2181", as zookeeper_init() takes it
  std::string name;     // for messages
  std::string user = {};
  std::string password = {};
  std::chrono::milliseconds session_timeout{};
  std::shared_ptr<Patience> patience;  // of all clients of one store
  // True: when the server has ended the session, the next call begins a new one. False: Errc::not_found.
  bool renews = true;
};

// May be used by several threads.
class Client {
 public:
  // Errors: unreachable, privilege.
  static Result<std::shared_ptr<Client>> connect(ClientOptions options, Deadline deadline);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // All requests, many in flight at once; they are processed in their order. A lost connection is made
  // anew and the requests are repeated. Errors: unreachable, privilege, not_found (the session is over).
  Result<std::vector<Reply>> ask(const std::vector<Request>& requests, Deadline deadline);

  // Errors: unreachable (it was not sent), in_doubt, privilege, not_found (the session is over).
  Result<MultiResult> multi(const std::vector<Operation>& operations, Deadline deadline);

  // How often something that is watched, or the connection, has changed.
  std::uint64_t rings();
  // Waits until rings() is another number; false: the time is up.
  bool wait_for_ring(std::uint64_t seen, Deadline deadline);

  // The session's id.
  std::int64_t session();

 private:
  explicit Client(ClientOptions options);
  Result<std::shared_ptr<Handle>> current(Deadline deadline);
  Result<std::shared_ptr<Handle>> connected(Deadline deadline);
  Result<std::vector<Reply>> ask_some(const std::vector<Request>& requests, Deadline deadline);
  [[nodiscard]] Error unreachable() const;
  // The same, as the time is over.
  [[nodiscard]] Error silent() const;

  ClientOptions options_;
  std::shared_ptr<Bell> bell_;
  std::mutex mutex_;
  std::shared_ptr<Handle> handle_;
};

}  // namespace ovl::zk
