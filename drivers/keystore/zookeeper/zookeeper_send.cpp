// The asynchronous calls of the C library. What is written into when an answer comes belongs to the
// answer's own context: the library calls every completion once, at the latest when the handle is
// closed, and that may be long after the caller gave up.
#include "drivers/keystore/zookeeper/zookeeper_handle.hpp"

namespace ovl::zk {

namespace {

// ---- reads -----------------------------------------------------------------------------------

class Batch {
 public:
  explicit Batch(std::size_t count) : open_(count) { answers_.replies.resize(count); }

  void settle(std::size_t index, int code, Reply reply) {
    const std::lock_guard lock(mutex_);
    const Outcome outcome = outcome_of(code);
    if (outcome != Outcome::ok && outcome != Outcome::missing && answers_.code == ZOK) answers_.code = code;
    reply.found = outcome == Outcome::ok;
    answers_.replies[index] = std::move(reply);
    if (--open_ == 0) settled_.notify_all();
  }

  std::optional<Answers> wait(Deadline deadline) {
    std::unique_lock lock(mutex_);
    if (!settled_.wait_until(lock, deadline, [this] { return open_ == 0; })) return std::nullopt;
    return std::move(answers_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable settled_;
  std::size_t open_;
  Answers answers_;
};

struct Slot {
  std::shared_ptr<Batch> batch;
  std::size_t index = 0;
  std::size_t most = 0;  // bytes of data
};

void settle(const void* context, int code, Reply reply = {}) {
  const std::unique_ptr<const Slot> slot(static_cast<const Slot*>(context));
  slot->batch->settle(slot->index, code, std::move(reply));
}

Reply with_stat(const struct Stat* stat) {
  Reply reply;
  if (stat == nullptr) return reply;
  reply.created = static_cast<Revision>(stat->czxid);
  reply.modified = static_cast<Revision>(stat->mzxid);
  reply.version = stat->version;
  reply.children = stat->numChildren;
  reply.owner = stat->ephemeralOwner;
  reply.size = stat->dataLength;
  return reply;
}

void on_sync(int code, const char*, const void* context) {
  settle(context, code);
}

void on_exists(int code, const struct Stat* stat, const void* context) {
  settle(context, code, code == ZOK ? with_stat(stat) : Reply{});
}

// A length of -1 is a node without data.
void on_get(int code, const char* value, int size, const struct Stat* stat, const void* context) {
  if (code != ZOK) return settle(context, code);
  Reply reply = with_stat(stat);
  if (size >= 0) {
    const auto bytes = static_cast<std::size_t>(size);
    reply.left_out = bytes > static_cast<const Slot*>(context)->most;
    reply.data.emplace(value, reply.left_out ? 0 : bytes);
  }
  settle(context, code, std::move(reply));
}

void on_children(int code, const struct String_vector* names, const void* context) {
  Reply reply;
  if (code == ZOK && names != nullptr) reply.names.assign(names->data, names->data + names->count);
  settle(context, code, std::move(reply));
}

int send(zhandle_t* handle, const Request& request, const Slot* slot) {
  const char* path = request.path.c_str();
  const int watch = request.watch ? 1 : 0;
  switch (request.kind) {
    case Request::Kind::sync: return ::zoo_async(handle, path, on_sync, slot);
    case Request::Kind::get: return ::zoo_aget(handle, path, watch, on_get, slot);
    case Request::Kind::exists: return ::zoo_aexists(handle, path, watch, on_exists, slot);
    case Request::Kind::children: return ::zoo_aget_children(handle, path, watch, on_children, slot);
  }
  return ZBADARGUMENTS;
}

// ---- transactions ----------------------------------------------------------------------------

class Multi {
 public:
  explicit Multi(std::size_t count) : results_(count) {}

  [[nodiscard]] zoo_op_result_t* results() { return results_.data(); }

  [[nodiscard]] struct Stat* stat() { return &stat_; }

  void settle(int code) {
    const std::lock_guard lock(mutex_);
    answer_ = MultiAnswer{.code = code, .revision = static_cast<Revision>(stat_.mzxid)};
    settled_.notify_all();
  }

  std::optional<MultiAnswer> wait(Deadline deadline) {
    std::unique_lock lock(mutex_);
    settled_.wait_until(lock, deadline, [this] { return answer_.has_value(); });
    return answer_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable settled_;
  std::vector<zoo_op_result_t> results_;

  struct Stat stat_ {};

  std::optional<MultiAnswer> answer_;
};

void on_multi(int code, const void* context) {
  const std::unique_ptr<const std::shared_ptr<Multi>> multi(
      static_cast<const std::shared_ptr<Multi>*>(context));
  (*multi)->settle(code);
}

// Without credentials: everything for the shared user, reading for all.
const struct ACL_vector* shared_acl() {
  static struct ACL entries[] = {{ZOO_PERM_ALL, ZOO_AUTH_IDS}, {ZOO_PERM_READ, ZOO_ANYONE_ID_UNSAFE}};
  static const struct ACL_vector acl = {2, entries};
  return &acl;
}

// Paths and data are read by zoo_amulti() itself, the stat is written when the answer comes.
zoo_op_t op_of(const Operation& operation, bool credentials, struct Stat* stat) {
  zoo_op_t op{};
  const char* path = operation.path.c_str();
  const char* data = operation.data ? operation.data->data() : nullptr;
  const int size = operation.data ? static_cast<int>(operation.data->size()) : -1;
  const struct ACL_vector* acl = credentials ? &ZOO_CREATOR_ALL_ACL : shared_acl();
  const int mode = operation.ephemeral ? ZOO_EPHEMERAL : ZOO_PERSISTENT;
  switch (operation.kind) {
    case Operation::Kind::check: ::zoo_check_op_init(&op, path, operation.version); break;
    case Operation::Kind::create: ::zoo_create_op_init(&op, path, data, size, acl, mode, nullptr, 0); break;
    case Operation::Kind::set: ::zoo_set_op_init(&op, path, data, size, operation.version, stat); break;
    case Operation::Kind::remove: ::zoo_delete_op_init(&op, path, operation.version); break;
  }
  return op;
}

}  // namespace

std::optional<Answers> send_requests(const Handle& handle, const std::vector<Request>& requests,
                                     Deadline deadline) {
  if (requests.empty()) return Answers{};
  const auto batch = std::make_shared<Batch>(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    auto slot = std::make_unique<Slot>(Slot{batch, i, requests[i].most});
    const int code = send(handle.get(), requests[i], slot.get());
    if (code == ZOK) {
      (void)slot.release();
    } else {
      batch->settle(i, code, {});
    }
  }
  return batch->wait(deadline);
}

std::optional<MultiAnswer> send_multi(const Handle& handle, const std::vector<Operation>& operations,
                                      bool credentials, Deadline deadline) {
  const auto multi = std::make_shared<Multi>(operations.size());
  std::vector<zoo_op_t> ops;
  ops.reserve(operations.size());
  for (const Operation& operation : operations) ops.push_back(op_of(operation, credentials, multi->stat()));
  auto context = std::make_unique<std::shared_ptr<Multi>>(multi);
  const int code = ::zoo_amulti(handle.get(), static_cast<int>(ops.size()), ops.data(), multi->results(),
                                on_multi, context.get());
  if (code != ZOK) return MultiAnswer{.code = code, .sent = false};
  (void)context.release();
  return multi->wait(deadline);
}

}  // namespace ovl::zk
