// Tables that others made are read like ours: whatever a dump says becomes a value. The kernel's frame around
// it is right; the first byte of the input chooses what is read. Inputs change in what attributes hold alone:
// libnftnl ends the program where an attribute's length is not the kernel's (abi_breakage() in its utils.c).
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "drivers/nft/decode.hpp"

namespace {

constexpr std::uint8_t kCounter = 5;

void read(const nlmsghdr* message, std::uint8_t what) {
  ovl::NftSet set;
  switch (what % 7) {
    case 0: static_cast<void>(ovl::decode_table(message)); break;
    case 1: static_cast<void>(ovl::decode_chain(message)); break;
    case 2: static_cast<void>(ovl::decode_rule(message)); break;
    case 3: static_cast<void>(ovl::decode_set(message)); break;
    case 4: ovl::decode_elements(message, set); break;
    case kCounter: static_cast<void>(ovl::decode_counter(message)); break;
    default: static_cast<void>(ovl::decode_generation(message));
  }
}

using Bytes = std::span<std::uint8_t>;

struct Leaf {
  Bytes bytes;
  bool is_text = false;  // ends with its NUL, as the kernel writes it (nla_put_string())
};

bool is_text(Bytes bytes) {
  if (bytes.empty() || bytes.back() != 0) return false;
  for (const std::uint8_t byte : bytes.first(bytes.size() - 1))
    if (byte < 0x20 || byte > 0x7e) return false;
  return bytes.size() > 1;
}

nlattr head_of(Bytes bytes) {
  nlattr head{};
  std::memcpy(&head, bytes.data(), sizeof head);
  return head;
}

// Attributes one after the other until the end.
bool is_chain(Bytes bytes) {
  if (bytes.size() < sizeof(nlattr)) return false;
  while (bytes.size() >= sizeof(nlattr)) {
    const nlattr head = head_of(bytes);
    if (head.nla_len < sizeof head || head.nla_len > bytes.size()) return false;
    bytes = bytes.subspan(std::min<std::size_t>(MNL_ALIGN(head.nla_len), bytes.size()));
  }
  return bytes.empty();
}

// Another name of an expression, or type of an object, would put lengths that are right into a wrong place.
bool says_what_follows(std::uint16_t type, Bytes bytes, int depth, bool is_object) {
  if (depth > 1) return type == NFTA_EXPR_NAME && is_text(bytes);
  return is_object && type == NFTA_OBJ_TYPE;
}

// The kernel sets no NLA_F_NESTED here (nla_nest_start_noflag()): what reads as attributes is taken for them.
void find_leaves(Bytes bytes, int depth, bool is_object, std::vector<Leaf>& out) {
  while (bytes.size() >= sizeof(nlattr)) {
    const nlattr head = head_of(bytes);
    if (head.nla_len < sizeof head || head.nla_len > bytes.size()) return;
    const Bytes inner = bytes.subspan(sizeof head, head.nla_len - sizeof head);
    if (is_chain(inner))
      find_leaves(inner, depth + 1, is_object, out);
    else if (!inner.empty() && !says_what_follows(head.nla_type, inner, depth, is_object))
      out.push_back({inner, is_text(inner)});
    bytes = bytes.subspan(std::min<std::size_t>(MNL_ALIGN(head.nla_len), bytes.size()));
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t /*most*/,
                                               unsigned int seed) {
  std::vector<Leaf> leaves;
  if (size > 1) find_leaves(Bytes(data, size).subspan(1), 1, data[0] % 7 == kCounter, leaves);
  if (leaves.empty()) return size;
  std::minstd_rand random(seed);
  for (unsigned changes = 1 + random() % 4; changes > 0; --changes) {
    const Leaf& leaf = leaves[random() % leaves.size()];
    const std::size_t room = leaf.bytes.size() - (leaf.is_text ? 1 : 0);
    leaf.bytes[random() % room] = static_cast<std::uint8_t>(random());
  }
  // Another family, of the same kind of message.
  if (random() % 8 == 0) data[0] = static_cast<std::uint8_t>(data[0] % 7 + 7 * (random() % 36));
  return size;
}

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
