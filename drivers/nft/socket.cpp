#include "drivers/nft/socket.hpp"

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "drivers/kernel/netlink/errors.hpp"

namespace ovl {

namespace {

// Dump parts are at most 32 KiB (netlink_recvmsg() grows them to what the reader offers, with that
// as its limit).
constexpr std::size_t kRepliesBytes = 65536;
constexpr int kReceiveQueueBytes = 4 << 20;

int call_function(const nlattr* attribute, void* data) {
  (*static_cast<const std::function<void(const nlattr*)>*>(data))(attribute);
  return MNL_CB_OK;
}

void* unconst(const std::function<void(const nlattr*)>& f) {
  return const_cast<std::function<void(const nlattr*)>*>(&f);
}

std::string_view type_name(std::uint16_t type) {
  switch (type) {
    case NFT_MSG_NEWTABLE: return "NFT_MSG_NEWTABLE";
    case NFT_MSG_GETTABLE: return "NFT_MSG_GETTABLE";
    case NFT_MSG_DELTABLE: return "NFT_MSG_DELTABLE";
    case NFT_MSG_NEWCHAIN: return "NFT_MSG_NEWCHAIN";
    case NFT_MSG_GETCHAIN: return "NFT_MSG_GETCHAIN";
    case NFT_MSG_NEWRULE: return "NFT_MSG_NEWRULE";
    case NFT_MSG_GETRULE: return "NFT_MSG_GETRULE";
    case NFT_MSG_NEWSET: return "NFT_MSG_NEWSET";
    case NFT_MSG_GETSET: return "NFT_MSG_GETSET";
    case NFT_MSG_NEWSETELEM: return "NFT_MSG_NEWSETELEM";
    case NFT_MSG_GETSETELEM: return "NFT_MSG_GETSETELEM";
    case NFT_MSG_GETGEN: return "NFT_MSG_GETGEN";
    default: return "NFT_MSG";
  }
}

Error refused(std::uint16_t type, std::string_view object, int code, std::string_view text) {
  Error error = kernel_error(fmt::format("{} {}", type_name(type), object), code, text);
  if (error.code == Errc::privilege) {
    error.hint = "this needs root, or CAP_NET_ADMIN in the network namespace";
  } else if (code == EOPNOTSUPP) {
    error.code = Errc::unsupported;
    error.hint = "the kernel needs nf_tables with what this message asks for: load or build the module";
  } else if (code == EEXIST && type == NFT_MSG_NEWTABLE) {
    error.code = Errc::conflict;
    error.hint = "a table of this name exists; look at it with nft list table";
  } else if (code == ENOENT && type == NFT_MSG_DELTABLE) {
    error.code = Errc::not_found;
  }
  return error;
}

Error socket_error(std::string_view call) {
  return kernel_error(fmt::format("netfilter socket: {}", call), errno);
}

// An NLMSG_ERROR's errno (0 is an acknowledgement) and the kernel's text.
struct Report {
  int code = 0;
  std::string text;
};

Report read_report(const nlmsghdr* message) {
  const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
  Report report{.code = -error->error};
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return report;
  // Kernel: netlink_ack_tlv_len(): without NLM_F_CAPPED the refused message stands before the text.
  std::size_t offset = sizeof(nlmsgerr);
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0) offset += error->msg.nlmsg_len - sizeof(nlmsghdr);
  const std::function<void(const nlattr*)> take = [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG) report.text = mnl_attr_get_str(attribute);
  };
  mnl_attr_parse(message, static_cast<unsigned>(offset), call_function, unconst(take));
  return report;
}

// Kernel: netlink_dump_done() puts what the dump ended with into the NLMSG_DONE.
Report read_end(const nlmsghdr* done) {
  int code = 0;
  if (mnl_nlmsg_get_payload_len(done) >= sizeof code) {
    std::memcpy(&code, mnl_nlmsg_get_payload(done), sizeof code);
  }
  return {.code = code < 0 ? -code : 0};
}

// f(message) for each message of a datagram, until it returns false.
void for_each_message(std::span<const char> datagram, const std::function<bool(const nlmsghdr*)>& f) {
  const void* start = datagram.data();
  const auto* message = static_cast<const nlmsghdr*>(start);
  int left = static_cast<int>(datagram.size());
  while (mnl_nlmsg_ok(message, left)) {
    if (!f(message)) return;
    message = mnl_nlmsg_next(message, &left);
  }
}

}  // namespace

void for_each_attribute(const nlmsghdr* message, const std::function<void(const nlattr*)>& f) {
  mnl_attr_parse(message, sizeof(nfgenmsg), call_function, unconst(f));
}

void for_each_attribute(const nlattr* nest, const std::function<void(const nlattr*)>& f) {
  mnl_attr_parse_nested(nest, call_function, unconst(f));
}

void NetfilterSocket::Close::operator()(mnl_socket* socket) const {
  mnl_socket_close(socket);
}

NetfilterSocket::NetfilterSocket(mnl_socket* socket) : socket_(socket), buffer_(kRepliesBytes) {}

