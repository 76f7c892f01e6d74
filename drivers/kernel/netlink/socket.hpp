// NetlinkSocket: one NETLINK_ROUTE socket, bound to the network namespace of the thread that opens it
// and usable from any thread afterwards, one at a time. Synchronous: the kernel works inside sendmsg,
// so an answer is always already there.
#pragma once

#include <libmnl/libmnl.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "drivers/kernel/netlink/message.hpp"
#include "model/base/handle.hpp"

namespace ovl {

// The kernel's refusal of one message.
struct Refusal {
  std::size_t message = 0;  // index into the queue
  int os_errno = 0;
  std::string text;  // of the extended acknowledgement, may be empty
};

// What one send() came to.
struct SendOutcome {
  // In the order of the messages. Those after the batch of the first were not sent.
  std::vector<Refusal> refusals;
  // Messages that were sent; those that follow were not.
  std::size_t sent = 0;
};

class NetlinkSocket {
 public:
  // Extended acknowledgements, capped acknowledgements and strict checks are on; the receive buffer
  // is 8 MiB where CAP_NET_ADMIN allows. Errors: io, privilege.
  static Result<NetlinkSocket> open();

  // Sends the queue from message `first` on, in batches of at most 16 KiB, and stops after the first
  // batch with a refusal. Only a batch's last message asks for an acknowledgement: errors of the
  // others arrive all the same and are matched by sequence number (measured: 1.6 to 2.3 times
  // faster). Larger batches are slower: VXLAN fdb entries each take per-CPU memory that is refilled
  // in between. Errors: io, when answers were lost.
  Result<SendOutcome> send(MessageQueue& queue, std::size_t first = 0);

  // All answers to a dump request (the queue's one message), back to back. A dump that the kernel
  // marks as interrupted (NLM_F_DUMP_INTR) is asked for again, at most 10 times.
  // Errors: kernel (also an answer of more than 128 MiB; the socket is then no use any more), privilege, io.
  Result<std::vector<std::uint8_t>> dump(MessageQueue& request);

  // The one answer to a request for one object. Errors: not_found (ENOENT, ENODEV, ESRCH), kernel.
  Result<std::vector<std::uint8_t>> get(MessageQueue& request);

  // The number that no other network namespace of this boot has or had (SO_NETNS_COOKIE). 0: the kernel,
  // older than 5.14, does not say.
  [[nodiscard]] std::uint64_t namespace_cookie() const;

  // Messages sent by send().
  [[nodiscard]] std::uint64_t writes() const { return writes_; }

  // sendmsg calls made by send().
  [[nodiscard]] std::uint64_t batches() const { return batches_; }

  // Dumps that were asked for again.
  [[nodiscard]] std::uint64_t repeated_dumps() const { return repeated_dumps_; }

 private:
  using Socket = Handle<mnl_socket, mnl_socket_close>;

  explicit NetlinkSocket(Socket socket);

  Status configure();
  Status send_bytes(std::span<const std::uint8_t> bytes);
  Result<std::span<const std::uint8_t>> receive();
  Status collect(std::size_t first, std::size_t count, std::uint32_t base, const MessageQueue& queue,
                 std::vector<Refusal>& refusals);
  std::span<const std::uint8_t> numbered(MessageQueue& request, std::uint16_t flags);
  Result<std::vector<std::uint8_t>> read_answer(const MessageQueue& request, bool& interrupted);

  Socket socket_;
  std::vector<std::uint8_t> buffer_;  // what the kernel writes into: never more than 32 KiB
  std::uint32_t sequence_ = 0;        // of the last message; notifications carry 0
  std::uint64_t writes_ = 0;
  std::uint64_t batches_ = 0;
  std::uint64_t repeated_dumps_ = 0;
};

// "RTM_NEWLINK"; a number when it is none of those that ovl sends.
std::string message_type_name(std::uint16_t type);

}  // namespace ovl
