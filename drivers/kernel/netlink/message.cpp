#include "drivers/kernel/netlink/message.hpp"

#include <endian.h>

#include <algorithm>

namespace ovl {

namespace {

constexpr std::size_t aligned(std::size_t size) {
  return (size + 3) & ~std::size_t{3};
}

}  // namespace

void MessageQueue::append(const void* data, std::size_t size) {
  const std::size_t at = bytes_.size();
  bytes_.resize(at + aligned(size));
  if (size > 0) std::memcpy(bytes_.data() + at, data, size);
  const auto length = static_cast<std::uint32_t>(bytes_.size() - entries_.back().begin);
  std::memcpy(bytes_.data() + entries_.back().begin, &length, sizeof length);
}

void MessageQueue::start_bytes(std::uint16_t type, std::uint16_t flags, const void* header, std::size_t size,
                               IfAbsent if_absent) {
  entries_.push_back(Entry{.begin = bytes_.size(), .if_absent = if_absent});
  const nlmsghdr message{.nlmsg_type = type,
                         .nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST)};
  append(&message, sizeof message);
  append(header, size);
}

void MessageQueue::put(std::uint16_t type, const void* data, std::size_t size) {
  const nlattr header{.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + size), .nla_type = type};
  append(&header, sizeof header);
  append(data, size);
}

void MessageQueue::put_text(std::uint16_t type, std::string_view text) {
  const std::string ended(text);
  put(type, ended.c_str(), ended.size() + 1);
}

void MessageQueue::put(std::uint16_t type, const IpAddress& address) {
  put(type, address.bytes().data(), address.size());
}

void MessageQueue::put(std::uint16_t type, const MacAddress& mac) {
  put(type, mac.bytes().data(), mac.bytes().size());
}

void MessageQueue::put_be16(std::uint16_t type, std::uint16_t value) {
  const std::uint16_t swapped = htobe16(value);
  put(type, &swapped, sizeof swapped);
}

MessageQueue::Nest MessageQueue::nest(std::uint16_t type) {
  const std::size_t at = bytes_.size();
  put(static_cast<std::uint16_t>(type | NLA_F_NESTED), nullptr, 0);
  return {*this, at};
}

void MessageQueue::end_nest(std::size_t at) {
  const auto length = static_cast<std::uint16_t>(bytes_.size() - at);
  std::memcpy(bytes_.data() + at, &length, sizeof length);
}

std::span<std::uint8_t> MessageQueue::message(std::size_t index) {
  const std::size_t begin = entries_[index].begin;
  const std::size_t end = index + 1 < entries_.size() ? entries_[index + 1].begin : bytes_.size();
  return std::span(bytes_).subspan(begin, end - begin);
}

std::uint16_t MessageQueue::type(std::size_t index) const {
  std::uint16_t type = 0;
  std::memcpy(&type, bytes_.data() + entries_[index].begin + offsetof(nlmsghdr, nlmsg_type), sizeof type);
  return type;
}

void MessageQueue::clear() {
  bytes_.clear();
  entries_.clear();
}

std::optional<bool> AttributeValue::as_bool() const {
  if (const auto byte = as<std::uint8_t>()) return *byte != 0;
  return std::nullopt;
}

std::optional<std::uint16_t> AttributeValue::as_be16() const {
  if (const auto value = as<std::uint16_t>()) return be16toh(*value);
  return std::nullopt;
}

std::string_view AttributeValue::as_text() const {
  const auto end = std::ranges::find(bytes_, std::uint8_t{0});
  return {reinterpret_cast<const char*>(bytes_.data()), static_cast<std::size_t>(end - bytes_.begin())};
}

std::optional<MacAddress> AttributeValue::as_mac() const {
  if (bytes_.size() != 6) return std::nullopt;
  return MacAddress::from_bytes(bytes_.data());
}

IpAddress AttributeValue::as_address() const {
  if (bytes_.size() == 4) return IpAddress::from_bytes(Family::ipv4, bytes_.data());
  if (bytes_.size() == 16) return IpAddress::from_bytes(Family::ipv6, bytes_.data());
  return {};
}

std::optional<MessageView> MessageView::first_of(std::span<const std::uint8_t> bytes) {
  MessageView view;
  if (bytes.size() < sizeof(nlmsghdr)) return std::nullopt;
  std::memcpy(&view.header_, bytes.data(), sizeof(nlmsghdr));
  if (view.header_.nlmsg_len < sizeof(nlmsghdr) || view.header_.nlmsg_len > bytes.size()) return std::nullopt;
  view.payload_ = bytes.subspan(sizeof(nlmsghdr), view.header_.nlmsg_len - sizeof(nlmsghdr));
  return view;
}

}  // namespace ovl
