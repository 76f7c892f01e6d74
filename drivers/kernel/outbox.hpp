// Outbox: messages of operations on their way to the kernel. Collects those that one socket can send
// together, says whose message was refused, and forgives refusals that are no failures.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <vector>

#include "drivers/kernel/kernel.hpp"
#include "drivers/kernel/links/link.hpp"
#include "drivers/kernel/space.hpp"

namespace ovl {

class Outbox {
 public:
  // failures: what need not stop the rest; null: everything does.
  Outbox(const NamespaceDirectory& directory, Spaces& spaces, std::span<const Operation> operations,
         Failures* failures)
      : directory_(directory), spaces_(spaces), operations_(operations), failures_(failures) {}

  // The queue for messages of the operation `index`, which `from` will send; what does not go with it
  // is sent first. From then on all that is added belongs to that operation.
  // Errors: of what was sent.
  Result<MessageQueue*> queue_for(std::size_t index, Space* from);

  // What a link needs once its create message is accepted. Kept apart from the queue: messages go by
  // name, and when the create is refused the name is somebody else's.
  struct Finish {
    std::size_t operation = 0;
    Space* space = nullptr;     // where the link is
    std::optional<int> master;  // see write_link_finish()
    bool whole = false;
  };

  // Sends messages in order; `finish` follows when all that are in the queue are accepted.
  // `from` sends the queue; finishes alone need none. Errors: of what was sent.
  Result<MessageQueue*> queue_for_create(std::size_t index, Space* from, const Finish& finish);

  // Links were removed: indexes are forgotten when it is done.
  void note_removed_link() { removed_links_ = true; }

  // Sends everything. Errors: the failure that stops all, also on later calls.
  Status flush();

  // The first failure that stops all, so far.
  [[nodiscard]] const ApplyOutcome& failure() const { return failure_; }

  // The refusal of a message of operation `index` in words.
  [[nodiscard]] Error error_of(std::size_t index, std::uint16_t type, const Refusal& refusal) const;

 private:
  void claim();
  void fail(std::size_t index, Error error);
  void stop(std::size_t index, Error error);
  [[nodiscard]] bool is_left_out(std::size_t index) const;
  void send_queue();
  void send_finishes();
  void send_finish_queue(Space& where, MessageQueue& queue, const std::vector<std::size_t>& owners);
  void settle(std::size_t index, std::uint16_t type, const Refusal& refusal);
  Result<bool> write_again(const Operation& refused);
  Status wait_for_vni(std::size_t index, const Link& link, Error error);
  Result<bool> create_vxlan_again(std::size_t index, const Link& link);

  const NamespaceDirectory& directory_;
  Spaces& spaces_;
  std::span<const Operation> operations_;
  Failures* failures_;

  // Invariant: owners_[i] is the operation of queue_'s message i; messages beyond owners_ are current_'s.
  std::size_t current_ = 0;
  Space* target_ = nullptr;  // sends queue_
  MessageQueue queue_;
  std::vector<std::size_t> owners_;
  std::vector<Finish> finishes_;
  bool removed_links_ = false;
  std::set<std::size_t> failed_;  // operations, also those that stop nothing
  ApplyOutcome failure_;
};

// The object in `ref` when it is a T, else nullptr.
template <class T>
const T* object_in(const ObjectRef& ref) {
  const auto* const* found = std::get_if<const T*>(&ref);
  return found != nullptr ? *found : nullptr;
}

inline bool is_create(const Operation& operation) {
  return std::holds_alternative<std::monostate>(operation.before);
}

inline bool is_remove(const Operation& operation) {
  return std::holds_alternative<std::monostate>(operation.after);
}

// A VXLAN's UDP socket stays in the namespace from which it is made.
LinkBirth vxlan_birth(const Space& where);

}  // namespace ovl