Result<std::unique_ptr<NetfilterSocket>> NetfilterSocket::open() {
  mnl_socket* raw = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
  if (raw == nullptr) return socket_error("open");
  std::unique_ptr<NetfilterSocket> opened(new NetfilterSocket(raw));
  if (mnl_socket_bind(raw, 0, MNL_SOCKET_AUTOPID) < 0) return socket_error("bind");
  int on = 1;
  // Both only make errors shorter and clearer: a kernel without them still works.
  (void)mnl_socket_setsockopt(raw, NETLINK_CAP_ACK, &on, sizeof on);
  (void)mnl_socket_setsockopt(raw, NETLINK_EXT_ACK, &on, sizeof on);
  const int queue = kReceiveQueueBytes;
  (void)::setsockopt(mnl_socket_get_fd(raw), SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof queue);
  return opened;
}

// Kernel: netlink_sendmsg() answers EMSGSIZE to what is longer than the send buffer, and a
// transaction must be one send.
Status NetfilterSocket::make_room(std::size_t bytes) {
  if (bytes <= send_room_) return {};
  const int fd = mnl_socket_get_fd(socket_.get());
  const int wanted = static_cast<int>(bytes);
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) < 0 &&
      ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted) < 0) {
    return socket_error("SO_SNDBUF");
  }
  send_room_ = bytes;
  return {};
}

Result<std::span<const char>> NetfilterSocket::receive(bool wait) {
  const int fd = mnl_socket_get_fd(socket_.get());
  ssize_t got = -1;
  do {
    got = ::recv(fd, buffer_.data(), buffer_.size(), wait ? 0 : MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && !wait && errno == EAGAIN) return std::span<const char>();
  if (got < 0) return socket_error("receive");
  return std::span<const char>(buffer_.data(), static_cast<std::size_t>(got));
}

Status NetfilterSocket::transact(const Batch& batch) {
  const std::span<const char> bytes = batch.bytes();
  OVL_CHECK(make_room(bytes.size() + 4096));
  sequence_ = batch.end_sequence();
  if (mnl_socket_sendto(socket_.get(), bytes.data(), bytes.size()) < 0) return socket_error("send");
  return read_batch_answers(batch);
}

// Kernel: netlink_unicast_kernel() runs the transaction inside the send, so every answer is queued
// by now: an empty queue means that the acknowledgement was lost.
Status NetfilterSocket::read_batch_answers(const Batch& batch) {
  std::optional<Error> first;
  for (bool done = false; !done;) {
    OVL_TRY(const std::span<const char> datagram, receive(false));
    if (datagram.empty()) {
      return Error{.code = Errc::kernel,
                   .message = "netfilter socket: no acknowledgement of a batch",
                   .hint = "read the tables again before deciding anything"};
    }
    for_each_message(datagram, [&](const nlmsghdr* message) {
      const std::uint32_t sequence = message->nlmsg_seq;
      if (message->nlmsg_type != NLMSG_ERROR || sequence - batch.begin_sequence() >= 0x80000000U) return true;
      const Report report = read_report(message);
      const Batch::Step* step = batch.step(sequence);
      if (report.code != 0 && !first) {
        first = step != nullptr ? refused(step->type, step->object, report.code, report.text)
                                : refused(0, "batch", report.code, report.text);
      }
      // An error of the begin message (no privilege, no memory) is the whole answer.
      done = sequence == batch.last_sequence() || step == nullptr;
      return !done;
    });
  }
  if (first) return std::move(*first);
  return {};
}

struct NetfilterSocket::Answer {
  std::uint32_t sequence = 0;
  std::uint16_t type = 0;  // of the request
  std::string_view object;
  const std::function<void(const nlmsghdr*)>& sink;
};

Status NetfilterSocket::request(std::uint16_t type, std::uint8_t protocol, bool whole,
                                std::string_view object, const std::function<void(nlmsghdr*)>& fill,
                                const std::function<void(const nlmsghdr*)>& sink) {
  std::vector<char> scratch(8192);
  const std::uint32_t sequence = sequence_++;
  nlmsghdr* message =
      nftnl_nlmsg_build_hdr(scratch.data(), type, protocol, whole ? NLM_F_DUMP : NLM_F_ACK, sequence);
  fill(message);
  if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0) return socket_error("send");
  return read_answers({.sequence = sequence, .type = type, .object = object, .sink = sink});
}

Status NetfilterSocket::read_answers(const Answer& expected) {
  Report end;
  bool interrupted = false;
  for (bool done = false; !done;) {
    OVL_TRY(const std::span<const char> datagram, receive(true));
    for_each_message(datagram, [&](const nlmsghdr* message) {
      if (message->nlmsg_seq != expected.sequence) return true;
      interrupted = interrupted || (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE) {
        done = true;
        end = message->nlmsg_type == NLMSG_ERROR ? read_report(message) : read_end(message);
        return false;
      }
      expected.sink(message);
      return true;
    });
  }
  if (end.code != 0) return refused(expected.type, expected.object, end.code, end.text);
  if (interrupted) {
    return Error{.code = Errc::stale,
                 .message = fmt::format("{} {}: the ruleset changed while it was read",
                                        type_name(expected.type), expected.object),
                 .hint = "something else changes it; try again"};
  }
  return {};
}

}  // namespace ovl
