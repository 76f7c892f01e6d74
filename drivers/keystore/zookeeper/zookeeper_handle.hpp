// The C library's handle, with an owner. Included by the two files only that speak to the library.
#pragma once

#include <zookeeper/zookeeper.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "drivers/keystore/zookeeper/zookeeper_client.hpp"

namespace ovl::zk {

// What the library's threads tell.
class Bell {
 public:
  void ring();
  std::uint64_t rings();
  // False: the time is up.
  bool wait(std::uint64_t seen, Deadline deadline);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t rings_ = 0;
};

// Closes the handle at its end: never let the library's own threads hold the last reference.
class Handle {
 public:
  // Errors: usage (the library refuses the list of servers), unreachable (a name that is not known).
  static Result<std::shared_ptr<Handle>> open(const ClientOptions& options, std::shared_ptr<Bell> bell,
                                              Deadline deadline);
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  [[nodiscard]] zhandle_t* get() const { return handle_; }

  [[nodiscard]] bool is_connected() const;
  [[nodiscard]] bool is_expired() const;
  [[nodiscard]] bool is_refused() const;

 private:
  explicit Handle(std::shared_ptr<Bell> bell);

  std::shared_ptr<Bell> bell_;
  zhandle_t* handle_ = nullptr;
};

// What an answer's code means to us.
enum class Outcome { ok, missing, conflict, refused, lost, expired, other };
Outcome outcome_of(int code);

// Several reads on their way. The error is for the first code that is neither ok nor "no node".
struct Answers {
  int code = ZOK;
  std::vector<Reply> replies;
};

// Nothing: no answer before the deadline.
std::optional<Answers> send_requests(const Handle& handle, const std::vector<Request>& requests,
                                     Deadline deadline);

struct MultiAnswer {
  int code = ZOK;
  Revision revision = 0;
  bool sent = true;  // false: the library did not take it
};

std::optional<MultiAnswer> send_multi(const Handle& handle, const std::vector<Operation>& operations,
                                      bool credentials, Deadline deadline);

}  // namespace ovl::zk
