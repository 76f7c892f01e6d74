// Nothing here is certain by itself: names are given twice, addresses move, ids are copied with an image. So
// nothing is decided by one of them alone: a state is another machine's when two of three differ, and a
// lock's holder is known by host, boot and process together.
#include "cmd/session/machine.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "files/read.hpp"
#include "model/base/digest.hpp"
#include "model/base/handle.hpp"
#include "model/base/values.hpp"

namespace ovl {

namespace {

// The effective one: what it may do is what counts for who reads that it did it.
std::string user_name() {
  const passwd* entry = getpwuid(geteuid());
  // A container's user need not be in its passwd.
  return entry != nullptr ? entry->pw_name : std::to_string(geteuid());
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  // POSIX leaves open whether a name that was cut ends with a zero; the last byte of the array is one.
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

std::string boot_id() {
  return read_first_line("/proc/sys/kernel/random/boot_id");
}

namespace {

// As others may reach this machine; none: nobody says.
std::vector<std::string> own_addresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const Handle<ifaddrs, ::freeifaddrs> all(first);
  std::vector<std::string> out;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    // A device without an address has an entry all the same (getifaddrs(3)).
    if (one->ifa_addr == nullptr) continue;
    std::array<char, NI_MAXHOST> text{};
    const int family = one->ifa_addr->sa_family;
    // getifaddrs(3) lists link layers as well, whose addresses say nothing here.
    if (family != AF_INET && family != AF_INET6) continue;
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (::getnameinfo(one->ifa_addr, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0)
      out.emplace_back(text.data());
  }
  return out;
}

// NI_NUMERICHOST: no resolver is asked, which may be what is broken.
std::string text_of(const sockaddr& address) {
  std::array<char, NI_MAXHOST> text{};
  const socklen_t size = address.sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  const int failed = ::getnameinfo(&address, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  return failed == 0 ? text.data() : std::string();
}

// What a datagram to `there` would be sent from; none is sent.
std::string source_towards(const sockaddr& there, socklen_t size) {
  // connect(2) on a datagram socket sends nothing: it only asks the routing, and binds the address that
  // packets would leave with.
  const UniqueFd socket(::socket(there.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return {};
  // A temporary address (RFC 8981) is gone within days, and a manifest that has it points to nobody.
  const int lasting = 2;  // IPV6_PREFER_SRC_PUBLIC of linux/in6.h, which does not go with libc's own
  (void)::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &lasting, sizeof(lasting));
  sockaddr_storage own{};
  socklen_t own_size = sizeof(own);
  auto* const own_address = reinterpret_cast<sockaddr*>(&own);
  const bool known =
      ::connect(socket.get(), &there, size) == 0 && ::getsockname(socket.get(), own_address, &own_size) == 0;
  return known ? text_of(*own_address) : std::string();
}

// Addresses for documentation are somewhere out there for every machine. RFC 5737 and RFC 3849: no machine
// has them, so every one has only its default route for them.
std::string source_of_way_out(int family) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  // Discard (RFC 863): nothing is sent, whatever stands here.
  v4.sin_port = htons(9);
  (void)::inet_pton(AF_INET, "198.51.100.1", &v4.sin_addr);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(9);
  (void)::inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
  return family == AF_INET ? source_towards(reinterpret_cast<const sockaddr&>(v4), sizeof(v4))
                           : source_towards(reinterpret_cast<const sockaddr&>(v6), sizeof(v6));
}

bool may_be_reached(const std::string& text) {
  const auto address = IpAddress::parse(text);
  return address.ok() && !address.value().is_loopback() && !address.value().is_link_local();
}

std::string first_address(int family) {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const Handle<ifaddrs, ::freeifaddrs> all(first);
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    const bool fits = one->ifa_addr != nullptr && one->ifa_addr->sa_family == family &&
                      (one->ifa_flags & IFF_LOOPBACK) == 0;
    if (!fits) continue;
    if (std::string text = text_of(*one->ifa_addr); may_be_reached(text)) return text;
  }
  return {};
}

}  // namespace

std::string reachable_address() {
  for (const int family : {AF_INET, AF_INET6}) {
    if (std::string out = source_of_way_out(family); may_be_reached(out)) return out;
    // A machine without a default route, as in a closed network or a lab.
    if (std::string other = first_address(family); !other.empty()) return other;
  }
  return {};
}

// Of the machine's id only a hash is kept, as machine-id(5) asks. The id itself is confidential: who knows it
// could recognise the machine elsewhere. The name in front makes the hash ovl's alone.
ThisMachine this_machine() {
  const std::string id = read_first_line("/etc/machine-id");
  return {.machine = id.empty() ? id : sha256_hex("ovl state " + id).substr(0, 32),
          .name = host_name(),
          .addresses = own_addresses()};
}

StoreLock::Holder this_process(std::int64_t now) {
  return StoreLock::Holder{.who = user_name() + "@" + host_name(),
                           .host = host_name(),
                           .boot = boot_id(),
                           .pid = getpid(),
                           .since = now};
}

bool holder_is_dead(const StoreLock::Holder& holder) {
  // Only of this machine since it was started: a process id of another boot may be anybody's by now.
  if (holder.host != host_name() || holder.boot != boot_id() || holder.pid <= 0) return false;
  // EPERM says that there is such a process, of another user. A number that was given anew to another process
  // counts as alive: then the lock is waited for, which is the safe mistake.
  return kill(static_cast<pid_t>(holder.pid), 0) != 0 && errno == ESRCH;
}

}  // namespace ovl
