// NetfilterSocket: one NETLINK_NETFILTER socket: sends batches, runs dumps, turns the kernel's
// answers into errors that name the message. Knows nothing of tables.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/nft/batch.hpp"

struct mnl_socket;
struct nlattr;

namespace ovl {

// f(attribute) for each attribute of a message behind its nfgenmsg, or of a nest.
void for_each_attribute(const nlmsghdr* message, const std::function<void(const nlattr*)>& f);
void for_each_attribute(const nlattr* nest, const std::function<void(const nlattr*)>& f);

class NetfilterSocket {
 public:
  static Result<std::unique_ptr<NetfilterSocket>> open();

  [[nodiscard]] std::uint32_t next_sequence() const { return sequence_; }

  // Sends a finished batch. Errors: of the first message that the kernel refused.
  Status transact(const Batch& batch);

  // Asks for objects (NFT_MSG_GET*) and gives each answer to sink. whole: all of them (a dump), else
  // the one that the attributes name. Errors: stale when the ruleset changed under the dump; kernel
  // with os_errno ENOENT when the named object does not exist.
  Status request(std::uint16_t type, std::uint8_t protocol, bool whole, std::string_view object,
                 const std::function<void(nlmsghdr*)>& fill,
                 const std::function<void(const nlmsghdr*)>& sink);

 private:
  struct Close {
    void operator()(mnl_socket* socket) const;
  };

  struct Answer;

  explicit NetfilterSocket(mnl_socket* socket);

  Status make_room(std::size_t bytes);
  // The next datagram's messages; empty when there is none and wait is false.
  Result<std::span<const char>> receive(bool wait);
  Status read_batch_answers(const Batch& batch);
  Status read_answers(const Answer& expected);

  std::unique_ptr<mnl_socket, Close> socket_;
  std::uint32_t sequence_ = 1;  // Kernel: notifications carry 0
  std::size_t send_room_ = 0;   // bytes, the send buffer asked for so far
  std::vector<char> buffer_;
};

}  // namespace ovl
