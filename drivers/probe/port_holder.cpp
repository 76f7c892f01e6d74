#include "drivers/probe/port_holder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <map>
#include <sstream>
#include <vector>

#include "drivers/probe/probe.hpp"
#include "files/read.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMostOfTable = std::size_t{64} << 20;  // a line has 128 bytes

// A line of /proc/net/udp or udp6.
struct Row {
  IpAddress address;
  std::uint32_t port = 0;
  std::string inode;  // of the socket
};

// Each group of eight digits is four bytes as this machine's integer (udp4_format_sock(),
// __ip6_dgram_sock_seq_show()).
std::optional<IpAddress> parse_address(std::string_view digits) {
  if (digits.size() != 8 && digits.size() != 32) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i * 8 < digits.size(); ++i) {
    const std::string_view group = digits.substr(i * 8, 8);
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), number, 16);
    if (error != std::errc() || end != group.data() + group.size()) return std::nullopt;
    std::memcpy(bytes.data() + i * 4, &number, sizeof(number));
  }
  return IpAddress::from_bytes(digits.size() == 8 ? Family::ipv4 : Family::ipv6, bytes.data());
}

std::optional<Row> parse_row(const std::string& line) {
  std::istringstream words(line);
  std::string number;
  std::string local;
  if (!(words >> number >> local)) return std::nullopt;
  const auto colon = local.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto address = parse_address(std::string_view(local).substr(0, colon));
  Row row;
  const char* const last = local.data() + local.size();
  const auto [end, error] = std::from_chars(local.data() + colon + 1, last, row.port, 16);
  if (!address || error != std::errc() || end != last) return std::nullopt;
  row.address = *address;
  // rem_address st tx:rx tr:when retrnsmt uid timeout inode
  for (int i = 0; i < 8; ++i) words >> row.inode;
  if (!words) return std::nullopt;
  return row;
}

// A kernel without IPv6 has no such file.
Result<std::vector<Row>> rows_of(const std::string& path, UdpPort port) {
  std::vector<Row> rows;
  auto text = read_regular(path, {.most = kMostOfTable});
  if (!text.ok() && text.error().code == Errc::not_found) return rows;
  if (!text.ok()) return std::move(text).error();
  std::istringstream in(std::move(text).value());
  std::string line;
  while (std::getline(in, line)) {
    auto row = parse_row(line);
    if (row && row->port == port.number()) rows.push_back(std::move(*row));
  }
  return rows;
}

bool is_mapped_ipv4(const IpAddress& address) {
  constexpr std::array<std::uint8_t, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return address.family() == Family::ipv6 &&
         std::equal(prefix.begin(), prefix.end(), address.bytes().begin());
}

// Processes by the sockets that they hold.
using Holders = std::map<std::string, PortHolder>;

std::vector<std::int64_t> processes(const std::string& proc) {
  std::vector<std::int64_t> pids;
  const auto names = names_in(proc);
  if (!names.ok()) return pids;
  for (const std::string& name : names.value()) {
    std::int64_t pid = 0;
    const char* const last = name.data() + name.size();
    const auto [end, error] = std::from_chars(name.data(), last, pid);
    if (error == std::errc() && end == last) pids.push_back(pid);
  }
  std::ranges::sort(pids);
  return pids;
}

// "socket:[4711]" of a descriptor; empty when it is another thing, or gone.
std::string inode_behind(const std::string& link) {
  std::array<char, 64> target{};
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  if (size <= 0) return {};
  const std::string_view text(target.data(), static_cast<std::size_t>(size));
  constexpr std::string_view kBegin = "socket:[";
  if (!text.starts_with(kBegin) || !text.ends_with(']')) return {};
  return std::string(text.substr(kBegin.size(), text.size() - kBegin.size() - 1));
}

