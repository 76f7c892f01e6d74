// Batch: the messages of one nftables transaction, in one buffer. nfnetlink_rcv_batch() applies all of
// one send or nothing, so a batch is never split.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/kinds/nft_table.hpp"

struct nlmsghdr;

namespace ovl {

// NFPROTO_* of a family.
std::uint8_t protocol_of(NftFamily family);

class Batch {
 public:
  // What a message does, to name it when the kernel refuses it.
  struct Step {
    std::uint16_t type = 0;  // NFT_MSG_*
    std::string object;      // "table inet ovl, chain input"
  };

  // Messages are numbered from begin_sequence up; the first number is the batch's own begin.
  explicit Batch(std::uint32_t begin_sequence);

  // Appends a message. fill() adds its attributes; there is room for 64 KiB.
  void add(std::uint16_t type, NftFamily family, std::uint16_t flags, std::string object,
           const std::function<void(nlmsghdr*)>& fill);

  // Ends the batch: asks for the acknowledgement of the last message and closes the transaction.
  void finish();

  [[nodiscard]] std::span<const char> bytes() const { return bytes_; }

  [[nodiscard]] std::uint32_t begin_sequence() const { return begin_sequence_; }

  // Of the message whose answer comes last. Precondition: finish() was called.
  [[nodiscard]] std::uint32_t last_sequence() const { return sequence_ - 2; }

  // First number that the batch does not use.
  [[nodiscard]] std::uint32_t end_sequence() const { return sequence_; }

  // The message with this number, or nullptr.
  [[nodiscard]] const Step* step(std::uint32_t sequence) const;

 private:
  void append(const nlmsghdr* message);

  std::uint32_t begin_sequence_;
  std::uint32_t sequence_;
  std::size_t last_offset_ = 0;  // of the last message in bytes_
  std::vector<char> bytes_;
  std::vector<char> scratch_;
  std::vector<Step> steps_;
};

}  // namespace ovl
