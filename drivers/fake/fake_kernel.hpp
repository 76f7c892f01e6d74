// FakeKernel: one host's kernel in memory, with faults. Product code: it also stands behind rehearsals.
// Kept honest by a test that runs the same random operations on it and on a real namespace.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "drivers/kernel/kernel.hpp"

namespace ovl {

// The n-th operation of an apply (counting from 0, over the kernel's whole life) goes wrong.
struct KernelFault {
  enum class Kind {
    before,  // refused, nothing happened
    after,   // happened, but the answer is an error: a lost acknowledgement
    crash    // happened, and the process is gone: every later operation fails
  };
  std::uint64_t nth = 0;
  Kind kind = Kind::before;
  int os_errno = 16;  // EBUSY
};

template <>
struct EnumNames<KernelFault::Kind> {
  static constexpr std::array<std::string_view, 3> names{"before", "after", "crash"};
};

class FakeKernel : public Kernel {
 public:
  FakeKernel();

  Result<std::vector<NetnsName>> owned_namespaces() override;
  Result<HostObjects> observe(const HostObjects& wanted) override;
  Result<HostFacts> facts(const FactsRequest& request) override;
  Result<std::vector<IpAddress>> on_link(const IpAddress& source,
                                         std::span<const IpAddress> addresses) override;
  Result<std::optional<IfName>> way_out(const IfName& bridge, const IpAddress& source) override;
  Result<bool> is_shut_by_others() override;
  Result<std::vector<TunnelObstacle>> tunnel_obstacles(std::span<const Link> wanted) override;
  Result<std::vector<NftTable>> filters_of_others() override;
  using Kernel::apply;
  ApplyOutcome apply(std::span<const Operation> operations, Failures* failures) override;
  Status announce(std::span<const Announcement> announcements) override;

  [[nodiscard]] std::uint64_t writes() const override { return writes_; }

  void fail(KernelFault fault) { fault_ = fault; }

  // What a namespace answers from now on to whoever reads it; empty: what is in it.
  void make_unreadable(const NetnsName& name, std::string why) { unreadable_[name] = std::move(why); }

  // Every write into a namespace is refused from now on; 0: no longer.
  void refuse(const NetnsName& name, int os_errno) { refused_[name] = os_errno; }

  // What else happens on the host right after each apply.
  void after_apply(std::function<void(HostObjects&)> happens) { happens_ = std::move(happens); }

  // The process is back after a crash.
  void restart() { fault_.reset(), crashed_ = false; }

  // Whether the fault's turn has come.
  [[nodiscard]] bool fault_fired() const { return fired_; }

  // Everything there is, to look at and to put foreign things into. Keep it sorted: objects().sort().
  HostObjects& objects() { return objects_; }

  void set_facts(HostFacts facts) { facts_ = std::move(facts); }

  // This machine has every address but this one.
  void lack_address(const IpAddress& address) { lacking_ = address; }

  // Whether all other hosts are on a link of this one, or behind routers.
  void set_on_link(bool on_link) { on_link_ = on_link; }

  // By which device endpoints' traffic leaves for the world; none: nobody knows.
  void set_way_out(std::optional<IfName> device) { way_out_ = device; }

  // Nobody else has this UDP port from now on but who is named; empty: nobody at all.
  void hold_port(UdpPort port, std::string who) { held_ports_[port] = std::move(who); }

  void set_shut_by_others(bool shut) { shut_by_others_ = shut; }

  void set_filters_of_others(std::vector<NftTable> tables) { filters_of_others_ = std::move(tables); }

  [[nodiscard]] const std::vector<Announcement>& announcements() const { return announcements_; }

 private:
  Status perform(const Operation& operation);
  Status with_fault(const Operation& operation);

  HostObjects objects_;
  HostFacts facts_;
  std::optional<IpAddress> lacking_;
  std::map<NetnsName, std::string> unreadable_;
  std::map<NetnsName, int> refused_;
  std::map<UdpPort, std::string> held_ports_;
  std::function<void(HostObjects&)> happens_;
  std::optional<KernelFault> fault_;
  std::vector<Announcement> announcements_;
  std::uint64_t writes_ = 0;
  bool on_link_ = true;
  std::optional<IfName> way_out_;
  std::vector<NftTable> filters_of_others_;
  bool shut_by_others_ = false;
  bool fired_ = false;
  bool crashed_ = false;
};

}  // namespace ovl
