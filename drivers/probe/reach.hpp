// Whether endpoints answer through a tunnel, with packets as they send them: TCP of any size, which the other
// kernel answers by itself, whether anybody listens there or not.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include "model/base/handle.hpp"
#include "model/base/values.hpp"

namespace ovl {

struct ReachTarget {
  IpAddress address;
  std::size_t size = 0;  // of the largest IP packet, bytes; at least 60
};

struct Reached {
  bool small = false;  // a packet without content came back
  bool whole = false;  // and so did one of the whole size
};

// Sends from the calling thread's network namespace a SYN to the discard port of each target, once small and
// once as large as it may be, and again where nothing came; waits until all have answered, at most `timeout`.
// Never fragmented. Opens no connection: this kernel refuses whoever takes it for one. In the order of
// `targets`. Errors: privilege (CAP_NET_RAW), io.
Result<std::vector<Reached>> reach(std::span<const ReachTarget> targets, std::chrono::milliseconds timeout);

// What tunnels carry of reach() by the host's own devices: what left them, and what came back before any
// filter of the host saw it. An answer that came and that nobody got was dropped here; a question that did
// not leave was, too.
class TunnelTap {
 public:
  // In the calling thread's network namespace, which is to be the host's own. outer: the family of the VTEPs;
  // inner: of the targets. Errors: privilege (CAP_NET_RAW), io.
  static Result<TunnelTap> open(Family outer, Family inner, UdpPort port);

  // The targets that have answered since open(), as far as the kernel kept what came; sorted, each once.
  [[nodiscard]] std::vector<IpAddress> answered() const;

  // Those to which something has left since open(). Likewise.
  [[nodiscard]] std::vector<IpAddress> asked() const;

 private:
  TunnelTap(UniqueFd came, UniqueFd left, Family outer, Family inner)
      : came_(std::move(came)), left_(std::move(left)), outer_(outer), inner_(inner) {}

  UniqueFd came_;
  UniqueFd left_;
  Family outer_;
  Family inner_;
};

}  // namespace ovl
