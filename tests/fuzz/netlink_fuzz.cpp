// What a netlink socket hands over is read by its own lengths: none of them leads out of the buffer.
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <vector>

#include "drivers/kernel/netlink/message.hpp"

namespace {

// Every way in which attributes are read, nested ones too.
void read_all(std::span<const std::uint8_t> bytes, int depth) {
  if (depth > 4) return;
  const ovl::Attributes<IFLA_MAX> attributes(bytes);
  for (std::size_t type = 0; type <= IFLA_MAX; ++type) {
    const ovl::AttributeValue& value = attributes[type];
    if (!value.present()) continue;
    static_cast<void>(value.as<std::uint32_t>());
    static_cast<void>(value.as<rtnl_link_stats64>());
    static_cast<void>(value.as_bool());
    static_cast<void>(value.as_be16());
    static_cast<void>(std::string(value.as_text()));
    static_cast<void>(value.as_mac());
    static_cast<void>(value.as_address().text());
    read_all(value.bytes(), depth + 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> bytes(data, data + size);
  ovl::for_each_message(bytes, [](const ovl::MessageView& message) {
    static_cast<void>(message.family<ifinfomsg>());
    static_cast<void>(message.family<nlmsgerr>());
    read_all(message.attributes<ifinfomsg>(), 0);
    read_all(message.attributes<rtmsg>(), 0);
    read_all(message.attributes<ndmsg>(), 0);
  });
  return 0;
}
