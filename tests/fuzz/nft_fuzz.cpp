// Tables that others made are read like ours: whatever a dump says becomes a value. The kernel's frame around
// it is right; the first byte of the input chooses what is read.
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include <cstring>
#include <vector>

#include "drivers/nft/decode.hpp"

namespace {

void read(const nlmsghdr* message, std::uint8_t what) {
  ovl::NftSet set;
  switch (what % 7) {
    case 0: static_cast<void>(ovl::decode_table(message)); break;
    case 1: static_cast<void>(ovl::decode_chain(message)); break;
    case 2: static_cast<void>(ovl::decode_rule(message)); break;
    case 3: static_cast<void>(ovl::decode_set(message)); break;
    case 4: ovl::decode_elements(message, set); break;
    case 5: static_cast<void>(ovl::decode_counter(message)); break;
    default: static_cast<void>(ovl::decode_generation(message));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  constexpr std::size_t head = sizeof(nlmsghdr) + sizeof(nfgenmsg);
  // A word of its own for each four bytes: messages are aligned.
  std::vector<std::uint32_t> words((head + size + 3) / 4);
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(head + size - 1);
  nfgenmsg family{};
  family.nfgen_family = data[0] / 7;
  auto* bytes = reinterpret_cast<std::uint8_t*>(words.data());
  std::memcpy(bytes, &header, sizeof header);
  std::memcpy(bytes + sizeof header, &family, sizeof family);
  std::memcpy(bytes + head, data + 1, size - 1);
  read(reinterpret_cast<const nlmsghdr*>(bytes), data[0]);
  return 0;
}
