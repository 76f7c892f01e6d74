// Netlink messages as bytes: MessageQueue writes them, MessageView and Attributes read them. The only
// place that touches their layout (NLMSG_*, NLA_*); lengths from the kernel are never trusted.
#pragma once

#include <linux/netlink.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "model/base/values.hpp"

namespace ovl {

// What to make of an answer that the object is not there (ENOENT, ESRCH, ENODEV, EADDRNOTAVAIL).
enum class IfAbsent : std::uint8_t { fail, succeed };

// Messages in the order in which they are to be sent, in one piece of memory. The put functions add
// to the message that start() began last.
class MessageQueue {
 public:
  // Ends a nested attribute at the end of its scope.
  class [[nodiscard]] Nest {
   public:
    Nest(MessageQueue& queue, std::size_t at) : queue_(queue), at_(at) {}

    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

    ~Nest() { queue_.end_nest(at_); }

   private:
    MessageQueue& queue_;
    std::size_t at_;
  };

  // Begins a message: its header, then the family's own (ifinfomsg, ndmsg, ...).
  template <class Header>
  void start(std::uint16_t type, std::uint16_t flags, const Header& header,
             IfAbsent if_absent = IfAbsent::fail) {
    start_bytes(type, flags, &header, sizeof header, if_absent);
  }

  void put(std::uint16_t type, const void* data, std::size_t size);
  // A text with its ending zero byte.
  void put_text(std::uint16_t type, std::string_view text);
  void put(std::uint16_t type, const IpAddress& address);
  void put(std::uint16_t type, const MacAddress& mac);

  void put_u8(std::uint16_t type, std::uint8_t value) { put(type, &value, sizeof value); }

  void put_u32(std::uint16_t type, std::uint32_t value) { put(type, &value, sizeof value); }

  // Sixteen bits in network order.
  void put_be16(std::uint16_t type, std::uint16_t value);

  void put_flag(std::uint16_t type, bool value) { put_u8(type, value ? 1 : 0); }

  Nest nest(std::uint16_t type);

  // Adds a header struct inside a nest (VETH_INFO_PEER begins with an ifinfomsg).
  template <class Header>
  void put_header(const Header& header) {
    append(&header, sizeof header);
  }

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  [[nodiscard]] bool empty() const { return entries_.empty(); }

  [[nodiscard]] std::span<std::uint8_t> message(std::size_t index);
  [[nodiscard]] std::uint16_t type(std::size_t index) const;

  [[nodiscard]] IfAbsent if_absent(std::size_t index) const { return entries_[index].if_absent; }

  void clear();

 private:
  struct Entry {
    std::size_t begin;
    IfAbsent if_absent;
  };

  void start_bytes(std::uint16_t type, std::uint16_t flags, const void* header, std::size_t size,
                   IfAbsent if_absent);
  void append(const void* data, std::size_t size);
  void end_nest(std::size_t at);

  std::vector<std::uint8_t> bytes_;
  std::vector<Entry> entries_;
};

// Bytes of one attribute, read by type. A payload of another size than asked for reads as absent.
class AttributeValue {
 public:
  AttributeValue() = default;

  explicit AttributeValue(std::span<const std::uint8_t> bytes) : bytes_(bytes), present_(true) {}

  [[nodiscard]] bool present() const { return present_; }

  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }

  template <class T>
  [[nodiscard]] std::optional<T> as() const {
    if (!present_ || bytes_.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data(), sizeof value);
    return value;
  }

  [[nodiscard]] std::optional<bool> as_bool() const;
  [[nodiscard]] std::optional<std::uint16_t> as_be16() const;
  // Up to the first zero byte; empty when absent.
  [[nodiscard]] std::string_view as_text() const;
  [[nodiscard]] std::optional<MacAddress> as_mac() const;
  // By its size: 4 bytes are IPv4, 16 are IPv6.
  [[nodiscard]] IpAddress as_address() const;

 private:
  std::span<const std::uint8_t> bytes_;
  bool present_ = false;
};

// f(type, payload) for each attribute in `bytes`; stops at the first one that does not fit.
template <class F>
void for_each_attribute(std::span<const std::uint8_t> bytes, F&& f) {
  constexpr std::size_t header_size = sizeof(nlattr);
  while (bytes.size() >= header_size) {
    nlattr header;
    std::memcpy(&header, bytes.data(), header_size);
    if (header.nla_len < header_size || header.nla_len > bytes.size()) return;
    f(static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
      bytes.subspan(header_size, header.nla_len - header_size));
    const std::size_t step = (header.nla_len + std::size_t{3}) & ~std::size_t{3};
    if (step >= bytes.size()) return;
    bytes = bytes.subspan(step);
  }
}

// The attributes of types 0 to Max, by type; the last of a type wins, others are skipped.
template <std::size_t Max>
class Attributes {
 public:
  explicit Attributes(std::span<const std::uint8_t> bytes) {
    for_each_attribute(bytes, [this](std::uint16_t type, std::span<const std::uint8_t> payload) {
      if (type <= Max) values_[type] = AttributeValue(payload);
    });
  }

  [[nodiscard]] const AttributeValue& operator[](std::size_t type) const { return values_[type]; }

 private:
  std::array<AttributeValue, Max + 1> values_;
};

// One received message. Refers to the buffer it was read from.
class MessageView {
 public:
  // The first message of `bytes`; nullopt when there is no whole one.
  static std::optional<MessageView> first_of(std::span<const std::uint8_t> bytes);

  [[nodiscard]] const nlmsghdr& header() const { return header_; }

  [[nodiscard]] std::uint16_t type() const { return header_.nlmsg_type; }

  // The family's header; nullopt when the message is too short.
  template <class Header>
  [[nodiscard]] std::optional<Header> family() const {
    return AttributeValue(payload_).as<Header>();
  }

  // What follows the family's header.
  template <class Header>
  [[nodiscard]] std::span<const std::uint8_t> attributes() const {
    constexpr std::size_t skip = (sizeof(Header) + 3) & ~std::size_t{3};
    return payload_.size() < skip ? std::span<const std::uint8_t>() : payload_.subspan(skip);
  }

  [[nodiscard]] std::span<const std::uint8_t> payload() const { return payload_; }

  // Bytes up to the next message, padding included.
  [[nodiscard]] std::size_t stride() const { return (header_.nlmsg_len + std::size_t{3}) & ~std::size_t{3}; }

 private:
  nlmsghdr header_{};
  std::span<const std::uint8_t> payload_;
};

// f(message) for each whole message in `bytes`.
template <class F>
void for_each_message(std::span<const std::uint8_t> bytes, F&& f) {
  while (const auto message = MessageView::first_of(bytes)) {
    f(*message);
    bytes = bytes.subspan(std::min(message->stride(), bytes.size()));
  }
}

}  // namespace ovl
