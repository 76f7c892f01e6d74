#include "drivers/nft/batch.hpp"

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>

namespace ovl {

namespace {

// One message: more than NFT_RULE_MAXEXPRS (128) expressions of our largest kind.
constexpr std::size_t kRoom = 65536;

}  // namespace

std::uint8_t protocol_of(NftFamily family) {
  switch (family) {
    case NftFamily::inet: return NFPROTO_INET;
    case NftFamily::ip: return NFPROTO_IPV4;
    case NftFamily::ip6: return NFPROTO_IPV6;
    case NftFamily::bridge: return NFPROTO_BRIDGE;
  }
  return NFPROTO_UNSPEC;
}

Batch::Batch(std::uint32_t begin_sequence)
    : begin_sequence_(begin_sequence), sequence_(begin_sequence), scratch_(kRoom) {
  append(nftnl_batch_begin(scratch_.data(), sequence_++));
}

void Batch::add(std::uint16_t type, NftFamily family, std::uint16_t flags, std::string object,
                const std::function<void(nlmsghdr*)>& fill) {
  nlmsghdr* message = nftnl_nlmsg_build_hdr(scratch_.data(), type, protocol_of(family), flags, sequence_++);
  fill(message);
  last_offset_ = bytes_.size();
  append(message);
  steps_.push_back({type, std::move(object)});
}

void Batch::finish() {
  // Kernel: nfnetlink_rcv_batch() delivers acknowledgements after the commit, in order, and reports
  // every failing message; so the answer to the last one ends the batch.
  void* last = bytes_.data() + last_offset_;
  static_cast<nlmsghdr*>(last)->nlmsg_flags |= NLM_F_ACK;
  append(nftnl_batch_end(scratch_.data(), sequence_++));
}

const Batch::Step* Batch::step(std::uint32_t sequence) const {
  const std::uint32_t index = sequence - begin_sequence_ - 1;
  return index < steps_.size() ? &steps_[index] : nullptr;
}

void Batch::append(const nlmsghdr* message) {
  bytes_.insert(bytes_.end(), scratch_.begin(), scratch_.begin() + MNL_ALIGN(message->nlmsg_len));
}

}  // namespace ovl
