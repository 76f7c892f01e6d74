#include "drivers/kernel/links/veth_peers.hpp"

#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <map>
#include <set>

namespace ovl {

namespace {

// So many namespaces are asked about for one link that nobody wants; then it stays unresolved.
constexpr std::size_t kMaxCandidates = 64;

class PeerResolver {
 public:
  PeerResolver(Spaces& spaces, std::vector<ReadSpace>& read, const HostObjects& wanted)
      : spaces_(spaces), read_(read), wanted_(wanted) {
    for (std::size_t space = 0; space < read_.size(); ++space) index_space(space);
  }

  Status run() {
    std::ranges::sort(ends_by_space_, {}, [](const auto& ends) { return ends.size(); });
    for (const auto& ends : ends_by_space_) {
      for (const End& end : ends) OVL_CHECK(resolve(end));
    }
    return {};
  }

 private:
  struct End {
    std::size_t space;
    std::size_t row;
  };

  [[nodiscard]] LinkRow& row_of(const End& end) { return read_[end.space].links.rows()[end.row]; }

  void index_space(std::size_t space) {
    std::vector<End> ends;
    const auto& rows = read_[space].links.rows();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].link.type != LinkType::veth || rows[i].peer_index == 0) continue;
      ends.push_back(End{space, i});
      by_indexes_[{rows[i].index, rows[i].peer_index}].push_back(End{space, i});
    }
    ends_by_space_.push_back(std::move(ends));
  }

  Status resolve(const End& end) {
    if (row_of(end).link.peer) return {};
    const auto mutual = by_indexes_.find({row_of(end).peer_index, row_of(end).index});
    if (mutual == by_indexes_.end()) return {};
    std::vector<End> candidates = mutual->second;
    std::ranges::stable_sort(candidates, {}, [&](const End& other) { return rank(end, other); });
    if (candidates.size() > kMaxCandidates) candidates.resize(kMaxCandidates);
    for (const End& other : candidates) {
      OVL_TRY(const bool met, meets(end, other));
      if (!met) continue;
      join(end, other);
      break;
    }
    return {};
  }

  // Which candidate to ask about first.
  [[nodiscard]] int rank(const End& end, const End& other) {
    const NetnsName& name = read_[other.space].name;
    if (end.space == other.space) return row_of(end).peer_nsid ? 4 : 0;
    if (wants(end, other) || wants(other, end)) return 0;
    if (name.empty()) return 1;
    return name.text().starts_with(kSandboxPrefix) ? 2 : 3;
  }

  [[nodiscard]] bool wants(const End& end, const End& other) {
    const NamespaceObjects* space = wanted_.find(read_[end.space].name);
    if (space == nullptr) return false;
    const auto at = std::ranges::lower_bound(space->links, row_of(end).link.name, {}, &Link::name);
    return at != space->links.end() && at->name == row_of(end).link.name && at->peer &&
           at->peer->netns == read_[other.space].name && at->peer->name == row_of(other).link.name;
  }

  Result<bool> meets(const End& end, const End& other) {
    const auto& nsid = row_of(end).peer_nsid;
    if (!nsid) return end.space == other.space;
    if (end.space == other.space || row_of(other).link.peer) return false;
    OVL_TRY(const int known, nsid_of(end.space, other.space));
    return known == *nsid;
  }

  // The number by which the namespace `from` knows `other`; negative: it has none.
  Result<int> nsid_of(std::size_t from, std::size_t other) {
    const auto known = nsids_.find({from, other});
    if (known != nsids_.end()) return known->second;
    const auto opened = spaces_.get(read_[from].name);
    const auto sought = spaces_.get(read_[other].name);
    // Gone since it was read, and its ends with it.
    if (!opened.ok() || !sought.ok()) return NETNSA_NSID_NOT_ASSIGNED;
    Space* const asked = opened.value();
    Space* const meant = sought.value();
    MessageQueue request;
    request.start(RTM_GETNSID, 0, rtgenmsg{});
    request.put_u32(NETNSA_FD, static_cast<std::uint32_t>(meant->fd()));
    OVL_TRY(const auto bytes, asked->route().get(request));
    int nsid = NETNSA_NSID_NOT_ASSIGNED;
    for_each_message(bytes, [&](const MessageView& message) {
      const Attributes<NETNSA_MAX> attributes(message.attributes<rtgenmsg>());
      nsid = attributes[NETNSA_NSID].as<std::int32_t>().value_or(nsid);
    });
    nsids_[{from, other}] = nsid;
    return nsid;
  }

  void join(const End& end, const End& other) {
    row_of(end).link.peer = VethPeer{.netns = read_[other.space].name, .name = row_of(other).link.name};
    row_of(other).link.peer = VethPeer{.netns = read_[end.space].name, .name = row_of(end).link.name};
  }

  Spaces& spaces_;
  std::vector<ReadSpace>& read_;
  const HostObjects& wanted_;
  std::vector<std::vector<End>> ends_by_space_;
  std::map<std::pair<int, int>, std::vector<End>> by_indexes_;  // own index, peer's index
  std::map<std::pair<std::size_t, std::size_t>, int> nsids_;
};

}  // namespace

Status resolve_veth_peers(Spaces& spaces, std::vector<ReadSpace>& read, const HostObjects& wanted) {
  return PeerResolver(spaces, read, wanted).run();
}

}  // namespace ovl
