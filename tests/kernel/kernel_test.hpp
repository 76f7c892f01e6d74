// KernelTest: the Linux kernel driver in a namespace of the test's own, and a builder of operations.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "drivers/kernel/linux.hpp"
#include "tests/support/netns_fixture.hpp"

namespace ovl::test {

inline NetnsName netns(const std::string& name) {
  return name.empty() ? NetnsName() : NetnsName::parse(name).value();
}

inline IfName dev(const std::string& name) {
  return IfName::parse(name).value();
}

inline IpAddress ip(const std::string& text) {
  return text.empty() ? IpAddress() : IpAddress::parse(text).value();
}

inline MacAddress mac(const std::string& text) {
  return MacAddress::parse(text).value();
}

inline Vni vni(std::uint32_t number) {
  return Vni::unchecked(number);
}

// Operations that own their objects.
class Operations {
 public:
  template <class T>
  Operations& create(const std::string& space, const T& after) {
    return add(space, {}, keep(after), 0);
  }

  template <class T>
  Operations& update(const std::string& space, const T& before, const T& after) {
    return add(space, keep(before), keep(after), differing(after, before));
  }

  template <class T>
  Operations& remove(const std::string& space, const T& before) {
    return add(space, keep(before), {}, 0);
  }

  [[nodiscard]] const std::vector<Operation>& list() const { return operations_; }

 private:
  template <class T>
  const T* keep(const T& object) {
    auto kept = std::make_shared<T>(object);
    kept_.push_back(kept);
    return kept.get();
  }

  Operations& add(const std::string& space, ObjectRef before, ObjectRef after, FieldMask changed) {
    operations_.push_back(
        Operation{.netns = keep(netns(space)), .before = before, .after = after, .changed = changed});
    return *this;
  }

  std::vector<std::shared_ptr<const void>> kept_;
  std::vector<Operation> operations_;
};

inline std::string text_of(const ApplyOutcome& outcome) {
  if (!outcome.error) return "";
  return std::to_string(outcome.failed_at) + ": " + outcome.error->message;
}

// The object of `objects` with this key, or nullptr.
template <class T>
const T* find_like(const std::vector<T>& objects, const T& like) {
  for (const T& object : objects) {
    if (object.key() == like.key()) return &object;
  }
  return nullptr;
}

inline Link bridge_link(const std::string& name = "br0") {
  Link link;
  link.name = dev(name);
  link.type = LinkType::bridge;
  link.mac = mac("02:42:0a:00:09:01");
  link.mtu = 1450;
  link.addrgen = false;
  link.mcast_snooping = false;
  link.stp = false;
  link.group = kLinkGroup;
  link.alias = "ovl:demo/network/net/bridge";
  return link;
}

inline Link vxlan_link(std::uint32_t number = 1'048'576, const std::string& master = "br0") {
  Link link;
  link.name = dev("vxlan0");
  link.type = LinkType::vxlan;
  link.mac = mac("02:42:00:00:00:07");
  link.mtu = 1450;
  link.master = master.empty() ? IfName() : dev(master);
  link.addrgen = false;
  link.vni = vni(number);
  link.port = UdpPort::unchecked(4789);
  link.local = ip("192.168.50.1");
  link.learning = false;
  link.proxy = true;
  link.ttl = 64;
  if (!master.empty()) {
    link.port_learning = false;
    link.port_flood = true;
  }
  link.group = kLinkGroup;
  link.alias = "ovl:demo/network/net/vxlan";
  return link;
}

// The outer end, in the sandbox, of an endpoint's pair.
inline Link outer_link(const std::string& name, const std::string& inner_netns,
                       const std::string& master = "br0") {
  Link link;
  link.name = dev(name);
  link.type = LinkType::veth;
  link.mtu = 1450;
  link.master = master.empty() ? IfName() : dev(master);
  link.addrgen = false;
  if (!master.empty()) {
    link.port_learning = false;
    link.port_flood = false;
    link.port_isolated = false;
  }
  link.peer = VethPeer{.netns = netns(inner_netns), .name = dev("eth0")};
  link.group = kLinkGroup;
  link.alias = "ovl:demo/endpoint/web/outer";
  return link;
}

inline Link inner_link(const std::string& address) {
  Link link;
  link.name = dev("eth0");
  link.type = LinkType::veth;
  link.mac = MacAddress::from_ipv4(ip(address));
  link.mtu = 1450;
  link.group = kLinkGroup;
  link.alias = "ovl:demo/endpoint/web";
  return link;
}

inline Netns owned_netns(const std::string& name) {
  return Netns{.name = netns(name), .owner = "ovl:demo/network/" + name};
}

class KernelTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto opened = open_linux_kernel(LinuxKernelOptions{});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    kernel = std::move(opened).value();
  }

  void apply(const Operations& operations) {
    const ApplyOutcome outcome = kernel->apply(operations.list());
    ASSERT_FALSE(outcome.error.has_value()) << text_of(outcome) << "\n" << outcome.error->hint;
  }

  // What stops the operations, which must fail.
  Error failure_of(const Operations& operations, std::size_t at) {
    const ApplyOutcome outcome = kernel->apply(operations.list());
    EXPECT_TRUE(outcome.error.has_value());
    EXPECT_EQ(outcome.failed_at, at) << text_of(outcome);
    return outcome.error.value_or(Error{});
  }

  HostObjects observe(const HostObjects& wanted) {
    const std::uint64_t before = kernel->writes();
    auto observed = kernel->observe(wanted);
    EXPECT_TRUE(observed.ok()) << observed.error().message;
    EXPECT_EQ(kernel->writes(), before);
    return observed.ok() ? std::move(observed).value() : HostObjects();
  }

  // One namespace as it is now.
  NamespaceObjects observe_one(const std::string& name, const std::vector<Sysctl>& sysctls = {}) {
    HostObjects wanted;
    wanted.at(netns(name)).sysctls = sysctls;
    return observe(wanted).at(netns(name));
  }

  // The fields in which the namespace's link is not as wished, by name; "absent" when it is not there.
  std::string difference(const std::string& name, const Link& wish) {
    const NamespaceObjects seen = observe_one(name);
    const Link* found = find_like(seen.links, wish);
    if (found == nullptr) return "absent";
    const FieldMask mask = differing(wish, *found);
    std::string names;
    FieldMask bit = 1;
    for_each_field<Link>([&](const auto& field) {
      if ((mask & bit) != 0) names += std::string(field.name) + " ";
      bit <<= 1;
    });
    return names;
  }

  // A sandbox with a bridge and a VXLAN device.
  void make_sandbox(const std::string& name, const Link& vxlan = vxlan_link()) {
    apply(Operations().create(name, owned_netns(name)).create(name, bridge_link()).create(name, vxlan));
  }

  std::unique_ptr<Kernel> kernel;
};

}  // namespace ovl::test