// Processes that have ended meanwhile, or are not ours to look into, hold nothing that can be told.
Holders find_holders(const std::vector<Row>& rows, const std::string& proc) {
  Holders holders;
  if (rows.empty()) return holders;
  for (const std::int64_t pid : processes(proc)) {
    const std::string folder = fmt::format("{}/{}", proc, pid);
    const auto descriptors = names_in(folder + "/fd");
    if (!descriptors.ok()) continue;
    for (const std::string& name : descriptors.value()) {
      const std::string inode = inode_behind(fmt::format("{}/fd/{}", folder, name));
      const auto row = std::ranges::find(rows, inode, &Row::inode);
      if (inode.empty() || row == rows.end() || holders.contains(inode)) continue;
      holders.emplace(
          inode,
          PortHolder{.address = row->address, .pid = pid, .program = read_first_line(folder + "/comm")});
    }
  }
  return holders;
}

const PortHolder* holder_of(const Holders& holders, const Row& row) {
  const auto at = holders.find(row.inode);
  return at != holders.end() ? &at->second : nullptr;
}

// VXLAN binds every address of its own family alone (vxlan_create_sock()).
class Sockets {
 public:
  Sockets(std::vector<Row> ipv4, std::vector<Row> ipv6, const std::string& proc)
      : ipv4_(std::move(ipv4)), ipv6_(std::move(ipv6)) {
    std::vector<Row> all = ipv4_;
    all.insert(all.end(), ipv6_.begin(), ipv6_.end());
    holders_ = find_holders(all, proc);
  }

  [[nodiscard]] const PortHolder* against_ipv6() const {
    for (const Row& row : ipv6_) {
      const PortHolder* holder = holder_of(holders_, row);
      if (holder != nullptr && !is_mapped_ipv4(row.address)) return holder;
    }
    return nullptr;
  }

  [[nodiscard]] const PortHolder* against_ipv4() const {
    for (const Row& row : ipv4_) {
      if (const PortHolder* holder = holder_of(holders_, row)) return holder;
    }
    for (const Row& row : ipv6_) {
      const PortHolder* holder = holder_of(holders_, row);
      if (holder != nullptr && is_mapped_ipv4(row.address)) return holder;
    }
    return nullptr;
  }

  // One that has both families where nobody else has IPv4's: it may have IPv6 alone (IPV6_V6ONLY), which
  // these files don't tell.
  [[nodiscard]] const PortHolder* maybe_against_ipv4() const {
    if (!ipv4_.empty()) return nullptr;
    for (const Row& row : ipv6_) {
      const PortHolder* holder = holder_of(holders_, row);
      if (holder != nullptr && row.address.is_unspecified()) return holder;
    }
    return nullptr;
  }

 private:
  std::vector<Row> ipv4_;
  std::vector<Row> ipv6_;
  Holders holders_;
};

std::optional<PortHolder> copy_of(const PortHolder* holder) {
  return holder != nullptr ? std::optional(*holder) : std::nullopt;
}

}  // namespace

Result<std::optional<PortHolder>> find_port_holder(UdpPort port, Family family, const std::string& proc) {
  OVL_TRY(std::vector<Row> ipv4, rows_of(proc + "/thread-self/net/udp", port));
  OVL_TRY(std::vector<Row> ipv6, rows_of(proc + "/thread-self/net/udp6", port));
  const Sockets sockets(std::move(ipv4), std::move(ipv6), proc);
  if (family == Family::ipv6) return copy_of(sockets.against_ipv6());
  if (const PortHolder* holder = sockets.against_ipv4()) return copy_of(holder);
  const PortHolder* doubtful = sockets.maybe_against_ipv4();
  if (doubtful == nullptr) return std::optional<PortHolder>();
  OVL_TRY(const bool taken, is_port_taken(port));
  return copy_of(taken ? doubtful : nullptr);
}

std::string words_for(const PortHolder& holder) {
  std::string name;
  for (const char c : holder.program) name += c >= ' ' && c <= '~' ? c : '?';
  return fmt::format("{} (process {})", name.empty() ? "a program" : name, holder.pid);
}

}  // namespace ovl
