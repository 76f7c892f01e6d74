#include "drivers/kernel/netlink/socket.hpp"

#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

#include "drivers/kernel/netlink/errors.hpp"

namespace ovl {

namespace {

constexpr std::size_t kBatchBytes = std::size_t{16} * 1024;
// A dump comes in 32 KiB (netlink_dump()) unless one link needs more: its alternative names alone may have 64
// KiB (rtnl_alt_ifname(), rtnl_calcit()).
constexpr std::size_t kReceiveBytes = std::size_t{256} * 1024;
constexpr int kReceiveBuffer = 8 * 1024 * 1024;
constexpr int kDumpAttempts = 10;
constexpr std::size_t kMostAnswer = std::size_t{128} * 1024 * 1024;  // a million objects, whoever made them
constexpr int kAnswerSeconds = 30;  // never reached unless the kernel is stuck

// One NLMSG_ERROR or NLMSG_DONE: 0 is an acknowledgement.
struct Answer {
  int os_errno = 0;
  std::string text;
};

Answer answer_of(const MessageView& message) {
  Answer answer;
  const auto code = AttributeValue(message.payload()).as<std::int32_t>();
  answer.os_errno = code ? -*code : EPROTO;
  // With NETLINK_CAP_ACK an nlmsgerr ends after the failed message's header; a DONE has only the code.
  const std::size_t skip = message.type() == NLMSG_DONE ? sizeof(std::int32_t) : sizeof(nlmsgerr);
  if ((message.header().nlmsg_flags & NLM_F_ACK_TLVS) != 0 && message.payload().size() > skip) {
    const Attributes<NLMSGERR_ATTR_MAX> attributes(message.payload().subspan(skip));
    answer.text = attributes[NLMSGERR_ATTR_MSG].as_text();
  }
  return answer;
}

bool says_absent(int os_errno) {
  return os_errno == ENOENT || os_errno == ESRCH || os_errno == ENODEV || os_errno == EADDRNOTAVAIL;
}

void number(std::span<std::uint8_t> message, std::uint32_t sequence, std::uint16_t add_flags) {
  nlmsghdr header;
  std::memcpy(&header, message.data(), sizeof header);
  header.nlmsg_seq = sequence;
  header.nlmsg_flags = static_cast<std::uint16_t>(header.nlmsg_flags | add_flags);
  std::memcpy(message.data(), &header, sizeof header);
}

}  // namespace

NetlinkSocket::NetlinkSocket(Socket socket) : socket_(std::move(socket)), buffer_(kReceiveBytes) {}

Result<NetlinkSocket> NetlinkSocket::open() {
  Socket handle(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (!handle) return kernel_error("opening a NETLINK_ROUTE socket", errno, {}, Errc::io);
  if (mnl_socket_bind(handle.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    return kernel_error("binding a NETLINK_ROUTE socket", errno, {}, Errc::io);
  }
  NetlinkSocket socket(std::move(handle));
  OVL_CHECK(socket.configure());
  return socket;
}

Status NetlinkSocket::configure() {
  int on = 1;
  for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK}) {
    if (mnl_socket_setsockopt(socket_.get(), option, &on, sizeof on) < 0) {
      return kernel_error(fmt::format("setting netlink option {}", option), errno, {}, Errc::unsupported);
    }
  }
  const int fd = mnl_socket_get_fd(socket_.get());
  const int size = kReceiveBuffer;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) {
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }
  const timeval limit{.tv_sec = kAnswerSeconds, .tv_usec = 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return {};
}

std::uint64_t NetlinkSocket::namespace_cookie() const {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  const int asked =
      ::getsockopt(mnl_socket_get_fd(socket_.get()), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size);
  return asked == 0 ? cookie : 0;
}

Status NetlinkSocket::send_bytes(std::span<const std::uint8_t> bytes) {
  while (mnl_socket_sendto(socket_.get(), bytes.data(), bytes.size()) < 0) {
    if (errno != EINTR) return kernel_error("sending to netlink", errno, {}, Errc::io);
  }
  return {};
}

Result<std::span<const std::uint8_t>> NetlinkSocket::receive() {
  while (true) {
    const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (size >= 0) return std::span<const std::uint8_t>(buffer_.data(), static_cast<std::size_t>(size));
    if (errno != EINTR) return kernel_error("receiving from netlink", errno, {}, Errc::io);
  }
}

// Reads until the acknowledgement, or refusal, of the batch's last message.
Status NetlinkSocket::collect(std::size_t first, std::size_t count, std::uint32_t base,
                              const MessageQueue& queue, std::vector<Refusal>& refusals) {
  bool finished = false;
  while (!finished) {
    OVL_TRY(const auto bytes, receive());
    for_each_message(bytes, [&](const MessageView& message) {
      const std::uint32_t offset = message.header().nlmsg_seq - base;
      if (message.type() != NLMSG_ERROR || offset >= count) return;
      Answer answer = answer_of(message);
      const std::size_t index = first + offset;
      finished = finished || offset + 1 == count;
      const bool forgiven = queue.if_absent(index) == IfAbsent::succeed && says_absent(answer.os_errno);
      if (answer.os_errno == 0 || forgiven) return;
      refusals.push_back(
          Refusal{.message = index, .os_errno = answer.os_errno, .text = std::move(answer.text)});
    });
  }
  return {};
}

Result<SendOutcome> NetlinkSocket::send(MessageQueue& queue, std::size_t first) {
  SendOutcome outcome{.sent = first};
  while (outcome.sent < queue.size() && outcome.refusals.empty()) {
    const std::size_t begin = outcome.sent;
    const std::uint32_t base = sequence_ + 1;
    std::size_t bytes = 0;
    std::size_t end = begin;
    while (end < queue.size() && (end == begin || bytes + queue.message(end).size() <= kBatchBytes)) {
      bytes += queue.message(end).size();
      number(queue.message(end++), ++sequence_, 0);
    }
    number(queue.message(end - 1), sequence_, NLM_F_ACK);
    OVL_CHECK(send_bytes({queue.message(begin).data(), bytes}));
    writes_ += end - begin;
    ++batches_;
    outcome.sent = end;
    OVL_CHECK(collect(begin, end - begin, base, queue, outcome.refusals));
  }
  return outcome;
}

std::span<const std::uint8_t> NetlinkSocket::numbered(MessageQueue& request, std::uint16_t flags) {
  const auto message = request.message(0);
  number(message, ++sequence_, flags);
  return message;
}

Result<std::vector<std::uint8_t>> NetlinkSocket::read_answer(const MessageQueue& request, bool& interrupted) {
  std::vector<std::uint8_t> out;
  Answer end;
  bool finished = false;
  while (!finished) {
    OVL_TRY(const auto bytes, receive());
    if (out.size() > kMostAnswer) {
      return Error{.code = Errc::kernel,
                   .message = fmt::format("{}: the answer is longer than {} MiB",
                                          message_type_name(request.type(0)), kMostAnswer / 1024 / 1024),
                   .hint = "somebody has filled this namespace: remove what nobody needs"};
    }
    for_each_message(bytes, [&](const MessageView& message) {
      if (message.header().nlmsg_seq != sequence_ || finished) return;
      interrupted = interrupted || (message.header().nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      if (message.type() == NLMSG_DONE || message.type() == NLMSG_ERROR) {
        end = answer_of(message);
        finished = true;
      } else {
        const auto payload = message.payload();
        const auto* begin = payload.data() - sizeof(nlmsghdr);
        out.insert(out.end(), begin, payload.data() + payload.size());
        out.resize((out.size() + 3) & ~std::size_t{3});
      }
    });
  }
  if (end.os_errno == 0) return out;
  const Errc otherwise = says_absent(end.os_errno) ? Errc::not_found : Errc::kernel;
  return kernel_error(message_type_name(request.type(0)), end.os_errno, end.text, otherwise);
}

Result<std::vector<std::uint8_t>> NetlinkSocket::dump(MessageQueue& request) {
  std::size_t read = 0;
  for (int attempt = 0; attempt < kDumpAttempts && read <= kMostAnswer; ++attempt) {
    bool interrupted = false;
    OVL_CHECK(send_bytes(numbered(request, NLM_F_DUMP)));
    OVL_TRY(auto answer, read_answer(request, interrupted));
    if (!interrupted) return answer;
    read += answer.size();
    ++repeated_dumps_;
  }
  return Error{.code = Errc::kernel,
               .message = fmt::format("{}: changes interrupted the dump each time",
                                      message_type_name(request.type(0))),
               .hint = "something keeps changing this namespace; try again when it is quiet",
               .os_errno = EINTR};
}

Result<std::vector<std::uint8_t>> NetlinkSocket::get(MessageQueue& request) {
  bool interrupted = false;
  OVL_CHECK(send_bytes(numbered(request, NLM_F_ACK)));
  return read_answer(request, interrupted);
}

std::string message_type_name(std::uint16_t type) {
  switch (type) {
    case RTM_NEWLINK: return "RTM_NEWLINK";
    case RTM_DELLINK: return "RTM_DELLINK";
    case RTM_GETLINK: return "RTM_GETLINK";
    case RTM_SETLINK: return "RTM_SETLINK";
    case RTM_NEWADDR: return "RTM_NEWADDR";
    case RTM_DELADDR: return "RTM_DELADDR";
    case RTM_GETADDR: return "RTM_GETADDR";
    case RTM_NEWROUTE: return "RTM_NEWROUTE";
    case RTM_DELROUTE: return "RTM_DELROUTE";
    case RTM_GETROUTE: return "RTM_GETROUTE";
    case RTM_NEWNEIGH: return "RTM_NEWNEIGH";
    case RTM_DELNEIGH: return "RTM_DELNEIGH";
    case RTM_GETNEIGH: return "RTM_GETNEIGH";
    case RTM_GETNSID: return "RTM_GETNSID";
    default: return fmt::format("netlink message {}", type);
  }
}

}  // namespace ovl
